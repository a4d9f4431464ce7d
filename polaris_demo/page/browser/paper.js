// A text that grows, as paragraphs of text nodes: nothing a model wrote is ever markup.
(() => {
  "use strict";
  const { make } = polaris.tools;

  // Turns a growing text into paragraphs. Only the block being written is ever touched.
  class Paper {
    constructor(article) {
      this.article = article;
      this.clear();
    }
    clear() {
      this.article.replaceChildren();
      this.text = "";
      this.block = null;
      this.starts = []; // where in the text each block begins
      this.breaks = 0;
    }
    append(text) {
      for (const part of text.split(/(\n)/)) {
        if (part === "\n") this.breaks += 1;
        else if (part) this.add(part);
        this.text += part;
      }
    }
    // Back to its first `length` characters (code points), where text was taken back. Blocks before stay as they are drawn.
    cut(length) {
      const kept = [...this.text].slice(0, length).join("");
      let start = kept.length;
      while (this.block && this.text.length > kept.length) {
        start = this.starts.pop();
        this.block.remove();
        this.block = [...this.article.children].findLast((child) => child.matches("p")) ?? null;
        this.text = this.text.slice(0, start);
      }
      this.breaks = /\n*$/.exec(this.text)[0].length;
      this.append(kept.slice(start));
    }
    add(text) {
      const heading = this.block?.classList.contains("heading");
      if (!this.block || this.breaks > 1 || (this.breaks && heading)) {
        if (this.block) this.dress(true);
        this.block = this.article.appendChild(make("p"));
        this.starts.push(this.text.length);
        this.block.appendChild(document.createTextNode(""));
      } else if (this.breaks) {
        this.block.lastChild.appendData("\n");
      }
      this.breaks = 0;
      this.block.lastChild.appendData(text);
      if (this.block.firstChild.length < 200 || this.block.classList.contains("break")) this.dress(false);
    }
    // Marks of headings, breaks and emphasis are set apart by style; their characters stay as they are.
    dress(done) {
      const text = this.block.textContent;
      const marks = /^#{1,3} +/.exec(text);
      if (marks && this.block.childNodes.length === 1) {
        const rest = this.block.firstChild.splitText(marks[0].length);
        this.block.insertBefore(make("span", this.block.firstChild.data, "marks"), rest);
        this.block.firstChild.remove();
        this.block.className = this.block.previousSibling ? "heading part" : "heading title";
        this.block.setAttribute("role", "heading");
        this.block.setAttribute("aria-level", this.block.previousSibling ? "3" : "2");
      }
      this.block.classList.toggle("break", /^(\*\s*\*\s*\*|-{3,}|—|⁂)\s*$/.test(text));
      if (done && this.block.childNodes.length === 1 && /[*_]/.test(text)) this.emphasise(text);
    }
    emphasise(text) {
      const pieces = text.split(/(\*\*[^\s*](?:[^*\n]*[^\s*])?\*\*|\*[^\s*](?:[^*\n]*[^\s*])?\*|(?<!\w)_[^\s_](?:[^_\n]*[^\s_])?_(?!\w))/);
      if (pieces.length < 3) return;
      const nodes = pieces.map((piece, i) => {
        if (i % 2 === 0) return piece;
        const marks = piece.startsWith("**") ? piece.slice(0, 2) : piece[0];
        const node = make(marks === "**" ? "strong" : "em");
        node.append(make("span", marks, "marks"), piece.slice(marks.length, -marks.length), make("span", marks, "marks"));
        return node;
      });
      this.block.replaceChildren(...nodes.filter(Boolean));
    }
    finish() {
      if (this.block) this.dress(true);
    }
  }

  Object.assign(polaris, { Paper });
})();
