// A passage with its source, to be put elsewhere: what is selected, or the paragraph that is being read.
import { storyLink } from "./page.js";
import { copy } from "./tools.js";

// Who wrote a story, when, and where it is; also what it says of itself on paper.
export const source = (reader) => `${reader.part("by").textContent}. ${reader.recorded ? location.href : storyLink(reader.id)}`;

export function quoted(button, reader) {
  const selected = getSelection(), inside = selected.rangeCount && reader.part("story").contains(selected.getRangeAt(0).commonAncestorContainer);
  const passage = (inside && selected.toString().trim()) || plain(reader.paper.blocks[reader.place.at()]?.node);
  const lines = passage.split("\n").map((line) => `> ${line}`.trimEnd());
  copy(button, [...lines, "", `${reader.name ? `“${reader.name}”` : "A story"}. ${source(reader)}`].join("\n"));
}

function plain(node) {
  const copied = node?.cloneNode(true);
  for (const marks of copied?.querySelectorAll(".marks") ?? []) marks.remove();
  return copied?.textContent.trim() ?? "";
}
