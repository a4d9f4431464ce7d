// The form after somebody else's story: its premise is asked for with all else as the form on the first page stands, or taken there.
import { box } from "./fields.js";
import { page } from "./page.js";
import { number, one, setText } from "./tools.js";

export function invite(form) {
  const premise = () => one(form, "textarea").value;
  form.addEventListener("submit", (event) => { event.preventDefault(); page.ask?.(premise()); });
  one(form, ".otherwise").addEventListener("click", () => page.fill?.(premise()));
  page.told.hear(() => {
    const words = Number(box("words")?.value);
    if (words > 0) setText(one(form, ".count"), number(words));
  });
}
