// The reading pane: follows a story, says how far it is, and offers what can be done with it.
// Each part of the page gets its element, the component's props, watch(name, callback) and trigger(event, data).
(() => {
  "use strict";
  const { Paper } = polaris, { one, setText, make, rows, keys, post, copy } = polaris.tools;

  // Keeps the screen awake while a story of one's own is being written; browsers let go of it when the page is hidden.
  const awake = {
    lock: null,
    async want(wanted) {
      this.wanted = wanted;
      if (this.asking) return; // whoever asks sees what is wanted by then
      this.asking = true;
      try {
        if (this.wanted && (!this.lock || this.lock.released)) this.lock = await navigator.wakeLock?.request("screen");
        if (!this.wanted) { await this.lock?.release(); this.lock = null; }
      } catch { /* not allowed here, or the battery is low */ }
      this.asking = false;
    },
  };

  // The page's address names the story, so that a reload or a link finds it again.
  function address(id) {
    const query = new URLSearchParams();
    for (const kept of ["__theme", "view"]) if (new URLSearchParams(location.search).has(kept)) query.set(kept, new URLSearchParams(location.search).get(kept));
    if (id) query.set("story", id);
    const here = query.size ? `?${query}` : location.pathname;
    if (polaris.brought) polaris.brought = here; // the form is still being filled from the address
    else history.replaceState(null, "", here);
    if (window.parent !== window) window.parent.postMessage({ queryString: query.toString() }, "https://huggingface.co");
  }

  class Reader {
    constructor(element, trigger) {
      this.element = element;
      this.trigger = trigger;
      this.paper = new Paper(this.part("story"));
      this.id = null;
      this.atEnd = true;
      this.live = false;
      this.watchEnd();
      this.size = Number(keys.read("polaris-size")) || 0;
      this.resize(0);
      element.addEventListener("click", (event) => {
        const button = event.target.closest("[data-do]");
        if (button) this[button.dataset.do]?.(button);
      });
      document.addEventListener("visibilitychange", () => {
        if (document.visibilityState === "visible" && this.live) { awake.want(this.own); if (this.source?.readyState === 2) this.connect(); }
      });
      document.addEventListener("fullscreenchange", () => document.fullscreenElement || this.reading(false));
      this.wireMap();
    }
    part(name) { return one(this.element, `.${name}`); }
    get own() { return Boolean(this.id && keys.get(this.id)); }

    // --- following ---------------------------------------------------------------------------------------------------

    open(id, key) {
      this.source?.close();
      if (key) keys.keep(id, key);
      if (id !== this.id) this.begin(id, Boolean(key));
      this.notice("");
      this.connect();
    }
    begin(id, asked) {
      this.id = id;
      this.shown = 0;
      this.last = this.turn = null;
      this.spokenWords = 0;
      this.paper.clear();
      address(id);
      for (const name of ["empty", "after", "notice", "story", "tools"]) this.part(name).hidden = true;
      this.setLive(asked);
      this.watchStop();
      this.come();
      if (asked) { this.atEnd = true; this.reached = window.scrollY; } // its first words are followed, however many come at once
    }
    connect() {
      clearTimeout(this.again);
      this.source?.close();
      const source = this.source = new EventSource(`stories/${encodeURIComponent(this.id)}/events?from=${this.shown}`);
      source.onmessage = (event) => { this.failures = 0; this.show(JSON.parse(event.data)); };
      source.addEventListener("gone", (event) => { source.close(); this.gone(JSON.parse(event.data).refused); });
      source.onerror = () => {
        this.failures = (this.failures || 0) + 1;
        if (this.live || !this.last) this.say("The connection is lost. The story is kept and goes on; this page finds it again by itself.");
        // The browser tries again by itself, except after an answer that was no stream (a server that is just starting).
        if (source.readyState === 2) this.again = setTimeout(() => this.connect(), Math.min(10000, 1000 * this.failures));
      };
    }
    gone(sentence) {
      this.setLive(false);
      this.notice(sentence);
      this.part("now").hidden = true;
      keys.forget(this.id);
      if (!this.paper.text) { this.opening(); address(null); this.id = null; document.body.dataset.view = "write"; }
      this.part("notice").scrollIntoView({ block: "center" }); // on a phone the form stands before it
    }
    // What stands here while there is no story: a recorded one where the host has any, the paper's results else.
    opening() {
      this.part("empty").hidden = false;
      const recorded = one(this.element, ".replay");
      if (recorded && !this.replaying) polaris.replay(recorded);
      this.replaying = true;
    }
    setLive(live) {
      this.live = live;
      document.body.dataset.story = live ? "live" : "over";
      document.body.dataset.own = this.own ? "yes" : "no";
      const write = document.getElementById("write");
      if (write) write.disabled = live && this.own;
      awake.want(live && this.own);
    }

    // --- showing -----------------------------------------------------------------------------------------------------

    show(value) {
      this.last = value;
      const grows = value.end > this.shown && value.off <= this.shown;
      if (value.end < this.shown) { this.paper.cut(value.end); this.shown = value.end; }
      if (grows) {
        this.paper.append([...value.t].slice(this.shown - value.off).join(""));
        this.shown = value.end;
        this.part("story").hidden = this.part("tools").hidden = false;
      }
      this.setLive(!value.over);
      this.part("now").hidden = value.over;
      this.part("after").hidden = !value.over;
      this.part("now").dataset.state = value.state;
      this.say(value.stage);
      setText(this.part("by"), value.by || "");
      const meter = this.part("meter");
      meter.classList.toggle("unknown", value.meter === null);
      meter.firstElementChild.style.transform = value.meter === null ? "" : `scaleX(${value.meter.toFixed(2)})`;
      this.announce(value);
      if (grows && this.atEnd && this.live) this.toEnd();
      this.toggleJump();
      if (value.over) this.end(value);
      else if (value.again && this.own && value.turn !== this.turn) {
        this.turn = value.turn;
        this.goOn(true);
      }
    }
    end(value) {
      this.source.close();
      this.paper.finish();
      this.notice(value.failed ? value.ended : "");
      setText(this.part("ended"), value.failed ? "" : value.ended);
      rows(this.part("stamp"), value.stamp);
      rows(this.part("details"), value.details);
      setText(one(this.element, ".all .prompt"), value.prompt);
      setText(one(this.element, ".cite .prompt"), value.cite);
      one(this.element, "[data-do=continue]").hidden = !(value.resumable && this.own);
      one(this.element, "[data-do=delete]").hidden = !this.own && !keys.host;
      for (const link of this.element.querySelectorAll("[data-file]")) link.href = `stories/${this.id}/story.${link.dataset.file}`;
      const written = value.end > 0;
      this.part("files").hidden = !written;
      for (const name of ["copy", "link"]) one(this.element, `[data-do=${name}]`).hidden = !written;
      this.drawMap(value.map);
      polaris.refreshShelf?.();
    }
    say(text) { setText(this.part("stage"), text); }
    notice(text) {
      setText(this.part("notice"), text);
      this.part("notice").hidden = !text;
    }
    // Milestones only: a screen reader that reads every update would never be silent.
    announce(value) {
      const thousands = Math.floor(value.words / 1000);
      let text = "";
      if (value.over) text = value.ended;
      else if (value.state === "writing" && !this.spokenWords) text = "The story has begun.";
      else if (thousands > Math.floor(this.spokenWords / 1000)) text = `${thousands},000 words.`;
      this.spokenWords = Math.max(this.spokenWords, value.words);
      if (text) setText(this.part("spoken"), text);
    }

    // --- the reader's place ------------------------------------------------------------------------------------------

    // On a phone the story stands below the form, and the page goes there; nothing else moves it on the way.
    come() {
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches, far = this.element.getBoundingClientRect().top > window.innerHeight * 0.6;
      if (far) this.element.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
      this.top = window.scrollY;
      this.coming = far && !calm;
      if (this.coming) setTimeout(() => this.arrive(), 1000);
    }
    arrive() {
      this.coming = false;
      this.top = window.scrollY;
      if (this.atEnd && this.live && this.shown) this.toEnd();
    }
    // The page follows the text only while its end is in view; where the reader has scrolled away it stays put.
    watchEnd() {
      const look = ([seen]) => {
        const pushed = this.live && this.atEnd && window.scrollY >= this.reached;  // by paragraphs that turned out taller once they were drawn
        if (pushed && !seen.isIntersecting) this.toEnd();
        else this.atEnd = seen.isIntersecting;
        this.toggleJump();
      };
      new IntersectionObserver(look, { rootMargin: "0px 0px 120px 0px" }).observe(this.part("end"));
    }
    // Where the form and its Stop have gone out of view, the line above the story has one.
    watchStop() {
      const stop = document.getElementById("stop");
      this.stopSeen ||= stop && new IntersectionObserver(([seen]) => { this.part("halt").hidden = seen.isIntersecting; });
      this.stopSeen?.observe(stop);
    }
    // The end comes to rest above the window's lower edge, but never by going back above where the story began to be read.
    toEnd() {
      if (this.coming) return;
      const beyond = this.part("end").getBoundingClientRect().bottom + 110 - window.innerHeight;
      window.scrollTo(window.scrollX, Math.max(Math.min(this.top, window.scrollY), window.scrollY + beyond));
      this.reached = window.scrollY;
    }
    toggleJump() { this.part("jump").hidden = this.atEnd || !this.live || !this.shown; }
    jump() { this.toEnd(); this.atEnd = true; this.toggleJump(); }
    resize(step) {
      this.size = Math.max(-2, Math.min(5, this.size + step));
      this.part("story").style.setProperty("--size", 1 + this.size * 0.1);
      keys.write("polaris-size", String(this.size));
    }
    smaller() { this.resize(-1); }
    larger() { this.resize(1); }
    full() { this.reading(document.body.dataset.reading !== "yes"); }
    reading(on) {
      document.body.dataset.reading = on ? "yes" : "no";
      const button = one(this.element, "[data-do=full]");
      button.setAttribute("aria-pressed", String(on));
      setText(button, on ? "Leave full screen" : "Full screen");
      if (on) document.documentElement.requestFullscreen?.().catch(() => { /* phones without it still get the bare page */ });
      else if (document.fullscreenElement) document.exitFullscreen();
    }

    // --- the map -----------------------------------------------------------------------------------------------------

    drawMap(map) {
      this.part("map-figure").hidden = !map || map.length < 2;
      if (!map) return;
      const strip = this.part("map");
      strip.replaceChildren(...map.map(([length, heat]) => {
        const bar = make("i");
        bar.style.flexGrow = String(length);
        bar.style.setProperty("--heat", String(heat));
        return bar;
      }));
      strip.setAttribute("aria-valuemax", String(map.length));
      setText(one(this.element, "figcaption"), this.last.mapped);
      this.place(0, false);
    }
    place(number, move) {
      const bars = this.part("map").children;
      this.spot = Math.max(0, Math.min(bars.length - 1, number));
      for (const bar of bars) bar.classList.toggle("here", bar === bars[this.spot]);
      this.part("map").setAttribute("aria-valuenow", String(this.spot + 1));
      this.part("map").setAttribute("aria-valuetext", `Paragraph ${this.spot + 1} of ${bars.length}`);
      if (move) this.part("story").children[this.spot]?.scrollIntoView({ block: "center" });
    }
    wireMap() {
      const strip = this.part("map");
      strip.addEventListener("click", (event) => {
        const bar = event.target.closest("i");
        if (bar) this.place([...strip.children].indexOf(bar), true);
      });
      strip.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
        if (step) this.place(this.spot + step, true);
        else if (event.key === "Home") this.place(0, true);
        else if (event.key === "End") this.place(strip.children.length - 1, true);
        else return;
        event.preventDefault();
      });
    }

    // --- what a reader may do ----------------------------------------------------------------------------------------

    goOn(next = false) { this.trigger("submit", { id: this.id, key: keys.get(this.id), next }); }
    continue() {
      this.part("after").hidden = true;
      this.part("now").hidden = false;
      this.say("Going on …");
      this.goOn();
    }
    // What was asked for is refused: say why, and show a story at rest as it was.
    refuse(sentence) {
      this.notice(sentence);
      if (this.last?.over) { this.part("after").hidden = false; this.part("now").hidden = true; }
      this.part("notice").scrollIntoView({ block: "nearest" });
    }
    copy(button) { copy(button, this.paper.text, this.part("story")); }
    link(button) { copy(button, storyLink(this.id)); }
    results() { [...document.querySelectorAll("[role=tab]")].find((tab) => tab.textContent.trim() === "Results")?.click(); }
    cite(button) { copy(button, one(this.element, ".cite .prompt").textContent, one(this.element, ".cite .prompt")); }
    again() { this.fill(true); }
    change() { this.fill(false); }
    fill(run) {
      if (polaris.embedded) return; // no story is begun in a frame of another page
      polaris.runFilled = run;
      this.trigger("select", { id: this.id });
    }
    async delete() {
      if (!confirm("Delete this story from the server? Whoever has its link will not find it any more.")) return;
      const answer = await post(`stories/${this.id}/delete`, { key: keys.get(this.id) || keys.host });
      if (answer.refused) return this.notice(answer.refused);
      this.paper.clear();
      for (const name of ["after", "story", "tools"]) this.part(name).hidden = true;
      this.gone("The story is deleted.");
      polaris.refreshShelf?.();
    }
    async stop() {
      if (!this.live || !this.own) return;
      const answer = await post(`stories/${this.id}/stop`, { key: keys.get(this.id) });
      if (answer.refused) this.notice(answer.refused);
    }
  }

  const storyLink = (id) => `${polaris.home || location.origin + location.pathname}?story=${encodeURIComponent(id)}`;

  function pane(element, props, watch, trigger) {
    const reader = new Reader(element, trigger);
    polaris.story = () => reader.paper.text;
    polaris.stop = () => reader.stop();
    const show = () => {
      const value = props.value;
      if (!value) return;
      if (value.refused) reader.refuse(value.refused);
      else if (value.id) reader.open(value.id, value.key);
    };
    watch("value", show);
    const named = new URLSearchParams(location.search).get("story");
    if (named) {
      if (!keys.get(named)) {
        document.body.dataset.view = "story";
        document.head.append(Object.assign(make("meta"), { name: "robots", content: "noindex" }));
      }
      reader.open(named);
    } else {
      reader.opening();
      show();
    }
  }

  Object.assign(window.polaris, { pane });
})();
