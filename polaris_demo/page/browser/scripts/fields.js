// The fields of the form as the scripts see them: Gradio's own boxes, read and set the way a hand would.
import { fields } from "./wire.js";

export const box = (field) => document.querySelector(`#${field} input[type=number]`) || document.querySelector(`#${field} :is(input, textarea)`);
// The field whose box it is, if it is one.
export const fieldOf = (input) => fields.find((field) => box(field) === input);

// Gradio hears of it as of anything typed.
export function set(field, value) {
  const input = box(field);
  if (!input || input.value === String(value)) return;
  const kind = input.tagName === "TEXTAREA" ? HTMLTextAreaElement : HTMLInputElement;
  Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(input, String(value));
  for (const event of ["input", "change", "blur"]) input.dispatchEvent(new Event(event, { bubbles: true }));
}
