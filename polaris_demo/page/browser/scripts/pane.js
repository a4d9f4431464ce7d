// The reading pane: what its buttons do, and which story stands in it, by the page's address.
import { answered, asked } from "./asked.js";
import { page, storyLink } from "./page.js";
import { quoted } from "./quote.js";
import { Reader } from "./reader.js";
import { session } from "./store.js";
import { UNREACHED, answers, copy, copyFile, reached } from "./tools.js";
import { where } from "./where.js";
import { events, new_story, storage } from "./wire.js";

const SOON = 2000; // milliseconds until a check that failed is tried again

// What the pane's buttons do (data-do), each to a reader.
const actions = {
  stop: (reader) => reader.stop(),
  continue: (reader) => reader.continue(),
  unguarded: (reader) => reader.continue(true),
  own: (reader) => reader.writeOwn(),
  end: (reader) => reader.toEnd(),
  "go-on": (reader) => { reader.place.goOn(); reader.look(); },
  contents: (reader) => reader.rail.sheet(),
  looks: (reader, button) => reader.looks.toggle(button),
  listen: (reader, button) => reader.listen.toggle(button),
  full: (reader) => reader.looks.full(),
  smaller: (reader) => reader.looks.size(-1),
  larger: (reader) => reader.looks.size(1),
  narrower: (reader) => reader.looks.width(-1),
  wider: (reader) => reader.looks.width(1),
  light: (reader) => reader.looks.theme("light"),
  dark: (reader) => reader.looks.theme("dark"),
  system: (reader) => reader.looks.theme(""),
  letters: (reader) => reader.looks.letters(),
  beginning: (reader) => reader.toBeginning(),
  again: (reader) => reader.branch.ask(0),
  branch: (reader) => reader.branch.open(),
  spot: (reader) => reader.branch.open(reader.branch.pointed),
  earlier: (reader) => reader.branch.step(-1),
  later: (reader) => reader.branch.step(1),
  "close-branch": (reader) => reader.branch.close(),
  change: (reader) => reader.change(),
  compare: (reader) => page.compare(reader.id),
  link: (reader, button) => share(reader, button),
  copy: (reader, button) => copy(button, reader.paper.plain(), reader.part("story")),
  markdown: (reader, button) => copyFile(button, `stories/${encodeURIComponent(reader.id)}/story.md`),
  quote: (reader, button) => quoted(button, reader),
  print: () => window.print(),
  notify: (reader, button) => notifyLater(reader, button),
  cite: (reader, button) => copy(button, reader.part("cite").textContent, reader.part("cite")),
  delete: (reader) => reader.delete(),
  watch: (reader) => reader.recorded.watch(),
};

async function share(reader, button) {
  const url = storyLink(reader.id);
  if (navigator.share && matchMedia("(pointer: coarse)").matches) {
    try { await navigator.share({ title: reader.name || "A story", url }); return; } catch { /* closed, or not allowed here */ }
  }
  copy(button, url);
}
async function notifyLater(reader, button) {
  const allowed = await Notification.requestPermission();
  session(storage.notify, allowed === "granted" ? "yes" : "");
  answers(button, allowed === "granted" ? "You will be told" : "This browser does not allow it");
}

// Why no story begins or goes on, where that was asked for: beside the form's button, or with the story, if its reader is still there.
function refused(sentence, of) {
  const { reader } = page;
  if (!of) page.refused?.(sentence);
  else if (of !== reader.id) return;
  else if (reader.branch.waits) reader.branch.refuse(sentence);
  else reader.refuse(sentence);
}

// Another answered in the app's place, such as a proxy before it. A story that is being written is followed in a way of its own,
// and goes on as soon as it can.
export function unanswered(event) {
  answered();
  const lost = asked.take(event), { reader } = page;
  if (!lost) return;
  if (event === events.go_on && lost.of === reader.id && reader.live) setTimeout(() => reader.nextSegment(lost.of), 1000);
  else refused(UNREACHED, lost.of);
}
// Gradio 6.31 also drops the check that waited for the one that failed.
let missed = false, again;
export function unchecked() {
  missed = true;
  page.next?.(UNREACHED, []);
  clearTimeout(again);
  again = setTimeout(async () => { if (await reached()) page.lookAgain?.(); else unchecked(); }, SOON);
}
// What there is to say of the form may be what it was before, of which no part of the page is told.
export function checked() {
  clearTimeout(again);
  if (missed) page.told.again();
  missed = false;
}

export function pane(element, props, watch, trigger) {
  const reader = page.reader = new Reader(element, trigger);
  page.hear = () => trigger(events.hear, {});
  element.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (!button) return;
    reader.notice("");
    actions[button.dataset.do]?.(reader, button);
  });
  const opened = () => {
    const opened = props.value;
    if (opened?.refused) refused(opened.refused, opened.of);
    else if (opened?.key) begun(opened);
    else if (opened?.id) {
      asked.take(events.go_on);
      if (opened.id === reader.id) reader.connect();
    }
  };
  // Whoever has gone elsewhere meanwhile stays there, and finds it among their stories.
  const begun = (opened) => {
    const { at } = asked.take(opened.of ? events.write_on : new_story) ?? { at: where.now };
    reader.branch.also([[opened.id, opened.key], ...opened.also || []]);
    if (!where.is(at)) return;
    reader.open(opened.id, opened.key);
    where.go({ story: opened.id });
    reader.toLine(); // the button that was pressed is gone
  };
  watch("value", () => { answered(); opened(); });
  const arrive = (now) => {
    if (now.recorded) reader.openRecorded(now.recorded);
    else if (!now.story || now.beside) reader.looks.leaveFull();
    else if (now.story === reader.id) reader.back();
    else reader.open(now.story);
    reader.look();
  };
  where.watch(arrive);
  arrive(where.now);
}
