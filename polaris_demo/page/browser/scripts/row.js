// A row of My stories: a story, where it is, and where its reader is in it. Knows no other row.
import { one, setHidden, setText } from "./tools.js";

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

export class Row {
  constructor(template) {
    this.item = template.content.firstElementChild.cloneNode(true);
    this.menu = one(this.item, ".menu");
    this.opener = this.button("more");
  }
  part(name) { return one(this.item, `.${name}`); }
  button(action) { return one(this.item, `[data-do=${action}]`); }
  // What the server says of the story, and what this browser knows of it.
  take(summary, own = {}, place = null, fresh = false) { Object.assign(this, { summary, own, place, fresh }); }
  // What this browser calls it, or it calls itself; it may have no name at all.
  get name() { return this.own.name || this.summary.title; }
  get known() { return this.name || this.summary.premise; }
  get favourite() { return Boolean(this.own.favourite ?? this.own.top); } // which was kept as "top" before
  holds(wanted) { return [this.own.name, this.summary.title, this.summary.premise].some((text) => text?.toLowerCase().includes(wanted)); }

  // `version`: it stands under the story that it was written on from.
  draw(version) {
    const { item, summary, known } = this, title = this.part("title"), said = this.part("said");
    item.dataset.story = summary.id;
    item.classList.toggle("version", version);
    title.href = `?story=${summary.id}`;
    setText(title, this.name || (summary.live || summary.resumable ? "No title yet" : "No title"));
    title.title = title.textContent; // where there is more of it than room
    setText(this.part("premise"), summary.premise);
    setText(this.part("new"), this.fresh ? "New" : "");
    setText(this.part("when"), this.about(summary, version));
    setText(said, summary.said);
    said.classList.toggle("run", summary.live);
    said.classList.toggle("cut", summary.resumable);
    this.measure(summary);
    this.offer(summary, known);
  }
  // When it was begun, until when it is kept where that is soon, and where its reader is.
  about(summary, version) {
    const last = summary.kept * 1000, soon = last && last - Date.now() < WEEK ? `kept until ${day(new Date(last))}` : "";
    const says = summary.live ? ["now"] : [when(summary.begun), soon, summary.words ? this.read() : ""];
    return [version ? "version" : "", ...says].filter(Boolean).join(" · ");
  }
  read() {
    if (!this.place) return "not read yet";
    return this.place.done ? "read to the end" : this.place.part ? `you are at ${this.place.part}` : "begun to read";
  }
  measure(summary) {
    const line = this.part("line"), at = (words) => `${(words / Math.max(LONGEST, summary.words)) * 100}%`;
    line.style.setProperty("--star", at(summary.words));
    line.style.setProperty("--asked", at(summary.asked));
  }
  offer(summary, known) {
    const goesOn = this.button("continue"), star = this.button("favourite");
    if (!summary.resumable && document.activeElement === goesOn) this.opener.focus();
    setHidden(goesOn, !summary.resumable);
    this.opener.setAttribute("aria-label", `More for ${known}`);
    star.setAttribute("aria-label", `Favourite: ${known}`);
    star.setAttribute("aria-pressed", String(this.favourite));
  }
  open(open) {
    this.menu.hidden = !open;
    this.opener.setAttribute("aria-expanded", String(open));
  }
}
