// The ask: an idea to start from, the length with its line, what to expect, and the button.
import { asked } from "./asked.js";
import { box, fieldOf, set } from "./fields.js";
import { page } from "./page.js";
import { came } from "./recipe.js";
import { keys, session } from "./store.js";
import { all, button, get, make, number, one, post, rows, setText } from "./tools.js";
import { restore, where } from "./where.js";
import { events, fields, ideas as premises, storage } from "./wire.js";

const OPENS = "[id=settings] > button";
const premise = () => box("premise");

// Who writes may become known only when it has loaded, and with that the length to begin with. What the address asks for stays.
let usualWords;
function begin(words) {
  if (Number(box("words")?.value) === usualWords && !new URLSearchParams(location.search).has("words")) set("words", words);
  usualWords = words;
  const small = document.querySelector("#embed [name=words]");
  if (small) small.defaultValue = words;
}

// Who writes here. Asked for by the page itself: Gradio 6.31 loads the page anew when one of its own calls failed for want of a connection.
export function hello(element) {
  const lead = one(element, ".lead"), usual = one(lead, "span").textContent;
  let next;
  const again = () => { clearTimeout(next); next = setTimeout(ask, 2000); };
  const ask = async () => {
    const status = await get("stories/status");
    if (status.refused) again();
    else show(status);
  };
  let waited = false;
  const show = (status) => {
    page.home = status.home;
    page.preview = status.preview;
    begin(status.words);
    if (!status.ready) again();
    else if (waited) page.lookAgain?.();
    waited = !status.ready;
    lead.classList.toggle("who", Boolean(status.who));
    setText(one(lead, "strong"), status.who);
    setText(one(lead, "span"), status.lead || usual);
    lead.title = status.why;
    page.status.say(status);
  };
  const status = JSON.parse(document.getElementById("now")?.textContent || "null");
  if (status) show(status);
  else ask();
}

// The placeholder is an idea; two clicks take it or turn to the next.
export function ideas(element) {
  let at = 0;
  const show = () => { if (premise()) premise().placeholder = premises[at]; };
  one(element, ".use").addEventListener("click", () => { set("premise", premises[at]); premise().focus(); });
  one(element, ".another").addEventListener("click", () => { at = (at + 1) % premises.length; show(); });
}

// A length that is chosen is newer than one that the premise named before. Whoever asks while the premise is being read for one
// waits for it; who asks once more does not.
let chosen = null, asking = false, unread = false, reading = 0;
export function measured(failed) {
  reading = failed ? 0 : reading - 1; // Gradio 6.31 drops what has waited for one that failed
  if (chosen !== null) set("words", chosen);
  if (unread || reading || !asking) return;
  asking = false;
  write();
}
addEventListener("click", (event) => {
  if (!(unread || reading) || !event.target.closest?.("[id=write]")) return;
  const again = asking && event.detail < 2; // and no double click
  asking = !again;
  if (again) return;
  event.stopImmediatePropagation();
  if (unread) page.measure(0);
}, true);

export function dial(element, props, watch, trigger) {
  const line = one(element, "input[type=range]"), names = all(element, ".zones button");
  const place = () => {
    const words = Number(box("words")?.value);
    if (Number.isFinite(words)) line.value = String(words);
    line.setAttribute("aria-valuetext", `${number(words)} words`);
    for (const name of names) {
      const inside = words >= Number(name.dataset.from) && words <= Number(name.dataset.to);
      name.classList.toggle("in", inside && !names.slice(0, names.indexOf(name)).some((one) => one.classList.contains("in")));
    }
  };
  const show = () => {
    const dial = props.value;
    if (!dial) return place();
    if (dial.refused) return page.next?.(dial.refused, []);
    rows(one(element, ".facts"), dial.facts);
    pair(one(element, ".facts"));
    setText(one(element, ".says strong"), dial.zone);
    setText(one(element, ".says span"), dial.says);
    page.told.say(dial);
    place();
  };
  line.addEventListener("input", () => { set("words", line.value); place(); });
  for (const name of names) name.addEventListener("click", () => { set("words", name.dataset.words); place(); });
  let typed, looks;
  page.measure = (soon) => {
    unread = true;
    clearTimeout(typed); // the server reads a length out of the premise; Gradio 6.31 loses a Textbox's input event beside its change
    typed = setTimeout(() => {
      unread = false;
      reading = Math.min(reading + 1, 2); // of all that wait for one, the last is sent
      trigger(events.length, {});
    }, soon);
  };
  page.lookAgain = () => {
    clearTimeout(looks); // Gradio takes over what was set a moment ago only now
    looks = setTimeout(() => trigger(events.look_again, {}), 100);
  };
  document.addEventListener("input", (event) => {
    if (event.target.closest?.("#words")) {
      chosen = box("words").value;
      place();
    }
    if (!event.target.closest?.("#premise")) return;
    chosen = null;
    page.measure(300);
  });
  watch("value", show);
  show();
}

// Each fact with its label, so that they stand beside each other.
function pair(list) {
  const entries = [...list.children];
  list.replaceChildren(...entries.filter((_, i) => i % 2 === 0).map((label, i) => {
    const fact = make("div");
    fact.append(label, entries[2 * i + 1]);
    return fact;
  }));
}

