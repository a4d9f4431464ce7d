// Follows a story and shows it: night while it is planned, paper from its first word on, and what there is to do at its end.
import { After } from "./after.js";
import { Asides } from "./aside.js";
import { awake } from "./awake.js";
import { Line } from "./line.js";
import { Listen } from "./listen.js";
import { Looks } from "./looks.js";
import { Night } from "./night.js";
import { embedded, here, page, storyLink } from "./page.js";
import { Paper } from "./paper.js";
import { Place } from "./place.js";
import { Rail } from "./rail.js";
import { Recorded } from "./recorded.js";
import { keys, session } from "./store.js";
import { all, answers, copy, number, one, post, setText } from "./tools.js";
import { title, where } from "./where.js";
import { events, words_a_minute } from "./wire.js";

export class Reader {
  constructor(element, trigger) {
    Object.assign(this, { element, trigger, id: null, live: false });
    this.update = { cuts: 0 }; // what the server has said of the story so far, put together
    this.paper = new Paper(this.part("story"));
    this.asides = new Asides(this.paper);
    this.place = new Place(this.paper, () => this.look());
    this.rail = new Rail(element, this.paper, this.place);
    this.night = new Night(this.part("night"));
    this.after = new After(this.part("after"), (spot) => { this.place.rest(); this.place.to(spot); });
    this.looks = new Looks(element);
    this.listen = new Listen(this);
    this.part("invite").addEventListener("submit", (event) => this.invited(event));
    document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible" && this.live) awake.want(this.own); });
  }
  part(name) { return one(this.element, `.${name}`); }
  buttons(action) { return all(this.element, `[data-do=${action}]`); }
  get own() { return Boolean(this.id && keys.get(this.id)); }

  // --- following -------------------------------------------------------------------------------------------------------

  open(id, key) {
    if (key) keys.keep(id, key);
    if (id !== this.id) this.begin(id, Boolean(key));
    this.notice("");
    this.connect();
  }
  begin(id, asked) {
    this.leave();
    this.id = id;
    this.update = { cuts: 0 };
    this.shown = this.spokenWords = 0;
    this.turn = null;
    this.clear();
    this.part("after").hidden = true;
    this.place.begin(id);
    if (!this.place.wanted) scrollTo({ top: 0, behavior: "instant" });
    this.stage(asked ? "planning" : "none");
    this.say("", "", "");
    this.setLive(asked);
    if (asked) this.part("row").focus({ preventScroll: true });
  }
  openRecorded(name) {
    if (this.recorded?.name === name) return this.recorded.titled();
    this.begin(`recording ${name}`, false);
    this.recorded = new Recorded(this, name);
  }
  // More of a recorded story, which no server tells anything more of.
  grow(text, wish, byline, share, over) {
    this.paper.append(text);
    this.shown = this.paper.text.length;
    this.part("story").hidden = false;
    if (over) this.paper.finish();
    this.titlePage(wish, byline);
    this.rail.write(share, !over);
    this.after.recorded(over);
    this.place.grown();
    this.look();
  }
  // Of the story that was here.
  leave() {
    this.line?.close();
    this.recorded?.stop();
    this.line = this.recorded = null;
    this.listen.stop();
  }
  connect() {
    this.line?.close();
    this.line = new Line(this.id, {
      from: () => `${this.shown}.${this.update.cuts}`,
      heard: (update) => this.show(update),
      gone: (gone) => this.gone(gone.refused),
      lost: () => { if (this.live || !this.update.state) this.lost(); },
    });
  }
  lost() {
    this.say("Connection lost", "What was written is kept; this page reconnects by itself.", "");
    this.isLost = true;
  }
  gone(sentence) {
    keys.forget(this.id);
    this.setLive(false);
    this.stage("rests");
    this.say(this.paper.text ? "Gone" : "Not here", "", "");
    this.notice(sentence);
    for (const button of this.buttons("own")) button.hidden = false;
    title("Not here · POLARIS-9B");
  }
  setLive(live) {
    this.live = live;
    document.documentElement.dataset.own = this.own ? "yes" : "no";
    document.querySelector("#tabs [data-tab-id=shelf]")?.classList.toggle("live", live && this.own);
    awake.want(live && this.own);
  }
  // While it plans the page is night; with the first word it is day, and stays so.
  stage(name) {
    document.documentElement.dataset.stage = name;
    this.part("night").hidden = name !== "planning";
    this.part("reader").hidden = name === "planning";
    if (name === "planning") setText(this.part("may"), this.live ? page.leave : "");
  }

