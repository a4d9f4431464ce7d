// What the modules share: nodes, text, small requests. Knows nothing of stories.

export const one = (element, selector) => element.querySelector(selector);
export const all = (element, selector) => [...element.querySelectorAll(selector)];
// The parts of a template by their selectors, which are the same ones as long as it stands: looked for once, since a story lies between.
export function lookup(element, find) {
  const found = new Map();
  return (selector) => {
    if (!found.has(selector)) found.set(selector, find(element, selector));
    return found.get(selector);
  };
}

// What is so already costs the browser nothing.
export const setText = (node, text) => { if (node && node.textContent !== text) node.textContent = text || ""; };
export const setHidden = (node, hidden) => { if (node.hidden !== hidden) node.hidden = hidden; };
export const setStyle = (node, name, value) => { if (node.style.getPropertyValue(name) !== value) node.style.setProperty(name, value); };
export const number = (count) => count.toLocaleString("en");
export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export function make(tag, text, className) {
  const node = document.createElement(tag);
  if (text) node.textContent = text;
  if (className) node.className = className;
  return node;
}

export function button(text, className, act) {
  const node = make("button", text, className);
  node.type = "button";
  if (act) node.addEventListener("click", act);
  return node;
}

// Label and text pairs as the rows of a definition list; a text begins where its own script begins.
export const rows = (list, pairs) => list.replaceChildren(...(pairs || []).flatMap(([label, text]) => {
  const said = make("dd", text);
  said.dir = "auto";
  return [make("dt", label), said];
}));

export const UNREACHED = "The server cannot be reached just now. Try again in a moment.";
export const reached = () => fetch("stories/status").then((answer) => answer.ok, () => false);

// The server's JSON answer, a message of heard.py, which whoever asks names. Where it cannot be reached, or something before it
// answers in its place, that is a refusal with a sentence.
export async function get(path, options) {
  try {
    const answer = await fetch(path, options), said = await answer.json();
    if (answer.ok || said.refused) return said;
  } catch { /* no answer, or none of ours */ }
  return { refused: UNREACHED };
}
export const post = (path, body) => get(path, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } });

// Hands the browser a file to keep.
export function save(blob, name) {
  const link = make("a");
  Object.assign(link, { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // some browsers read it a while after the click
}

// Hands the browser a file of the server's; where there is none to be had, the sentence that says why.
export async function download(path, name) {
  try {
    const answer = await fetch(path);
    if (answer.ok) return save(await answer.blob(), name);
    const gone = await answer.json();
    return gone.refused || UNREACHED;
  } catch {
    return UNREACHED;
  }
}

// A button says for a moment what has come of it.
const answering = new WeakMap(); // by button: its label, and the timer that brings it back
export function answers(button, text) {
  const { label = button.textContent, timer } = answering.get(button) ?? {};
  clearTimeout(timer);
  setText(button, text);
  answering.set(button, { label, timer: setTimeout(() => setText(button, label), 2000) });
}

// Copies text; where the browser forbids it the text's element is selected instead.
export async function copy(button, text, element) {
  try {
    await navigator.clipboard.writeText(text);
    answers(button, "Copied");
  } catch {
    if (element) getSelection().selectAllChildren(element);
    else window.prompt("Copy this:", text);
    answers(button, element ? "Selected: press Ctrl+C" : button.textContent);
  }
}

// Copies what the server has at a path. It is on its way when the browser is asked: some allow that only at the click itself.
export async function copyFile(button, path) {
  const text = fetch(path).then((answer) => answer.ok ? answer.blob() : Promise.reject()).then((blob) => new Blob([blob], { type: "text/plain" }));
  try {
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": text })]);
    answers(button, "Copied");
  } catch {
    answers(button, "Could not be copied");
  }
}