// Beside the button: what happens next, and the longest story that fits a visitor's day, which one click asks for. Why nothing is
// written stays there until the form is changed or asks again: a check from before may be answered only after that.
export function next(element) {
  let stays = false, last;
  const show = (go, fits) => {
    setText(one(element, ".next span"), `${go} `);
    for (const old of all(element, "button")) old.remove();
    const longest = fits.map((fit) => fit.words && button(`${number(fit.words)} words ${fit.who}`, "text", () => set("words", fit.words))).filter(Boolean);
    one(element, ".next").append(...longest);
  };
  page.next = (go, fits) => { if (!stays) show(go, fits); };
  page.stay = (why) => { show(why, []); stays = true; };
  page.told.hear((dial) => { last = dial; page.next(dial.go, dial.fits); });
  const over = () => {
    if (!stays) return;
    stays = false;
    if (last) show(last.go, last.fits);
  };
  document.addEventListener("input", (event) => {
    if (event.target !== document && !event.target.closest("[id=ask]")) return;
    changed = true;
    over();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[id=write]")) return;
    changed = false;
    over();
  }, true);
}

// What the settings are, in a line, also where they are folded away.
export function differs(element) {
  page.told.hear((dial) => setText(one(element, ".differs"), dial.differs));
}

export function promise(element, props, watch) {
  const show = () => {
    const promise = props.value;
    setText(one(element, ".promise"), promise);
  };
  watch("value", show);
  show();
}

// From the form after somebody else's story: its premise is put into this one, to be changed.
page.fill = (text) => {
  where.go({});
  if (text) set("premise", text);
  premise()?.focus();
};
// Or asked for at once, in the length that it names.
page.ask = (text) => {
  where.go({});
  set("premise", text);
  asking = true;
  page.measure(100);
};
const write = () => document.getElementById("write")?.click();

// Why nothing is written stands beside the field that wants a look, which takes the focus; and else where it is asked for.
page.refused = (sentence) => {
  setTimeout(() => { // what is said of the fields comes with the refusal
    if (!wrong.length) page.stay?.(sentence);
    else if (!changed && document.getElementById("write").checkVisibility()) see(wrong[0]);
    if (changed) page.lookAgain?.(); // what came with it is of the form as it was
  });
};
let wrong = [], changed = false;
page.told.hear((dial) => { wrong = dial.wrong; });
function see(field) {
  if (!box(field)?.offsetParent) document.querySelector(OPENS)?.click();
  setTimeout(() => box(field)?.focus(), 50); // Gradio puts the fields of a fold in place when it opens
}

// After the form has been filled from a story: its reader changes one thing.
export function filled(opened) {
  const { at } = asked.take(events.form_of) ?? { at: where.now };
  if (!came() || opened?.refused) return; // the pane says why
  setTimeout(() => document.dispatchEvent(new Event("input"))); // Gradio says nothing of values it sets itself
  if (!where.is(at)) return; // its reader has gone elsewhere meanwhile
  where.go({});
  premise()?.focus();
}
export function unfilled() {
  came();
}

// What stands in the form goes through a reload: the address brings it back (sharing.py), and is as before once it has arrived. Until
// then the form is what was typed meanwhile, which is newer than what arrives, and else what the address says.
let here = false;
const typed = new Map(), sent = new URLSearchParams(location.search); // one may have gone elsewhere by the time it arrives
addEventListener("pagehide", () => {
  const form = new URLSearchParams(here ? page.recipe : "");
  for (const field of fields) {
    const value = here ? box(field)?.value : typed.get(field) ?? sent.get(field);
    if (value != null) form.set(field, value);
  }
  session(storage.form, form.toString());
});
document.addEventListener("input", ({ target }) => {
  const field = !here && fieldOf(target);
  if (field) typed.set(field, target.value);
});
export function arrived() {
  here = true;
  for (const [field, value] of typed) set(field, value);
  premise().dir = "auto"; // Gradio 6.31 has every Textbox begin at the left
  restore();
  if (fields.some((field) => sent.has(field)) || typed.size) page.lookAgain?.(); // a field that came first is checked beside others that were still to come, and that may be told last
}

// Where that did not come, the address alone fills in what can be seen of the form.
export function unarrived() {
  for (const field of fields) if (sent.has(field) && !typed.has(field)) set(field, sent.get(field));
  arrived();
}

// The host of this server, by the key set as POLARIS_ADMIN_KEY: lets new stories begin or not, deletes any story.
export function foot(element) {
  const line = one(element, ".hosting"), why = one(element, ".why");
  page.status.hear((status) => { setText(why, status.why); why.hidden = !status.why; });
  const ask = async (key, paused) => {
    const host = await post("stories/host", { key, paused });
    line.hidden = false;
    if (host.refused) return setText(line, host.refused);
    keys.host = key;
    const toggle = button(host.paused ? "Let new stories begin" : "Pause new stories", "text", () => ask(key, !host.paused));
    line.replaceChildren(host.paused ? "New stories are paused. " : "New stories may begin. ", toggle, " Any story opened by its link can be deleted.");
    const remove = document.querySelector("[data-do=delete]");
    if (remove) remove.hidden = false;
  };
  one(element, ".host").addEventListener("click", () => {
    const key = window.prompt("The key this server’s host has set:");
    if (key) ask(key);
  });
}
