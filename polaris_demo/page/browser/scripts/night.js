// What is seen while a story is planned: the seven stars of the Little Bear, lit from the bowl on. The last is the story itself.
import { all, calm, one, setText } from "./tools.js";
import { star_tokens, stars } from "./wire.js";

const SAYS = { queued: "It waits for its turn.", loading: "The model is being loaded.", planning: "It is thinking the story through." };
const LINES = [[0, 1], [1, 3], [0, 2], [2, 3], [3, 4], [4, 5]]; // which lamps each line joins
const ORDER = [0, 1, 3, 2, 4, 5]; // in which they light: around the bowl, then along the handle

export class Night {
  constructor(element) {
    this.element = element;
    this.lamps = ORDER.map((number) => all(element, ".lamp")[number]);
    this.all = all(element, ".lamp");
    this.lines = all(element, ".dipper line");
  }
  // `own`: whoever looks is who asked for it.
  show(update, own) {
    const lit = Math.min(stars - 1, Math.floor(update.thought / star_tokens)), late = update.thought > stars * star_tokens;
    setText(one(this.element, ".kind"), update.kind);
    setText(one(this.element, ".wish"), update.premise);
    setText(one(this.element, ".thinks"), late ? "It thinks longer than usual." : SAYS[update.state] || SAYS.planning);
    setText(one(this.element, ".how"), update.how);
    setText(one(this.element, ".plans"), update.plans);
    setText(one(this.element, ".may"), own ? update.leave : "");
    one(this.element, "[data-do=notify]").hidden = !own || !window.Notification || Notification.permission === "denied";
    this.light(lit);
    this.element.classList.add("told");
  }
  clear() { this.element.classList.remove("told"); }
  light(lit) {
    if (lit === this.lit) return;
    this.lit = lit;
    this.lamps.forEach((lamp, i) => lamp.classList.toggle("lit", i < lit));
    this.lines.forEach((line, i) => line.classList.toggle("lit", (LINES[i] ?? []).length > 0 && LINES[i].every((number) => this.all[number].classList.contains("lit"))));
    const next = this.lamps[lit], coming = one(this.element, ".coming");
    coming.style.display = next ? "" : "none";
    coming.classList.toggle("calm", calm());
    for (const axis of next ? ["cx", "cy"] : []) coming.setAttribute(axis, next.getAttribute(axis));
    one(this.element, ".dipper").setAttribute("aria-label", `${lit} of ${stars} stars lit`);
  }
}
