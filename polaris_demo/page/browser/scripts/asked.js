// What was asked for through Gradio's events and is not answered yet: of which story (of none: a new one), and where its reader was.
import { where } from "./where.js";

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
