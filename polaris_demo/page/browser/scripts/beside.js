// Two stories side by side: their texts as they are written, what differs, what came of each.
import { Chooser } from "./chooser.js";
import { Columns, PLACES } from "./columns.js";
import { Line } from "./line.js";
import { StoryMap } from "./map.js";
import { measure } from "./measure.js";
import { page } from "./page.js";
import { get, number, one, post, rows, setHidden, setText } from "./tools.js";
import { title, where } from "./where.js";

const actions = {
  first: (beside) => beside.columns.turn(0),
  second: (beside) => beside.columns.turn(1),
  blind: (beside) => beside.blind(),
  other: () => page.compare(where.now.story),
  close: (beside) => beside.chooser.close(),
};

// To a page that says nothing of which is which, where its reader has not gone elsewhere meanwhile; else why there is none.
async function blindly(first, second, wanted, refuse) {
  const pair = await post("stories/blind", { first, second });
  if (!wanted()) return;
  if (pair.refused) refuse(pair.refused);
  else where.load({ blind: pair.name });
}

// One of the two, as it is followed; `drawn()` is called when there is more of it, `rested()` when no more comes.
class Version {
  constructor(id, paper, { drawn, rested, gone }) {
    Object.assign(this, { id, paper, drawn, rested, gone });
    this.update = { cuts: 0 };
    this.shown = 0;
  }
  follow() {
    if (this.line && !this.line.closed) return;
    this.line = new Line(this.id, {
      from: () => `${this.shown}.${this.update.cuts}`,
      heard: (update) => this.hear(update),
      gone: (gone) => this.gone(gone.refused),
      lost: () => {},
    });
  }
  leave() { this.line?.close(); }
  hear(update) {
    const { shown } = this, takenBack = (update.cuts ?? this.update.cuts) !== this.update.cuts;
    this.paper.grows = update.rests === false || this.update.rests === false;
    this.shown = this.paper.hear(update.t || "", update.off ?? shown, shown, takenBack);
    this.update = { ...this.update, ...update };
    if (update.rests) {
      this.leave();
      this.rested();
    }
    this.drawn();
  }
}

const ask = ([first, second]) => get(`stories/beside?${new URLSearchParams({ first, second })}`);

