// What stands after a story's last word: what was asked and what came of it, and what can be done with it.
import { StoryMap } from "./map.js";
import { measure } from "./measure.js";
import { number, one, rows, setText } from "./tools.js";

export class After {
  constructor(element, go) {
    this.element = element;
    this.map = new StoryMap(one(element, ".map"), go);
  }
  part(name) { return one(this.element, `.${name}`); }
  show(update, { own, host, id }) {
    const whose = own ? "You" : "Somebody";
    setText(this.part("ended"), update.state === "finished" && !update.resumable ? "" : update.ended);
    setText(this.part("said"), `${whose} ${update.said}`);
    this.measure(update);
    rows(this.part("stamp"), update.stamp);
    rows(this.part("details"), update.details);
    setText(one(this.element, ".all .prompt"), update.prompt);
    setText(this.part("cite"), update.cite);
    for (const node of this.element.querySelectorAll(".own-end, .ended, .all :is(.details, .prompt, .about, [data-do])")) node.hidden = false;
    this.part("record").hidden = true;
    setText(one(this.element, ".all summary span"), "settings, prompt, citation, record");
    this.part("map-figure").hidden = update.map.length < 2;
    setText(this.part("repeats"), update.repeats);
    this.map.draw(update.map);
    this.offer(update, own, host, id);
  }
  // Of a recorded story there is nothing to go on with.
  recorded(over, host) {
    this.element.hidden = !over;
    this.part("record").hidden = false;
    this.part("family").hidden = true;
    setText(one(this.element, ".all summary span"), "counts, record");
    for (const name of ["own-end", "ended"]) this.part(name).hidden = true;
    for (const name of ["details", "prompt", "cite", "about"]) for (const node of this.element.querySelectorAll(`.all .${name}, .all [data-do]`)) node.hidden = true;
    one(this.element, "[data-do=delete]").hidden = !host;
    this.part("invite").hidden = false;
  }
  measure(update) {
    const [low, high] = update.band;
    measure(one(this.element, ".measure .line"), update.words, update.asked, update.band);
    setText(this.part("cap"), `asked ${number(update.asked)} · on target from ${number(low)} to ${number(high)}`);
  }
  // Nothing that cannot be done.
  offer(update, own, host, id) {
    const hide = (action, hidden) => { for (const button of this.element.querySelectorAll(`[data-do=${action}]`)) button.hidden = hidden; };
    hide("continue", !(update.resumable && own));
    hide("unguarded", !(update.folded && own));
    hide("delete", !own && !host);
    hide("again", !own);
    for (const action of ["copy", "markdown", "link", "quote", "print", "beginning", "compare"]) hide(action, !update.words);
    hide("listen", !update.words);
    for (const link of this.element.querySelectorAll("[data-file]")) {
      link.href = `stories/${id}/story.${link.dataset.file}`;
      link.hidden = !update.words;
    }
    this.part("invite").hidden = own;
  }
}
