// My stories in one file, to be taken to another browser: what such a file holds, and what has to be true of one that comes in.
// Everything in it is looked at before anything of it is kept, and all of it is kept or nothing.
import { keepAll, kept, keys, names, places } from "./store.js";
import { number } from "./tools.js";
import { most_stories } from "./wire.js";

const FORMAT = "My stories of POLARIS-9B", VERSION = 1, NOTHING = "Nothing was brought in.";
const MOST_BYTES = 1_000_000; // twice what a full list can take, whatever its names are
export const LONGEST_NAME = 200; // characters, of a chapter too

// --- what is taken -----------------------------------------------------------------------------------------------------

export function taken() {
  const named = new Map(Object.entries(names.all())), read = new Map(Object.entries(places.all()));
  const stories = keys.all().map(([id, key]) => {
    const { name = "", top = false, favourite = top } = named.get(id) ?? {}, place = placed(read.get(id));
    return { id, key, name: name.slice(0, LONGEST_NAME), favourite, ...(isPlace(place) && { place }) };
  });
  const whole = stories.filter((story) => !wrongStory(story, 0)); // what could not be brought in elsewhere
  return new Blob([JSON.stringify({ format: FORMAT, version: VERSION, stories: whole }, null, 1)], { type: "application/json" });
}
const placed = ({ start, dy, part = "", done = false } = {}) => ({ start, dy, part: part.slice(0, LONGEST_NAME), done });

// --- what comes in -----------------------------------------------------------------------------------------------------

const isText = (value, most) => typeof value === "string" && value.length <= most;
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isPlace = (value) => isObject(value) && Number.isSafeInteger(value.start) && value.start >= 0 && Number.isSafeInteger(value.dy)
  && isText(value.part, LONGEST_NAME) && typeof value.done === "boolean";

// Each value of a story: whether it is one, and what to say where it is not.
const VALUES = {
  id: [(value) => isText(value, 64) && /^[\w-]+$/.test(value), "an id that no story has"],
  key: [(value) => isText(value, 128) && /^[ -~]+$/.test(value), "a key that is none"],
  name: [(value) => isText(value, LONGEST_NAME), `a name that is no text of at most ${LONGEST_NAME} characters`],
  favourite: [(value) => typeof value === "boolean", "a favourite that is neither true nor false"],
  place: [(value) => value === undefined || isPlace(value), "a reading place that is none"],
};

function wrongStory(story, at) {
  if (!isObject(story)) return `Entry ${at + 1} of this file is no story.`;
  const [, says] = Object.entries(VALUES).find(([name, [holds]]) => !holds(Object.hasOwn(story, name) ? story[name] : undefined))?.[1] ?? [];
  return says ? `Story ${at + 1} in this file has ${says}.` : "";
}

function wrongFile(found) {
  if (!isObject(found) || found.format !== FORMAT) return "This file does not hold My stories: it was saved by something else.";
  if (!Number.isSafeInteger(found.version) || found.version < 1) return "This file does not say which version of My stories it holds.";
  if (found.version > VERSION) return `This file is of a newer page than this one: of version ${found.version}, and this page reads ${VERSION}.`;
  if (!Array.isArray(found.stories)) return "This file has no list of stories.";
  if (found.stories.length > most_stories) return `This file has ${number(found.stories.length)} stories, and a list holds ${most_stories}.`;
  return found.stories.map(wrongStory).find(Boolean) ?? "";
}

// The stories in a file, or `wrong`: a sentence.
async function read(file) {
  if (file.size > MOST_BYTES) return { wrong: `This file has ${number(file.size)} bytes, and at most ${number(MOST_BYTES)} are read.` };
  let found;
  try { found = await file.text(); } catch { return { wrong: "This file cannot be read." }; }
  try { found = JSON.parse(found); } catch { return { wrong: "This file is not JSON, or a part of it is missing." }; }
  const wrong = wrongFile(found);
  return wrong ? { wrong } : { stories: [...new Map(found.stories.map((story) => [story.id, story])).values()] };
}

// --- how it is kept ----------------------------------------------------------------------------------------------------

// Brings in a file; `gone(id)` says that the server has a story no more: where there is no room, such a key makes some.
// What there is to say, and the ids that are new here where it was brought in.
export async function bring(file, gone) {
  if (!kept()) return { says: `This browser keeps nothing for this page. ${NOTHING}` };
  const { stories, wrong } = await read(file);
  if (wrong) return { says: `${wrong} ${NOTHING}` };
  const here = keys.all(), known = new Set(here.map(([id]) => id)), fresh = stories.filter(({ id }) => !known.has(id));
  const over = here.length + fresh.length - most_stories, old = over > 0 ? here.filter(([id]) => gone(id)).slice(-over) : [];
  if (old.length < over) return { says: `${most_stories} stories fit into a list, and with these there would be ${most_stories + over - old.length}. ${NOTHING}` };
  if (!keepAll(together(here.filter((pair) => !old.includes(pair)), fresh, stories))) return { says: `This browser’s storage is full. ${NOTHING}` };
  return { ids: fresh.map(({ id }) => id), says: said(fresh.length, stories.length - fresh.length, old.length) };
}

const together = (here, fresh, stories) => ({
  stories: [...here, ...fresh.map(({ id, key }) => [id, key])],
  names: joined(names.all(), stories, ({ name, favourite }) => (name || favourite) && { ...(name && { name }), ...(favourite && { favourite }) }),
  places: joined(places.all(), stories, ({ place }) => place && placed(place)),
});

// Of two values for one story, what is here stays, and what comes in adds to it; where there are too many, what came in goes.
function joined(here, stories, value) {
  const come = new Map(stories.map((story) => [story.id, value(story)]).filter(([, found]) => found));
  const mine = Object.entries(here).map(([id, found]) => [id, { ...come.get(id), ...found }]);
  return Object.fromEntries([...[...come].filter(([id]) => !Object.hasOwn(here, id)), ...mine].slice(-most_stories));
}

const counted = (count) => (count === 1 ? "1 story" : `${count} stories`);
function said(fresh, known, old) {
  const there = known ? `, ${known === 1 ? "1 was" : `${known} were`} here already` : "";
  const room = old ? ` The keys of ${counted(old)} that this server has no more made room.` : "";
  return `${counted(fresh)} came in${there}.${room}`;
}
