"""A hundred and sixty texts that go round for ever, made of the tests' own sentences; forty more are the miniature's. Only for tests."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from polaris_demo.engine.drawn import Drawn

from .litanies import NAMES, SENTENCES, THINGS, prose

ROUNDS_OF = 900  # words that follow the first round: more than twice as many as a loop may go on for
FLOODS = (
    "and ",
    "no, ",
    "the of ",
    "la",
    "a",
    "!",
    "?!",
    "—",
    ". ",
    "\n",
    "的",
    "🌟",
    "ha ",
    "1",
    "... ",
    "never ever ",
    "* * *\n\n",
    "“”",
    "=-",
    "word\n",
)


@dataclass(frozen=True)
class Endless:
    """A text whose character `begun` is the first that repeats; the round before has `period` words."""

    name: str
    text: str
    begun: int
    period: int


def passage(rng: random.Random, words: int) -> str:
    """So many words, begun and ended anywhere in a row of sentences."""
    return " ".join(" ".join(rng.sample(SENTENCES, len(SENTENCES))).split()[:words])


def rounds(rng: random.Random, name: str, first: str, after: Callable[[str], str]) -> Endless:
    """A tale that comes to `first`, and from then on to what `after` makes of the last round."""
    head, between = f"{prose(rng, rng.randint(4, 10))}\n\n", rng.choice([" ", " ", "\n", "\n\n"])
    text, said, last = head + first, 0, first
    begun = len(text)
    while said < ROUNDS_OF:
        last = after(last)
        text += between + last
        said += max(len(last.split()), len(last) // 6 + 1)
    return Endless(name, text, begun, len(first.split()))


def drifted(rng: random.Random, text: str, rate: float, others: tuple[str, ...]) -> str:
    """Some of its words exchanged, a few left out, a few put in."""
    out = []
    for word in text.split(" "):
        fate = rng.random() / rate
        if fate < 0.6:
            out.append(rng.choice(others))
        elif fate < 0.8:
            out += [word, rng.choice(others)]
        elif fate >= 1:
            out.append(word)
    return " ".join(out) or text


def exact(number: int, rng: random.Random) -> Endless:
    first = passage(rng, number + 1)
    return rounds(rng, f"exact, {number + 1} words", first, lambda last: first)


def drifting(number: int, rng: random.Random) -> Endless:
    """Every round from the one before it, or each from the first."""
    rate, first = rng.uniform(0.05, 0.12), passage(rng, 4 + number % 57)
    others = rng.choice([tuple(first.split()), NAMES + THINGS, " ".join(SENTENCES).split()])
    mine = rng.random() < 0.5
    return rounds(rng, f"drifting, {number}", first, lambda last: drifted(rng, last if mine else first, rate, tuple(others)))


def in_any_order(number: int, rng: random.Random) -> Endless:
    few = rng.sample(SENTENCES, 2 + number % 4)
    return rounds(rng, f"in any order, {number}", " ".join(few), lambda last: rng.choice(few))


def flood(number: int, rng: random.Random) -> Endless:
    return rounds(rng, f"flood, {number}", FLOODS[number], lambda last: FLOODS[number] * 40)


KINDS: tuple[tuple[Callable[[int, random.Random], Endless], int], ...] = ((exact, 60), (drifting, 70), (in_any_order, 10), (flood, 20))


def endless() -> Iterator[Endless]:
    for make, count in KINDS:
        for number in range(count):
            yield make(number, random.Random(f"{make.__name__} {number}"))


@dataclass(frozen=True)
class Drawing:
    """What the miniature drew until it went round: token ids, how sure it was of each, and the first of them that repeats."""

    name: str
    tokens: tuple[Drawn, ...]
    begun: int
    period: int


def of_the_miniature() -> list[Drawing]:
    """Loops that it fell into by itself, after beginnings that no story has."""
    kept = json.loads(Path(__file__).with_name("endless_of_the_miniature.json").read_text())
    found = []
    for number, one in enumerate(kept):
        unsure = dict(one["unsure"])
        tokens = tuple(Drawn(token, unsure.get(place, 1.0)) for place, token in enumerate(one["ids"]))
        found.append(Drawing(f"the miniature's at {one['temperature']}, {number}", tokens, one["begun"], one["period"]))
    return found
