// What the server says of its recorded stories, some at a time; their texts are asked for as they are opened.
import { page } from "./page.js";

async function ask(query) {
  const recordings = await (await fetch(`recordings${query}`)).json();
  return recordings;
}
export const recordingsFrom = (number) => ask(`?from=${number}`);
// One of them, and what else was recorded of its premise.
export const recordingsOf = (name) => ask(`?of=${encodeURIComponent(name)}`);

// The first of them, to every part that shows some.
export async function tellRecordings() {
  const recordings = await ask("").catch(() => ({ recordings: [], more: 0 }));
  page.recorded.say(recordings);
}
