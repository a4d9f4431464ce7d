// The line above a story, and the tab's title, which says the same first: what is happening, how far it is, what can be done.
import { number, setHidden, setText } from "./tools.js";
import { title, where } from "./where.js";
import { words_a_minute } from "./wire.js";

const ONE_LINE = 28; // characters that have room in one line beside what is happening

export const minutes = (words) => Math.max(1, Math.round(words / words_a_minute));

export class Head {
  constructor(reader) { this.reader = reader; }

  say(stage, far, left = "", lost = false) {
    setText(this.reader.part("stage"), stage);
    setText(this.reader.part("far"), far);
    this.left(left);
    this.lost = lost;
    this.reader.part("status").classList.toggle("lost", lost);
    this.reader.part("status").classList.toggle("long", far.length > ONE_LINE);
  }
  // How long it may take, beside the line or, where there is no room, with how far it is.
  left(text) {
    setText(this.reader.part("time"), text);
    setText(this.reader.part("also"), text && this.reader.part("far").textContent ? ` · ${text}` : text);
  }
  tell(update) {
    const { live, own } = this.reader, rests = update.rests && own;
    if (update.rests && !own && update.words) this.say(`${minutes(update.words)} min to read`, `${number(update.words)} words`);
    else this.say(update.stage, update.far, update.left);
    this.offer("stop", live && own);
    this.offer("continue", rests && update.resumable);
    this.offer("link", rests && update.words && !update.resumable);
    this.offer("own", !own);
    this.title(update);
  }
  // Nothing that cannot be done.
  offer(action, can) { for (const button of this.reader.all(`.status [data-do=${action}]`)) setHidden(button, !can); }
  // Of a story that cannot be told of now.
  connectionLost() { this.say("Connection lost.", "What was written is kept; this page reconnects by itself.", "", true); }
  gone(text) {
    this.say(text ? "Gone" : "Not here", "");
    for (const action of ["stop", "continue", "link"]) this.offer(action, false);
    this.offer("own", true);
    if (this.seen) title("Not here · POLARIS-9B");
  }
  // Whether the tab shows the story that this line is of, and it alone.
  get seen() {
    const { story, beside } = where.now, { id, recorded } = this.reader;
    return (story === id && !beside) || recorded?.seen;
  }
  title(update) { if (this.seen) title(this.titled(update)); }
  titled(update) {
    const { own, unseen } = this.reader, name = this.reader.name || update.premise;
    if (!update.rests) return update.words ? `${number(update.words)} of ${number(update.asked)} · ${name}` : `${update.stage} … · ${name}`;
    if (!own) return `${name} · a story by ${update.writer}`;
    return unseen ? `✦ ${update.stage} · ${name}` : name;
  }
}
