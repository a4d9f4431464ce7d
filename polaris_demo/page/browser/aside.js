// Passages that stand folded in a story: what came after its last sound place, for whoever had read on.
(() => {
  "use strict";
  const { Paper } = polaris, { make } = polaris.tools, COVERED = 60; // pixels of the window that the line above the story may cover

  const blocksOf = (paper) => [...paper.article.children].filter((child) => child.matches("p"));
  const blockAt = (paper, index) => paper.starts.findLastIndex((start) => start <= index);
  const units = (text, characters) => [...text].slice(0, characters).join("").length; // the page counts in UTF-16, the server in characters

  // Where a character of a paper stands in the window; null where it stands nowhere.
  function topOf(paper, index) {
    const number = blockAt(paper, index), block = blocksOf(paper)[number];
    if (!block || index >= paper.text.length) return null;
    const texts = document.createTreeWalker(block, NodeFilter.SHOW_TEXT), range = document.createRange();
    let left = index - paper.starts[number];
    while (texts.nextNode()) {
      const node = texts.currentNode;
      if (left < node.length) {
        range.setStart(node, left);
        range.setEnd(node, left + 1);
        return range.getClientRects()[0]?.top ?? block.getBoundingClientRect().top;
      }
      left -= node.length;
    }
    return null;
  }

  class Asides {
    constructor(paper) {
      this.paper = paper;
      this.clear();
    }
    clear() { this.shown = []; } // each with where it stands in the text, its element, and a paper of its own
    // Shows these and no others. One whose text the reader had already, up to `seen` characters, is open.
    show(asides, seen) {
      const before = this.shown;
      this.shown = asides.map((aside, number) => {
        const same = before[number];
        return same?.paper.text === aside.text && same.element.isConnected ? same : this.fold(aside, seen > aside.at);
      });
      for (const one of before) if (!this.shown.includes(one)) one.element.remove();
    }
    fold(aside, open) {
      const element = make("aside", "", "aside"), details = make("details"), paper = new Paper(make("div"));
      paper.append(aside.text);
      paper.finish();
      details.open = open;
      details.append(make("summary", `Read what came after: ${aside.words.toLocaleString("en")} ${aside.words === 1 ? "word" : "words"}`), paper.article);
      element.append(make("p", "From here the story went round in circles, so it was closed here.", "aside-mark"), details);
      const at = units(this.paper.text, aside.at);
      this.stand(element, blocksOf(this.paper)[blockAt(this.paper, Math.max(0, at - 1))]);
      return { at, element, paper };
    }
    // After its block, and after the asides that stand there already.
    stand(element, block) {
      if (!block) return this.paper.article.prepend(element);
      while (block.nextElementSibling?.matches("aside")) block = block.nextElementSibling;
      block.after(element);
    }

    // --- the reader's place ------------------------------------------------------------------------------------------

    // The first character in view, which is about to stay where it is; of the story, where what comes after it is about to be folded.
    place(asides) {
      const folds = (asides?.length ?? 0) > this.shown.length, at = folds ? units(this.paper.text, asides.at(-1).at) : Infinity;
      const places = [{ at: 0, paper: this.paper }, ...this.shown].map((one) => this.inView(one, at)).filter(Boolean);
      return places.sort((a, b) => a.top - b.top)[0];
    }
    inView(one, at) {
      const { paper } = one, number = blocksOf(paper).findIndex((block) => block.getBoundingClientRect().bottom > COVERED);
      if (number < 0) return null;
      const start = paper.starts[number], end = paper.starts[number + 1] ?? paper.text.length;
      const folded = paper === this.paper && start < at && at < end ? at + /^\s*/.exec(paper.text.slice(at))[0].length : start;
      const index = folded < end ? folded : start, top = topOf(paper, index);
      return top === null ? null : { paper, index: one.at + index, top };
    }
    // That character where it stood, whether it is in the story or in an aside now.
    keep(place) {
      if (!place) return;
      const holds = (one) => one.element.querySelector("details").open && one.at <= place.index;
      const inside = this.shown.find((one) => one.paper === place.paper) ?? (place.index < this.paper.text.length ? null : this.shown.findLast(holds));
      const top = inside ? topOf(inside.paper, place.index - inside.at) : topOf(this.paper, place.index);
      if (top !== null && Math.abs(top - place.top) > 1) window.scrollBy({ top: top - place.top, behavior: "instant" });
    }
  }

  Object.assign(polaris, { Asides });
})();
