// Follows a story and shows it: night while it is planned, paper from its first word on, and what there is to do at its end.
import { After } from "./after.js";
import { asked } from "./asked.js";
import { Asides } from "./aside.js";
import { awake } from "./awake.js";
import { Branch } from "./branch.js";
import { Family } from "./family.js";
import { Head } from "./head.js";
import { invite } from "./invite.js";
import { Line } from "./line.js";
import { Listen } from "./listen.js";
import { Looks } from "./looks.js";
import { Night } from "./night.js";
import { embedded, here, page } from "./page.js";
import { Paper } from "./paper.js";
import { Place } from "./place.js";
import { source } from "./quote.js";
import { Rail } from "./rail.js";
import { wants } from "./recipe.js";
import { Recorded } from "./recorded.js";
import { tellRecordings } from "./recordings.js";
import { keys, session } from "./store.js";
import { UNREACHED, all, lookup, one, post, reached, setHidden, setText } from "./tools.js";
import { title, where } from "./where.js";
import { events, storage } from "./wire.js";

// What is asked for is the page's heading until the story has one of its own.
function headed(wish, heads) {
  for (const [name, value] of [["role", "heading"], ["aria-level", "1"]]) {
    if (heads) wish.setAttribute(name, value);
    else wish.removeAttribute(name);
  }
}

