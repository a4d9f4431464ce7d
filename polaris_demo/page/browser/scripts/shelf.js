// My stories: every story begun in this browser, where each is and where its reader is in it; those being written move.
import { page } from "./page.js";
import { keys, kept, names, places } from "./store.js";
import { button, make, number, one, post, setText } from "./tools.js";
import { where } from "./where.js";

const LIVE_AGAIN = 2000; // milliseconds

export function shelf(element) {
  const list = one(element, "ul"), empty = one(element, ".shelf-empty"), every = one(element, ".shelf-all"), search = one(element, ".search");
  let shown = "", stories = [], refused = "", again;

  async function refresh() {
    clearTimeout(again);
    const mine = keys.all();
    const summaries = mine.length ? await post("stories/summaries", { ids: mine.map(([id]) => id) }) : { stories: [] };
    refused = summaries.refused;
    stories = summaries.stories || [];
    draw();
    if (stories.some((summary) => summary.live) && list.offsetParent) again = setTimeout(refresh, LIVE_AGAIN);
  }
  function draw() {
    const wanted = search.value.trim().toLowerCase(), top = (summary) => Boolean(names.get(summary.id)?.top);
    const found = stories.filter((summary) => `${called(summary)} ${summary.premise}`.toLowerCase().includes(wanted));
    found.sort((a, b) => top(b) - top(a));
    const state = JSON.stringify([found, found.map((summary) => [names.get(summary.id), places.get(summary.id)])]);
    if (shown !== (shown = state)) replace(found.map(entry));
    empty.hidden = found.length > 0;
    setText(empty, refused || (wanted && stories.length ? "No title or premise holds that." : nothing()));
    every.hidden = stories.length === 0;
    every.href = `stories/stories.zip?ids=${stories.map((summary) => summary.id).join(",")}`;
  }
  const nothing = () => kept() ? "No story yet. The first one you ask for appears here."
    : "This browser keeps nothing for this page, so stories are found again by their links only.";
  const called = (summary) => names.get(summary.id)?.name || summary.title;

  // The focus stays on its story's line, or where that is gone on the one that took its place.
  function replace(items) {
    const at = document.activeElement, before = [...list.children].findIndex((item) => item.contains(at));
    const name = before < 0 ? "" : at.dataset.does || at.localName, id = before < 0 ? "" : at.closest("li").dataset.story;
    list.replaceChildren(...items);
    if (before < 0) return;
    const item = items.find((it) => it.dataset.story === id) || items[Math.min(before, items.length - 1)];
    (item ? one(item, `[data-does=${name}]`) || one(item, "a") : document.querySelector("[role=tab][aria-selected=true]"))?.focus();
  }

  function entry(summary) {
    const item = make("li"), words = make("div", "", "words"), tell = make("div", "", "tell"), acts = make("div", "", "acts");
    item.dataset.story = summary.id;
    words.append(opens(summary), directed("p", summary.premise, "premise"), make("p", about(summary), "about"));
    tell.append(line(summary), make("p", summary.said, `said ${summary.live ? "run" : summary.resumable ? "cut" : ""}`));
    if (summary.resumable && !summary.live) acts.append(does("continue", "Continue", () => { page.goesOn = summary.id; open(summary); }));
    acts.append(more(summary, item));
    item.append(words, tell, acts);
    return item;
  }
  const directed = (tag, text, className) => Object.assign(make(tag, text, className), { dir: "auto" });
  function opens(summary) {
    const link = directed("a", called(summary), "title");
    link.href = `?story=${summary.id}`;
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      open(summary);
    });
    return link;
  }
  const open = (summary) => where.go({ story: summary.id });
  // When it was begun, where its reader is, and until when it is kept.
  function about(summary) {
    const place = places.get(summary.id), read = !place ? "not read yet" : place.done ? "read to the end" : place.part ? `you are at ${place.part}` : "begun to read";
    return [summary.begun, summary.live ? "" : read, summary.kept].filter(Boolean).join(" · ");
  }
  function line(summary) {
    const drawn = make("div", "", "line"), longest = Math.max(12_000, summary.words), at = (words) => `${(words / longest) * 100}%`;
    drawn.setAttribute("aria-hidden", "true");
    drawn.style.setProperty("--star", at(summary.words));
    drawn.style.setProperty("--asked", at(summary.asked));
    drawn.append(make("i", "", "rest"), make("i", "", "done"), make("i", "", "tick"), one(document, "#pane .status .star").cloneNode(true));
    return drawn;
  }

  // --- more ------------------------------------------------------------------------------------------------------------

  function more(summary, item) {
    const opener = does("more", "More", () => { const open = menu.hidden = !menu.hidden; opener.setAttribute("aria-expanded", String(!open)); });
    const menu = make("div", "", "menu"), name = called(summary), pinned = Boolean(names.get(summary.id)?.top);
    opener.setAttribute("aria-expanded", "false");
    opener.setAttribute("aria-label", `More for ${name}`);
    menu.hidden = true;
    menu.append(
      does("rename", "Rename", () => rename(summary)),
      does("top", pinned ? "Keep no longer at the top" : "Keep at the top", () => { names.set(summary.id, { ...names.get(summary.id), top: !pinned }); draw(); }),
      does("delete", "Delete", () => remove(summary)),
    );
    menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      menu.hidden = true;
      opener.focus();
      event.preventDefault();
    });
    const held = make("div", "", "more");
    held.append(opener, menu);
    return held;
  }
  const does = (what, text, act) => {
    const made = button(text, "text", act);
    made.dataset.does = what;
    return made;
  };
  function rename(summary) {
    const name = window.prompt("What this browser calls it; the story keeps its own title:", called(summary));
    if (name === null) return;
    names.set(summary.id, { ...names.get(summary.id), name: name.trim() });
    draw();
  }
  async function remove(summary) {
    if (!confirm(`Delete “${called(summary)}” from the server?`)) return;
    const acted = await post(`stories/${summary.id}/delete`, { key: keys.get(summary.id) });
    if (!acted.done) return alert(acted.refused);
    keys.forget(summary.id);
    refresh();
  }

  search.addEventListener("input", draw);
  page.refreshShelf = refresh;
  new IntersectionObserver(([seen]) => seen.isIntersecting && refresh()).observe(element);
  refresh();
}
