// What Gradio's components run, each by its name, as they are put in place (parts.py).
export { arrived, dial, differs, filled, foot, hello, ideas, measured, next, promise, unarrived, unfilled } from "./ask.js";
export { beside } from "./beside.js";
export { blind } from "./blind.js";
export { about, header } from "./frame.js";
export { gallery } from "./gallery.js";
export { checked, pane, unanswered, unchecked } from "./pane.js";
export { code, kinds, knob, link, note, presets, prompt } from "./settings.js";
export { shelf } from "./shelf.js";
export { taste } from "./taste.js";
