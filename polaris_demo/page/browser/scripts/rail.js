// Where one is in a story: the line with the ring (you) and the star (what is being written), and the contents.
import { all, button, make, number, one, setText } from "./tools.js";
import { words_a_minute } from "./wire.js";

const ROMAN = [[10, "X"], [9, "IX"], [5, "V"], [4, "IV"], [1, "I"]];
export function roman(count) {
  let said = "";
  for (const [value, sign] of ROMAN) for (; count >= value; count -= value) said += sign;
  return said;
}

export class Rail {
  constructor(element, paper, place) {
    Object.assign(this, { element, paper, place });
    this.parts = [];
    this.star = 0;
  }
  part(name) { return one(this.element, `.${name}`); }
  clear() {
    this.parts = [];
    this.drawParts();
  }

  // --- what is written -------------------------------------------------------------------------------------------------

  // After the text has changed: where the star stands, and the chapters there are.
  write(star, live) {
    this.star = live ? star : 1;
    const line = this.part("line");
    line.style.setProperty("--star", `${this.star * 100}%`);
    const parts = this.paper.blocks.filter(({ node }) => node.classList.contains("part"));
    const same = parts.length === this.parts.length && parts.every((block, i) => block.node === this.parts[i].node && block.node.textContent === this.names[i]);
    if (!same) {
      this.parts = parts;
      this.names = parts.map(({ node }) => node.textContent);
      this.drawParts();
    }
    if (parts.length) this.drawTicks();
    this.live = live;
  }
  drawParts() {
    const entries = this.parts.map(({ node }, i) => {
      const item = make("li"), entry = button("", "", () => this.go(i));
      const mark = make("i");
      mark.innerHTML = one(this.element, ".status .star").outerHTML; // a fixed drawing of ours
      entry.append(mark, make("span", node.textContent.replace(/^[#\s]+/, "")));
      entry.dir = "auto";
      item.append(entry);
      return item;
    });
    this.part("rail").hidden = !entries.length;
    one(this.element, ".rail ol").replaceChildren(...entries);
    this.part("chapters").replaceChildren(...this.parts.map(() => make("i")));
  }
  drawTicks() {
    const total = this.paper.text.length || 1;
    all(this.element, ".chapters i").forEach((tick, i) => { tick.style.left = `${(this.parts[i].start / total) * this.star * 100}%`; });
  }
  go(i) {
    this.place.rest();
    const node = this.parts[i].node;
    scrollTo({ top: node.getBoundingClientRect().top + scrollY - 96, behavior: "instant" });
    node.tabIndex = -1;
    node.focus({ preventScroll: true });
  }
  step(by) {
    const next = this.current() + by;
    if (this.parts[next]) this.go(next);
  }

  // --- where the reader is ---------------------------------------------------------------------------------------------

  current() { return this.parts.findLastIndex(({ node }) => node.getBoundingClientRect().top < innerHeight * 0.4); }
  // After the reader has moved.
  read(words) {
    const share = this.place.share(), current = Math.max(0, this.current()), last = this.parts.length - 1;
    this.part("here").hidden = false;
    this.part("here").style.left = `${share * this.star * 100}%`;
    all(this.element, ".rail button").forEach((entry, i) => {
      if (i === current) entry.setAttribute("aria-current", "location");
      else entry.removeAttribute("aria-current");
      entry.classList.toggle("writing", Boolean(this.live) && i === last);
    });
    this.minutes = Math.ceil(((1 - share) * words) / words_a_minute);
    const where = one(this.element, "[data-do=contents]");
    where.hidden = last < 0;
    setText(where, `${roman(current + 1)} of ${roman(last + 1)}`);
  }
  // What the pill says, and nothing where nothing is below.
  pill(live, finished) {
    const below = this.place.below(), what = below === 1 ? "paragraph" : "paragraphs";
    if (below <= 0) return "";
    return live ? `${number(below)} new ${what} below` : finished ? `Finished, ${number(below)} more below` : "";
  }
}
