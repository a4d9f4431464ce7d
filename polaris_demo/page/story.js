// The page's own behaviour: shows what the server sends as text nodes, never as markup.
// Each part gets its element, the component's props, watch(name, callback) and trigger(event, data).
(() => {
  "use strict";

  const one = (element, selector) => element.querySelector(selector);
  const setText = (node, text) => { if (node.textContent !== text) node.textContent = text; };
  const make = (tag, text, className) => {
    const node = document.createElement(tag);
    if (text) node.textContent = text;
    if (className) node.className = className;
    return node;
  };

  function header(element, props, watch) {
    const show = () => {
      const status = props.value;
      if (!status) return;
      setText(one(element, ".badge"), status.badge);
      one(element, ".badge").classList.toggle("preview", status.preview);
      const why = one(element, ".why");
      why.hidden = !(status.preview && status.why);
      setText(why, status.preview ? `The stories here are not POLARIS-9B's. ${status.why}` : "");
    };
    watch("value", show);
    show();
  }

  function chips(element, props, watch, trigger) {
    element.addEventListener("click", (event) => {
      const chip = event.target.closest(".chip");
      if (chip) trigger("click", { index: Number(chip.dataset.index) });
    });
  }

  function note(element, props, watch) {
    const show = () => {
      const findings = props.value || [];
      one(element, ".notes").replaceChildren(...findings.map((f) => make("p", f.message, `note ${f.level}`)));
    };
    watch("value", show);
    show();
  }

  function prompt(element, props, watch) {
    watch("value", () => {
      setText(one(element, ".prompt"), props.value?.prompt || "");
      setText(one(element, ".about"), props.value?.about || "");
    });
  }

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
      this.breaks = 0;
    }
    append(text) {
      this.text += text;
      for (const part of text.split(/(\n)/)) {
        if (part === "\n") this.breaks += 1;
        else if (part) this.add(part);
      }
    }
    add(text) {
      const heading = this.block?.classList.contains("heading");
      if (!this.block || this.breaks > 1 || (this.breaks && heading)) {
        this.block = this.article.appendChild(make("p"));
        this.block.appendChild(document.createTextNode(""));
      } else if (this.breaks) {
        this.block.lastChild.appendData("\n");
      }
      this.breaks = 0;
      this.block.lastChild.appendData(text);
      if (this.block.firstChild.length < 200 || this.block.classList.contains("break")) this.dress();
    }
    // A heading's marks and a line of stars are set apart by style; their characters stay as they are.
    dress() {
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
    }
  }

  function save(name, text) {
    const link = make("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  // The stories this browser began: id -> key. Without storage (an embedded frame may have none) the page still works.
  const keys = {
    mine: {},
    stored() {
      try { return JSON.parse(localStorage.getItem("polaris-keys")) || {}; } catch { return {}; }
    },
    get(id) { return this.mine[id] || this.stored()[id]; },
    keep(id, key) {
      this.mine[id] = key;
      try { localStorage.setItem("polaris-keys", JSON.stringify({ ...this.stored(), [id]: key })); } catch { /* no storage */ }
    },
  };

  // The page's address names the story, so that a reload or a link finds it again.
  function address(id) {
    const query = new URLSearchParams(location.search);
    query.set("story", id);
    history.replaceState(null, "", `?${query}`);
    if (window.parent !== window) window.parent.postMessage({ queryString: query.toString() }, "https://huggingface.co");
  }

  function pane(element, props, watch, trigger) {
    const part = (name) => one(element, `.${name}`);
    const paper = new Paper(part("story"));
    let id = null, shown = 0, turn = null, files = null, spokenWords = "";

    const begin = (newId) => {
      address(newId);
      id = newId; shown = 0; turn = null; files = null;
      paper.clear();
      part("empty").hidden = true;
      part("after").hidden = true;
      part("notice").hidden = true;
      part("story").hidden = true;
      if (element.getBoundingClientRect().top > window.innerHeight * 0.6) {
        const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
        element.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
      }
    };

    const notice = (text) => {
      setText(part("notice"), text);
      part("notice").hidden = !text;
    };

    const speak = (text) => {
      if (text && text !== spokenWords) setText(part("spoken"), (spokenWords = text));
    };

    const end = (value) => {
      files = value.files;
      notice(value.failed ? value.ended : "");
      setText(part("ended"), value.failed ? "" : value.ended);
      part("stamp").replaceChildren(...value.stamp.flatMap(([label, text]) => [make("dt", label), make("dd", text)]));
      setText(part("prompt"), value.prompt);
      part("got").hidden = !value.prompt;
      part("after").hidden = false;
      const goOn = value.resumable && Boolean(keys.get(id));
      part("actions").hidden = !files && !goOn;
      one(element, "[data-do=continue]").hidden = !goOn;
      speak(value.ended);
    };

    const show = () => {
      const value = props.value;
      if (!value) return;
      if (value.refused) {
        notice(value.refused);
        part("notice").scrollIntoView({ block: "nearest" });
        return;
      }
      if (value.id !== id) begin(value.id);
      if (value.key && keys.get(id) !== value.key) keys.keep(id, value.key);
      document.body.dataset.own = keys.get(id) ? "yes" : "no";
      // A piece that starts where the shown text does not end belongs to another reading: take its new part only.
      if (value.off > shown) notice("Part of the story did not reach this page. Reload it, or fetch the story by its id.");
      if (value.end > shown && value.off <= shown) {
        paper.append([...value.t].slice(shown - value.off).join(""));
        shown = value.end;
        part("story").hidden = false;
      }
      document.body.dataset.story = value.over ? "over" : "live";
      const write = document.getElementById("write");
      if (write) write.disabled = !value.over && Boolean(keys.get(id));
      part("now").hidden = value.over;
      part("after").hidden = !value.over;
      part("now").dataset.state = value.state;
      setText(part("stage"), value.stage);
      const meter = part("meter");
      meter.classList.toggle("unknown", value.meter === null);
      meter.firstElementChild.style.width = value.meter === null ? "" : `${Math.round(value.meter * 100)}%`;
      if (value.state === "writing") speak("The story has begun.");
      if (value.over) end(value);
      else if (value.again && keys.get(id) && value.turn !== turn) {
        turn = value.turn; // Gradio hands on the last value twice
        trigger("submit", { shown });
      }
    };

    element.addEventListener("click", async (event) => {
      const button = event.target.closest("[data-do]");
      if (!button) return;
      const what = button.dataset.do;
      if (what === "continue") {
        button.hidden = true;
        return trigger("submit", { shown });
      }
      if (!files) return;
      if (what !== "copy") return save(files[what].name, paper.text + files[what].after);
      try {
        await navigator.clipboard.writeText(paper.text);
        setText(button, "Copied");
      } catch {
        getSelection().selectAllChildren(part("story"));
        setText(button, "Selected: press Ctrl+C");
      }
      setTimeout(() => setText(button, "Copy"), 2000);
    });
    window.polaris.story = () => paper.text;
    watch("value", show);
    show();
    const named = new URLSearchParams(location.search).get("story");
    if (named) trigger("input", { id: named, key: keys.get(named) });
  }

  window.polaris = { header, chips, note, prompt, pane };
  window.dispatchEvent(new Event("polaris-ready"));
})();
