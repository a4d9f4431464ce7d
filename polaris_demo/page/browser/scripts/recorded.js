// A recorded story in the reading pane: its whole text at once, or again at the pace it was written in; and the same premise at
// other lengths, where it was recorded at several.
import { minutes } from "./head.js";
import { embedded } from "./page.js";
import { recordingsOf } from "./recordings.js";
import { keys } from "./store.js";
import { button, number, one, post, rows, setText } from "./tools.js";
import { title, where } from "./where.js";

const TICK = 0.1; // seconds
const NOT_OFFERED = ["stop", "continue", "link"];

export class Recorded {
  constructor(reader, name) {
    Object.assign(this, { reader, name });
    this.ladder = one(reader.element, ".ladder");
    this.open();
  }
  get seen() { return where.now.recorded === this.name; }
  part(name) { return one(this.reader.element, `.${name}`); }
  async open() {
    try {
      const recordings = await recordingsOf(this.name), recording = recordings.recordings.find((one) => one.name === this.name);
      if (this.stopped) return;
      if (!recording) return this.reader.gone("There is no recording of this name here.");
      const whole = await (await fetch(`recordings/${encodeURIComponent(this.name)}`)).json();
      if (this.stopped) return;
      this.characters = [...whole.text];
      this.pace = whole.pace;
      this.begin(recording, recordings.recordings);
    } catch {
      if (this.stopped) return;
      this.reader.notice("The recording cannot be loaded just now. Open it again in a moment.");
      this.reader.recorded = null; // which is then asked for
    }
  }
  begin(recording, rungs) {
    const { reader } = this, counted = `${number(recording.words)} of ${number(recording.asked)} words`;
    this.recording = recording;
    this.head = [recording.kind, recording.premise, embedded ? [recording.by, counted, this.minutes()].join(" · ") : recording.byline];
    for (const action of NOT_OFFERED) reader.head.offer(action, false);
    for (const own of reader.buttons("own")) own.hidden = false;
    rows(this.part("stamp"), [...recording.counts, ["Recorded", recording.line]]);
    this.part("record").href = `recordings/${encodeURIComponent(this.name)}/record.json`;
    this.climb(rungs);
    this.skip();
    this.titled();
  }
  minutes() { return `${minutes(this.recording.words)} min to read`; }
  // It is come back to.
  back() {
    this.titled();
    this.reader.place.back();
  }
  titled() { if (this.recording && this.seen) title(`${this.recording.title} · a story by ${this.recording.writer}`); }
  // The same premise at other lengths.
  climb(rungs) {
    const others = rungs.length > 1 ? rungs : [];
    this.ladder.hidden = false;
    one(this.ladder, ".rungs").replaceChildren(...others.map((rung) => {
      const made = button(number(rung.asked), "text", () => where.go({ recorded: rung.name }, true));
      if (rung === this.recording) made.setAttribute("aria-current", "true");
      return made;
    }));
    one(this.ladder, ".of").hidden = !others.length;
  }
  // For good, which its host alone may.
  remove() { return post(`recordings/${encodeURIComponent(this.name)}/delete`, { key: keys.host }); }
  // Another story takes its place.
  stop() {
    clearInterval(this.ticking);
    this.stopped = true;
  }

  // --- watched again ---------------------------------------------------------------------------------------------------

  // As it was written, from its first word; or, while it is watched, all the rest at once.
  watch() {
    if (this.ticking) return this.rest();
    this.play(true);
    scrollTo({ top: 0, behavior: "instant" });
    this.ticking = setInterval(() => this.tick(), TICK * 1000);
  }
  play(live) {
    const { reader, recording } = this;
    clearInterval(this.ticking);
    this.ticking = null;
    reader.update = { cuts: 0, rests: !live, words: recording.words };
    reader.setLive(live);
    reader.stage(live ? "writing" : "rests");
    setText(one(this.ladder, "[data-do=watch]"), live ? "Skip to the end" : "Watch it being written");
    if (!live) return reader.head.say(this.minutes(), `${number(recording.words)} words`);
    reader.wasLive = true;
    reader.clear();
    reader.part("after").hidden = true;
    this.seconds = this.shown = this.point = 0;
    this.say(0);
  }
  say(share) {
    const { recording } = this;
    this.reader.head.say("As it was written", `${number(Math.round(share * recording.words))} of ${number(recording.asked)} words`);
  }
  tick() {
    if (document.hidden || !this.seen) return;
    this.seconds += TICK;
    const { pace } = this;
    while (this.point < pace.length - 1 && pace[this.point][0] <= this.seconds) this.point += 1;
    const [until, characters] = pace[this.point], [since, before] = this.point ? pace[this.point - 1] : [0, 0];
    const share = until > since ? Math.min(1, (this.seconds - since) / (until - since)) : 1;
    this.show(Math.floor(before + share * (characters - before)));
  }
  skip() {
    this.shown = 0;
    this.reader.clear();
    this.rest();
  }
  rest() { this.show(this.characters.length); }
  show(characters) {
    if (characters <= this.shown) return;
    const { reader } = this, share = characters / this.characters.length, over = share === 1;
    if (over) this.play(false);
    else this.say(share);
    reader.grow(this.characters.slice(this.shown, characters).join(""), ...this.head, share, over);
    this.shown = characters;
  }
}
