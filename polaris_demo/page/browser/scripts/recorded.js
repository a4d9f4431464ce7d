// A recorded story in the reading pane: its whole text at once, or again at the pace it was written in; and the same premise at
// other lengths, where it was recorded at several.
import { minutes } from "./head.js";
import { button, number, one, rows } from "./tools.js";
import { recorded } from "./taste.js";
import { title, where } from "./where.js";

const TICK = 0.1; // seconds

export class Recorded {
  constructor(reader, name) {
    Object.assign(this, { reader, name });
    this.open();
  }
  stop() {
    clearInterval(this.ticking);
    this.stopped = true;
  }
  async open() {
    const { reader } = this, recordings = await recorded();
    const recording = recordings.recordings.find((one) => one.name === this.name);
    if (this.stopped) return;
    if (!recording) return reader.gone("There is no recording of this name here.");
    try {
      const whole = await (await fetch(`recordings/${encodeURIComponent(recording.name)}`)).json();
      if (this.stopped) return;
      this.characters = [...whole.text];
      this.pace = whole.pace;
      this.begin(recording, recordings.recordings.filter((one) => one.premise === recording.premise));
    } catch {
      if (!this.stopped) reader.notice("The recording cannot be loaded just now. Open it again in a moment.");
    }
  }
  begin(recording, rungs) {
    const { reader } = this;
    this.head = [`${recording.kind} ${recording.premise}`.trim(), recording.byline];
    reader.update = { cuts: 0, rests: true, words: recording.words };
    reader.stage("rests");
    reader.head.say(`${minutes(recording.words)} min to read`, `${number(recording.words)} words`);
    for (const own of reader.buttons("own")) own.hidden = false;
    rows(reader.part("stamp"), [...recording.counts, ["Recorded", recording.line]]);
    this.ladder(recording, rungs);
    this.skip();
    if (where.now.recorded === this.name) title(`${recording.title} · a story by POLARIS-9B`);
  }
  // The same premise at other lengths.
  ladder(recording, rungs) {
    const ladder = one(this.reader.element, ".ladder"), others = rungs.length > 1 ? rungs : [];
    ladder.hidden = false;
    one(ladder, ".rungs").replaceChildren(...others.map((rung) => {
      const made = button(number(rung.asked), "text", () => where.go({ recorded: rung.name }, true));
      if (rung === recording) made.setAttribute("aria-current", "true");
      return made;
    }));
    one(ladder, ".of").hidden = !others.length;
  }

  // --- watched again ---------------------------------------------------------------------------------------------------

  watch() {
    this.restart();
    this.ticking = setInterval(() => this.tick(), TICK * 1000);
  }
  restart() {
    clearInterval(this.ticking);
    this.reader.clear();
    this.seconds = this.shown = this.point = 0;
  }
  tick() {
    if (document.hidden || where.now.recorded !== this.name) return;
    this.seconds += TICK;
    const { pace } = this;
    while (this.point < pace.length - 1 && pace[this.point][0] <= this.seconds) this.point += 1;
    const [until, characters] = pace[this.point], [since, before] = this.point ? pace[this.point - 1] : [0, 0];
    const share = until > since ? Math.min(1, (this.seconds - since) / (until - since)) : 1;
    this.show(Math.floor(before + share * (characters - before)));
  }
  skip() {
    this.restart();
    this.show(this.characters.length);
  }
  show(characters) {
    if (characters <= this.shown) return;
    const { reader } = this, over = characters >= this.characters.length;
    reader.grow(this.characters.slice(this.shown, characters).join(""), ...this.head, characters / this.characters.length, over);
    this.shown = characters;
    if (over) clearInterval(this.ticking);
  }
}
