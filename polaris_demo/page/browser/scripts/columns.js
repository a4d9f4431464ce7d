// Two texts in two columns. Where there is no room for both one is shown at a time, and a switch goes between them, which keeps the
// place in each. What both begin with can stand once, above them.
import { Paper } from "./paper.js";
import { all, one, setHidden, setText } from "./tools.js";

export const PLACES = ["first", "second"];
const LINE = 0.35; // where on the window one reads

export class Columns {
  constructor(element, names) {
    this.element = element;
    this.papers = PLACES.map((place) => new Paper(one(element, `.column.${place} .story`), 2));
    this.common = new Paper(one(element, ".common .story"), 2);
    PLACES.forEach((place, i) => {
      for (const name of all(element, `.${place} .name, .name.${place}`)) setText(name, names[i]);
      const article = this.papers[i].article;
      article.tabIndex = -1;
      article.setAttribute("aria-label", names[i]);
    });
    this.clear();
  }
  of(place, part) { return one(this.element, `.${PLACES[place]} .${part}`); }
  clear() {
    for (const paper of [...this.papers, this.common]) paper.clear();
    for (const part of all(this.element, ".ends, .read, .common")) part.hidden = true;
    for (const label of all(this.element, ".label")) setText(label, "");
    for (const link of all(this.element, ".read")) link.removeAttribute("href");
    this.length = 0;
    this.kept = [null, null];
    this.choose(0);
  }

  // --- what both begin with ----------------------------------------------------------------------------------------------

  // The first `length` characters of both, and what there is to say of them.
  begin(length, says) {
    if (length !== this.length) this.open();
    this.length = length;
    setText(one(this.element, ".begins"), says);
    this.settle();
  }
  // Everything stands in both again.
  open() {
    this.common.clear();
    one(this.element, ".common").hidden = true;
    for (const paper of this.papers) for (const { node } of paper.blocks) setHidden(node, false);
  }
  // After either text has grown or was drawn anew.
  settle() {
    if (!this.length) return;
    for (const paper of this.papers) {
      const end = [...paper.text].slice(0, this.length).join("").length;
      for (const { node, start } of paper.blocks) {
        if (start >= end) break;
        setHidden(node, true);
      }
    }
    const whole = this.papers.find((paper) => [...paper.text].length >= this.length);
    if (this.common.text || !whole) return;
    this.common.append([...whole.text].slice(0, this.length).join(""));
    this.common.finish();
    one(this.element, ".common").hidden = false;
  }
  // A text is whole: where all of it is what both begin with its column would say nothing.
  end(place) {
    const paper = this.papers[place];
    paper.finish();
    this.settle();
    setHidden(this.of(place, "ends"), !this.length || paper.blocks.some(({ node }) => !node.hidden));
  }
  // To a paragraph of one of them, by its number.
  to(place, number) {
    const block = this.papers[place].blocks[number], node = block?.node.hidden ? this.common.blocks[number]?.node : block?.node;
    if (node) scrollTo({ top: node.getBoundingClientRect().top + scrollY - innerHeight * 0.2, behavior: "instant" });
  }

  // --- one at a time -----------------------------------------------------------------------------------------------------

  choose(place) {
    this.shown = place;
    this.element.dataset.shown = PLACES[place];
    all(this.element, ".switch button").forEach((button, i) => button.setAttribute("aria-pressed", String(i === place)));
  }
  // The other one: where one was in it; the first time as far into it as one is in this.
  turn(place) {
    if (place === this.shown) return;
    const here = this.here();
    this.kept = here ? this.kept.with(this.shown, here) : [null, null];
    const there = this.kept[place] ?? here;
    this.choose(place);
    if (there) this.go(there);
  }
  get seen() { return this.papers[this.shown].blocks.filter(({ node }) => !node.hidden); }
  // The paragraph that is read, and how high it stands; null above the first.
  here() {
    const block = this.seen.findLast(({ node }) => node.getBoundingClientRect().top < innerHeight * LINE);
    return block ? { start: block.start, top: block.node.getBoundingClientRect().top } : null;
  }
  go({ start, top }) {
    const { seen } = this, block = seen.findLast((one) => one.start <= start) ?? seen[0];
    if (block) scrollTo({ top: block.node.getBoundingClientRect().top + scrollY - top, behavior: "instant" });
  }
}
