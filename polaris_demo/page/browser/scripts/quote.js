// A passage with its source, to be put elsewhere: what is selected, or the paragraph that is being read.
import { storyLink } from "./page.js";
import { copy } from "./tools.js";

export function quoted(button, reader) {
  const selected = getSelection(), inside = selected.rangeCount && reader.part("story").contains(selected.getRangeAt(0).commonAncestorContainer);
  const passage = (inside && selected.toString().trim()) || plain(reader.paper.blocks[reader.place.at()]?.node);
  const lines = passage.split("\n").map((line) => `> ${line}`.trimEnd());
  copy(button, [...lines, "", `${reader.name ? `“${reader.name}”` : "A story"}. ${reader.update.byline}. ${storyLink(reader.id)}`].join("\n"));
}

function plain(node) {
  const copied = node?.cloneNode(true);
  for (const marks of copied?.querySelectorAll(".marks") ?? []) marks.remove();
  return copied?.textContent.trim() ?? "";
}
