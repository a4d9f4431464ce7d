"""Makes training stories: a premise, the plan a writer would make of it, and the story told part by part.

The plan carries everything a part needs (lead, friend, thing, place, wish, turning, and for every part its title and
its scenes), so a small model never has to count: it copies the next title, writes the named scenes, and stops after
the scene called "end". Knows nothing of tokens or models.
"""

import itertools
import random
import re
from dataclasses import dataclass, field
from pathlib import Path

from . import words as w

ROMAN = "I II III IV V VI VII VIII IX X XI XII XIII XIV XV XVI XVII XVIII XIX XX XXI XXII XXIII XXIV XXV XXVI XXVII XXVIII XXIX XXX".split()
MIDDLE = "road meet trouble talk find memory work chase dream storm market riddle letter night water song".split()
SCENE_WORDS = 93.0  # a scene and its share of the headings, so that stories come out at the length asked for
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass
class Plan:
    """What the thinking says: the cast, and for each part its title and scenes."""

    words: int
    cast: dict[str, str]
    turn: str
    mood: str
    parts: list[tuple[str, list[str]]] = field(default_factory=list)


@dataclass
class Story:
    prompt: str
    premise: str
    plan: Plan
    title: str
    parts: list[str | None]

    def thinking(self) -> str:
        c, p = self.plan.cast, self.plan
        lines = [
            f"Lead: {c['N']}, {article(c['r'])} ({c['s']}).",
            f"Friend: {c['C']}, {article(c['f'])} ({c['cs']}).",
            f"Thing: the {c['o']}.",
            f"Place: the {c['p']}.",
            f"Wish: {c['w']}.",
            f"Turn: {p.turn}. Mood: {p.mood}.",
            f"Words: {p.words}. Parts: {ROMAN[len(p.parts) - 1]}.",
        ]
        lines += [f"{ROMAN[i]}. {title}: {', '.join(kinds)}" for i, (title, kinds) in enumerate(p.parts)]
        return "\n".join(lines)

    def heading(self, i: int) -> str:
        return f"\n\n## {ROMAN[i]}. {self.plan.parts[i][0]}\n\n" if len(self.parts) > 1 else "\n\n"

    def text(self) -> str:
        body = "".join(self.heading(i) + (part or "") for i, part in enumerate(self.parts))
        return f"# {self.title}{body}"


def article(noun: str) -> str:
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def count_words(text: str) -> int:
    return len(re.findall(r"\w+", text))