class Beside {
  constructor(element) {
    Object.assign(this, { element, two: one(element, ".two"), ids: [], versions: [], said: [], asked: 0 });
    this.chooser = new Chooser(one(element, "dialog"), blindly);
    this.columns = new Columns(this.two, ["Version 1", "Version 2"]);
    this.maps = PLACES.map((_, i) => {
      this.of(i, "map").setAttribute("aria-label", `Where version ${i + 1} repeats itself`);
      return new StoryMap(this.of(i, "map"), (spot) => this.columns.to(i, spot));
    });
    page.compare = (id) => this.chooser.open(id);
    element.addEventListener("click", (event) => this.clicked(event));
    for (const moves of ["wheel", "touchmove", "keydown", "pointerdown"]) addEventListener(moves, () => { this.wanted = 0; }, { passive: true });
    where.watch((now) => this.arrive(now));
    this.arrive(where.now);
  }
  part(name) { return one(this.element, `.${name}`); }
  of(i, part) { return this.columns.of(i, part); }
  clicked(event) {
    const action = event.target.closest("[data-do]")?.dataset.do, read = event.target.closest(".read");
    if (action) return actions[action](this);
    if (!read || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    where.go({ story: new URLSearchParams(read.search).get("story") });
  }

  // --- which two -------------------------------------------------------------------------------------------------------

  arrive(now) {
    const ids = [now.story, now.beside], same = ids.every((id, i) => id === this.ids[i]);
    if (!now.beside) for (const version of this.versions) version.leave();
    else if (!same || !this.versions.length) this.open(ids);
    else this.back();
  }
  back() {
    this.titled();
    for (const version of this.versions) version.follow(); // either may have been gone on with from elsewhere
  }
  async open(ids) {
    for (const version of this.versions) version.leave();
    Object.assign(this, { ids, versions: [], said: [], wanted: where.remembered.y }); // to be scrolled to once there is that much
    this.columns.clear();
    this.two.classList.remove("told", "live");
    this.notice("");
    setText(this.part("kind"), "");
    setText(this.part("asked"), "Two stories");
    if (!await this.tell() || !where.now.beside) return; // whoever has left them asks anew on coming back
    this.versions = ids.map((id, i) => new Version(id, this.columns.papers[i], {
      drawn: () => this.draw(i),
      rested: () => this.rest(i),
      gone: (sentence) => this.notice(sentence),
    }));
    for (const version of this.versions) version.follow();
  }

  // --- what is said of them --------------------------------------------------------------------------------------------

  // Whether the server has anything to say of the two as they are now.
  async tell() {
    const asked = ++this.asked, contrast = await ask(this.ids);
    if (asked !== this.asked) return false; // it was asked again meanwhile, of these or of two others
    this.notice(contrast.refused);
    if (!contrast.refused) this.show(contrast);
    return !contrast.refused;
  }
  show(contrast) {
    const kind = contrast.kind || "A text";
    setText(this.part("kind"), contrast.premise && `Two versions of ${kind[0].toLowerCase()}${kind.slice(1)}`);
    setText(this.part("asked"), contrast.premise || "Two stories");
    [contrast.first, contrast.second].forEach((compared, i) => this.compare(i, compared));
    this.columns.begin(contrast.common, contrast.begins);
    this.two.classList.add("told");
    this.titled();
  }
  compare(i, compared) {
    setText(this.of(i, "label"), compared.label);
    setText(this.of(i, "premise"), compared.premise);
    setHidden(this.of(i, "premise"), !compared.premise);
    rows(this.of(i, "facts"), compared.figures);
    this.maps[i].draw(compared.map);
    setHidden(this.of(i, "map"), compared.map.length < 2);
    this.of(i, "read").href = `?story=${encodeURIComponent(this.ids[i])}`;
    this.of(i, "read").hidden = false;
    this.said[i] = { band: compared.band, measured: compared.map.length > 0 };
    if (this.versions[i]?.update.state) this.draw(i);
  }
  blind() {
    const { ids } = this;
    blindly(...ids, () => where.now.beside && this.ids === ids, (why) => this.notice(why));
  }
  notice(sentence) {
    setText(this.part("notice"), sentence);
    setHidden(this.part("notice"), !sentence);
  }
  titled() {
    const asked = this.part("asked").textContent;
    if (where.now.beside && this.versions) title(`${asked === "Two stories" ? asked : `Two versions · ${asked}`}`);
  }

  // --- as they are written ---------------------------------------------------------------------------------------------

  draw(i) {
    const { paper, update } = this.versions[i], ended = update.rests && update.state === "finished" ? "" : ` · ${update.stage}`;
    if (!update.rests) this.grows(i);
    this.columns.settle();
    setText(one(this.two, `.${PLACES[i]} h2`), paper.title || (update.rests ? "No title" : ""));
    setText(this.of(i, "count"), `${number(update.words)} of ${number(update.asked)} words${ended}`);
    measure(this.of(i, "line"), update.words, update.asked, this.said[i].band);
    if (this.wanted && this.versions.every((version) => version.update.state)) this.restore();
  }
  // What comes later has its room from now on, and is asked for once it is there.
  grows(i) {
    this.two.classList.add("live");
    this.said[i].measured = false;
    setHidden(this.of(i, "ends"), true);
  }
  // Where one was in an address that is come back to; whoever has moved since is where they want to be.
  restore() {
    scrollTo({ top: this.wanted, behavior: "instant" });
    this.wanted = 0;
  }
  rest(i) {
    this.columns.end(i);
    if (!this.said[i].measured) this.tell();
  }
}

export function beside(element) {
  new Beside(element);
}
