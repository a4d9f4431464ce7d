// How a story looks to its reader: size, width, colours, full screen, and whether letters are keys. Kept in the browser.
import { looks } from "./store.js";
import { all, one, setText } from "./tools.js";

const SIZES = [-2, 5], WIDTHS = [-3, 3];
const within = ([low, high], value) => Math.max(low, Math.min(high, value));
const root = document.documentElement;

export class Looks {
  // `keeping(change)` makes a change while the words stay where they are.
  constructor(element, keeping) {
    Object.assign(this, { element, keeping });
    this.panel = one(element, ".looks");
    this.apply();
    document.addEventListener("fullscreenchange", () => { if (!document.fullscreenElement) this.leaveFull(); });
    document.addEventListener("click", (event) => {
      if (!this.panel.hidden && !event.target.closest(".looks, [data-do=looks]")) this.close();
    });
  }
  apply() {
    const { size, width, theme, letters } = looks.all();
    root.style.setProperty("--size", String(1 + size * 0.1));
    root.style.setProperty("--width", String(1 + width * 0.1));
    if (theme) document.body.classList.toggle("dark", theme === "dark");
    const button = one(this.panel, "[data-do=letters]");
    button.setAttribute("aria-pressed", String(letters));
    setText(button, letters ? "Letters are on" : "Letters are off");
  }
  change(change) {
    looks.set(change);
    this.keeping(() => this.apply());
  }
  size(step) { this.change({ size: within(SIZES, looks.all().size + step) }); }
  width(step) { this.change({ width: within(WIDTHS, looks.all().width + step) }); }
  theme(theme) {
    this.change({ theme });
    if (!theme) document.body.classList.toggle("dark", matchMedia("(prefers-color-scheme: dark)").matches);
  }
  letters() { this.change({ letters: !looks.all().letters }); }

  // --- the panel -------------------------------------------------------------------------------------------------------

  toggle(button) {
    if (!this.panel.hidden) return this.close();
    this.from = button ?? document.activeElement;
    this.panel.hidden = false;
    this.expanded(true);
    one(this.panel, "button").focus({ preventScroll: true });
  }
  close() {
    if (this.panel.hidden) return false;
    this.panel.hidden = true;
    this.expanded(false);
    const back = this.from === document.body || !this.from.checkVisibility() ? one(this.element, ".status .row") : this.from;
    back.focus({ preventScroll: true });
    return true;
  }
  expanded(open) { for (const button of all(this.element, "[data-do=looks]")) button.setAttribute("aria-expanded", String(open)); }

  // --- full screen -----------------------------------------------------------------------------------------------------

  get isFull() { return root.dataset.full === "yes"; }
  full() {
    if (this.isFull) return this.leaveFull();
    this.setFull(true);
    const left = () => { if (!this.isFull) this.leaveFull(); }; // before it came
    root.requestFullscreen?.().then(left, () => { /* phones without it still get the bare page */ });
  }
  leaveFull() {
    this.setFull(false);
    if (document.fullscreenElement) document.exitFullscreen();
  }
  setFull(on) {
    if (on === this.isFull) return;
    this.keeping(() => { root.dataset.full = on ? "yes" : "no"; });
    for (const button of all(this.element, "[data-do=full]")) {
      button.setAttribute("aria-pressed", String(on));
      setText(button, on ? "Leave full screen" : "Full screen");
    }
  }
}
