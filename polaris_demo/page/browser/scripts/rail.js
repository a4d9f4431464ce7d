// Where one is in a story: the line with the ring (you) and the star (what is being written), and the contents.
import { all, button, lookup, make, number, one, setHidden, setStyle, setText } from "./tools.js";
import { words_a_minute } from "./wire.js";

const ROMAN = [[10, "X"], [9, "IX"], [5, "V"], [4, "IV"], [1, "I"]];
function roman(count) {
  let said = "";
  for (const [value, sign] of ROMAN) for (; count >= value; count -= value) said += sign;
  return said;
}

// Per cent, in steps that can be seen: each is drawn for 300 ms.
const seen = (share) => Math.round(share * 400) / 4;

export class Rail {
  constructor(element, paper, place) {
    Object.assign(this, { element, paper, place, one: lookup(element, one) });
    this.parts = [];
    this.star = 0;
    document.addEventListener("click", (event) => { if (!event.target.closest(".rail, [data-do=contents]")) this.sheet(false, false); });
  }
  part(name) { return this.one(`.${name}`); }
  clear() {
    this.sheet(false, false);
    this.write(0, false);
  }

  // --- what is written -------------------------------------------------------------------------------------------------

  // After the text has changed: where the star stands, and the chapters there are.
  write(star, live) {
    this.star = star;
    this.live = live;
    setStyle(this.part("line"), "--star", `${seen(star)}%`);
    this.stand(this.one(".status .star"), star);
    this.part("line").classList.toggle("reached", star >= 1 && !live);
    this.drawParts(this.paper.blocks.filter(({ node }) => node.classList.contains("part")));
    if (this.parts.length) this.drawTicks();
  }
  // Those that are there stay, with the focus that one of them may have; the last may still be growing.
  drawParts(parts) {
    const list = this.one(".rail ol"), ticks = this.part("chapters"), same = parts.findIndex((block, i) => block.node !== this.parts[i]?.node);
    for (let i = this.parts.length; i > (same < 0 ? parts.length : same); i--) for (const drawn of [list, ticks]) drawn.lastChild.remove();
    this.parts = parts;
    for (let i = list.children.length; i < parts.length; i++) {
      list.append(this.entry(i));
      ticks.append(make("i"));
    }
    parts.forEach(({ node }, i) => setText(one(list.children[i], "span"), node.textContent.replace(/^[#\s]+/, "")));
    setHidden(this.part("rail"), !parts.length);
  }
  entry(i) {
    const item = make("li"), entry = button("", "", () => this.go(i)), mark = make("i");
    mark.innerHTML = this.one(".status .star").outerHTML; // a fixed drawing of ours
    entry.append(mark, make("span"));
    entry.dir = "auto";
    item.append(entry);
    return item;
  }
  // On the line, at a share of it.
  stand(mark, share) { setStyle(mark, "--at", String(seen(share))); }
  drawTicks() {
    const total = this.paper.text.length || 1;
    all(this.element, ".chapters i").forEach((tick, i) => { this.stand(tick, (this.parts[i].start / total) * this.star); });
  }
  // On a phone the contents are a sheet over the text. Whether it was there to be closed.
  sheet(open = !this.part("rail").classList.contains("open"), focus = true) {
    const was = this.part("rail").classList.contains("open"), opener = this.one(".below [data-do=contents]");
    this.part("rail").classList.toggle("open", open);
    opener.setAttribute("aria-expanded", String(open));
    if (open) one(this.element, ".rail [aria-current]")?.focus({ preventScroll: true });
    else if (was && focus) opener.focus({ preventScroll: true });
    return was;
  }
  go(i) {
    this.place.rest();
    this.sheet(false, false);
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
    const here = this.part("here");
    setHidden(here, share === 1 && !this.live && document.documentElement.dataset.own === "yes"); // the star is there
    this.stand(here, share * this.star);
    all(this.element, ".rail button").forEach((entry, i) => {
      if (i === current) entry.setAttribute("aria-current", "location");
      else entry.removeAttribute("aria-current");
      entry.classList.toggle("writing", Boolean(this.live) && i === last);
    });
    this.minutes = Math.ceil(((1 - share) * words) / words_a_minute);
    const where = this.one(".below [data-do=contents]");
    setHidden(where, last < 0);
    setText(where, `${roman(current + 1)} of ${roman(last + 1)}`);
  }
  // What the pill says, and nothing where nothing is below; `ended` is how it ended, of a story that was seen to end.
  pill(live, ended) {
    const below = this.place.below(), what = below === 1 ? "paragraph" : "paragraphs";
    if (below <= 0) return "";
    return live ? `${number(below)} new ${what} below` : ended ? `${ended}, ${number(below)} more below` : "";
  }
}
