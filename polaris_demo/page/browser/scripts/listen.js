// Reads a story aloud with the browser's own voice, a paragraph at a time: marks it, goes on across chapters, and waits for more
// while the story is still being written.
import { one, setText } from "./tools.js";
import { where } from "./where.js";

const voice = () => Boolean(window.speechSynthesis?.getVoices().length);

export class Listen {
  constructor(reader) {
    this.reader = reader;
    this.number = -1;
    const offer = () => one(reader.element, ".pane").classList.toggle("voiceless", !voice());
    window.speechSynthesis?.addEventListener?.("voiceschanged", offer); // some browsers find their voices late
    offer();
    addEventListener("pagehide", () => this.stop());
    where.watch((now) => { if (now.beside || !(now.story || now.recorded)) this.stop(); });
  }
  get on() { return this.number >= 0; }
  get buttons() { return this.reader.buttons("listen"); }
  toggle() {
    if (this.on) return this.stop();
    if (!voice()) return;
    this.number = this.reader.place.at();
    this.say();
  }
  stop() {
    if (!this.on) return;
    this.mark(null);
    this.number = -1;
    this.said = null;
    speechSynthesis.cancel();
    this.label();
  }
  label() { for (const button of this.buttons) setText(button, this.on ? "Stop listening" : "Listen"); }
  // A paragraph that is still growing is read once it stands.
  get ready() {
    const { blocks } = this.reader.paper;
    return this.number < blocks.length - (this.reader.live ? 1 : 0);
  }
  grown() { if (this.on && this.waits) this.say(); }
  say() {
    this.label();
    this.waits = !this.ready;
    if (this.waits) { if (!this.reader.live) this.stop(); return; }
    const { node } = this.reader.paper.blocks[this.number], copy = node.cloneNode(true);
    for (const marks of copy.querySelectorAll(".marks")) marks.remove();
    if (node.classList.contains("break")) return this.next(); // a pause has no words
    const said = this.said = new SpeechSynthesisUtterance(copy.textContent);
    said.onend = () => { if (this.said === said) this.next(); };
    said.onerror = () => { if (this.said === said) this.stop(); };
    this.mark(node);
    speechSynthesis.speak(said);
  }
  next() {
    this.number += 1;
    this.say();
  }
  // The page goes along with the voice while its reader does: who has gone elsewhere stays there.
  mark(node) {
    const { place } = this.reader, seen = (one) => one.getBoundingClientRect().top < innerHeight && one.getBoundingClientRect().bottom > 72;
    const along = place.shown && (!this.marked || seen(this.marked));
    this.marked?.classList.remove("read");
    this.marked = node;
    node?.classList.add("read");
    if (node && along && (node.getBoundingClientRect().bottom > innerHeight || node.getBoundingClientRect().top < 72)) place.to(this.number);
  }
}
