// My stories: every story begun in this browser; those being written move, and nothing else does.
import { LONGEST_NAME, bring, taken } from "./along.js";
import { News } from "./news.js";
import { ordered, sorts } from "./order.js";
import { page } from "./page.js";
import { Row } from "./row.js";
import { keys, kept, looks, names, places } from "./store.js";
import { answers, download, one, post, save, setHidden, setText } from "./tools.js";
import { where } from "./where.js";

const SOON = 2000, LATER = 15_000; // milliseconds until the list is asked for again, where it is seen and where only its tab is
const FORGETS = "Begun in this browser, which cannot keep their list: take it along below, or keep their links.";
const FULL = "This browser’s storage for this page is full or blocked, so that cannot be kept.";

const actions = {
  continue: (shelf, row) => { page.goesOn = row.summary.id; shelf.open(row); },
  favourite: (shelf, row) => shelf.change(row, { favourite: !row.favourite }),
  more: (shelf, row) => shelf.only(row),
  rename: (shelf, row) => shelf.rename(row),
  delete: (shelf, row) => shelf.remove(row),
  all: (shelf, row, event) => shelf.downloadAll(event),
  take: (shelf) => shelf.takeAlong(),
  bring: (shelf) => shelf.file.click(),
};

class Shelf {
  constructor(element) {
    Object.assign(this, { element, list: one(element, "ul"), search: one(element, ".search"), sort: one(element, ".sort"), file: one(element, ".file") });
    Object.assign(this, { rows: new Map(), stories: [], order: [], settled: new Set(), news: new News(), asked: 0, listed: new Set() });
    for (const [name, { label }] of Object.entries(sorts)) this.sort.append(new Option(label, name));
    this.sort.value = Object.hasOwn(sorts, looks.all().sort) ? looks.all().sort : "newest";
    this.listen();
    page.refreshShelf = () => this.refresh();
    this.refresh();
  }
  listen() {
    const { element, list } = this;
    this.search.addEventListener("input", () => this.draw(true));
    this.sort.addEventListener("change", () => { looks.set({ sort: this.sort.value }); this.draw(true); });
    this.file.addEventListener("change", () => this.bringIn());
    element.addEventListener("click", (event) => this.clicked(event));
    document.addEventListener("click", (event) => { if (!event.target.closest(".more")) this.only(null); });
    element.addEventListener("keydown", (event) => { if (event.key === "Escape" && this.only(null)) event.preventDefault(); });
    for (const left of ["pointerleave", "focusout"]) list.addEventListener(left, () => requestAnimationFrame(() => this.draw()));
    where.watch((now) => this.went(now));
    new IntersectionObserver(([entry]) => {
      if (!entry.isIntersecting) return;
      this.draw(true);
      this.refresh();
    }).observe(element);
  }
  row(of) { return this.rows.get(of.closest("li")?.dataset.story); }
  clicked(event) {
    const row = this.row(event.target), action = event.target.closest("[data-do]")?.dataset.do;
    if (action) actions[action](this, row, event);
    else if (event.target.closest(".title") && !(event.ctrlKey || event.metaKey || event.shiftKey)) {
      event.preventDefault();
      this.open(row);
    }
  }
  get seen() { return Boolean(this.list.offsetParent) && !document.hidden; }
  // Whoever points at a row or has the focus in one is not to find another one there.
  get held() { return this.seen && this.list.matches(":hover, :focus-within"); }

  // --- what there is ---------------------------------------------------------------------------------------------------

  // What is known here stays in sight where the server cannot be asked; a list asked for later is the newer one, and settles what
  // an earlier one was to settle. Whether this one is the last.
  async refresh(settles = false) {
    clearTimeout(this.again);
    this.settles ||= settles;
    const mine = keys.all(), asked = ++this.asked;
    const summaries = mine.length ? await post("stories/summaries", { ids: mine.map(([id]) => id) }) : { stories: [], kept: "" };
    if (asked !== this.asked) return false;
    this.answered = true;
    this.refused = summaries.refused;
    if (!this.refused) {
      this.stories = summaries.stories;
      this.listed = new Set(mine.map(([id]) => id)); // of no other is it known whether it is gone
      this.news.heard(this.stories, this.seen, where.now.story);
      setText(one(this.element, ".shelf-about"), keys.unkept ? FORGETS : summaries.kept || "Begun in this browser.");
    }
    this.draw(this.settles);
    this.settles = false;
    page.writing = this.stories.some((summary) => summary.live);
    page.reader?.setLive(page.reader.live);
    const moves = this.refused || this.stories.some((summary) => summary.live && (this.seen || summary.id !== page.reader?.id));
    if (moves) this.again = setTimeout(() => this.refresh(), this.seen ? SOON : LATER);
    return true;
  }
  // A visit to the list goes on while one of its stories is read, and is over with any other place.
  went(now) {
    if (now.story && this.stories.length) this.news.heard(this.stories, false, now.story); // who goes back at once has opened it too
    if (!now.story && now.tab !== "shelf") this.news.leave();
  }

