// What was asked for through Gradio's events and is not answered yet: of which story (of none: a new one), and where its reader was.
import { page } from "./page.js";
import { where } from "./where.js";
import { events, new_story } from "./wire.js";

const PATIENCE = 10_000, HEAR = 3000, MOST = 3; // milliseconds where no answer comes; how often its line is opened anew
const waiting = new Map();

export const asked = {
  note(event, of = "") {
    waiting.set(event, { of, at: where.now });
    if (event !== events.form_of) listen(); // which comes by itself, and not by the line of answers
  },
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
  waits = setTimeout(free, PATIENCE);
  return true;
}
function free() {
  clearTimeout(waits);
  waits = 0;
}
export function answered() {
  free();
  unheard = Math.max(0, unheard - 1);
}

// Gradio's line of answers may have closed before one of them, which then comes with the answer to the next event.
let unheard = 0, hears;
function listen() {
  unheard += 1;
  hear(0);
}
function hear(times) {
  clearTimeout(hears);
  hears = setTimeout(() => {
    if (times === MOST) unheard = 0;
    if (!unheard) return;
    page.hear();
    hear(times + 1);
  }, HEAR);
}

document.addEventListener("click", (event) => {
  if (!event.target.closest("[id=write]")) return;
  if (asks()) asked.note(new_story);
  else event.stopImmediatePropagation();
}, true);
document.addEventListener("input", free); // another one is asked for