  // --- showing ---------------------------------------------------------------------------------------------------------

  show(update) {
    this.isLost = false;
    const folds = update.asides?.length || (update.asides && this.update.asides?.length);
    if (folds) this.asides.keeping(() => this.shows(update));
    else this.shows(update);
  }
  shows(update) {
    const { shown } = this, grows = this.take(update);
    if (update.asides) this.asides.show(update.asides, shown);
    update = this.update = { ...this.update, ...update };
    this.setLive(!update.rests);
    this.stage(update.rests ? "rests" : this.shown ? "writing" : "planning");
    if (!this.shown && !update.rests) this.night.show(update);
    this.titlePage(`${update.kind} ${update.premise}`.trim(), update.byline);
    this.tell(update);
    this.announce(update);
    this.rail.write(update.star, this.live);
    if (update.rests) this.end(update);
    else if (update.again && this.own && update.turn !== this.turn) {
      this.turn = update.turn;
      this.goOn(true);
    }
    if (grows || this.place.wanted) this.place.grown();
    if (grows) this.listen.grown();
    this.look();
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
    this.part("story").hidden = !this.shown;
    return end > kept;
  }
  clear() {
    this.asides.clear();
    this.paper.clear();
    this.rail.clear();
    this.shown = 0;
    this.part("story").hidden = true;
  }
  // What stands before a story: its premise, and who writes it. Below the story's own title, where it has one.
  titlePage(wish, byline) {
    const first = this.paper.blocks[0]?.node, titled = first?.classList.contains("title"), by = one(this.element, ".title-page .by");
    setText(one(this.element, ".title-page .wish"), wish);
    setText(by, byline);
    by.classList.toggle("heard", Boolean(titled));
    if (titled) first.dataset.by = byline;
  }
  // The line above the story, and the tab's title, which says the same first.
  tell(update) {
    const { rests } = update, reads = rests && !this.own && update.words;
    if (reads) this.say(`${this.minutes(update.words)} min to read`, `${number(update.words)} words`, "");
    else this.say(update.stage, update.far, update.left);
    for (const button of this.buttons("stop")) button.hidden = !(this.live && this.own);
    one(this.element, ".status [data-do=continue]").hidden = !(rests && update.resumable && this.own);
    one(this.element, ".status [data-do=link]").hidden = !(rests && this.own && update.words && !update.resumable);
    for (const button of this.buttons("own")) button.hidden = this.own;
    if (where.now.story === this.id) title(this.tabTitle(update));
  }
  tabTitle(update) {
    const name = this.name || update.premise;
    if (!update.rests) return update.words ? `${number(update.words)} of ${number(update.asked)} · ${name}` : `${update.stage} … · ${name}`;
    if (!this.own) return `${name} · a story by ${update.preview ? "the miniature" : "POLARIS-9B"}`;
    return document.hidden || this.unseen ? `✦ ${update.stage} · ${name}` : name;
  }
  get name() { return this.paper.blocks[0]?.node.classList.contains("title") ? this.paper.blocks[0].node.textContent.replace(/^[#\s*_]+|[*_]+$/g, "") : ""; }
  minutes(words) { return Math.max(1, Math.round(words / words_a_minute)); }
  end(update) {
    this.line?.close();
    this.paper.finish();
    this.notice(update.failed ? update.ended : "");
    this.after.show(update, { own: this.own, host: keys.host, id: this.id });
    this.keepRoom(() => { this.part("after").hidden = false; });
    this.place.rest();
    this.tellUnseen(update);
    page.refreshShelf?.();
    if (page.goesOn === this.id) this.continue();
    page.goesOn = null;
  }
  // Nothing may move the text: where less stands below it now, the page stays as long as it was.
  keepRoom(change) {
    const bottom = scrollY + innerHeight;
    change();
    const missing = bottom - document.documentElement.scrollHeight;
    this.element.style.paddingBottom = missing > 0 && scrollY > 0 ? `${missing}px` : "";
  }
  say(stage, far, left) {
    setText(this.part("stage"), stage);
    setText(this.part("far"), far);
    setText(this.part("time"), left);
  }
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

  // --- the reader's place ----------------------------------------------------------------------------------------------

  // Where the reader is, and how much is below.
  look() {
    if (!this.shown || !this.place.shown) { this.part("below").hidden = true; return; }
    const { update, live } = this;
    this.rail.read(update.words || 0);
    const pill = one(this.element, ".below [data-do=end]"), says = this.place.following ? "" : this.rail.pill(live, update.rests && this.wasLive);
    this.wasLive ||= live;
    setText(pill, says);
    pill.hidden = !says;
    const offered = this.place.offered, goOn = one(this.element, "[data-do=go-on]");
    goOn.hidden = !offered || scrollY > 40 || offered.start < 400 || this.paper.text.length <= offered.start;
    if (!goOn.hidden) setText(goOn, offered.part ? `Go on at ${offered.part}` : "Go on where you were");
    this.part("below").hidden = false;
    if (update.rests && !this.isLost) setText(this.part("time"), this.rail.minutes && scrollY > 40 ? `${this.rail.minutes} min left` : "");
  }
  toEnd() {
    if (this.live) this.place.follow();
    else this.place.toEnd();
    this.look();
  }
  toBeginning() {
    this.place.rest();
    scrollTo({ top: 0, behavior: "instant" });
    this.part("story").focus({ preventScroll: true });
  }
  contents() {
    this.part("rail").classList.toggle("open");
    one(this.element, ".rail [aria-current]")?.focus({ preventScroll: true });
  }
  // A change of the text's size or width leaves the same words where they are.
  resize(change) {
    const block = this.paper.blocks[this.place.at()]?.node, before = block?.getBoundingClientRect().top;
    change();
    if (block) scrollBy({ top: block.getBoundingClientRect().top - before, behavior: "instant" });
  }

  // --- what a reader may do --------------------------------------------------------------------------------------------

  goOn(next = false, without_guard = false) { this.trigger(events.go_on, { id: this.id, key: keys.get(this.id), next, without_guard }); }
  continue(withoutGuard) {
    this.keepRoom(() => { this.part("after").hidden = true; });
    this.say("Going on …", "", "");
    this.part("row").focus({ preventScroll: true });
    this.goOn(false, withoutGuard);
  }
  // What was asked for is refused: say why, and show a story at rest as it was.
  refuse(sentence) {
    this.notice(sentence);
    if (this.update.rests) { this.part("after").hidden = false; this.tell(this.update); }
  }
  fill(what) {
    if (embedded) return; // no story is begun in a frame of another page
    page.filling = what;
    this.trigger(events.form_of, { id: this.id, again: what === "again" });
  }
  writeOwn() {
    if (embedded) { window.open(here(), "_blank", "noopener"); return; }
    where.go({});
    document.querySelector("#premise textarea")?.focus();
  }
  // The form after somebody else's story: it goes on in the real one.
  invited(event) {
    event.preventDefault();
    page.ask?.(new FormData(event.target).get("premise"));
  }
  async share(button) {
    const url = storyLink(this.id);
    if (navigator.share && matchMedia("(pointer: coarse)").matches) {
      try { await navigator.share({ title: this.name || "A story", url }); return; } catch { /* closed, or not allowed here */ }
    }
    copy(button, url);
  }
  async notifyLater(button) {
    const allowed = await Notification.requestPermission();
    session("polaris-notify", allowed === "granted" ? "yes" : "");
    answers(button, allowed === "granted" ? "You will be told" : "This browser does not allow it");
  }
  // The end of one's own story that nobody sees.
  tellUnseen(update) {
    if (!this.wasLive || !this.own || !document.hidden) return;
    this.unseen = true;
    title(this.tabTitle(update));
    addEventListener("visibilitychange", () => { this.unseen = false; title(this.tabTitle(update)); }, { once: true });
    if (session("polaris-notify") && window.Notification?.permission === "granted") new Notification(`${update.stage}: ${this.name || update.premise}`);
  }
  async delete() {
    if (!confirm("Delete this story from the server? Whoever has its link will not find it any more.")) return;
    const acted = await post(`stories/${this.id}/delete`, { key: keys.get(this.id) || keys.host });
    if (!acted.done) return this.notice(acted.refused);
    this.line?.close();
    this.clear();
    this.part("after").hidden = true;
    this.gone("The story is deleted.");
    page.refreshShelf?.();
  }
  async stop() {
    if (!this.live || !this.own) return;
    const acted = await post(`stories/${this.id}/stop`, { key: keys.get(this.id) });
    if (!acted.done) this.notice(acted.refused);
  }
}
