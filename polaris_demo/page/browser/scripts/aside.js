// Passages that stand folded in a story: what came after its last sound place, for whoever had read on or wants to.
import { Paper } from "./paper.js";
import { make } from "./tools.js";

export class Asides {
  constructor(paper) {
    this.paper = paper;
    this.drawn = [];
  }
  // Those that the story has now. One that takes in what a reader had on the page, up to character `shown`, opens by itself.
  show(asides, shown) {
    const before = this.drawn;
    this.drawn = asides.map((aside) => before.find(({ at, text }) => at === aside.at && text === aside.text) ?? this.draw(aside, shown > aside.at));
    for (const old of before) if (!this.drawn.includes(old)) old.element.remove();
    this.settle();
  }
  clear() { this.show([], 0); }
  // Each stands after the block it follows, also where that was drawn anew.
  settle() {
    for (const drawn of this.drawn) {
      const before = this.paper.blocks.findLast((block) => block.start < drawn.offset)?.node;
      if (!before) this.paper.article.prepend(drawn.element);
      else if (before.nextSibling !== drawn.element) before.after(drawn.element);
    }
  }
  draw(aside, open) {
    const element = make("div", "", "left-out"), folded = make("details"), paper = new Paper(make("div"));
    folded.append(make("summary", `Read what came after: ${aside.words.toLocaleString("en")} ${aside.words === 1 ? "word" : "words"}`), paper.article);
    folded.open = open;
    element.append(make("p", "From here the story went round in circles."), folded);
    paper.append(aside.text);
    paper.finish();
    return { at: aside.at, text: aside.text, element, paper, folded, offset: [...this.paper.text].slice(0, aside.at).join("").length };
  }
  // Runs `change`, after which the first paragraph that begins in the window begins at the same height: text moves into an aside and out of it.
  keeping(change) {
    const top = (block) => block.node.getBoundingClientRect().top;
    const blocks = this.blocks(), seen = blocks.find((block) => top(block) >= 0) ?? blocks.at(-1), was = seen && top(seen);
    change();
    const back = () => {
      const there = seen && this.blocks().findLast((block) => block.from <= seen.from);
      if (there) scrollBy({ top: top(there) - was, behavior: "instant" });
    };
    back();
    const y = scrollY, again = () => { if (scrollY === y) back(); }; // not where its reader has scrolled since
    requestAnimationFrame(() => requestAnimationFrame(again)); // paragraphs above may turn out taller once they are drawn
  }
  // All that can be read, by where in the whole text it begins.
  blocks() {
    const inside = this.drawn.filter(({ folded }) => folded.open).flatMap(({ offset, paper }) => paper.blocks.map(({ node, start }) => ({ node, from: offset + start })));
    const own = this.paper.blocks.map(({ node, start }) => ({ node, from: start }));
    return [...own, ...inside].sort((a, b) => a.from - b.from);
  }
}
