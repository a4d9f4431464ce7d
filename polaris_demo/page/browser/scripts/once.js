// A story is begun once, however often that is asked for before its answer.
const PATIENCE = 10_000; // milliseconds, where none comes

let waits = 0;
export function answered() {
  clearTimeout(waits);
  waits = 0;
}
// Whether it is the first time.
export function asks() {
  if (waits) return false;
  waits = setTimeout(answered, PATIENCE);
  return true;
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[id=write]") && !asks()) event.stopImmediatePropagation();
}, true);
document.addEventListener("input", answered); // another one is asked for
