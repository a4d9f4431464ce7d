// What was finished since the last visit to the list: at rest now, and not when it was last looked at. It is news until it is opened,
// or until the visit after the one that saw it.
import { seen } from "./store.js";

export class News {
  constructor() { this.known = null; } // the ids of those at rest that this visit began with
  // What the server says of the stories; `looked`: their list is before somebody's eyes, `opened`: the id of the one that is.
  heard(stories, looked, opened) {
    const resting = stories.filter((summary) => !summary.live).map((summary) => summary.id), before = seen.all();
    this.known ??= before ?? new Set(resting);
    for (const summary of stories) if (summary.live) this.known.delete(summary.id);
    if (resting.includes(opened)) this.known.add(opened);
    const after = resting.filter((id) => looked || !before || before.has(id) || id === opened);
    if (!before || after.length !== before.size || after.some((id) => !before.has(id))) seen.set(after);
  }
  has(summary) { return Boolean(!summary.live && summary.words && this.known && !this.known.has(summary.id)); }
  // Stories that another browser knew are none.
  brought(ids) {
    for (const id of ids) this.known?.add(id);
    seen.set([...seen.all() ?? [], ...ids]);
  }
  // The visit is over.
  leave() { this.known = null; }
}
