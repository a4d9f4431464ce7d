// The reader's place: the page moves only when its reader does. Whoever asked for the end is taken along with it, until the first
// movement up; everybody else stays where they are, and is told how much is below.
import { where } from "./where.js";
import { places } from "./store.js";

const ROOM = 96, EDGE = 88, TOP = 72, TITLE = 40; // pixels: below the end that is followed, of the pill's strip, of the line above, and of a page at its beginning
const LINE = 0.35, FURTHER = 400; // where on the window one reads; characters before a place that is worth going on at
const TAKEN_ALONG = 400; // milliseconds between two looks at where a reader is who follows the end
const UP = ["ArrowUp", "PageUp", "Home"], MOVES = [...UP, "ArrowDown", "PageDown", "End", " "];
const passive = { passive: true }, top = ({ node }) => node.getBoundingClientRect().top;

export class Place {
  // `paper` is what is read, `spared` stands below it and is as high as need be, `moved()` is called when the reader has moved.
  constructor(spared, paper, moved) {
    Object.assign(this, { spared, paper, moved, width: innerWidth });
    this.following = this.touching = false;
    this.reached = this.looked = 0;
    this.listen();
  }
  // A story, which begins where this entry of the history left it; where it has none, at its first page.
  begin(id) {
    this.id = id;
    this.spared.style.height = "";
    this.following = false;
    this.arrived = true;
    this.last = this.held = null;
    this.wanted = where.remembered.place ?? null;
    this.kept = places.get(id) ?? null;
    if (!this.wanted) scrollTo({ top: 0, behavior: "instant" });
  }
  // The same story is seen again, after something else.
  back() {
    this.rest();
    this.arrived = true;
    const { before, place } = where.remembered;
    this.wanted = before ?? place ?? this.last;
    if (this.wanted) this.grown();
    else scrollTo({ top: 0, behavior: "instant" });
  }
  listen() {
    let from = 0;
    addEventListener("wheel", (event) => this.moves(event.deltaY < 0), passive);
    addEventListener("touchstart", (event) => { this.touching = true; from = event.touches[0].clientY; }, passive);
    addEventListener("touchmove", (event) => {
      const { clientY } = event.touches[0];
      this.moves(clientY > from);
      from = clientY;
    }, passive);
    for (const over of ["touchend", "touchcancel"]) addEventListener(over, (event) => { this.touching = event.touches.length > 0; }, passive);
    addEventListener("keydown", (event) => { if (MOVES.includes(event.key)) this.moves(UP.includes(event.key) || (event.key === " " && event.shiftKey)); });
    addEventListener("pointerdown", (event) => { if (event.target === document.documentElement) this.moves(false); }, passive); // the scroll bar
    addEventListener("scroll", () => {
      this.leaves();
      if (!this.following || performance.now() - this.looked > TAKEN_ALONG) this.look();
    }, passive);
    addEventListener("resize", () => this.resized());
    new ResizeObserver(() => this.appears()).observe(this.paper.article);
    addEventListener("pagehide", () => this.keep());
    where.leaving(() => this.keep());
  }
  // What is come back to may still have been hidden then.
  appears() {
    if (this.wanted) this.grown();
    if (this.shown && !this.appeared) this.look();
    this.appeared = this.shown;
  }
  // The reader moves: whatever was still to be done for their place is theirs again.
  moves(up) {
    this.wanted = null;
    if (up) this.rest();
  }
  rest() { this.following = false; }
  // Any place above the last one reached was gone to by the reader, also where no key or finger was seen.
  leaves() { if (this.following && scrollY < this.reached - 2) this.rest(); }

  // --- what there is of it ---------------------------------------------------------------------------------------------

