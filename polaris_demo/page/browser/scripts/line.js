// The line to a story on the server: what is new of it, as it comes. Knows nothing of how it is shown.
//
// HTTP/1.1 gives a browser six connections to a host, all its tabs together. A few tabs hold a line that stays open; the others,
// and those nobody sees, ask again and again.
const HELD = 3, ASK_AGAIN = 1000, MOST_WAIT = 10_000, REFUSED = 30_000; // milliseconds

export class Line {
  // `from()` says where the text here ends; `heard(update)`, `gone(message)` and `lost()` are called with what happens.
  constructor(id, { from, heard, gone, lost }) {
    Object.assign(this, { id, from, heard, gone, lost });
    this.failures = this.asksUntil = 0;
    this.seen = () => { if (!this.closed) this.connect(); };
    document.addEventListener("visibilitychange", this.seen);
    this.connect();
  }
  close() {
    this.closed = true;
    document.removeEventListener("visibilitychange", this.seen);
    this.letGo();
  }
  letGo() {
    clearTimeout(this.again);
    this.turn = (this.turn || 0) + 1; // whatever was begun before this is over
    this.source?.close();
    this.release?.();
    this.source = this.release = null;
  }
  async connect() {
    this.letGo();
    const turn = this.turn, holds = document.visibilityState === "visible" && Date.now() > this.asksUntil, release = holds && await lease();
    if (turn !== this.turn) return release && release();
    if (release) this.hold(release);
    else this.ask(turn);
  }
  get path() { return `stories/${encodeURIComponent(this.id)}/events?from=${this.from()}`; }

  hold(release) {
    this.release = release;
    const source = this.source = new EventSource(this.path);
    source.onmessage = (event) => this.hear(event.data);
    source.addEventListener("gone", (event) => this.over(event.data));
    source.onerror = () => {
      // The browser tries again by itself, except after an answer that was no stream: there is no place for one, or the server is just starting.
      if (source.readyState !== EventSource.CLOSED) return this.failed();
      this.asksUntil = Date.now() + REFUSED;
      this.connect();
    };
  }
  async ask(turn) {
    try {
      const answer = await fetch(`${this.path}&once`);
      if (!answer.ok) throw new Error(answer.statusText);
      const text = await answer.text();
      if (turn !== this.turn) return;
      for (const event of text.split("\n\n")) this.told(event);
      if (!this.closed && turn === this.turn) this.again = setTimeout(() => this.connect(), ASK_AGAIN);
    } catch {
      if (turn !== this.turn) return;
      this.failed();
      this.later();
    }
  }
  // One server-sent event.
  told(event) {
    const data = event.split("\n").find((line) => line.startsWith("data:"))?.slice(5);
    if (!data) return;
    if (event.includes("event: gone")) this.over(data);
    else this.hear(data);
  }
  hear(data) {
    this.failures = 0;
    const update = JSON.parse(data);
    this.heard(update);
  }
  over(data) {
    const gone = JSON.parse(data);
    this.close();
    this.gone(gone);
  }
  failed() {
    this.failures += 1;
    this.lost();
  }
  later() { this.again = setTimeout(() => this.connect(), Math.min(MOST_WAIT, 1000 * this.failures)); }
}

// One of the lines that this browser's tabs may hold open between them: what gives it back, or null where all are taken.
async function lease() {
  if (!navigator.locks) return () => {};
  for (let i = 0; i < HELD; i++) {
    const release = await taken(`polaris-line-${i}`);
    if (release) return release;
  }
  return null;
}
const taken = (name) => new Promise((answer) => {
  navigator.locks.request(name, { ifAvailable: true }, (lock) => lock ? new Promise((release) => answer(release)) : answer(null)).catch(() => answer(null));
});
