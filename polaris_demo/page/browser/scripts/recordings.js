// What the server says of its recorded stories, some at a time; their texts are asked for as they are opened.
import { page } from "./page.js";
import { get } from "./tools.js";

const AGAIN = 5000; // milliseconds

async function ask(query) {
  const recordings = await get(`recordings${query}`);
  if (recordings.refused) throw new Error(recordings.refused);
  return recordings;
}
export const recordingsFrom = (number) => ask(`?from=${number}`);
// One of them, and what else was recorded of its premise.
export const recordingsOf = (name) => ask(`?of=${encodeURIComponent(name)}`);

// The first of them, to every part that shows some: as they were asked for last, and again in a moment where they cannot be had.
let asked = 0, again;
export async function tellRecordings() {
  clearTimeout(again);
  const number = ++asked, recordings = await ask("").catch(() => null);
  if (number !== asked) return;
  if (recordings) page.recorded.say(recordings);
  else again = setTimeout(tellRecordings, AGAIN);
}
