// What a first visit finds beside the ask: a page of a recorded story, or what the paper measured.
import { minutes } from "./head.js";
import { embedded, here, page } from "./page.js";
import { Paper } from "./paper.js";
import { tellRecordings } from "./recordings.js";
import { one, setText } from "./tools.js";
import { where } from "./where.js";

const MOST = 6000; // characters: as much as the page could hold

const actions = {
  read: (taste) => { if (taste.now) where.go({ recorded: taste.now.name }); },
  another: (taste) => { if (taste.now) taste.next(); },
  results: () => { if (embedded) window.open(`${here()}?tab=results`, "_blank", "noopener"); else where.go({ tab: "results" }); },
};

class Taste {
  constructor(element) {
    Object.assign(this, { element, list: [], number: 0 });
    this.any = !this.part("recorded").hidden; // as the server had it
    this.paper = new Paper(one(element, ".recorded .story"), 2);
    element.addEventListener("click", (event) => actions[event.target.closest("[data-do]")?.dataset.do]?.(this));
    if (embedded) one(element, ".measured h2").ariaLevel = "1"; // there is no other heading
    page.status.hear(() => this.show());
  }
  part(name) { return one(this.element, `.${name}`); }
  get now() { return this.list[this.number]; }
  // One of each premise: what else was written of it stands with it.
  fill(list) {
    this.list = list.filter((recording, i) => list.findIndex((other) => other.premise === recording.premise) === i);
    this.any = list.length > 0;
    if (!this.now) this.number = 0; // there may be fewer than before
    one(this.element, "[data-do=another]").hidden = this.list.length < 2;
    this.show();
  }
  next() {
    this.number = (this.number + 1) % this.list.length;
    this.open();
  }
  // The miniature stands beside no story of the model it is not.
  show() {
    const tastes = this.any && !page.preview;
    this.part("recorded").hidden = !tastes;
    this.part("measured").hidden = tastes;
    setText(one(this.element, ".measured .from"), this.any ? "" : "No story of POLARIS-9B is recorded on this server yet.");
    if (tastes && this.now) this.open();
  }
  async open() {
    const recording = this.now;
    if (this.opened === recording.name) return;
    this.opened = recording.name;
    setText(this.part("by"), recording.by);
    setText(this.part("minutes"), `${minutes(recording.words)} min to read`);
    setText(one(this.element, ".recorded h2"), recording.title);
    setText(one(this.part("premise"), "bdi"), recording.premise);
    this.paper.clear();
    try {
      const whole = await (await fetch(`recordings/${encodeURIComponent(recording.name)}`)).json();
      if (this.now !== recording) return; // another was chosen meanwhile
      this.paper.clear();
      this.paper.append(whole.text.slice(0, MOST));
      this.paper.finish();
    } catch { this.opened = ""; }
  }
}

export function taste(element) {
  const made = new Taste(element);
  page.recorded.hear((recordings) => {
    made.fill(recordings.recordings.filter((recording) => recording.ours));
    if (embedded && made.now && !page.preview && !where.now.story && !where.now.recorded) where.go({ recorded: made.now.name }, true);
  });
  tellRecordings();
}
