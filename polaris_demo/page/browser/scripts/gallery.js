// The gallery: what the model wrote for this server's host, some at a time. A text is asked for as its story is opened.
import { page } from "./page.js";
import { recordingsFrom } from "./recordings.js";
import { number, one, setText } from "./tools.js";
import { where } from "./where.js";

const STEP = 6, LONGEST = 12_000;

const actions = {
  more: (gallery) => gallery.more(),
};

class Gallery {
  constructor(element) {
    Object.assign(this, { element, list: [], told: 0, left: 0, shown: STEP });
    element.addEventListener("click", (event) => this.click(event));
    page.recorded.hear((recordings) => this.fill(recordings));
    page.status.hear(() => this.show());
  }
  part(name) { return one(this.element, `.${name}`); }
  click(event) {
    const title = event.target.closest(".title");
    actions[event.target.closest("[data-do]")?.dataset.do]?.(this);
    if (!title || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    where.go({ recorded: title.dataset.name });
  }
  fill(recordings) {
    this.list = recordings.recordings;
    this.told = this.list.length;
    this.left = recordings.more;
    this.draw();
  }
  // The first of those that have come has the focus, since the button may go; whoever has gone elsewhere meanwhile keeps theirs.
  async more() {
    const before = this.shown;
    this.shown += STEP;
    while (this.list.length < this.shown && this.left && await this.fetch());
    if (this.list.length < this.shown && this.left) this.shown = Math.max(before, this.list.length); // they could not be had
    const waits = [one(this.element, "[data-do=more]"), document.body].includes(document.activeElement);
    this.draw();
    if (waits) one(this.element, `li:nth-of-type(${before + 1}) .title`)?.focus({ preventScroll: true });
  }
  // Whether more have come: once for all who ask meanwhile, and to the list they were asked for.
  fetch() {
    this.coming ??= this.next().finally(() => { this.coming = null; });
    return this.coming;
  }
  // Where others were recorded meanwhile, some have moved on and come a second time.
  async next() {
    const had = this.list, names = new Set(had.map((recording) => recording.name));
    try {
      const recordings = await recordingsFrom(this.told), came = recordings.recordings;
      if (this.list !== had) return true; // filled anew meanwhile
      this.list = [...had, ...came.filter((recording) => !names.has(recording.name))];
      this.told += came.length;
      this.left = recordings.more;
      return came.length > 0;
    } catch { return false; /* what is there stays, and the button to ask again */ }
  }
  draw() {
    one(this.element, "ul").replaceChildren(...this.list.slice(0, this.shown).map((recording) => this.entry(recording)));
    one(this.element, "[data-do=more]").hidden = !this.left && this.list.length <= this.shown;
    this.show();
  }
  // The miniature stands beside no story of the model it is not.
  show() { one(this.element, ".gallery").hidden = page.preview || !this.list.length; }
  entry(recording) {
    const item = one(this.element, "template").content.firstElementChild.cloneNode(true), line = one(item, ".line"), title = one(item, ".title");
    const at = (words) => `${(words / Math.max(LONGEST, recording.words)) * 100}%`;
    title.href = `?recorded=${encodeURIComponent(recording.name)}`;
    title.dataset.name = recording.name;
    setText(title, recording.title);
    setText(one(item, ".premise"), `${recording.kind} ${recording.premise}`.trim());
    setText(one(item, ".first"), recording.first);
    line.style.setProperty("--star", at(recording.words));
    line.style.setProperty("--asked", at(recording.asked));
    setText(one(item, ".said"), `${number(recording.words)} of ${number(recording.asked)} words · ratio ${recording.ratio}`);
    setText(one(item, ".made"), recording.made);
    return item;
  }
}

export function gallery(element) { new Gallery(element); }