export class Reader {
  constructor(element, trigger) {
    Object.assign(this, { element, id: null, live: false, one: lookup(element, one), all: lookup(element, all) });
    this.trigger = (event, message) => { asked.note(event, message.id); trigger(event, message); };
    this.update = { cuts: 0 }; // what the server has said of the story so far, put together
    this.paper = new Paper(this.part("story"));
    this.asides = new Asides(this.paper);
    this.place = new Place(this.part("room"), this.paper, () => this.look());
    this.head = new Head(this);
    this.rail = new Rail(element, this.paper, this.place);
    this.night = new Night(this.part("night"));
    this.after = new After(this.part("after"), (spot) => { this.place.rest(); this.place.to(spot); });
    this.looks = new Looks(element, (change) => this.place.keeping(change));
    this.listen = new Listen(this);
    this.branch = new Branch(this);
    this.family = new Family(this.part("family"), this.part("descent"));
    invite(this.part("invite"));
    document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") this.seen(); });
  }
  part(name) { return this.one(`.${name}`); }
  buttons(action) { return this.all(`[data-do=${action}]`); }
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
    if (this.id) title("POLARIS-9B"); // and not the last story's, until this one says its own
    this.id = id;
    this.update = { cuts: 0 };
    this.shown = this.spokenWords = 0;
    this.turn = null;
    this.wasLive = this.unseen = false;
    this.clear();
    this.titlePage("", "", "");
    this.notice("");
    this.branch.begin();
    this.family.begin();
    this.night.clear();
    this.part("after").hidden = this.part("ladder").hidden = true;
    this.place.begin(id);
    this.stage(asked ? "planning" : "none");
    this.head.say("", "");
    this.setLive(asked);
  }
  // The same story is come back to; it may have been gone on with from elsewhere.
  back() {
    if (this.update.state) this.head.tell(this.update);
    this.place.back();
    if (this.line?.closed) this.connect();
  }
  openRecorded(name) {
    if (this.recorded?.name === name) return this.recorded.back();
    this.begin(`recording ${name}`, false);
    this.recorded = new Recorded(this, name);
  }
  // More of a recorded story, which no server tells anything more of.
  grow(text, kind, premise, byline, share, over) {
    this.paper.grows = !over;
    this.paper.append(text);
    this.shown = this.paper.text.length;
    this.part("story").hidden = false;
    if (over) this.paper.finish();
    this.titlePage(kind, premise, byline);
    this.rail.write(share, !over);
    this.after.recorded(over, Boolean(keys.host));
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
      lost: () => { if (this.live || !this.update.state) this.head.connectionLost(); },
    });
  }
  gone(sentence) {
    const had = document.activeElement;
    keys.forget(this.id);
    this.update = { ...this.update, state: "" }; // nothing of which is to be told again
    this.setLive(false);
    this.stage("rests");
    this.head.gone(this.paper.text);
    this.part("after").hidden = true;
    this.branch.begin();
    this.notice(sentence);
    this.keepFocus(had);
  }
  setLive(live) {
    const root = document.documentElement;
    this.live = live;
    root.dataset.own = this.own ? "yes" : "no";
    root.dataset.live = (live && this.own) || page.writing ? "yes" : "no";
    awake.want(live && this.own);
  }
  // While it plans the page is night; with the first word it is day, and stays so.
  stage(name) {
    document.documentElement.dataset.stage = name;
    setHidden(this.part("night"), name !== "planning");
    setHidden(this.part("reader"), name === "planning");
  }

  // --- showing ---------------------------------------------------------------------------------------------------------

  show(update) {
    const had = document.activeElement;
    if (this.head.lost) this.notice(""); // the line is back
    const folds = update.asides?.length || (update.asides && this.update.asides?.length), less = update.rests || (update.off ?? this.shown) < this.shown;
    let grows;
    const change = () => { grows = this.shows(update); }, changes = less ? () => this.place.room(change) : change;
    if (folds) this.asides.keeping(changes);
    else changes();
    if (grows || this.place.wanted) this.place.grown();
    if (grows || this.update.rests) this.listen.grown();
    if (this.update.rests) this.over();
    else page.goesOn = null; // as it does already
    this.look(had);
  }
  // Whether there is more text than before.
  shows(update) {
    const { shown } = this, grows = this.take(update);
    if (update.asides) this.asides.show(update.asides, shown);
    update = this.update = { ...this.update, ...update };
    this.wasLive ||= this.live;
    this.unseen = Boolean(update.rests && (this.unseen || (this.live && document.hidden)));
    this.setLive(!update.rests);
    this.stage(update.rests ? "rests" : this.shown ? "writing" : "planning");
    if (!this.shown && !update.rests) this.night.show(update, this.own);
    this.titlePage(update.kind, update.premise, update.byline);
    this.family.from(update);
    this.branch.offer();
    this.head.tell(update);
    this.announce(update);
    this.rail.write(this.live || update.resumable ? update.star : 1, this.live);
    if (update.rests) this.end(update);
    else if (update.turn !== this.turn) this.nextSegment(this.id);
    return grows;
  }
  // By itself.
  nextSegment(id) {
    const { update } = this;
    if (id !== this.id || !update.again || !this.own) return;
    this.turn = update.turn;
    this.goOn(true);
  }
  // Text simply follows, or goes in at `off`: what has been taken back since goes, what is here already is left out.
  take(update) {
    const { shown } = this, off = update.off ?? shown, takenBack = (update.cuts ?? this.update.cuts) !== this.update.cuts;
    this.paper.grows = this.live || update.rests === false;
    this.shown = this.paper.hear(update.t || "", off, shown, takenBack);
    this.asides.settle();
    setHidden(this.part("story"), !this.shown);
    return this.shown > (takenBack ? off : Math.min(shown, this.shown));
  }
  clear() {
    this.asides.clear();
    this.paper.clear();
    this.rail.clear();
    this.shown = 0;
    this.part("story").hidden = true;
  }
  // What stands before a story: its premise, and who writes it. Below the story's own title, where it has one.
  titlePage(kind, premise, byline) {
    const first = this.paper.blocks[0]?.node, titled = first?.classList.contains("title"), by = this.one(".title-page .by");
    setText(this.one(".title-page .kind"), kind);
    setText(this.one(".title-page bdi"), premise);
    headed(this.one(".title-page .wish"), !titled);
    setText(by, byline);
    by.classList.toggle("heard", Boolean(titled));
    if (titled) first.dataset.by = byline;
    setText(this.part("printed"), source(this));
  }
  get name() { return this.paper.title; }
  end(update) {
    this.line?.close();
    this.paper.finish();
    this.notice("");
    this.after.show(update, { own: this.own, host: keys.host, id: this.id });
    this.part("after").hidden = false;
    this.family.show(this.id, update.parent);
    if (this.unseen && session(storage.notify) && window.Notification?.permission === "granted") new Notification(`${update.stage}: ${this.name || update.premise}`);
    page.refreshShelf?.();
  }
  over() {
    this.place.over();
    if (page.goesOn === this.id && this.update.resumable) this.continue();
    page.goesOn = null;
  }
  // By its reader, after something else on the screen.
  seen() {
    if (this.live) awake.want(this.own);
    if (!this.unseen) return;
    this.unseen = false;
    this.head.title(this.update);
  }
  // Hangs below the line, in view wherever one reads.
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
  look(had = document.activeElement) {
    const { update, live, place } = this, reads = Boolean(this.shown && place.shown);
    setHidden(this.part("below"), !reads);
    if (reads) {
      const { offered } = place, says = place.following || offered ? "" : this.rail.pill(live, this.wasLive && update.stage);
      this.rail.read(update.words || 0); // after all that is measured: it changes what can be seen
      this.offer("end", says);
      this.offer("go-on", offered ? `Go on ${offered.part ? `at ${offered.part}` : "where you were"}` : "");
      if (update.rests) this.head.left(this.rail.minutes && scrollY > 40 ? `${this.rail.minutes} min left` : "");
    }
    this.keepFocus(had);
  }
  offer(action, says) {
    const pill = this.one(`.below [data-do=${action}]`);
    setText(pill, says);
    setHidden(pill, !says);
  }
  // What had the focus may be gone; it is not lost to the page.
  keepFocus(had) {
    const gone = this.element.contains(had) && !had.checkVisibility() && [had, document.body].includes(document.activeElement);
    if (gone && this.element.checkVisibility()) this.toLine();
  }
  toLine() { this.part("row").focus({ preventScroll: true }); }
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
  // Leaves what is open over the story, and never stops it.
  escape() { return this.rail.sheet(false) || this.looks.close() || (this.looks.isFull && this.looks.leaveFull()); }

  // --- what a reader may do --------------------------------------------------------------------------------------------

  // What is asked for takes its time: whatever comes of it is this story's, and its reader may have gone on to another.
  goOn(next = false, without_guard = false, id = this.id) { this.trigger(events.go_on, { id, key: keys.get(id), next, without_guard }); }
  async continue(withoutGuard) {
    const { id } = this;
    this.place.room(() => { this.part("after").hidden = true; });
    this.head.offer("continue", false);
    this.head.say("Going on …", "");
    this.toLine();
    if (await reached()) this.goOn(false, withoutGuard, id);
    else if (this.id === id) this.refuse(UNREACHED);
  }
  // What was asked for is refused: say why, and show a story at rest as it was.
  refuse(sentence) {
    this.notice(sentence);
    if (this.update.rests) { this.part("after").hidden = false; this.head.tell(this.update); }
  }
  change() {
    if (embedded) return; // no story is begun in a frame of another page
    const { id } = this;
    wants(id, () => this.trigger(events.form_of, { id }));
  }
  writeOwn() {
    if (embedded) { window.open(here(), "_blank", "noopener"); return; }
    where.go({});
    document.querySelector("#premise textarea")?.focus();
  }
  async delete() {
    if (!confirm("Delete this story from the server? Whoever has its link will not find it any more.")) return;
    const { id, recorded } = this;
    const acted = await (recorded ? recorded.remove() : post(`stories/${id}/delete`, { key: keys.get(id) || keys.host }));
    if (!acted.done) return this.says(id, acted.refused);
    keys.forget(id);
    if (this.id === id) {
      this.line?.close();
      this.clear();
      this.gone("The story is deleted.");
    }
    if (recorded) return tellRecordings();
    page.refreshShelf?.();
  }
  async stop() {
    if (!this.live || !this.own) return;
    const { id } = this;
    const acted = await post(`stories/${id}/stop`, { key: keys.get(id) });
    if (!acted.done) this.says(id, acted.refused);
  }
  // Of a story, where it is still this one.
  says(id, sentence) { if (this.id === id) this.notice(sentence); }
}