def _load_scenes() -> dict[str, list[tuple[bool, list[str]]]]:
    scenes: dict[str, list[tuple[bool, list[str]]]] = {}
    for line in (Path(__file__).parent / "scenes.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        if line.startswith("== "):
            slots = scenes.setdefault(line[3:], [])
        elif line in (">>", "--"):
            slots.append((line == ">>", []))
        else:
            slots[-1][1].append(line)
    return scenes


SCENES = _load_scenes()


# --- the premise -----------------------------------------------------------------------------------------------------

PREMISES = """{ar} who {finds} {ao}|{ar} who {finds} {ao}|{ar} who {finds} {ao} in the {p}|{ar} and {ao}|
{ar} named {N} who {finds} {ao}|{N}, {ar} from the {p}, and the {o}|the last {r} of the {p}|the last {p} on the {p2}|
{ao} that {fact}|{ar} who {deed}|{ar} who {deed}|{ar} who {deed}|{ar} in the {p} who {deed}|{ar} learning to {verb}|
{ao} hidden under the {p}|{ar} and {af} who share {ao}|the day the {r} lost the {o}|how {ao} came to the {p}|
{ap} where nobody remembers the {o}|the friendship between {ar} and {af}|{ao}|{o}|{r} and {o}|{o} and {o2}|
what happens when {ar} meets {af} in the {p}|{ar} lost in the {p}|{N} and the {o}|{af} who teaches {ar} to {verb}|
{ar} on {ap}|a journey to the {p}|{ar} alone in the {p} with {ao}|{ap}|the {r}, the {f} and the {o}|
{ar} whose {o} {fact}|finding {ao} at the {p}|two {r}s who {find} {ao}|three {r}s and {ao}|the {r}'s {o}|
my {r}'s {o}|my {r}'s {p}|{ar} writing {ao} to {af}|{ar} searching for {ao} in the {p}|{ap} where {ao} {fact}|
{ar} haunted by {ao}|{ar} afraid of {ao}|{ar} in love with {af}|{ar} who must {verb} to save the {p}|
why the {r} {finds} the {o}|when the {o} came to the {p}|{ao} in the {p}|{ao} in {ap}|{gerund} in the {p}|
the {p} at the end of the {p2}|{ar} and the {o} of the {p}|{ar} who {finds} {ao} and {deed}|an argument about {ao}|
{af} investigating {ao}|{ar}, {af}, and {ao} in the {p}|the secret of the {o}|the night the {r} {finds} {ao}|
{ar} returning to the {p} after many years|{ao} that only {ar} can {verb2}|the first {r} on the {p}|
{Ar} {finds} {ao}.|{Ar} {deed}.|{Ar} {finds} {ao} in the {p}. {Aside}|{ar} who {finds} {ao}. {Aside}|
{ar} who {deed}. {Aside}|In the {p}, {ar} {finds} {ao}.|{N} is {ar}. One day {s} {finds} {ao}.|
In {ap}, {ar} {deed}. {Af} wants to help. {Aside}|{Ar} and {af} {find} {ao} in the {p}, and nothing is the same again""".replace(
    "\n", ""
).split("|")
FORMS = ["story"] * 8 + ["piece of flash fiction", "scene", "podcast script", "essay", "novel chapter", "fairy tale", "fan fiction story"]
ASKS = [
    "Write a {n} word short story about {q}.",
    "Tell me a story of roughly {n} words about {q}.",
    "Write a story about {q} in about {n} words.",
    "{q}",
    "Write a story about {q}.",
    "Please tell me a story about {q}.",
    "Write a short story about {q}. Your story should be approximately {n} words long.",
]
_ONSETS = "b c d f g h j k l m n p r s t v w z br dr fr gr kr tr th sh st sl pl ch".split()
_VOWELS = "a e i o u a e i o ai ea ie oo ou".split()
_ENDS = ["", *"n r l s th m a ck ng sh lis ric ver den mo ka ing tion ball ment er".split()]


def made_up_word(rng: random.Random) -> str:
    """A word no list holds, so that copying is learned for every word a visitor may use."""
    return "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(rng.choice([1, 2, 2]))) + rng.choice(_ENDS)


def _noun(rng: random.Random, nouns: list[str], adjectives: list[str], plain: bool) -> str:
    """`plain` nouns are what the plan makes up itself; a premise may hold anything."""
    x = 0.2 + rng.random() * 0.8 if plain else rng.random()
    noun = made_up_word(rng) if x < 0.12 else rng.choice(nouns)
    if plain:
        return f"{rng.choice(adjectives)} {noun}" if rng.random() < 0.15 else noun
    x = rng.random()
    if x < 0.30:
        adjective = made_up_word(rng) if rng.random() < 0.15 else rng.choice(adjectives)
        return f"{adjective} {noun}"
    if nouns is w.OBJECTS and x < 0.36:
        return f"{rng.choice(w.OBJECTS)} {noun}"
    if nouns is w.OBJECTS and x < 0.40:
        return f"{noun} of {rng.choice(w.OBJECTS)}"
    if nouns is w.OBJECTS and x < 0.42:
        return f"{noun} from the {rng.choice(w.PLACES)}"
    return noun


def _expand(rng: random.Random, text: str, fill) -> str:
    while match := _CHOICE.search(text):
        text = text[: match.start()] + rng.choice(match.group(1).split("|")) + text[match.end() :]
    return _SLOT.sub(lambda m: fill(m.group(1)), text)


def _pronouns(she: bool, prefix: str = "") -> dict[str, str]:
    s, h, b = ("she", "her", "her") if she else ("he", "his", "him")
    return {prefix + "s": s, prefix + "h": h, prefix + "b": b, prefix + "S": s.capitalize(), prefix + "H": h.capitalize()}


def _premise(rng: random.Random) -> tuple[str, dict[str, str]]:
    """A premise and the cast it leaves to the plan, made up where the premise is silent."""
    form = rng.choice(PREMISES)
    used = set(_SLOT.findall(form))
    cast = _cast(rng, used)
    verb = made_up_word(rng) if rng.random() < 0.1 else rng.choice(w.VERBS)
    cast["w"] = _expand(rng, rng.choice(w.WISHES), cast.__getitem__)
    words = _words(rng, verb)
    _wish(rng, used, cast, words)
    if "o2" in used:
        cast["o"] = f"{cast['o']} and {words['o2']}"
    if "gerund" in used and "o" not in used:
        cast["o"] = words["gerund"]
    for short, key in (("ar", "r"), ("ao", "o"), ("ap", "p"), ("af", "f")):
        words[short] = article(cast[key])
        words[short.capitalize()] = words[short].capitalize()
    premise = _expand(rng, form, (cast | words).__getitem__)
    if form.startswith(("two", "three")):
        cast["f"] = cast["r"]
    return premise, cast


def _cast(rng: random.Random, used: set[str]) -> dict[str, str]:
    """Who and what a premise with these slots is about."""
    said = lambda *slots: any(slot in used for slot in slots)  # noqa: E731
    she = rng.random() < 0.5
    gendered = w.WOMENS_ROLES if she else w.MENS_ROLES
    roles = gendered if rng.random() < 0.15 else w.ROLES
    cast = {
        "r": _noun(rng, roles, w.PEOPLE_ADJECTIVES, not said("r", "ar", "Ar")),
        "f": _noun(rng, w.ROLES, w.PEOPLE_ADJECTIVES, False) if said("f", "af", "Af") else rng.choice(w.FRIEND_ROLES),
        "o": _noun(rng, w.OBJECTS, w.MATERIALS, not said("o", "ao")),
        "p": _noun(rng, w.PLACES, w.MATERIALS, not said("p", "ap")),
    }
    cast["N"] = made_up_word(rng).capitalize() if said("N") and rng.random() < 0.3 else rng.choice(w.WOMEN if she else w.MEN)
    cast["C"] = rng.choice(w.MEN if she else w.WOMEN)
    return cast | _pronouns(she) | _pronouns(not she, "c")


def _words(rng: random.Random, verb: str) -> dict[str, str]:
    """What a premise says beside its cast."""
    first = verb.split()[0]
    return {
        "verb": verb,
        "verb2": first,
        "gerund": first.removesuffix("e") + "ing" + verb[len(first) :],
        "finds": rng.choice(w.FINDS),
        "p2": rng.choice(w.PLACES),
        "o2": rng.choice(w.OBJECTS),
        "fact": rng.choice(w.FACTS),
        "Aside": rng.choice(w.ASIDES),
        "find": rng.choice(["find", "share", "steal", "inherit", "run", "guard", "repair", "lose"]),
    }


def _wish(rng: random.Random, used: set[str], cast: dict[str, str], words: dict[str, str]) -> None:
    """What the lead wants is what the premise does, where it does something."""
    verb = words["verb"]
    if "deed" in used:
        deed, wish = rng.choice(list(w.DEEDS.items()))
        words["deed"] = deed.format(verb=verb, gerund=words["gerund"], h=cast["h"])
        cast["w"] = wish.format(verb=verb)
    elif "verb" in used:
        cast["w"] = f"to {verb}"
    elif used & {"o", "ao"} and rng.random() < 0.3:
        cast["w"] = f"to {rng.choice(['keep', 'understand', 'find', 'save', 'let go of'])} the {cast['o']}"


# --- the story -------------------------------------------------------------------------------------------------------

TITLES = """The {o} of the {p}|The {r} and the {o}|{N} and the {o}|The {p} and the {o}|What the {r} wanted|
A home for the {o}|The {r} of the {p}|{N} of the {p}|The {o}""".replace("\n", "").split("|")
_PART_TITLES = {
    "q": ["At {q}", "{Q}", "The way to {q}"],
    "k": ["The {k}", "{N} and the {k}"],
    "x": ["The {x}", "The {x} and the {k}", "What the {x} said"],
    "C": ["{C}'s advice", "{C} and {N}"],
}


def scene_plan(rng: random.Random, words: int) -> list[list[str]]:
    """The scenes of every part of a story of `words` words, in order: their number is all that sets its length."""
    if words < 140:
        return [["tale"]]
    halves = max(4, round((words - 6) / SCENE_WORDS * 2))
    scenes, pause = divmod(halves, 2)
    # Wherever the friend is named the story has to have introduced the friend: "begin" does it where "friend" has no room.
    fixed = ["begin", "end"] if scenes < 3 else ["begin", "turn", "end"] if scenes < 4 else ["start", "friend", "turn", "end"]
    if scenes >= 7:
        fixed.insert(-2, "low")
    opening = [k for k in fixed if k in ("begin", "start", "friend")]
    closing = [k for k in fixed if k not in opening]
    middle: list[str] = []
    while len(middle) < scenes - len(fixed):
        middle += [k for k in rng.sample(MIDDLE, len(MIDDLE)) if k not in middle[-6:]]
    middle = middle[: scenes - len(fixed)]
    if pause:
        middle.insert(rng.randint(0, len(middle)), "pause")
    order = opening + middle + closing
    size = next(size for size, most in ((1, 4), (2, 20), (3, 48), (4, 88), (5, 150)) if scenes <= most)
    count = max(1, round(len(order) / size))
    cuts = [round(i * len(order) / count) for i in range(count + 1)]
    return [order[a:b] for a, b in itertools.pairwise(cuts)]


def _sentence(text: str) -> str:
    text = re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)
    return re.sub(r"(^|// |[.!?] )([a-z])", lambda m: m.group(1) + m.group(2).upper(), text)


