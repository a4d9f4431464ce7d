// The map of a story: a bar for each paragraph, wider where it is longer, warmer where it repeats.
import { make } from "./tools.js";

const bars = (map) => map.map(([length, heat]) => {
  const bar = make("i");
  bar.style.flexGrow = String(length);
  bar.style.setProperty("--heat", String(heat));
  return bar;
});

// A strip of bars that a pointer or the keyboard moves along; go(number) is called where a reader chose a paragraph.
export class StoryMap {
  constructor(strip, go) {
    this.strip = strip;
    this.go = go;
    strip.addEventListener("click", (event) => {
      const bar = event.target.closest("i");
      if (bar) this.choose([...strip.children].indexOf(bar));
    });
    strip.addEventListener("keydown", (event) => this.key(event));
  }
  draw(map) {
    this.strip.replaceChildren(...bars(map));
    this.strip.setAttribute("aria-valuemax", String(map.length));
    this.place(0);
  }
  place(number) {
    const drawn = this.strip.children;
    this.spot = Math.max(0, Math.min(drawn.length - 1, number));
    for (const bar of drawn) bar.classList.toggle("here", bar === drawn[this.spot]);
    this.strip.setAttribute("aria-valuenow", String(this.spot + 1));
    this.strip.setAttribute("aria-valuetext", `Paragraph ${this.spot + 1} of ${drawn.length}`);
  }
  choose(number) {
    this.place(number);
    this.go(this.spot);
  }
  key(event) {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
    if (step) this.choose(this.spot + step);
    else if (event.key === "Home") this.choose(0);
    else if (event.key === "End") this.choose(this.strip.children.length - 1);
    else return;
    event.preventDefault();
  }
}
