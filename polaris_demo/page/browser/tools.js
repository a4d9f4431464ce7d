// What the page's parts share: nodes, text, keys of this browser's stories, small requests. Runs first.
(() => {
  "use strict";
  const { storage } = polaris.wire;

  const one = (element, selector) => element.querySelector(selector);
  const setText = (node, text) => { if (node && node.textContent !== text) node.textContent = text || ""; };
  const make = (tag, text, className) => {
    const node = document.createElement(tag);
    if (text) node.textContent = text;
    if (className) node.className = className;
    return node;
  };

  // Label and text pairs as the rows of a definition list; a text begins where its own script begins.
  const rows = (list, pairs) => list.replaceChildren(...(pairs || []).flatMap(([label, text]) => {
    const said = make("dd", text);
    said.dir = "auto";
    return [make("dt", label), said];
  }));

  // The stories this browser began, newest first: [id, key]. An embedded frame may have no storage; the page still works.
  const keys = {
    mine: [],
    host: null,
    read(name) { try { return localStorage.getItem(name); } catch { return null; } },
    write(name, value) { try { localStorage.setItem(name, value); return true; } catch { return false; } },
    all() {
      let stored = [];
      try { stored = JSON.parse(this.read(storage.stories)) || []; } catch { /* not ours */ }
      const known = new Set(this.mine.map(([id]) => id));
      return [...this.mine, ...stored.filter((pair) => Array.isArray(pair) && !known.has(pair[0]))];
    },
    get(id) { return this.all().find(([known]) => known === id)?.[1]; },
    keep(id, key) {
      if (this.get(id) === key) return;
      this.mine.unshift([id, key]);
      this.write(storage.stories, JSON.stringify(this.all().slice(0, 200)));
    },
    forget(id) {
      this.mine = this.mine.filter(([known]) => known !== id);
      this.write(storage.stories, JSON.stringify(this.all().filter(([known]) => known !== id)));
    },
    session(name, value) {
      try { return value === undefined ? sessionStorage.getItem(name) : sessionStorage.setItem(name, value); } catch { return null; }
    },
    stored() { try { return Boolean(localStorage); } catch { return false; } },
  };

  // The server's JSON answer; a server that cannot be reached is a refusal with a sentence.
  async function post(path, body) {
    try {
      const answer = await fetch(path, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } });
      return await answer.json(); // a message of wire.py, which whoever asks names
    } catch {
      return { refused: "The server cannot be reached just now. Try again in a moment." };
    }
  }

  // A button says for a moment what has come of it.
  const labels = new WeakMap();
  function answers(button, text) {
    if (!labels.has(button)) labels.set(button, button.textContent);
    setText(button, text);
    setTimeout(() => setText(button, labels.get(button)), 2000);
  }

  // Copies text; where the browser forbids it the text's element is selected instead.
  async function copy(button, text, element) {
    try {
      await navigator.clipboard.writeText(text);
      answers(button, "Copied");
    } catch {
      if (element) getSelection().selectAllChildren(element);
      else window.prompt("Copy this:", text);
      answers(button, element ? "Selected: press Ctrl+C" : button.textContent);
    }
  }

  // Copies what the server has at a path. It is on its way when the browser is asked: some allow that only at the click itself.
  async function copyFile(button, path) {
    const text = fetch(path).then((answer) => answer.ok ? answer.blob() : Promise.reject()).then((blob) => new Blob([blob], { type: "text/plain" }));
    try {
      await navigator.clipboard.write([new ClipboardItem({ "text/plain": text })]);
      answers(button, "Copied");
    } catch {
      answers(button, "Could not be copied");
    }
  }

  // What the parts of the page know in common, and change.
  const state = {
    home: "", // the address that links to stories lead to, as the server says it; empty: this page's own
    recipe: "", // the form's settings as a query, as the server wrote it last
    brought: "", // the address as it was before the form's fields were put into it, until they have arrived
    runFilled: false, // a story is begun as soon as the form has been filled in from another
    reader: null, // the reading pane's Reader
    refreshShelf: null, // asks anew for the list of this browser's stories
  };

  // Gradio 6.31 loads the page anew once a lost connection is back, whatever has been typed since.
  const before = performance.getEntriesByType("navigation")[0]?.type === "reload" && keys.session(storage.form);
  if (before) {
    const query = new URLSearchParams(location.search);
    for (const [field, value] of new URLSearchParams(before)) query.set(field, value);
    state.brought = location.pathname + location.search;
    history.replaceState(null, "", `?${query}`);
  }

  // In a frame of another page (?view=embed): whatever wants to come into view moves this document only, and never the page around it.
  const embedded = new URLSearchParams(location.search).get("view") === "embed";
  if (embedded) {
    document.documentElement.dataset.view = "embed";
    Element.prototype.scrollIntoView = function () { scrollTo({ top: scrollY + this.getBoundingClientRect().top - innerHeight / 3 }); };
  }

  Object.assign(polaris, { embedded, state, tools: { one, setText, make, rows, keys, post, copy, copyFile } });
})();
