// The versions of a story as a small tree: what it was written on from, and what was written on from it, of this browser's stories.
import { first } from "./order.js";
import { besideLink } from "./page.js";
import { keys, names } from "./store.js";
import { make, post, setHidden, setText } from "./tools.js";
import { where } from "./where.js";
import { most_stories } from "./wire.js";

export class Family {
  constructor(element, descent) {
    Object.assign(this, { element, descent, asked: 0 });
    for (const part of [element, descent]) part.addEventListener("click", (event) => this.go(event));
  }
  begin() {
    this.asked += 1;
    for (const part of [this.element, this.descent]) setHidden(part, true);
  }
  // What it was written on from, as a way there.
  from(update) {
    const link = this.descent.firstElementChild;
    setHidden(this.descent, !update.parent);
    setText(link, update.descent);
    link.dataset.story = update.parent;
    link.href = `?story=${encodeURIComponent(update.parent)}`;
  }
  // `parent` may be somebody else's: it is in the tree where it is still there.
  async show(id, parent) {
    setHidden(this.element, true);
    const ids = [...new Set([id, ...(parent ? [parent] : []), ...keys.all().map(([known]) => known)])].slice(0, most_stories);
    this.id = id;
    const asked = ++this.asked;
    const summaries = await post("stories/summaries", { ids });
    if (asked !== this.asked || !summaries.stories) return;
    const known = new Map(summaries.stories.map((summary) => [summary.id, summary])), own = known.get(id);
    const oldest = own && first(own, (story) => known.get(story.parent));
    if (!summaries.stories.some((summary) => summary.parent === oldest?.id)) return;
    const list = make("ul");
    list.append(this.branch(oldest, new Set(known.values())));
    this.element.replaceChildren(make("h2", "Its versions"), list);
    setHidden(this.element, false);
  }
  // A story and those below it; each stands once, of `left`, whatever a server says.
  branch(summary, left) {
    left.delete(summary);
    const item = make("li"), children = [...left].filter((other) => other.parent === summary.id);
    item.append(this.story(summary));
    if (children.length) {
      for (const child of children) left.delete(child);
      const list = item.appendChild(make("ul"));
      list.append(...children.sort((a, b) => a.begun - b.begun).map((child) => this.branch(child, left)));
    }
    return item;
  }
  story(summary) {
    const line = make("span"), here = summary.id === this.id, link = line.appendChild(make(here ? "b" : "a", names.get(summary.id)?.name || summary.title || summary.premise));
    link.dir = "auto";
    if (here) link.setAttribute("aria-current", "page");
    else Object.assign(link, { href: `?story=${encodeURIComponent(summary.id)}`, className: "text" });
    link.dataset.story = summary.id;
    line.append(make("small", [here ? "this one" : "", summary.change, summary.said].filter(Boolean).join(" · ")));
    if (!here && summary.words) line.append(this.beside(summary.id));
    return line;
  }
  // The one that is read and another, next to each other.
  beside(id) {
    const link = make("a", "Side by side", "text");
    link.href = besideLink(this.id, id);
    link.dataset.beside = id;
    return link;
  }
  go(event) {
    const link = event.target.closest("a[data-story], a[data-beside]"), { story, beside } = link?.dataset ?? {};
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    where.go(story ? { story } : { story: this.id, beside });
  }
}
