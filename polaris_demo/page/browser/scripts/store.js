// What this browser keeps: the keys of its stories, their names, the reader's places and looks. An embedded frame may have no
// storage; the page still works, and forgets.
import { storage } from "./wire.js";

const MOST = 200, MOST_CHOICES = 2000;

function read(name, kept = "localStorage") {
  try { return JSON.parse(window[kept].getItem(name)); } catch { return null; }
}
function write(name, value, kept = "localStorage") {
  try { window[kept].setItem(name, JSON.stringify(value)); return true; } catch { return false; }
}

export const kept = () => { try { return Boolean(localStorage); } catch { return false; } };

export function session(name, value) {
  try { return value === undefined ? sessionStorage.getItem(name) : sessionStorage.setItem(name, value); } catch { return null; }
}

// The stories this browser began, newest first: [id, key].
export const keys = {
  mine: [],
  host: null,
  all() {
    const stored = read(storage.stories), known = new Set(this.mine.map(([id]) => id));
    return [...this.mine, ...(Array.isArray(stored) ? stored : []).filter((pair) => Array.isArray(pair) && !known.has(pair[0]))];
  },
  get(id) { return this.all().find(([known]) => known === id)?.[1]; },
  keep(id, key) {
    if (this.get(id) === key) return;
    this.mine.unshift([id, key]);
    write(storage.stories, this.all().slice(0, MOST));
  },
  forget(id) {
    this.mine = this.mine.filter(([known]) => known !== id);
    write(storage.stories, this.all().filter(([known]) => known !== id));
    for (const of of [names, places]) of.forget(id);
  },
};

// One value for a story, by its id; the oldest go.
const byId = (name, kept, most = MOST) => ({
  all: () => { const found = read(name, kept); return found && typeof found === "object" && !Array.isArray(found) ? found : {}; },
  get(id) { return this.all()[id]; },
  set(id, value) {
    const { [id]: _, ...others } = this.all();
    write(name, Object.fromEntries([...Object.entries(others).slice(1 - most), [id, value]]), kept);
  },
  forget(id) {
    const { [id]: _, ...others } = this.all();
    write(name, others, kept);
  },
});
export const names = byId(storage.names); // {name, top}
export const places = byId(storage.places); // {start, dy, part}
export const choices = byId(storage.choices, "localStorage", MOST_CHOICES); // by the blind pair: {reader} and, once chosen, {date, left, right, choice, differed}
export const entries = byId(storage.entries, "sessionStorage"); // of this tab's history, by their own ids

export const looks = {
  all: () => ({ size: 0, width: 0, theme: "", letters: true, ...read(storage.looks) }),
  set(change) { write(storage.looks, { ...this.all(), ...change }); },
};
