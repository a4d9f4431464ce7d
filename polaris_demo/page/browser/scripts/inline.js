// Marks inside a line of a story: emphasis, code, escapes. What story/inline.py reads, read the same way; it says how and why.
const TOKENS = /(?<hidden>\\(?=[!-/:-@[-`{-~])|(?<=[^\n])\\(?=\n))|(?<ticks>`+)|(?<run>\*+|_+)/g;
const blank = (c) => /[\t\n\f\r\p{Zs}]/u.test(c), punctuation = (c) => /[\p{P}\p{S}]/u.test(c), letter = (c) => /[\p{L}\p{N}]/u.test(c);
const TAGS = [, "em", "strong"];

// The parts of a text in order, well nested: {text, tag, begins, hidden}; a hidden one with a tag begins or ends it.
export function pieces(text) {
  const parts = split(text);
  pair(parts.filter((part) => part.mark));
  return parts.flatMap((part) => part.mark ? made(part) : [part]);
}

function made(run) {
  const mark = (begins) => (size) => ({ text: run.mark.repeat(size), tag: TAGS[size], begins, hidden: true });
  const left = run.left ? [{ text: run.mark.repeat(run.left) }] : [];
  return [...run.closes.map(mark(false)), ...left, ...run.opens.reverse().map(mark(true))];
}

// CommonMark's "process emphasis": each run that may close looks back for the nearest that fits.
function pair(runs) {
  const openers = [], bottom = new Map();
  for (const run of runs) {
    const kind = [run.mark, run.mayOpen, run.length % 3, run.inside && run.blanks].join();
    while (run.mayClose && run.left) {
      const at = openerOf(openers, run, bottom.get(kind) ?? -1);
      if (at < 0) { bottom.set(kind, run.number - 1); break; }
      const opener = openers[at], size = Math.min(2, run.left, opener.left);
      openers.length = at + 1;
      opener.left -= size;
      run.left -= size;
      opener.opens.push(size);
      run.closes.push(size);
      if (!opener.left) openers.pop();
    }
    if (run.mayOpen && run.left) openers.push(run);
  }
}
function openerOf(openers, closer, bottom) {
  for (let at = openers.length - 1; at >= 0; at--) {
    const opener = openers[at];
    if (opener.number <= bottom || (closer.inside && opener.blanks !== closer.blanks)) return -1;
    if (fits(closer, opener)) return at;
  }
  return -1;
}
// CommonMark's rule of three, and ours of words: a mark inside a word marks nothing beyond that word.
function fits(closer, opener) {
  const both = (closer.mayOpen || opener.mayClose) && closer.length % 3 !== 0 && (closer.length + opener.length) % 3 === 0;
  return opener.mark === closer.mark && !both && (closer.blanks === opener.blanks || !(closer.inside || opener.inside));
}

function split(text) {
  const parts = [], ends = rowsOfTicks(text);
  let at = 0, begun = 0, blanks = 0, counted = 0;
  const literal = (end) => { if (end > begun) parts.push({ text: text.slice(begun, end) }); };
  for (TOKENS.lastIndex = at; ; TOKENS.lastIndex = at) {
    const found = TOKENS.exec(text);
    if (!found) break;
    const start = found.index, { hidden, ticks, run } = found.groups;
    at = start + found[0].length;
    for (const c of text.slice(counted, start)) if (blank(c)) blanks += 1;
    counted = start;
    const end = ticks ? endOfCode(text, ends, ticks.length, at) : -1;
    if (hidden) {
      literal(start);
      parts.push({ text: "\\", hidden: true });
      begun = at;
      at += 1;
    } else if (end >= 0) {
      literal(start);
      parts.push({ text: ticks, tag: "code", begins: true, hidden: true }, { text: text.slice(at, end - ticks.length) }, { text: ticks, tag: "code", begins: false, hidden: true });
      begun = at = end;
    } else if (run) {
      literal(start);
      parts.push(newRun(text, start, at, parts.length, blanks));
      begun = at;
    }
  }
  literal(text.length);
  return parts;
}

function newRun(text, start, end, number, blanks) {
  const before = [...text.slice(Math.max(0, start - 2), start)].pop() ?? " ", after = end < text.length ? String.fromCodePoint(text.codePointAt(end)) : " ";
  const left = !blank(after) && (!punctuation(after) || blank(before) || punctuation(before));
  const right = !blank(before) && (!punctuation(before) || blank(after) || punctuation(after));
  const word = text[start] === "_"; // which opens and closes nothing inside a word
  return {
    mark: text[start], number, blanks, left: end - start, length: end - start, opens: [], closes: [], inside: letter(before) && letter(after),
    mayOpen: left && (!word || !right || punctuation(before)), mayClose: right && (!word || !left || punctuation(after)),
  };
}

// By length, where the rows of backticks stand that may end a piece of code.
function rowsOfTicks(text) {
  const ends = new Map();
  for (const { 0: row, index } of text.matchAll(/`+/g)) {
    if (!index || blank(text[index - 1])) continue;
    if (!ends.has(row.length)) ends.set(row.length, []);
    ends.get(row.length).push(index);
  }
  return ends;
}
function endOfCode(text, ends, size, begun) {
  const rows = ends.get(size) ?? [];
  while (rows.length && rows[0] < begun) rows.shift();
  if (!rows.length || blank(text[begun]) || text.slice(begun, rows[0]).includes("\n")) return -1;
  return rows[0] + size;
}
