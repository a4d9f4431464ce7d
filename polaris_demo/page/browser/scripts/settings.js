// The settings: each number's line with the card's range on it, what there is to say of a field, presets, the prompt, the code.
import { box, fieldOf, set } from "./fields.js";
import { here, page } from "./page.js";
import { button, copy, make, one, setText } from "./tools.js";

// A control of ours over one of Gradio's fields: each says what the other does.
function over(control, field) {
  const look = () => { if (box(field)) control.value = box(field).value; };
  control.addEventListener("input", () => set(field, control.value));
  for (const kind of ["input", "change", "click"]) document.addEventListener(kind, () => setTimeout(look));
  look();
}
export const knob = (element, field) => over(one(element, "input[type=range]"), field);
export const kinds = (element) => over(one(element, "select"), "form");

export function presets(element, values) {
  element.addEventListener("click", (event) => {
    const chosen = event.target.closest("[data-preset]");
    if (!chosen) return;
    for (const [field, value] of Object.entries(values[chosen.dataset.preset])) set(field, value);
  });
}

// What there is to say of a field, with what mends it in one click.
export function note(element, props, watch) {
  const show = () => {
    const notes = props.value || [];
    one(element, ".notes").replaceChildren(...notes.map((note) => {
      const said = make("p", note.message, `note ${note.level}`);
      for (const fix of note.fixes) said.append(" ", button(fix.label, "text", () => set(fix.field, fix.value)));
      return said;
    }));
    const { id } = element.closest("[id]:is([id^=note-], #arrived)"), field = box(id.replace("note-", ""));
    tell(field, "aria-invalid", notes.some((note) => note.level === "error") && "true");
    tell(field, "aria-describedby", notes.length > 0 && id);
  };
  watch("value", show);
  show();
}

function tell(field, attribute, value) {
  if (value) field?.setAttribute(attribute, value);
  else field?.removeAttribute(attribute);
}

export function prompt(element, props, watch) {
  const show = () => {
    const prompt = props.value;
    setText(one(element, ".prompt"), prompt?.prompt);
    setText(one(element, ".about"), prompt?.about);
  };
  watch("value", show);
  show();
}

// The request as code, one kind at a time; it follows the controls.
export function code(element, props, watch) {
  const choices = one(element, ".choices"), text = one(element, "pre"), copies = one(element, ".copy-code");
  let chosen = "";
  const show = () => {
    const code = props.value, all = code?.code || [];
    chosen = all.some(([kind]) => kind === chosen) ? chosen : all[0]?.[0];
    setText(one(element, ".about"), code?.about);
    setText(text, all.find(([kind]) => kind === chosen)?.[1]);
    choices.hidden = copies.hidden = !all.length;
    if (choices.children.length !== all.length) choices.replaceChildren(...all.map(choice));
    [...choices.children].forEach((pick, i) => pick.setAttribute("aria-pressed", String(all[i]?.[0] === chosen)));
  };
  const choice = ([kind]) => button(kind, "button", () => { chosen = kind; show(); text.scrollTop = 0; });
  copies.addEventListener("click", () => copy(copies, text.textContent, text));
  watch("value", show);
  show();
}

export function link(element, props, watch) {
  const copies = one(element, ".copy-link"), changed = new Set(); // of some fields the server may not have heard yet
  document.addEventListener("input", ({ target }) => { if (fieldOf(target)) changed.add(fieldOf(target)); });
  const show = () => {
    const link = props.value;
    page.recipe = link || "";
  };
  watch("value", show);
  show();
  copies.addEventListener("click", () => {
    const recipe = new URLSearchParams(page.recipe);
    for (const field of changed) if (box(field)) recipe.set(field, box(field).value);
    copy(copies, here() + (recipe.size ? `?${recipe}` : ""));
  });
}
