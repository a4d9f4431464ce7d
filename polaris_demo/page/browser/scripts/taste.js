// What a first visit finds beside the ask: a page of a recorded story, or what the paper measured.
import { embedded, page } from "./page.js";
import { Paper } from "./paper.js";
import { one, setText } from "./tools.js";
import { where } from "./where.js";
import { words_a_minute } from "./wire.js";

const actions = {
  read: (taste) => where.go({ recorded: taste.now.name }),
  another: (taste) => taste.next(),
  results: () => where.go({ tab: "results" }),
};

// The list of recorded stories, asked for once.
let asked;
export const recorded = () => asked ??= fetch("recordings").then((answer) => answer.json()).catch(() => ({ recordings: [] }));

class Taste {
  constructor(element, list) {
    this.element = element;
    this.list = list;
    this.number = 0;
    this.paper = new Paper(one(element, ".recorded .story"));
    element.addEventListener("click", (event) => actions[event.target.closest("[data-do]")?.dataset.do]?.(this));
    page.whose = () => this.show();
    this.show();
  }
  get now() { return this.list[this.number]; }
  next() {
    this.number = (this.number + 1) % this.list.length;
    this.open();
  }
  // The miniature stands beside no story of the model it is not.
  show() {
    const tastes = this.list.length > 0 && !page.preview;
    one(this.element, ".recorded").hidden = !tastes;
    one(this.element, ".measured").hidden = tastes;
    setText(one(this.element, ".measured .from"), this.list.length ? "" : "No story of POLARIS-9B is recorded on this server yet.");
    one(this.element, "[data-do=another]").hidden = this.list.length < 2;
    if (tastes) this.open();
  }
  async open() {
    const recording = this.now, part = (name) => one(this.element, `.recorded .${name}`);
    if (this.opened === recording.name) return;
    this.opened = recording.name;
    setText(part("by"), recording.byline);
    setText(part("minutes"), `${Math.max(1, Math.round(recording.words / words_a_minute))} min to read`);
    setText(one(this.element, ".recorded h2"), recording.title);
    setText(part("premise"), `${recording.kind} ${recording.premise}`.trim());
    this.paper.clear();
    try {
      const whole = await (await fetch(`recordings/${encodeURIComponent(recording.name)}`)).json();
      if (this.now !== recording) return; // another was chosen meanwhile
      this.paper.clear();
      this.paper.append(whole.text.slice(0, 6000)); // as much as the page could hold
      this.paper.finish();
    } catch { this.opened = ""; }
  }
}

export async function taste(element) {
  const recordings = await recorded();
  new Taste(element, recordings.recordings);
  if (embedded && !where.now.story && recordings.recordings.length && !page.preview) where.go({ recorded: recordings.recordings[0].name }, true);
}
