// My stories: every story begun in this browser, where each is and where its reader is in it; those being written move.
import { page } from "./page.js";
import { keys, kept, names, places } from "./store.js";
import { one, post, setText } from "./tools.js";
import { where } from "./where.js";

const SOON = 2000, LATER = 15_000; // milliseconds until the list is asked for again, where it is seen and where only its tab is
const LONGEST = 12_000, DAY = 86_400_000, WEEK = 7 * DAY;

// A day as its reader's calendar has it.
function day(date) {
  const year = date.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  return date.toLocaleDateString("en-GB", { day: "numeric", month: "long", year });
}
function when(seconds) {
  if (!seconds) return "";
  const date = new Date(seconds * 1000), midnight = (of) => new Date(of.getFullYear(), of.getMonth(), of.getDate());
  const ago = Math.round((midnight(new Date()) - midnight(date)) / DAY);
  if (ago === 0) return `today, ${date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })}`;
  return ago === 1 ? "yesterday" : day(date);
}

// --- a row -------------------------------------------------------------------------------------------------------------

class Row {
  constructor(template) {
    this.item = template.content.firstElementChild.cloneNode(true);
    this.menu = one(this.item, ".menu");
    this.opener = this.button("more");
  }
  button(action) { return one(this.item, `[data-do=${action}]`); }
  get own() { return names.get(this.summary.id) || {}; }
  // What this browser calls it, or it calls itself; it may have no name at all.
  get name() { return this.own.name || this.summary.title; }
  holds(wanted) { return [this.own.name, this.summary.title, this.summary.premise].some((text) => text?.toLowerCase().includes(wanted)); }
  get known() { return this.name || this.summary.premise; }
  show(summary) {
    this.summary = summary;
    const part = (name) => one(this.item, `.${name}`), said = part("said");
    this.item.dataset.story = summary.id;
    part("title").href = `?story=${summary.id}`;
    setText(part("title"), this.name || (summary.live || summary.resumable ? "No title yet" : "No title"));
    setText(part("premise"), summary.premise);
    setText(part("about"), this.about(summary));
    setText(said, summary.said);
    said.classList.toggle("run", summary.live);
    said.classList.toggle("cut", summary.resumable);
    this.draw(summary);
    this.offer(summary);
  }
  // When it was begun, where its reader is, and until when it is kept where that is soon.
  about(summary) {
    if (summary.live) return "now";
    const last = summary.kept * 1000, soon = last && last - Date.now() < WEEK ? `kept until ${day(new Date(last))}` : "";
    return [when(summary.begun), summary.words ? this.read(places.get(summary.id)) : "", soon].filter(Boolean).join(" · ");
  }
  read(place) {
    if (!place) return "not read yet";
    return place.done ? "read to the end" : place.part ? `you are at ${place.part}` : "begun to read";
  }
  draw(summary) {
    const line = one(this.item, ".line"), at = (words) => `${(words / Math.max(LONGEST, summary.words)) * 100}%`;
    line.style.setProperty("--star", at(summary.words));
    line.style.setProperty("--asked", at(summary.asked));
  }
  offer(summary) {
    const goesOn = this.button("continue");
    if (!summary.resumable && document.activeElement === goesOn) this.opener.focus();
    goesOn.hidden = !summary.resumable;
    this.opener.setAttribute("aria-label", `More for ${this.known}`);
    setText(this.button("top"), this.own.top ? "Keep no longer at the top" : "Keep at the top");
  }
  open(open) {
    this.menu.hidden = !open;
    this.opener.setAttribute("aria-expanded", String(open));
  }
}

const actions = {
  continue: (shelf, row) => { page.goesOn = row.summary.id; shelf.open(row); },
  more: (shelf, row) => shelf.only(row),
  rename: (shelf, row) => shelf.rename(row),
  top: (shelf, row) => shelf.top(row),
  delete: (shelf, row) => shelf.remove(row),
};

// --- the list ----------------------------------------------------------------------------------------------------------