class _Teller:
    """Tells one story's scenes; what changes from scene to scene (spot, thing, stranger, weather) lives here."""

    def __init__(self, rng: random.Random, plan: Plan) -> None:
        self.rng, self.plan, self.here = rng, plan, {}

    def fresh(self, new_spot: bool) -> None:
        rng, here = self.rng, self.here
        if new_spot:
            here["q"] = rng.choice(w.SPOTS)
        here["k"], here["x"], here["x2"] = rng.choice(w.THINGS), *rng.sample(w.MINOR_ROLES, 2)
        here["X"] = rng.choice([n for n in w.WOMEN + w.MEN if n not in (self.plan.cast["N"], self.plan.cast["C"])])
        here["W"] = rng.choice(w.WEATHER)
        here["Q"] = here["q"].capitalize()

    def fill(self, slot: str) -> str:
        rng, here, cast = self.rng, self.here, self.plan.cast
        lists = {"T": w.TIMES, "T2": w.AGAIN, "fe": w.FEELINGS, "fe2": w.FEELINGS, "sm": w.SMELLS, "sm2": w.SMELLS}
        if slot in lists:
            return rng.choice(lists[slot])
        if slot in ("ak", "ax", "ax2"):
            return self.fill_article(here[slot[1:]])
        if slot == "Ax":
            return article(here["x"]).capitalize()
        if slot == "the_k":
            return f"the {here['k']}"
        if slot == "turn":
            return _expand(rng, rng.choice(w.TURNS[self.plan.turn]), self.fill)
        if slot == "close":
            return _expand(rng, rng.choice(w.MOODS[self.plan.mood]), self.fill)
        return here.get(slot) or cast[slot]

    @staticmethod
    def fill_article(noun: str) -> str:
        return noun if noun.startswith(("pair of boots",)) else article(noun)

    def scene(self, kind: str) -> str:
        text, after_speech = "", False
        for new_paragraph, ways in SCENES[kind]:
            sentence = _sentence(_expand(self.rng, self.rng.choice(ways), self.fill))
            apart = new_paragraph or after_speech or sentence.startswith('"')
            text += ("\n\n" if apart else " ") * bool(text) + sentence.replace(" // ", "\n\n")
            after_speech = " // " in sentence
        return text


