// What the parts of the page know in common, and change.

// What is said once is told to every part that shows some of it, also to one that Gradio puts in place later.
const said = () => {
  const parts = [];
  let last;
  return {
    say(message) { last = message; for (const part of parts) part(message); },
    again() { if (last) this.say(last); },
    hear(part) { parts.push(part); if (last) part(last); },
  };
};

export const page = {
  told: said(), // what there is to say of the form as it stands
  status: said(), // who writes here
  recorded: said(), // the first of the recorded stories
  home: "", // the address that links to stories lead to, as the server says it; empty: this page's own
  preview: false, // the miniature writes here
  recipe: "", // the form's settings as a query, as the server wrote it last
  goesOn: null, // the story that is gone on with as soon as it is here
  writing: false, // a story of this browser's, as its list knows it
  reader: null, // the reading pane's Reader
  compare: null, // asks which story is to stand beside one, by its id
  refreshShelf: null, // asks anew for the list of this browser's stories
};

export const here = () => page.home || location.origin + location.pathname;
export const storyLink = (id) => `${here()}?story=${encodeURIComponent(id)}`;
export const besideLink = (id, other) => `?story=${encodeURIComponent(id)}&beside=${encodeURIComponent(other)}`;
export const recordedLink = (name) => `${here()}?recorded=${encodeURIComponent(name)}`;

// In a frame of another page (?view=embed) whatever wants to come into view moves this document only, never the page around it.
export const embedded = new URLSearchParams(location.search).get("view") === "embed";
if (embedded) {
  Element.prototype.scrollIntoView = function () { scrollTo({ top: scrollY + this.getBoundingClientRect().top - innerHeight / 3 }); };
}
