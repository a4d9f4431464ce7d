// What was asked for through Gradio's events and is not answered yet: of which story (of none: a new one), and where its reader was.
import { where } from "./where.js";
import { new_story } from "./wire.js";

const PATIENCE = 10_000; // milliseconds, where no answer comes
const waiting = new Map();

export const asked = {
  note(event, of = "") { waiting.set(event, { of, at: where.now }); },
  // It is answered, well or badly; undefined where it was already.
  take(event) {
    const taken = waiting.get(event);
    waiting.delete(event);
    return taken;
  },
};

// A story is begun once, however often that is asked for before its answer: whether it is the first time.
let waits = 0;
export function asks() {
  if (waits) return false;
  waits = setTimeout(answered, PATIENCE);
  return true;
}
export function answered() {
  clearTimeout(waits);
  waits = 0;
}

document.addEventListener("click", (event) => {
  if (!event.target.closest("[id=write]")) return;
  if (asks()) asked.note(new_story);
  else event.stopImmediatePropagation();
}, true);
document.addEventListener("input", answered); // another one is asked for