def make_story(rng: random.Random, words: int | None = None, want: set[int] | None = None) -> Story:
    """One story; `want` names the parts to tell (all of them if None), since telling is what costs time."""
    if words is None:
        low, high = rng.choices([(50, 300), (200, 1100), (1000, 4200), (4000, 12000)], [0.25, 0.4, 0.2, 0.15])[0]
        words = rng.randint(low, high)
        words = max(50, rng.choice([round(words, -2), round(words / 50) * 50, round(words, -1), words]))
    premise, cast = _premise(rng)
    ask = f"Write a {{n}}-word {rng.choice(FORMS)} about {{q}}{{dot}} Your story should be approximately {{n}} words long."
    if rng.random() < 0.1:
        ask = rng.choice(ASKS)
        words = words if "{n}" in ask else rng.choice([500, 600])
    prompt = ask.format(n=words, q=premise, dot="" if premise[-1] == "." else ".").replace("..", ".")
    plan = Plan(words, cast, rng.choice(list(w.TURNS)), rng.choice(list(w.MOODS)))
    teller = _Teller(rng, plan)
    told: list[str | None] = []
    for i, kinds in enumerate(scene_plan(rng, words)):
        teller.fresh(new_spot=True)
        needs = "".join(line for _, ways in SCENES[kinds[0]] for line in ways)
        ways = [t for key, titles in _PART_TITLES.items() if f"{{{key}}}" in needs or (key == "k" and "k}" in needs) for t in titles]
        last = kinds[-1] == "end"
        title = _expand(
            rng, rng.choice(["Home", "The end of the road", "Home to the {p}", "What was left"] if last else ways or ["{Q}"]), teller.fill
        )
        plan.parts.append((title, kinds))
        if want is not None and i not in want:
            told.append(None)
            continue
        scenes = []
        for j, kind in enumerate(kinds):
            if j:
                teller.fresh(new_spot=False)
            scenes.append(teller.scene(kind))
        told.append("\n\n".join(scenes))
    title = _expand(rng, rng.choice(TITLES), cast.__getitem__)
    return Story(prompt, premise, plan, title, told)