  get shown() { return this.paper.article.offsetParent !== null; }
  get blocks() { return this.paper.blocks; }
  // The last block that begins above a height of the window, and -1 where none does.
  above(height) {
    let low = 0, high = this.blocks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (top(this.blocks[middle]) < height) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
  // The block that is being read.
  at() { return Math.max(0, this.above(innerHeight * LINE)); }
  // Paragraphs that begin below what can be seen.
  below() { return (this.blocks.at(-1)?.paragraphs ?? 0) - (this.blocks[this.above(innerHeight - EDGE)]?.paragraphs ?? 0); }
  // How much of the text lies before the place, 0 to 1.
  share() {
    const last = this.blocks.at(-1)?.node.getBoundingClientRect().bottom ?? 0;
    if (last < innerHeight) return 1;
    return this.paper.text.length ? (this.blocks[this.at()]?.start ?? 0) / this.paper.text.length : 0;
  }

  // --- moving ----------------------------------------------------------------------------------------------------------

  // After the text has grown.
  grown() {
    if (this.wanted) this.restore(this.wanted);
    this.leaves();
    if (this.following && !this.touching) this.toEnd();
  }
  toEnd() {
    const last = this.blocks.at(-1)?.node;
    if (!last) return;
    const end = last.getBoundingClientRect().bottom + scrollY - innerHeight + ROOM;
    if (end > scrollY) scrollTo({ top: end, behavior: "instant" });
    this.reached = scrollY;
  }
  follow() {
    this.following = true;
    this.toEnd();
  }
  to(number) { if (this.blocks[number]) this.put(this.blocks[number], innerHeight * 0.2); }
  // Scrolls so that a block begins at a height of the window.
  put(block, height) { scrollTo({ top: top(block) + scrollY - height, behavior: "instant" }); }

  // --- kept where it is, whatever changes around it --------------------------------------------------------------------

  // What stands where one reads: the block, and how much of it is above.
  hold() {
    const block = this.shown && this.blocks[this.above(innerHeight * LINE)];
    if (!block || scrollY === 0) return null;
    return { block, share: (innerHeight * LINE - top(block)) / Math.max(1, block.node.offsetHeight) };
  }
  again(held) { if (held && this.blocks.includes(held.block)) this.put(held.block, innerHeight * LINE - held.share * held.block.node.offsetHeight); }
  // A change of the text's looks.
  keeping(change) {
    const held = this.hold();
    change();
    this.again(held);
  }
  // A phone is turned, or a window drawn: by what was there before, since this comes after it.
  resized() {
    if (innerWidth !== this.width && !this.wanted) this.again(this.held);
    this.width = innerWidth;
  }
  // A change that may take away from what stands below: the page stays long enough for what can be seen to stay where it is.
  room(change) {
    const { style } = this.spared, there = scrollY, bottom = there + innerHeight;
    style.height = `${bottom}px`;
    change();
    this.spare(bottom);
    if (scrollY !== there) scrollTo({ top: there, behavior: "instant" });
  }
  spare(bottom) {
    const { style } = this.spared, missing = bottom + parseFloat(style.height) - document.documentElement.scrollHeight;
    style.height = missing > 0 && scrollY > 0 ? `${missing}px` : "";
  }

  // --- kept for another time -------------------------------------------------------------------------------------------

  look() {
    if (!this.shown || this.looking) return;
    this.looking = requestAnimationFrame(() => {
      this.looking = 0;
      this.looked = performance.now();
      if (!this.shown) return;
      if (this.spared.style.height) this.spare(scrollY + innerHeight);
      this.held = this.hold();
      this.arrived &&= this.up;
      this.moved();
      clearTimeout(this.soon);
      this.soon = setTimeout(() => this.keep(), 300); // what is passed on the way is no place
    });
  }
  here() {
    const block = !this.wanted && this.blocks[Math.max(0, this.above(TOP))];
    return block ? { start: block.start, dy: Math.round(top(block)) } : this.last;
  }
  get up() { return scrollY <= TITLE; }
  // Also where the page has just been left. Whoever has gone up to the tabs is there after a reload; after a tab, where they were before.
  keep() {
    clearTimeout(this.soon);
    if (this.wanted) return;
    const place = this.shown ? this.here() : this.last, up = this.shown && this.up;
    if (place) where.remember({ place, before: up ? this.last : null });
    if (!this.shown || up) return;
    this.last = place;
    this.kept = { ...this.last, part: this.part(), done: this.share() === 1 };
    places.set(this.id, this.kept);
  }
  // The chapter that is being read.
  part() { return this.blocks.slice(0, this.at() + 1).findLast(({ node }) => node.classList.contains("part"))?.node.textContent.replace(/^[#\s]+/, "") ?? ""; }
  // As soon as there is that much text; of a text that ends before it, at its end.
  restore({ start, dy }, whole = false) {
    if (!this.shown) return;
    const block = this.blocks.findLast((one) => one.start <= start);
    if (!block || (!whole && this.paper.text.length <= start && start > 0)) return;
    this.put(block, dy);
    this.wanted = null;
  }
  // The text is whole.
  over() {
    if (this.wanted) this.restore(this.wanted, true);
    this.rest();
  }
  // Where there is something to go on at, for who has come back and is at the first page.
  get offered() { return this.arrived && !this.wanted && this.up && this.kept?.start >= FURTHER && this.kept.start < this.paper.text.length ? this.kept : null; }
  goOn() { if (this.kept) this.restore(this.kept); }
}
