// Recorded stories, watched again at the pace they were written in: one premise after another, and where a premise was
// recorded at several lengths, a dial between them.
(() => {
  "use strict";
  const { Paper, bars } = polaris, { one, setText, make, rows } = polaris.tools;
  const TICK = 0.1; // seconds

  // What its buttons do (data-do), each to a replay.
  const actions = {
    play: (replay) => replay.play(),
    skip: (replay) => replay.skip(),
  };

  class Replay {
    constructor(element, list) {
      this.element = element;
      this.list = list;
      this.paper = new Paper(this.part("story"));
      this.premises = [...new Set(list.map((recording) => recording.premise))];
      this.calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      this.inView = false;
      this.drawPremises();
      element.addEventListener("click", (event) => actions[event.target.closest("[data-do]")?.dataset.do]?.(this));
      this.slider.addEventListener("input", () => this.open(this.rungs[Number(this.slider.value)]));
      new IntersectionObserver(([seen]) => { this.inView = seen.isIntersecting; }).observe(element);
      setInterval(() => this.tick(), TICK * 1000);
      this.choose(0);
    }
    part(name) { return one(this.element, `.${name}`); }
    get slider() { return one(this.element, "input"); }

    // --- which -------------------------------------------------------------------------------------------------------

    drawPremises() {
      const buttons = this.premises.map((premise, number) => {
        const button = make("button", premise, "chip");
        button.type = "button";
        button.dir = "auto";
        button.addEventListener("click", () => this.choose(number));
        return button;
      });
      if (buttons.length > 1) this.part("premises").replaceChildren(...buttons);
    }
    choose(number) {
      const premise = this.premises[number];
      this.rungs = this.list.filter((recording) => recording.premise === premise);
      [...this.part("premises").children].forEach((button, i) => button.setAttribute("aria-pressed", String(i === number)));
      setText(this.part("premise"), this.premises.length > 1 ? "" : `“${premise}”`);
      this.part("ladder").hidden = this.rungs.length < 2;
      this.slider.max = String(this.rungs.length - 1);
      this.slider.value = "0";
      this.part("rungs").replaceChildren(...this.rungs.map((recording) => make("span", recording.asked.toLocaleString("en"))));
      this.open(this.rungs[0]);
    }
    async open(recording) {
      this.now = recording;
      this.characters = null;
      this.paper.clear();
      this.part("map").replaceChildren();
      setText(this.part("line"), recording.line);
      setText(one(this.element, "output"), recording.asked.toLocaleString("en"));
      this.slider.setAttribute("aria-valuetext", `${recording.asked} words asked for`);
      rows(this.part("counts"), recording.counts);
      this.part("record").href = `recordings/${encodeURIComponent(recording.name)}/record.json`;
      try {
        const whole = await (await fetch(`recordings/${encodeURIComponent(recording.name)}`)).json();
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
      this.characters = [...whole.text];
      this.pace = whole.pace;
      this.part("map").replaceChildren(...bars(whole.map));
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
      const over = this.characters && this.shown >= this.characters.length;
      setText(one(this.element, "[data-do=play]"), over ? "Watch again" : running ? "Pause" : "Go on");
      one(this.element, "[data-do=skip]").disabled = Boolean(over);
    }
    tick() {
      if (!this.running || !this.characters || !this.inView || document.hidden) return;
      this.seconds += TICK;
      const { pace } = this;
      while (this.point < pace.length - 1 && pace[this.point][0] <= this.seconds) this.point += 1;
      const [until, characters] = pace[this.point], [since, before] = this.point ? pace[this.point - 1] : [0, 0];
      const share = until > since ? Math.min(1, (this.seconds - since) / (until - since)) : 1;
      this.show(Math.floor(before + share * (characters - before)));
    }
    show(characters) {
      if (characters <= this.shown) return;
      const sheet = this.part("sheet"), atEnd = sheet.scrollTop + sheet.clientHeight > sheet.scrollHeight - 40;
      this.paper.append(this.characters.slice(this.shown, characters).join(""));
      this.shown = characters;
      if (atEnd && this.running) sheet.scrollTop = sheet.scrollHeight;
      const paragraphs = this.part("story").children.length;
      [...this.part("map").children].forEach((bar, i) => bar.classList.toggle("seen", i < paragraphs));
      if (characters >= this.characters.length) { this.paper.finish(); this.run(false); }
    }
    play() {
      if (!this.characters) this.open(this.now);
      else if (this.shown >= this.characters.length) this.restart();
      else this.run(!this.running);
    }
    skip() {
      if (!this.characters) return;
      this.running = false; // the reader stays at the place, and reads on from there
      this.show(this.characters.length);
    }
  }

  async function replay(element) {
    try {
      const recordings = await (await fetch("recordings")).json();
      if (recordings.recordings.length) new Replay(element, recordings.recordings);
    } catch {
      element.hidden = true;
    }
  }

  Object.assign(polaris, { replay });
})();
