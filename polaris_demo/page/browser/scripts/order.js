// In which order stories stand in their list: a version under the story it was written on from, and families as they are sorted.

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
const most = (family, value) => Math.max(...family.map(value));
const falls = (value) => (one, other) => most(other, value) - most(one, value);

// How families are compared; the story that the others were written on from is a family's first.
export const sorts = {
  newest: { label: "Newest first", compare: falls((row) => row.date) },
  longest: { label: "Longest first", compare: falls((row) => row.summary.words) },
  title: { label: "By title", compare: ([one], [other]) => collator.compare(one.known, other.known) },
  favourites: { label: "Favourites first", compare: falls((row) => Number(row.favourite)) },
};

// Of `rows`, which come newest first, those that hold what is wanted, each with whether it stands under another. A version stands
// under the first of its family, which therefore stands there wherever one of them is found.
export function ordered(rows, sort, wanted) {
  date(rows);
  const { compare } = sorts[sort] ?? sorts.newest, found = (row) => row.holds(wanted);
  const sorted = families(rows).sort((one, other) => compare(one, other) || sorts.newest.compare(one, other));
  return sorted.filter((family) => family.some(found)).flatMap(([first, ...versions]) => [
    { row: first, version: false }, ...versions.filter(found).map((row) => ({ row, version: true })),
  ]);
}

// When each was begun; where no right clock said so, when the one before it was.
function date(rows) {
  let last = 0;
  for (const row of [...rows].reverse()) row.date = last = row.summary.begun || last;
}

function families(rows) {
  const byId = new Map(rows.map((row) => [row.summary.id, row])), found = new Map(rows.map((row) => [row, []]));
  for (const row of rows) found.get(first(row, ({ summary }) => byId.get(summary.parent))).push(row);
  return [...found].filter(([, family]) => family.length).map(([head, family]) => [
    head, ...family.filter((row) => row !== head).sort((one, other) => one.date - other.date),
  ]);
}

// What a story was written on from in the end, as far as that is known: `above` is its parent. Whoever leads in a circle stands by
// itself.
export function first(story, above) {
  const passed = new Set();
  let at = story;
  while (above(at) && !passed.has(at)) {
    passed.add(at);
    at = above(at);
  }
  return passed.has(at) ? story : at;
}
