// The reading pane: follows a story, says how far it is, and offers what can be done with it.
// Each part of the page gets its element, the component's props, watch(name, callback) and trigger(event, data).
(() => {
  "use strict";
  const { Paper, Asides, StoryMap, awake, state } = polaris, { events, storage } = polaris.wire, { one, setText, make, rows, keys, post, copy, copyFile } = polaris.tools;

  // The page's address names the story, so that a reload or a link finds it again.
  function address(id) {
    const query = new URLSearchParams();
    for (const kept of ["__theme", "view"]) if (new URLSearchParams(location.search).has(kept)) query.set(kept, new URLSearchParams(location.search).get(kept));
    if (id) query.set("story", id);
    const here = query.size ? `?${query}` : location.pathname;
    if (state.brought) state.brought = here; // the form is still being filled from the address
    else history.replaceState(null, "", here);
    if (window.parent !== window) window.parent.postMessage({ queryString: query.toString() }, "https://huggingface.co");
  }

  const NEAR = 120; // pixels below the window in which the end still counts as in view

  // What the pane's buttons do (data-do), each to a reader.
  const actions = {
    stop: (reader) => reader.stop(),
    smaller: (reader) => reader.resize(-1),
    larger: (reader) => reader.resize(1),
    full: (reader) => reader.reading(document.body.dataset.reading !== "yes"),
    jump: (reader) => reader.jump(),
    continue: (reader) => reader.continue(),
    unguarded: (reader) => reader.continue(true),
    copy: (reader, button) => copy(button, reader.paper.plain(), reader.part("story")),
    markdown: (reader, button) => copyFile(button, `stories/${encodeURIComponent(reader.id)}/story.md`),
    link: (reader, button) => copy(button, storyLink(reader.id)),
    again: (reader) => reader.fill(true),
    change: (reader) => reader.fill(false),
    results: () => document.querySelector(`#tabs [data-tab-id=${polaris.wire.results}]`)?.click(),
    cite: (reader, button) => copy(button, reader.citation.textContent, reader.citation),
    delete: (reader) => reader.delete(),
  };

  class Reader {
    constructor(element, trigger) {
      this.element = element;
      this.trigger = trigger;
      this.paper = new Paper(this.part("story"));
      this.asides = new Asides(this.paper);
      this.map = new StoryMap(this.part("map"), (spot) => this.paper.blocks[spot]?.node.scrollIntoView({ block: "center" }));
      this.id = null;
      this.update = { cuts: 0 }; // what the server has said of the story so far, put together
      this.atEnd = true;
      this.live = false;
      this.watchEnd();
      this.size = Number(keys.read(storage.size)) || 0;
      this.resize(0);
      element.addEventListener("click", (event) => {
        const button = event.target.closest("[data-do]");
        if (button) actions[button.dataset.do]?.(this, button);
      });
      document.addEventListener("visibilitychange", () => {
        if (document.visibilityState === "visible" && this.live) { awake.want(this.own); if (this.source?.readyState === 2) this.connect(); }
      });
      document.addEventListener("fullscreenchange", () => document.fullscreenElement || this.reading(false));
    }
    part(name) { return one(this.element, `.${name}`); }
    get citation() { return one(this.element, ".cite .prompt"); }
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
      this.update = { cuts: 0 };
      this.turn = null;
      this.spokenWords = 0;
      this.clear();
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
      const source = this.source = new EventSource(`stories/${encodeURIComponent(this.id)}/events?from=${this.shown}.${this.update.cuts}`);
      source.onmessage = (event) => {
        const update = JSON.parse(event.data);
        this.failures = 0;
        this.show(update);
      };
      source.addEventListener("gone", (event) => {
        const gone = JSON.parse(event.data);
        source.close();
        this.gone(gone.refused);
      });
      source.onerror = () => {
        this.failures = (this.failures || 0) + 1;
        if (this.live || !this.update.state) this.say("The connection is lost. The story is kept and goes on; this page finds it again by itself.");
        // The browser tries again by itself, except after an answer that was no stream (a server that is just starting).
        if (source.readyState === 2) this.again = setTimeout(() => this.connect(), Math.min(10000, 1000 * this.failures));
      };
    }
    gone(sentence) {
      this.setLive(false);
      this.notice(sentence);
      this.part("now").hidden = true;
      keys.forget(this.id);
      if (!this.paper.text) { this.opening(); address(null); this.id = null; delete document.body.dataset.view; }
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
      document.body.dataset.story = live ? "live" : "rests";
      document.body.dataset.own = this.own ? "yes" : "no";
      const write = document.getElementById("write");
      if (write) write.disabled = live && this.own;
      awake.want(live && this.own);
    }

    // --- showing -----------------------------------------------------------------------------------------------------

    show(update) {
      const folds = update.asides?.length || (update.asides && this.update.asides?.length);
      if (folds) this.asides.keeping(() => this.shows(update));
      else this.shows(update);
    }
    shows(update) {
      if (this.left()) this.atEnd = false;
      const { shown } = this, grows = this.take(update);
      if (update.asides) this.asides.show(update.asides, shown);
      update = this.update = { ...this.update, ...update };
      if (this.shown) this.part("story").hidden = this.part("tools").hidden = false;
      this.setLive(!update.rests);
      this.tell(update);
      this.announce(update);
      if (grows && this.atEnd && this.live) this.toEnd();
      this.toggleJump();
      if (update.rests) this.end(update);
      else if (update.again && this.own && update.turn !== this.turn) {
        this.turn = update.turn;
        this.goOn(true);
      }
    }
    // Text simply follows, or goes in at `off`: what has been taken back since goes, what is here already is left out.
    take(update) {
      const text = [...(update.t || "")], off = update.off ?? this.shown, end = off + text.length;
      const same = (update.cuts ?? this.update.cuts) === this.update.cuts;
      const kept = same ? Math.min(this.shown, end) : off;
      if (kept < this.shown) this.paper.cut(kept);
      this.paper.append(text.slice(kept - off).join(""));
      this.asides.settle();
      this.shown = end;
      return end > kept;
    }
    clear() {
      this.asides.clear();
      this.paper.clear();
    }
    // The line above the story.
    tell(update) {
      const now = this.part("now"), meter = this.part("meter"), known = update.meter !== null;
      now.hidden = update.rests;
      this.part("after").hidden = !update.rests;
      now.dataset.state = update.state;
      this.say(update.stage);
      setText(this.part("by"), update.by);
      meter.classList.toggle("unknown", !known);
      meter.firstElementChild.style.transform = known ? `scaleX(${update.meter.toFixed(2)})` : "";
    }
    end(update) {
      this.source.close();
      this.paper.finish();
      this.notice(update.failed ? update.ended : "");
      setText(this.part("ended"), update.failed ? "" : update.ended);
      rows(this.part("stamp"), update.stamp);
      rows(this.part("details"), update.details);
      setText(one(this.element, ".all .prompt"), update.prompt);
      setText(this.citation, update.cite);
      one(this.element, "[data-do=continue]").hidden = !(update.resumable && this.own);
      one(this.element, "[data-do=unguarded]").hidden = !(update.folded && this.own);
      one(this.element, "[data-do=delete]").hidden = !this.own && !keys.host;
      for (const link of this.element.querySelectorAll("[data-file]")) link.href = `stories/${this.id}/story.${link.dataset.file}`;
      this.part("files").hidden = !this.shown;
      for (const name of ["copy", "markdown", "link"]) one(this.element, `[data-do=${name}]`).hidden = !this.shown;
      this.part("map-figure").hidden = update.map.length < 2;
      this.map.draw(update.map);
      state.refreshShelf?.();
    }
    say(text) { setText(this.part("stage"), text); }
    notice(text) {
      setText(this.part("notice"), text);
      this.part("notice").hidden = !text;
    }
    // Milestones only: a screen reader that reads every update would never be silent.
    announce(update) {
      const thousands = Math.floor(update.words / 1000);
      let text = "";
      if (update.rests) text = update.ended;
      else if (update.state === "writing" && !this.spokenWords) text = "The story has begun.";
      else if (thousands > Math.floor(this.spokenWords / 1000)) text = `${thousands},000 words.`;
      this.spokenWords = Math.max(this.spokenWords, update.words);
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
      this.endSeen = new IntersectionObserver(look, { rootMargin: `0px 0px ${NEAR}px 0px` });
      this.endSeen.observe(this.part("end"));
    }
    // Whoever has just scrolled away has left before the observer says so, which it does between two frames.
    left() { return window.scrollY < this.reached && this.part("end").getBoundingClientRect().top > window.innerHeight + NEAR; }
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
      this.endSeen.unobserve(this.part("end")); // it looks again, also where the reader leaves before the next frame
      this.endSeen.observe(this.part("end"));
    }
    toggleJump() { this.part("jump").hidden = this.atEnd || !this.live || !this.shown; }
    jump() { this.toEnd(); this.atEnd = true; this.toggleJump(); }
    resize(step) {
      this.size = Math.max(-2, Math.min(5, this.size + step));
      this.part("story").style.setProperty("--size", 1 + this.size * 0.1);
      keys.write(storage.size, String(this.size));
    }
    reading(on) {
      document.body.dataset.reading = on ? "yes" : "no";
      const button = one(this.element, "[data-do=full]");
      button.setAttribute("aria-pressed", String(on));
      setText(button, on ? "Leave full screen" : "Full screen");
      if (on) document.documentElement.requestFullscreen?.().catch(() => { /* phones without it still get the bare page */ });
      else if (document.fullscreenElement) document.exitFullscreen();
    }

    // --- what a reader may do ----------------------------------------------------------------------------------------

    goOn(next = false, without_guard = false) { this.trigger(events.go_on, { id: this.id, key: keys.get(this.id), next, without_guard }); }
    continue(withoutGuard) {
      this.part("after").hidden = true;
      this.part("now").hidden = false;
      this.say("Going on …");
      this.goOn(false, withoutGuard);
    }
    // What was asked for is refused: say why, and show a story at rest as it was.
    refuse(sentence) {
      this.notice(sentence);
      if (this.update.rests) { this.part("after").hidden = false; this.part("now").hidden = true; }
      this.part("notice").scrollIntoView({ block: "nearest" });
    }
    fill(run) {
      if (polaris.embedded) return; // no story is begun in a frame of another page
      state.runFilled = run;
      this.trigger(events.form_of, { id: this.id });
    }
    async delete() {
      if (!confirm("Delete this story from the server? Whoever has its link will not find it any more.")) return;
      const acted = await post(`stories/${this.id}/delete`, { key: keys.get(this.id) || keys.host });
      if (!acted.done) return this.notice(acted.refused);
      this.clear();
      for (const name of ["after", "story", "tools"]) this.part(name).hidden = true;
      this.gone("The story is deleted.");
      state.refreshShelf?.();
    }
    async stop() {
      if (!this.live || !this.own) return;
      const acted = await post(`stories/${this.id}/stop`, { key: keys.get(this.id) });
      if (!acted.done) this.notice(acted.refused);
    }
  }

  const storyLink = (id) => `${state.home || location.origin + location.pathname}?story=${encodeURIComponent(id)}`;

  function pane(element, props, watch, trigger) {
    const reader = state.reader = new Reader(element, trigger);
    const show = () => {
      const opened = props.value;
      if (opened?.refused) reader.refuse(opened.refused);
      else if (opened?.id) reader.open(opened.id, opened.key);
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
  const story = () => state.reader?.paper.text ?? "";
  const stop = () => state.reader?.stop();

  Object.assign(polaris, { pane, story, stop });
})();
