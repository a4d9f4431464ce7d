// What the server says of its recorded stories, some at a time; their texts are asked for as they are opened.
import { page } from "./page.js";
import { get } from "./tools.js";

async function ask(query) {
  const recordings = await get(`recordings${query}`);
  if (recordings.refused) throw new Error(recordings.refused);
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
