// Two stories read blind: two texts and nothing else, a choice, and then what each was. Choices stay in this browser.
import { Columns } from "./columns.js";
import { csv } from "./csv.js";
import { besideLink, here } from "./page.js";
import { choices } from "./store.js";
import { copy, get, one, post, rows, save, setHidden, setText } from "./tools.js";
import { where } from "./where.js";

const SIDES = ["Left", "Right"], CHOSEN = { left: "You chose the left.", right: "You chose the right.", neither: "You chose neither." };
const COLUMNS = ["date", "left", "right", "choice", "preferred", "differed"];

const actions = {
  first: (blind) => blind.columns.turn(0),
  second: (blind) => blind.columns.turn(1),
  left: (blind) => blind.choose("left"),
  neither: (blind) => blind.choose("neither"),
  right: (blind) => blind.choose("right"),
  link: (blind, button) => copy(button, `${here()}?blind=${encodeURIComponent(blind.pair)}`),
  csv: () => save(new Blob([table()], { type: "text/csv" }), "choices.csv"),
};

const ask = (name, reader) => get(`stories/${encodeURIComponent(name)}/sides?${new URLSearchParams({ reader })}`);

// Every choice made in this browser.
function table() {
  const made = Object.values(choices.all()).filter((kept) => kept.choice);
  return csv([COLUMNS, ...made.map((kept) => COLUMNS.map((name) => name === "preferred" ? kept[kept.choice] ?? "" : kept[name] ?? ""))]);
}
class Blind {
  constructor(element) {
    this.element = element;
    this.columns = new Columns(one(element, ".two"), SIDES);
    element.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button) actions[button.dataset.do](this, button);
    });
    where.watch((now) => this.arrive(now));
    this.arrive(where.now);
  }
  part(name) { return one(this.element, `.${name}`); }
  arrive(now) { if (now.blind && now.blind !== this.pair) this.open(now.blind); }
  // The name by which the server knows this reader is made up here, and is another one for every pair.
  async open(name) {
    this.pair = name;
    this.kept = choices.get(name) ?? { reader: crypto.getRandomValues(new Uint32Array(4)).join("-") };
    choices.set(name, this.kept);
    this.columns.clear();
    rows(one(this.element, ".revealed .facts"), []);
    this.part("both").removeAttribute("href");
    this.stand("");
    const sides = await ask(name, this.kept.reader);
    if (this.pair !== name) return;
    if (sides.refused) return this.refused(sides.refused);
    this.read(sides);
    if (this.kept.choice) this.choose(this.kept.choice);
    else this.stand("asked");
  }
  read(sides) {
    setText(this.part("kind"), sides.premise && (sides.kind ? `Two versions of ${sides.kind[0].toLowerCase()}${sides.kind.slice(1)}` : "Two versions of a text"));
    setText(this.part("asked"), sides.premise || "Two stories");
    [sides.left, sides.right].forEach((text, i) => {
      this.columns.papers[i].append(text);
      this.columns.end(i);
    });
  }
  // What can be done now: nothing yet, "asked" for a choice, or "revealed".
  stand(now) {
    this.notice("");
    setHidden(this.part("verdict"), now !== "asked");
    setHidden(this.part("revealed"), now !== "revealed");
    setHidden(this.part("offers"), !now);
    this.part("two").classList.toggle("told", Boolean(now));
  }
  notice(sentence) {
    setText(this.part("notice"), sentence);
    setHidden(this.part("notice"), !sentence);
  }
  refused(sentence) {
    this.pair = null; // it is asked for again when it is come back to
    setText(this.part("asked"), "Two stories");
    this.notice(this.kept.choice ? `${sentence} ${CHOSEN[this.kept.choice]}` : sentence);
  }
  async choose(choice) {
    if (this.choosing) return; // the first click counts
    const name = this.pair, first = !this.kept.choice;
    this.choosing = true;
    const revealed = await post(`stories/${name}/choose`, { choice, reader: this.kept.reader });
    this.choosing = false;
    if (this.pair !== name) return;
    if (revealed.refused) return this.notice(revealed.refused);
    if (first) this.keep(choice, revealed);
    this.reveal(revealed);
    if (first) this.part("revealed").focus();
  }
  keep(choice, revealed) {
    this.kept = { ...this.kept, choice, date: new Date().toISOString(), left: revealed.left.id, right: revealed.right.id, differed: revealed.differs };
    choices.set(this.pair, this.kept);
  }
  reveal(revealed) {
    const said = [revealed.left, revealed.right].map((side, i) => {
      setText(this.columns.of(i, "label"), side.label);
      Object.assign(this.columns.of(i, "read"), { href: `?story=${encodeURIComponent(side.id)}`, hidden: false });
      return [SIDES[i], [side.title, side.label, side.words, side.byline].filter(Boolean).join(" · ")];
    });
    this.stand("revealed");
    setText(this.part("chosen"), CHOSEN[this.kept.choice]);
    rows(one(this.element, ".revealed .facts"), said);
    this.part("both").href = besideLink(revealed.left.id, revealed.right.id);
  }
}

export function blind(element) {
  new Blind(element);
}