  // --- how it stands there ---------------------------------------------------------------------------------------------

  // The order is found anew where its reader asks for it, or is not there; else only for other stories, and under nobody's hand.
  draw(settles = false) {
    if (!this.answered) return;
    const named = names.all(), read = places.all();
    for (const summary of this.stories) this.rowOf(summary).take(summary, named[summary.id], read[summary.id], this.news.has(summary));
    const same = this.stories.length === this.settled.size && this.stories.every(({ id }) => this.settled.has(id));
    if (settles || !this.seen || !(same || this.held)) this.settle();
    for (const { row, version } of this.order) row.draw(version);
    this.arrange(this.order.map(({ row }) => row.item));
    this.say();
  }
  rowOf(summary) {
    if (!this.rows.has(summary.id)) this.rows.set(summary.id, new Row(one(this.element, "template")));
    return this.rows.get(summary.id);
  }
  settle() {
    this.settled = new Set(this.stories.map((summary) => summary.id));
    this.order = ordered(this.stories.map((summary) => this.rowOf(summary)), this.sort.value, this.search.value.trim().toLowerCase());
  }
  // The focus stays on its story's row; where that is gone, on the one that took its place.
  arrange(items) {
    const { list } = this, at = document.activeElement, before = [...list.children].findIndex((item) => item.contains(at));
    if (items.length === list.children.length && items.every((item, i) => item === list.children[i])) return;
    list.replaceChildren(...items);
    if (before < 0) return;
    const next = items[Math.min(before, items.length - 1)];
    const to = at.isConnected ? at : next ? one(next, "[data-do=more]") : document.querySelector("[role=tab][aria-selected=true]");
    to?.focus({ preventScroll: true });
  }
  // What stands around the list.
  say() {
    const { stories, element } = this, empty = one(element, ".shelf-empty"), nothing = !keys.all().length;
    setText(empty, this.refused || (this.order.length ? "" : stories.length ? "No title or premise holds that." : this.nothing()));
    setHidden(empty, !empty.textContent);
    setHidden(one(element, ".shelf-all"), !stories.length);
    for (const taking of [one(element, "[data-do=take]"), one(element, ".taking")]) setHidden(taking, nothing);
    one(element, "[data-do=all]").href = `stories/stories.zip?ids=${stories.map((summary) => summary.id).join(",")}`;
  }
  nothing() {
    return kept() ? "No story yet. The first one you ask for appears here."
      : "This browser keeps nothing for this page, so stories are found again by their links only.";
  }
  tell(sentence) { setText(one(this.element, ".shelf-told"), sentence); }

  // --- what can be done with a story -----------------------------------------------------------------------------------

  open(row) { where.go({ story: row.summary.id }); }
  // One menu is open at a time; whether one was closed.
  only(row) {
    const open = [...this.rows.values()].find((other) => !other.menu.hidden);
    if (open?.menu.contains(document.activeElement)) open.opener.focus();
    open?.open(false);
    if (row && row !== open) row.open(true);
    return Boolean(open);
  }
  change(row, change) {
    this.only(null);
    if (!names.set(row.summary.id, { ...names.get(row.summary.id), ...change })) alert(FULL);
    this.draw();
  }
  rename(row) {
    const name = window.prompt("What this browser calls it; the story keeps its own title:", row.known);
    if (name !== null) this.change(row, { name: name.trim().slice(0, LONGEST_NAME) });
  }
  async remove(row) {
    const { id } = row.summary;
    if (row.leaves || !confirm(`Delete “${row.known}” from the server?`)) return;
    row.leaves = true;
    this.only(null);
    const acted = await post(`stories/${id}/delete`, { key: keys.get(id) });
    row.leaves = acted.done;
    if (!acted.done) return alert(acted.refused);
    keys.forget(id);
    this.refresh(true);
  }

  // --- what can be done with all of them -------------------------------------------------------------------------------

  async downloadAll(event) {
    event.preventDefault();
    if (this.archiving) return;
    this.archiving = true;
    this.tell("The archive is being made …");
    this.tell(await download(event.target.href, "stories.zip") || "The archive is made, and your browser has it.");
    this.archiving = false;
  }
  takeAlong() {
    save(taken(), `my-stories-${new Date().toISOString().slice(0, 10)}.json`);
    answers(one(this.element, "[data-do=take]"), "Saved");
  }
  async bringIn() {
    const [file] = this.file.files, here = new Set(this.stories.map((summary) => summary.id));
    this.file.value = ""; // or the same file chosen again would be no change
    const { ids, says } = await bring(file, (id) => !this.refused && this.listed.has(id) && !here.has(id));
    this.tell(says);
    if (!ids) return;
    this.news.brought(ids);
    const listed = await this.refresh(true);
    const gone = !listed || this.refused ? 0 : ids.filter((id) => !this.stories.some((summary) => summary.id === id)).length;
    if (gone) this.tell(`${says} Of those, this server has ${gone} no more.`);
  }
}

export function shelf(element) {
  new Shelf(element);
}
