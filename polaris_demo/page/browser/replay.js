// Recorded stories, watched again at the pace they were written in: one premise after another, and where a premise was
// recorded at several lengths, a dial between them.
(() => {
  "use strict";
  const { Paper } = polaris, { one, setText, make, rows } = polaris.tools;
  const TICK = 0.1; // seconds

  class Replay {
    constructor(element, list) {
      this.element = element;
      this.list = list;
      this.paper = new Paper(this.part("story"));
      this.premises = [...new Set(list.map((recording) => recording.premise))];
      this.calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      this.inView = false;
      this.drawPremises();
      element.addEventListener("click", (event) => this[event.target.closest("[data-do]")?.dataset.do]?.());
      this.dial.addEventListener("input", () => this.open(this.rungs[Number(this.dial.value)]));
      new IntersectionObserver(([seen]) => { this.inView = seen.isIntersecting; }).observe(element);
      setInterval(() => this.tick(), TICK * 1000);
      this.choose(this.premises[0]);
    }
    part(name) { return one(this.element, `.${name}`); }
    get dial() { return one(this.element, "input"); }

    // --- which -------------------------------------------------------------------------------------------------------

    drawPremises() {
      const buttons = this.premises.map((premise) => {
        const button = make("button", premise, "chip");
        button.type = "button";
        button.dir = "auto";
        button.addEventListener("click", () => this.choose(premise));
        return button;
      });
      if (buttons.length > 1) this.part("premises").replaceChildren(...buttons);
    }
    choose(premise) {
      this.rungs = this.list.filter((recording) => recording.premise === premise);
      for (const button of this.part("premises").children) button.setAttribute("aria-pressed", String(button.textContent === premise));
      setText(this.part("premise"), this.premises.length > 1 ? "" : `“${premise}”`);
      this.part("ladder").hidden = this.rungs.length < 2;
      this.dial.max = String(this.rungs.length - 1);
      this.dial.value = "0";
      this.part("rungs").replaceChildren(...this.rungs.map((rung) => make("span", rung.asked.toLocaleString("en"))));
      this.open(this.rungs[0]);
    }
    async open(recording) {
      this.now = recording;
      this.whole = null;
      this.paper.clear();
      this.part("map").replaceChildren();
      setText(this.part("line"), recording.line);
      setText(one(this.element, "output"), recording.asked.toLocaleString("en"));
      this.dial.setAttribute("aria-valuetext", `${recording.asked} words asked for`);
      rows(this.part("counts"), recording.counts);
      this.part("record").href = `recordings/${encodeURIComponent(recording.name)}/record.json`;
      try {
        const answer = await fetch(`recordings/${encodeURIComponent(recording.name)}`);
        const whole = await answer.json();
        if (this.now !== recording) return; // another was chosen meanwhile
        this.begin(whole);
      } catch {
        if (this.now !== recording) return;
        this.run(false);
        this.notice("The recording cannot be loaded just now. “Go on” tries again.");
      }
    }
    notice(text) {
      setText(this.part("notice"), text);
      this.part("notice").hidden = !text;
    }

    // --- watching ----------------------------------------------------------------------------------------------------

    begin(whole) {
      this.notice("");
      this.whole = { ...whole, characters: [...whole.text] };
      this.part("map").replaceChildren(...whole.map.map(([length, heat]) => {
        const bar = make("i");
        bar.style.flexGrow = String(length);
        bar.style.setProperty("--heat", String(heat));
        return bar;
      }));
      this.restart();
      if (this.calm) this.skip();
    }
    restart() {
      this.paper.clear();
      this.seconds = this.shown = this.point = 0;
      this.run(true);
    }
    run(running) {
      this.running = running;
      const over = this.whole && this.shown >= this.whole.characters.length;
      setText(one(this.element, "[data-do=play]"), over ? "Watch again" : running ? "Pause" : "Go on");
      one(this.element, "[data-do=skip]").disabled = Boolean(over);
    }
    tick() {
      if (!this.running || !this.whole || !this.inView || document.hidden) return;
      this.seconds += TICK;
      const { pace } = this.whole;
      while (this.point < pace.length - 1 && pace[this.point][0] <= this.seconds) this.point += 1;
      const [until, characters] = pace[this.point], [since, before] = this.point ? pace[this.point - 1] : [0, 0];
      const share = until > since ? Math.min(1, (this.seconds - since) / (until - since)) : 1;
      this.show(Math.floor(before + share * (characters - before)));
    }
    show(characters) {
      if (characters <= this.shown) return;
      const sheet = this.part("sheet"), atEnd = sheet.scrollTop + sheet.clientHeight > sheet.scrollHeight - 40;
      this.paper.append(this.whole.characters.slice(this.shown, characters).join(""));
      this.shown = characters;
      if (atEnd && this.running) sheet.scrollTop = sheet.scrollHeight;
      const paragraphs = this.part("story").children.length;
      [...this.part("map").children].forEach((bar, i) => bar.classList.toggle("seen", i < paragraphs));
      if (characters >= this.whole.characters.length) { this.paper.finish(); this.run(false); }
    }
    play() {
      if (!this.whole) this.open(this.now);
      else if (this.shown >= this.whole.characters.length) this.restart();
      else this.run(!this.running);
    }
    skip() {
      if (!this.whole) return;
      this.running = false; // the reader stays at the place, and reads on from there
      this.show(this.whole.characters.length);
    }
  }

  async function replay(element) {
    try {
      const { recordings } = await (await fetch("recordings")).json();
      if (recordings.length) new Replay(element, recordings);
    } catch {
      element.hidden = true;
    }
  }

  Object.assign(window.polaris, { replay });
})();
