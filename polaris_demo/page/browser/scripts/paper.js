// A text that grows, as blocks of text nodes: nothing a model wrote is ever markup. What story/markup.py reads, read as it comes.
import { pieces } from "./inline.js";
import { make } from "./tools.js";
import { marks as known } from "./wire.js";

const { alone, by_threes, blank, most_fenced } = known;

const set = (characters) => [...characters].map((c) => `\\u{${c.codePointAt(0).toString(16)}}`).join("");
const BLANK = set(blank), pattern = (...source) => new RegExp(String.raw(...source), "us");
const BLANKS = new RegExp(`[${BLANK}]+`, "gu"), BLANK_ENDS = new RegExp(`[${BLANK}]+(?=\n|$)`, "gu");
const BLANK_START = pattern`^[${BLANK}]+`;
const OPEN = pattern`^[${BLANK}${set(`${alone}${by_threes}\\\``)}]*$`; // it may still become more than a paragraph's
const HEADING = pattern`^( {0,3}(#{1,6})[ \t][${BLANK}]*)(.*?)((?:[${BLANK}]+#+)?[${BLANK}]*)$`, HEADING_BEGUN = pattern`^( {0,3}#{1,6}[ \t][${BLANK}]*)(?=[^#${BLANK}])`;
const FENCE = /^( {0,3})(`{3,})([^`]*)$/, BOLD = pattern`^([${BLANK}]*)(\*\*|__)(?!\s)(.+?)(?<![\s\\])\2([${BLANK}]*)$`;
const LONG = 1000; // characters after which a line is shown, whatever it may become

const isBlank = (line) => !line.replace(BLANKS, "");
function isBreak(line) {
  const marks = [...line.replace(BLANKS, "").replace(/\\(?=[!-/:-@[-`{-~])/g, "")];
  if (!marks.length || marks.some((mark) => mark !== marks[0])) return false;
  return (alone.includes(marks[0]) && marks.length === 1) || ((alone + by_threes).includes(marks[0]) && marks.length >= 3);
}
function heading(line) {
  const [, before, , text, after] = HEADING.exec(line) ?? [];
  return text && !isBlank(text.replaceAll("#", "")) ? [before, text, after] : null;
}
function boldTitle(line) {
  const [, before, marks, text, after] = BOLD.exec(line) ?? [];
  return text && !text.includes(marks) ? [before + marks, text, marks + after] : null;
}

// A text's parts as nodes; its marks are set apart by style, their characters stay.
function drawn(text) {
  const top = document.createDocumentFragment(), open = [top];
  for (const { text: part, tag, begins, hidden } of pieces(text)) {
    if (tag && begins) open.push(open.at(-1).appendChild(make(tag)));
    open.at(-1).append(hidden ? make("span", part, "marks") : part);
    if (tag && !begins) open.pop();
  }
  return top;
}

function unmarked(node) {
  const copy = node.cloneNode(true);
  for (const marks of copy.querySelectorAll(".marks")) marks.remove();
  const text = node.tagName === "PRE" ? copy.textContent : copy.textContent.replace(BLANK_ENDS, "");
  return node.className === "break" ? text.replace(BLANK_START, "") : text;
}

// Only the block being written is ever touched; where a fence turns out to have been code, what stands since it.
export class Paper {
  // A title is a heading of this level, a part's the next.
  constructor(article, level = 1) {
    Object.assign(this, { article, level });
    this.clear();
  }
  clear() {
    this.text = "";
    this.blocks = []; // {node, start (in the text), number (of its first line), joins (the line before it is a paragraph's), paragraphs (up to it)}
    this.fences = []; // lines that may yet turn out to begin code: {start, number, ticks}
    this.lines = 0;
    this.article.replaceChildren();
    this.begin();
  }
  append(text) {
    if (this.finished) this.rewind(this.text.length); // it was over, and goes on
    for (const part of text.split(/(\r\n|\n|\r)/).filter(Boolean)) {
      this.text += part;
      if (part === "\n" && this.half) this.begin(this.paragraph); // the other half of a line's end that came in two
      else if (/^[\r\n]/.test(part)) this.endLine();
      else this.grow(part);
      this.half = part === "\r";
    }
  }
  // The title that the text gives itself.
  get title() { return this.blocks[0]?.node.classList.contains("title") ? this.blocks[0].node.textContent.replace(/^[#\s*_]+|[*_]+$/g, "") : ""; }
  // What is told of the text, of which `shown` characters are here: it goes in after `off` of them, what is here already is left out,
  // and where text was taken back what stands beyond `off` goes. How many there are then.
  hear(text, off, shown, takenBack) {
    const told = [...text], end = off + told.length, kept = takenBack ? off : Math.min(shown, end);
    if (kept < shown) this.cut(kept);
    this.append(told.slice(kept - off).join(""));
    return end;
  }
  // The text as it is read: its blocks without their marks, a blank line between them.
  plain() {
    return this.blocks.map(({ node }) => unmarked(node)).join("\n\n");
  }
  // Back to its first `length` characters (code points), where text was taken back. Blocks before stay as they are drawn.
  cut(length) {
    this.rewind([...this.text].slice(0, length).join("").length);
  }
  finish() {
    if (this.finished) return;
    if (this.line.text) this.settle();
    this.close();
    this.finished = true;
  }
  // Back to its first `length` code units, read anew from the last block that does not hang on the one before.
  rewind(length) {
    const kept = this.text.slice(0, length);
    let at = this.blocks.findLastIndex((block) => block.start < length);
    while (this.blocks[at]?.joins) at -= 1;
    const { start, number } = this.blocks[at] ?? { start: 0, number: 0 };
    for (const { node } of this.blocks.splice(Math.max(0, at))) node.remove();
    this.fences = this.fences.filter((fence) => fence.start < start);
    this.text = kept.slice(0, start);
    this.lines = number;
    this.begin();
    this.append(kept.slice(start));
  }

  // --- a line --------------------------------------------------------------------------------------------------------

  begin(paragraph = null) {
    this.line = { text: "", start: this.text.length, shown: null, block: null }; // the node that shows it, the block that begins with it
    this.paragraph = paragraph;
    this.finished = this.half = false;
  }
  grow(part) {
    const { line } = this;
    line.text += part;
    if (line.shown) line.shown.appendData(part);
    else if (line.text.length >= LONG || !OPEN.test(line.text)) this.show(line.text); // what it is shows in a moment
  }
  show(text) {
    const [, marks] = HEADING_BEGUN.exec(text) ?? [];
    if (marks) this.add("heading", make("span", marks, "marks"), text.slice(marks.length));
    else if (this.paragraph) this.paragraph.node.lastChild.appendData(`\n${text}`);
    else this.paragraph = this.add("paragraph", text);
    this.line.shown = this.blocks.at(-1).node.lastChild;
  }
  endLine() {
    this.settle();
    this.lines += 1;
    this.begin(this.paragraph);
  }
  // What the line is, now that all of it is there.
  settle() {
    const { text, start } = this.line, [, , ticks, info] = FENCE.exec(text) ?? [];
    const opening = ticks && isBlank(info) && this.fences.find((fence) => this.lines - fence.number <= most_fenced && fence.ticks <= ticks.length);
    if (opening) return this.code(opening);
    const first = !this.blocks.length || this.blocks[0] === this.line.block, parts = heading(text) ?? (first && boldTitle(text));
    if (isBlank(text)) this.instead();
    else if (isBreak(text)) this.instead("break", drawn(text));
    else if (parts) this.instead("heading", ...parts.map((part, i) => i === 1 ? drawn(part) : part && make("span", part, "marks")).filter(Boolean));
    else if (!this.line.shown) this.show(text);
    if (ticks) this.fences.push({ start, number: this.lines, ticks: ticks.length });
  }
  // The line is no paragraph's: what is shown of it goes, and a block of its own takes its place.
  instead(kind, ...content) {
    const { shown, block } = this.line;
    if (block) {
      this.blocks.pop().node.remove();
      if (block === this.paragraph) this.paragraph = null;
    } else if (shown) shown.deleteData(shown.length - this.line.text.length - 1, this.line.text.length + 1);
    if (kind) this.add(kind, ...content).joins ||= block?.joins ?? false;
    else this.close();
  }
  // From the line that began it up to this one.
  code({ start }) {
    const { text, lines, line } = this, [first, ...rest] = text.slice(start, line.start + line.text.length).split(/\r\n|\n|\r/), last = rest.pop();
    const indent = new RegExp(`^ {0,${first.search(/\S/)}}`);
    this.rewind(start);
    this.add("code", make("span", `${first}\n`, "marks"), rest.map((row) => row.replace(indent, "")).join("\n"), make("span", `\n${last}`, "marks"));
    this.text = text;
    this.lines = lines;
    this.begin();
  }

  // --- a block -------------------------------------------------------------------------------------------------------

  add(kind, ...content) {
    const joins = Boolean(this.paragraph), node = make(kind === "code" ? "pre" : "p");
    this.close();
    node.append(...content);
    if (this.grows) node.dataset.grew = ""; // its lines stay as they come
    if (kind === "heading") {
      const level = String(this.level + (this.blocks.length ? 1 : 0));
      node.setAttribute("role", "heading");
      node.setAttribute("aria-level", level);
      node.className = this.blocks.length ? "heading part" : "heading title";
    } else if (kind !== "paragraph") node.className = kind;
    const paragraphs = (this.blocks.at(-1)?.paragraphs ?? 0) + (kind === "heading" || kind === "break" ? 0 : 1);
    const block = this.line.block = { node: this.article.appendChild(node), start: this.line.start, number: this.lines, joins, paragraphs };
    this.blocks.push(block);
    return block;
  }
  close() {
    const node = this.paragraph?.node, text = node?.textContent;
    this.paragraph = null;
    if (/[*_`\\]/.test(text)) node.replaceChildren(drawn(text.replace(BLANK_ENDS, "")));
  }
}
