// The form as it was for a story is asked for one story at a time: of two answers on their way the older one may come last.
let asked = null, wanted = null;

function next() {
  asked = wanted;
  asked.ask();
}
export function wants(id, ask) {
  wanted = { id, ask };
  if (!asked) next();
}
// After each answer: whether it was about the story that is wanted.
export function came() {
  const right = asked?.id === wanted?.id;
  asked = null;
  if (!right) next();
  return right;
}
