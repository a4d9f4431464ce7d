// The reader's place: the page moves only when its reader does. Whoever asked for the end is taken along with it, until the first
// movement up; everybody else stays where they are, and is told how much is below.
import { where } from "./where.js";
import { places } from "./store.js";

const ROOM = 96, EDGE = 88, LINE = 0.35; // pixels below the end that is followed, and of the pill's strip; where on the window one reads

export class Place {
  // `paper` is what is read, `moved()` is called when the reader has moved.
  constructor(paper, moved) {
    Object.assign(this, { paper, moved });
    this.following = this.touching = false;
    this.reached = 0;
    this.listen();
  }
  begin(id) {
    this.id = id;
    this.following = this.kept = false;
    this.wanted = history.state?.place ?? null; // of this entry of the history, to be restored once there is text
    this.offered = this.wanted ? null : places.get(id) ?? null;
  }
  listen() {
    const leave = () => { this.following = false; }, passive = { passive: true };
    let from = 0;
    addEventListener("wheel", (event) => { if (event.deltaY < 0) leave(); }, passive);
    addEventListener("touchstart", (event) => { this.touching = true; from = event.touches[0].clientY; }, passive);
    addEventListener("touchmove", (event) => { if (event.touches[0].clientY > from) leave(); }, passive);
    for (const over of ["touchend", "touchcancel"]) addEventListener(over, () => { this.touching = false; }, passive);
    addEventListener("keydown", (event) => {
      if (["ArrowUp", "PageUp", "Home"].includes(event.key) || (event.key === " " && event.shiftKey)) leave();
    });
    addEventListener("scroll", () => {
      if (this.following && scrollY < this.reached - 2) leave();
      this.wanted = null;
      this.look();
    }, passive);
    addEventListener("pagehide", () => this.keep());
  }

  // --- what there is of it ---------------------------------------------------------------------------------------------

  get shown() { return this.paper.article.offsetParent !== null; }
  get blocks() { return this.paper.blocks; }
  // The last block that begins above a height of the window, and -1 where none does.
  above(height) {
    let low = 0, high = this.blocks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.blocks[middle].node.getBoundingClientRect().top < height) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
  // The block that is being read.
  at() { return Math.max(0, this.above(innerHeight * LINE)); }
  // Blocks that begin below what can be seen.
  below() { return this.blocks.length - 1 - this.above(innerHeight - EDGE); }
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
  rest() { this.following = false; }
  to(number) {
    const node = this.blocks[number]?.node;
    if (node) scrollTo({ top: node.getBoundingClientRect().top + scrollY - innerHeight * 0.2, behavior: "instant" });
  }

  // --- kept ------------------------------------------------------------------------------------------------------------

  look() {
    if (!this.shown || this.looking) return;
    this.looking = requestAnimationFrame(() => {
      this.looking = 0;
      if (!this.shown) return;
      this.moved();
      clearTimeout(this.keeping);
      this.keeping = setTimeout(() => this.keep(), 300);
    });
  }
  keep() {
    const block = this.shown && this.id && !this.wanted && this.blocks[Math.max(0, this.above(72))];
    if (!block) return;
    const place = { start: block.start, dy: Math.round(block.node.getBoundingClientRect().top) };
    where.remember({ place });
    if (scrollY > 0 || this.kept) places.set(this.id, { ...place, part: this.part(), done: this.share() === 1 });
    this.kept = true;
  }
  // The chapter that is being read.
  part() { return this.blocks.slice(0, this.at() + 1).findLast(({ node }) => node.classList.contains("part"))?.node.textContent.replace(/^[#\s]+/, "") ?? ""; }
  restore({ start, dy }) {
    const block = this.blocks.findLast((one) => one.start <= start);
    if (!block || (this.paper.text.length <= start && start > 0)) return;
    scrollTo({ top: block.node.getBoundingClientRect().top + scrollY - dy, behavior: "instant" });
    this.wanted = null;
  }
  goOn() {
    const place = this.offered;
    this.offered = null;
    if (place) this.restore(place);
  }
}
