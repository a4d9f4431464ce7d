// Asks which story is to stand beside one: another of this browser's, or any by its link; to be read openly or blind.
import { keys, names } from "./store.js";
import { button, make, one, post, setText } from "./tools.js";
import { where } from "./where.js";

// The id in a story's link, or the id itself; empty for anything else.
function named(text) {
  const id = new URLSearchParams(text.slice(text.indexOf("?") + 1)).get("story") ?? text.trim();
  return /^[\w-]+$/.test(id) ? id : "";
}

export class Chooser {
  // `blindly(first, second, wanted, refuse)` begins to read two blind where that is still `wanted()`, and else says why not.
  constructor(dialog, blindly) {
    Object.assign(this, { dialog, blindly, list: one(dialog, "ul"), form: one(dialog, "form") });
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.take(named(this.form.elements.link.value));
    });
    where.watch(() => this.close());
  }
  close() { if (this.dialog.open) this.dialog.close(); }
  async open(id) {
    this.id = id;
    this.form.reset();
    this.refuse("");
    this.list.replaceChildren();
    setText(one(this.dialog, ".none"), "");
    this.dialog.showModal();
    const mine = keys.all().map(([known]) => known).filter((known) => known !== id);
    const summaries = mine.length ? await post("stories/summaries", { ids: mine }) : { stories: [] };
    if (this.id !== id) return;
    const written = (summaries.stories ?? []).filter((summary) => summary.words);
    this.list.replaceChildren(...written.map((summary) => this.row(summary)));
    setText(one(this.dialog, ".none"), summaries.refused || (written.length ? "" : "No other story was begun in this browser."));
  }
  row(summary) {
    const item = make("li"), choose = button("", "choice", () => this.take(summary.id)), title = make("span", names.get(summary.id)?.name || summary.title || "No title");
    title.dir = "auto";
    choose.append(title, make("small", summary.premise), make("small", summary.said));
    item.append(choose);
    return item;
  }
  refuse(sentence) { setText(one(this.dialog, ".refusal"), sentence); }
  take(other) {
    if (!other) return this.refuse("Paste the link of a story, or its id.");
    const { id } = this, wanted = () => this.dialog.open && this.id === id;
    if (one(this.dialog, "[name=how]:checked").value === "blind") return this.blindly(id, other, wanted, (why) => this.refuse(why));
    this.close();
    where.go({ story: id, beside: other });
  }
}
