// What this browser keeps: the keys of its stories, their names, the reader's places and looks. An embedded frame may have no
// storage; the page still works, and forgets.
import { most_stories as MOST, storage } from "./wire.js";

const MOST_CHOICES = 2000;

function read(name, kept = "localStorage") {
  try { return JSON.parse(window[kept].getItem(name)); } catch { return null; }
}
function write(name, value, kept = "localStorage") {
  try { window[kept].setItem(name, JSON.stringify(value)); return true; } catch { return false; }
}

export const kept = () => { try { return Boolean(localStorage); } catch { return false; } };

// Several values as one change: where one of them cannot be kept, all are as they were. Whether they are kept.
export function keepAll(values) {
  const keptAs = Object.entries(values).map(([name, value]) => [storage[name], value, localStorage.getItem(storage[name])]);
  if (keptAs.every(([name, value]) => write(name, value))) return true;
  for (const [name, , before] of keptAs) {
    if (before === null) localStorage.removeItem(name);
    else localStorage.setItem(name, before);
  }
  return false;
}

export function session(name, value) {
  try { return value === undefined ? sessionStorage.getItem(name) : sessionStorage.setItem(name, value); } catch { return null; }
}

// The stories this browser began, newest first: [id, key].
export const keys = {
  mine: [],
  host: null,
  unkept: false, // the last one could not be stored
  all() {
    const stored = read(storage.stories), known = new Set(this.mine.map(([id]) => id));
    return [...this.mine, ...(Array.isArray(stored) ? stored : []).filter((pair) => Array.isArray(pair) && !known.has(pair[0]))];
  },
  get(id) { return this.all().find(([known]) => known === id)?.[1]; },
  keep(id, key) {
    if (this.get(id) === key) return;
    this.mine.unshift([id, key]);
    this.unkept = !write(storage.stories, this.all().slice(0, MOST));
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
  get(id) { const all = this.all(); return Object.hasOwn(all, id) ? all[id] : undefined; },
  set(id, value) {
    const { [id]: _, ...others } = this.all();
    return write(name, Object.fromEntries([...Object.entries(others).slice(1 - most), [id, value]]), kept);
  },
  forget(id) {
    const { [id]: _, ...others } = this.all();
    write(name, others, kept);
  },
});
export const names = byId(storage.names); // {name, favourite}
export const places = byId(storage.places); // {start, dy, part, done}
export const choices = byId(storage.choices, "localStorage", MOST_CHOICES); // by the blind pair: {reader} and, once chosen, {date, left, right, choice, differed}
export const entries = byId(storage.entries, "sessionStorage"); // of this tab's history, by their own ids

// The ids of the stories that were at rest when their list was last looked at; null where it never was.
export const seen = {
  all() { const stored = read(storage.seen); return Array.isArray(stored) ? new Set(stored) : null; },
  set(ids) { write(storage.seen, ids); },
};

export const looks = {
  all: () => ({ size: 0, width: 0, theme: "", letters: true, sort: "newest", ...read(storage.looks) }),
  set(change) { write(storage.looks, { ...this.all(), ...change }); },
};
