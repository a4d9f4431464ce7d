// Reads a story aloud with the browser's own voice, a paragraph at a time: marks it, goes on across chapters, and waits for more
// while the story is still being written.
import { setText } from "./tools.js";

export class Listen {
  constructor(reader) {
    this.reader = reader;
    this.number = -1;
    addEventListener("pagehide", () => this.stop());
  }
  get on() { return this.number >= 0; }
  get buttons() { return this.reader.buttons("listen"); }
  toggle() {
    if (this.on) return this.stop();
    if (!window.speechSynthesis) return;
    this.number = this.reader.place.at();
    this.say();
  }
  stop() {
    if (!this.on) return;
    this.mark(null);
    this.number = -1;
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
    const said = new SpeechSynthesisUtterance(copy.textContent), number = this.number;
    const language = this.reader.element.querySelector(".story").lang;
    if (language) said.lang = language;
    said.onend = said.onerror = () => {
      if (this.number !== number) return;
      this.number += 1;
      this.say();
    };
    this.mark(node);
    speechSynthesis.speak(said);
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
