// Where the page is: its address, its history, its title. A story, two of them, a recorded one, a tab, or else the ask.
import { embedded } from "./page.js";
import { entries } from "./store.js";
import { tabs } from "./wire.js";

const NAME = "POLARIS-9B", KEPT = ["__theme", "view"], NAMES = { shelf: "My stories", results: "Results", about: "About" };
const PLACES = ["story", "beside", "recorded", "blind", "tab"], TITLES = { beside: "Two stories", blind: "Which of two stories is better?" };
const watchers = [], leavers = [], brought = () => history.state?.brought;
const query = () => new URLSearchParams(brought() ? brought().split("?")[1] : location.search);

function read() {
  const asked = query(), tab = asked.get("tab");
  const story = asked.get("story"), beside = !embedded && story && asked.get("beside"), blind = !embedded && asked.get("blind");
  return { story, beside: beside || null, recorded: asked.get("recorded"), blind: blind || null, tab: tabs.includes(tab) && tab !== "write" ? tab : null };
}
const viewOf = ({ story, beside, recorded, blind, tab }) => tab ? "tab" : blind ? "blind" : beside ? "beside" : story || recorded ? "story" : "ask";

function address(to) {
  const next = new URLSearchParams();
  for (const name of KEPT) if (query().has(name)) next.set(name, query().get(name));
  for (const [name, value] of Object.entries(to)) if (value) next.set(name, value);
  if (window.parent !== window) window.parent.postMessage({ queryString: next.toString() }, "https://huggingface.co");
  return next.size ? `?${next}` : location.pathname;
}

let now = read();

// What an entry of the history is known by. What is kept of it goes into this tab's storage: to write it into the history takes
// milliseconds, and while the page is being left it is too late for a reload.
const entry = () => ({ entry: `${Date.now()} ${Math.random()}` });
if (!history.state?.entry) history.replaceState({ ...history.state, ...entry() }, "");

function arrive(next) {
  now = next;
  const view = viewOf(next);
  if (!embedded) document.documentElement.dataset.view = view;
  if (view !== "story") title(next.tab || TITLES[view] ? `${NAMES[next.tab] ?? TITLES[view]} · ${NAME}` : `${NAME} writes stories`);
  wanted = view === "story" ? null : where.remembered.y ?? 0; // a story's place is its reader's
  for (const watcher of watchers) watcher(now);
  requestAnimationFrame(come);
}

// How far down one is: noted as one moves, for the entry of the history one moved in, and come back to once the page is that long,
// unless one has moved meanwhile.
let wanted = null, passed = null, still;
function come() {
  if (wanted === null) return;
  scrollTo({ top: wanted, behavior: "instant" });
  if (Math.abs(scrollY - wanted) < 1) wanted = null;
}
function pass() {
  const entry = history.state?.entry;
  if (viewOf(now) === "story" || wanted !== null || !entry) return;
  passed = { entry, y: scrollY };
  clearTimeout(still);
  still = setTimeout(note, 200);
}
function note() {
  clearTimeout(still);
  if (passed) entries.set(passed.entry, { ...entries.get(passed.entry), y: passed.y });
  passed = null;
}

// After a reload the address holds the form's fields, and the state what it was before (sharing.py), until they have arrived or one
// goes elsewhere.
export function restore() {
  if (brought()) history.replaceState({ ...history.state, brought: "" }, "", brought());
}

// The tab says the state of a story first, which is what is seen of it beside others.
export function title(text) {
  document.title = text;
}

export const where = {
  get now() { return now; },
  is(place) { return PLACES.every((name) => place[name] === now[name]); },
  // Each place is an entry of the history, so that Back and Forward go between them; `instead` takes the place of this one.
  go(to, instead = false) {
    const next = { ...Object.fromEntries(PLACES.map((name) => [name, null])), ...to };
    if (where.is(next)) return;
    for (const leaver of leavers) leaver();
    restore();
    history[instead ? "replaceState" : "pushState"](entry(), "", address(next));
    arrive(next);
  },
  // The same with everything new: nothing that the page held before is in it any more.
  load(to) {
    for (const leaver of leavers) leaver();
    location.assign(address(to));
  },
  watch(watcher) { watchers.push(watcher); },
  leaving(leaver) { leavers.push(leaver); }, // called while this entry of the history is still this one
  begin() { arrive(read()); },
  // Something of this entry, which is there again after a reload, and when it is come back to.
  remember(about) { entries.set(history.state.entry, { ...where.remembered, ...about }); },
  get remembered() { return entries.get(history.state?.entry) ?? {}; },
};
history.scrollRestoration = "manual"; // the browser's own comes before there is any text
addEventListener("popstate", () => {
  note();
  restore();
  arrive(read());
});
addEventListener("scroll", pass, { passive: true });
addEventListener("pagehide", note);
leavers.push(note);
const moves = ["wheel", "touchmove", "pointerdown", "keydown", "click"];
for (const move of moves) addEventListener(move, () => { wanted = null; }, { passive: true, capture: true });
new ResizeObserver(come).observe(document.documentElement);
