// What stands around everything: the mark, the tabs, the keys.
import { box } from "./fields.js";
import { embedded, page, recordedLink, storyLink } from "./page.js";
import { looks } from "./store.js";
import { all, copy, one, setText } from "./tools.js";
import { where } from "./where.js";
import { address, tabs } from "./wire.js";

const buttons = () => all(document, "#tabs [role=tab]");

export function header(element) {
  one(element, ".name").addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    where.go({});
  });
  one(element, ".skip").addEventListener("click", (event) => {
    event.preventDefault();
    const story = all(document, "#pane .story, .two .story").find((one) => one.offsetParent);
    (story ?? box("premise"))?.focus();
  });
  where.watch((now) => select(now.tab || (now.beside ? "shelf" : "write")));
  for (const hear of [where.watch, page.status.hear]) hear(() => inFull(one(element, ".in-full"), where.now));
  where.begin();
}

// From a frame to the whole page of what is read there.
function inFull(link, now) {
  link.hidden = !now.story && !now.recorded;
  link.href = now.story ? storyLink(now.story) : recordedLink(now.recorded);
}

// Each tab is a place with an address: a click goes there, and whoever comes there by the address finds it selected, as soon as
// Gradio has its tabs, which may be after all else.
let wanted;
function select(tab) {
  wanted = tab;
  const button = buttons().find((one) => one.dataset.tabId === tab);
  if (button?.getAttribute("aria-selected") === "true") return;
  button?.click();
  requestAnimationFrame(() => { if (wanted === tab) select(tab); });
}
document.addEventListener("click", (event) => {
  const tab = event.target.closest?.("#tabs [role=tab]");
  if (!tab || !event.isTrusted) return;
  const name = tab.dataset.tabId;
  where.go(tabs.indexOf(name) > 0 ? { tab: name } : {});
});

// Gradio 6.31 calls its tabs tabs, and leaves out the arrow keys that people expect of tabs.
document.addEventListener("keydown", (event) => {
  const tab = event.target.closest?.("#tabs [role=tab]");
  if (!tab || event.altKey || event.ctrlKey || event.metaKey) return;
  const found = buttons(), last = found.length - 1, at = found.indexOf(tab);
  const to = { ArrowRight: at === last ? 0 : at + 1, ArrowLeft: at === 0 ? last : at - 1, Home: 0, End: last }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  const name = found[to].dataset.tabId;
  where.go(tabs.indexOf(name) > 0 ? { tab: name } : {});
  found[to].focus();
});

// --- keys --------------------------------------------------------------------------------------------------------------

// Letters, while a story is read and no field has the focus; they can be turned off.
const LETTERS = {
  j: (reader) => reader.rail.step(1),
  k: (reader) => reader.rail.step(-1),
  b: (reader) => reader.toBeginning(),
  e: (reader) => reader.toEnd(),
  "+": (reader) => reader.looks.size(1),
  "-": (reader) => reader.looks.size(-1),
  f: (reader) => reader.looks.full(),
  l: (reader) => reader.listen.toggle(),
  "?": (reader) => reader.looks.toggle(),
};
const TYPED_IN = "input, textarea, select, [contenteditable], [role=slider], [role=listbox]";

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !embedded) {
    event.preventDefault();
    if (event.repeat) return;
    where.go({});
    document.getElementById("write")?.click();
  } else if (event.key === "Escape") {
    page.reader?.escape(); // and never a stop: it is pressed for other things
  } else if (!event.ctrlKey && !event.metaKey && !event.altKey) letter(event);
});
function letter(event) {
  const does = LETTERS[event.key.toLowerCase()], { reader } = page;
  if (!does || !reader?.place.shown || !looks.all().letters || event.target.closest(TYPED_IN)) return;
  event.preventDefault();
  does(reader);
}

// --- the words about the model ---------------------------------------------------------------------------------------

export function about(element) {
  for (const button of all(element, "[data-copies]")) {
    const text = one(element, `#${button.dataset.copies}`);
    // Where this page itself stands: inside huggingface.co that is the only address another page may frame.
    setText(text, text.textContent.replace(address, location.origin + location.pathname));
    button.addEventListener("click", () => copy(button, text.textContent, text));
  }
}