class Shelf {
  constructor(element) {
    Object.assign(this, { element, list: one(element, "ul"), search: one(element, ".search") });
    this.rows = new Map(); // by the story's id
    this.stories = [];
    this.asked = 0;
    this.search.addEventListener("input", () => this.draw());
    this.list.addEventListener("click", (event) => this.clicked(event));
    document.addEventListener("click", (event) => { if (!event.target.closest(".more")) this.only(null); });
    element.addEventListener("keydown", (event) => { if (event.key === "Escape" && this.only(null)) event.preventDefault(); });
    new IntersectionObserver(([seen]) => seen.isIntersecting && this.refresh()).observe(element);
    page.refreshShelf = () => this.refresh();
    this.refresh();
  }
  row(of) { return this.rows.get(of.closest("li")?.dataset.story); }
  clicked(event) {
    const row = this.row(event.target), action = event.target.closest("[data-do]")?.dataset.do;
    if (action) actions[action](this, row);
    else if (event.target.closest(".title") && !(event.ctrlKey || event.metaKey || event.shiftKey)) {
      event.preventDefault();
      this.open(row);
    }
  }

  // What is known here stays in sight where the server cannot be asked; a list asked for later is the newer one.
  async refresh() {
    clearTimeout(this.again);
    const mine = keys.all(), asked = ++this.asked;
    const summaries = mine.length ? await post("stories/summaries", { ids: mine.map(([id]) => id) }) : { stories: [], kept: "" };
    if (asked !== this.asked) return;
    this.refused = summaries.refused;
    if (!this.refused) {
      this.stories = summaries.stories;
      setText(one(this.element, ".shelf-about"), summaries.kept || "Begun in this browser.");
    }
    this.draw();
    page.writing = this.stories.some((summary) => summary.live);
    page.reader?.setLive(page.reader.live);
    const seen = this.list.offsetParent, moves = this.refused || this.stories.some((summary) => summary.live && (seen || summary.id !== page.reader?.id));
    if (moves) this.again = setTimeout(() => this.refresh(), seen ? SOON : LATER);
  }
  draw() {
    const wanted = this.search.value.trim().toLowerCase(), every = one(this.element, ".shelf-all"), empty = one(this.element, ".shelf-empty");
    const rows = this.stories.map((summary) => this.shown(summary));
    const found = rows.filter((row) => row.holds(wanted));
    this.arrange([...found.filter((row) => row.own.top), ...found.filter((row) => !row.own.top)].map((row) => row.item));
    setText(empty, this.refused || (found.length ? "" : this.stories.length ? "No title or premise holds that." : this.nothing()));
    empty.hidden = !empty.textContent;
    every.hidden = !this.stories.length;
    every.href = `stories/stories.zip?ids=${this.stories.map((summary) => summary.id).join(",")}`;
  }
  nothing() {
    return kept() ? "No story yet. The first one you ask for appears here."
      : "This browser keeps nothing for this page, so stories are found again by their links only.";
  }
  shown(summary) {
    if (!this.rows.has(summary.id)) this.rows.set(summary.id, new Row(one(this.element, "template")));
    const row = this.rows.get(summary.id);
    row.show(summary);
    return row;
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

  // --- what can be done ------------------------------------------------------------------------------------------------

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
    names.set(row.summary.id, { ...row.own, ...change });
    this.draw();
  }
  rename(row) {
    const name = window.prompt("What this browser calls it; the story keeps its own title:", row.known);
    if (name !== null) this.change(row, { name: name.trim() });
  }
  top(row) { this.change(row, { top: !row.own.top }); }
  async remove(row) {
    const { id } = row.summary;
    if (!confirm(`Delete “${row.known}” from the server?`)) return;
    const acted = await post(`stories/${id}/delete`, { key: keys.get(id) });
    if (!acted.done) return alert(acted.refused);
    keys.forget(id);
    this.only(null);
    this.refresh();
  }
}

export function shelf(element) {
  new Shelf(element);
}
