// Writes a story on from one of its paragraphs, or anew: which one is chosen here, with what settings, and how often at once.
import { asks } from "./asked.js";
import { embedded, page } from "./page.js";
import { keys } from "./store.js";
import { all, number, one, setHidden, setText } from "./tools.js";
import { where } from "./where.js";
import { events } from "./wire.js";

const SHOWN = 220; // characters of the last paragraph that is kept

export class Branch {
  constructor(reader) {
    Object.assign(this, { reader, dialog: reader.part("branch"), spot: reader.part("spot"), paragraph: 0, pointed: 0 });
    this.form = one(this.dialog, "form");
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.write(); });
    reader.part("sheet").addEventListener("pointerover", (event) => { if (event.pointerType === "mouse") this.point(event.target); });
    page.status.hear((status) => { this.atOnce = status.at_once; });
    where.watch(() => this.close()); // also where its story is not drawn the rest of the page is inert
  }
  get possible() { return Boolean(this.reader.id && !this.reader.recorded && !embedded); }
  // The paragraphs of the story: where a heading or a break stands, those before it.
  get most() { return this.reader.paper.blocks.at(-1)?.paragraphs ?? 0; }

  // --- which paragraph -------------------------------------------------------------------------------------------------

  // The button beside the paragraph under the mouse.
  point(target) {
    const block = this.possible && this.reader.paper.blocks.find(({ node }) => node.contains(target) && node.className === "");
    if (!block) return;
    this.pointed = block.paragraphs;
    this.spot.style.top = `${block.node.offsetTop}px`;
    setHidden(this.spot, false);
  }
  // What is selected, or else being read.
  read() {
    const selected = getSelection(), { blocks } = this.reader.paper, node = selected.rangeCount && !selected.isCollapsed && selected.focusNode;
    const block = (node && blocks.find((one) => one.node.contains(node))) || blocks[Math.max(0, this.reader.place.at())];
    return block?.paragraphs ?? 0;
  }
  begin() {
    setHidden(this.spot, true);
    this.close();
    this.offer();
  }
  // As soon as there is something to keep, of which there may be more while it is chosen from.
  offer() {
    for (const button of this.reader.buttons("branch")) setHidden(button, !(this.possible && this.most));
    if (this.dialog.open) this.choose(this.paragraph);
  }

  // --- the dialog ------------------------------------------------------------------------------------------------------

  open(paragraph = this.read()) {
    if (!this.possible) return;
    const { update } = this.reader, values = { ...update.sampling, seed: "", times: 1 };
    for (const input of all(this.form, "[name]")) input.value = values[input.name];
    setHidden(one(this.form, ".times"), !(this.atOnce > 1));
    for (const option of all(this.form, ".times option")) option.hidden = option.disabled = Number(option.value) > this.atOnce;
    this.refuse("");
    this.choose(paragraph);
    this.dialog.showModal();
  }
  close() { if (this.dialog.open) this.dialog.close(); }
  get waits() { return this.dialog.open && this.form.hasAttribute("inert"); }
  step(by) { this.choose(this.paragraph + by); }
  choose(paragraph) {
    this.paragraph = Math.min(Math.max(paragraph, 0), this.most);
    const kept = this.reader.paper.blocks.find((block) => block.paragraphs === this.paragraph);
    setText(one(this.form, "h2"), kept && this.paragraph ? "Write on from here" : "Another version");
    setText(one(this.form, ".kept"), this.paragraph ? `Kept: everything up to paragraph ${number(this.paragraph)} of ${number(this.most)}, which ends` : "Nothing of this story is kept: it is asked for once more, from its beginning.");
    setText(one(this.form, ".last"), this.paragraph ? ending(kept.node) : "");
    this.can("earlier", this.paragraph > 0);
    this.can("later", this.paragraph < this.most);
  }
  can(action, possible) {
    const step = one(this.form, `[data-do=${action}]`);
    step.disabled = !possible;
  }
  // A refusal is said where it was asked for.
  refuse(sentence) {
    setText(one(this.form, ".refusal"), sentence);
    setHidden(one(this.form, ".refusal"), !sentence);
    this.form.toggleAttribute("inert", false);
  }

  // --- writing ---------------------------------------------------------------------------------------------------------

  // Only what was changed: the server knows the rest, and draws another seed where none is given.
  changed() {
    const { update } = this.reader, given = all(this.form, "[name]").filter(({ name, value }) => name !== "times" && value !== "");
    return Object.fromEntries(given.filter(({ name, value }) => name === "seed" || Number(value) !== update.sampling[name]).map(({ name, value }) => [name, Number(value)]));
  }
  write() {
    const asked = this.ask(this.paragraph, this.changed(), Number(one(this.form, "[name=times]").value));
    this.form.toggleAttribute("inert", asked);
  }
  ask(paragraph, settings = {}, times = 1) {
    if (!this.possible || !asks()) return false;
    this.reader.trigger(events.write_on, { id: this.reader.id, paragraph, settings, times });
    return true;
  }
  // Others that were begun with the one that opens.
  also(pairs) {
    for (const [id, key] of pairs) keys.keep(id, key);
    if (pairs.length) page.refreshShelf?.();
  }
}

// The end of a paragraph, as it is read.
function ending(node) {
  const copy = node.cloneNode(true);
  for (const marks of all(copy, ".marks")) marks.remove();
  const text = copy.textContent.trim();
  return text.length <= SHOWN ? text : `… ${text.slice(-SHOWN).replace(/^\S*\s/, "")}`;
}
