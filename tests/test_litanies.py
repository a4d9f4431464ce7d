"""Wanted repetition is left alone and endless one ends: both rates, on two hundred texts each."""

import pytest

from polaris_demo.story.loops import Loop, LoopGuard
from polaris_demo.story.measures import count_words

from .endless import Endless, endless
from .litanies import COUNT, NAMES, wanted

IN_TIME = 400  # words from where the first round ends


def verdict(text: str) -> Loop | None:
    return LoopGuard().feed(text)


def test_nothing_that_was_wanted_is_stopped() -> None:
    texts = wanted()
    stopped = [name for name, text in texts if verdict(text)]
    print(f"\n{len(stopped)} of {len(texts)} wanted repetitions stopped")
    assert len(texts) == len(dict(texts)) == COUNT and not stopped


def late(one: Endless) -> bool:
    """Whether it is not noticed in time, or before it begins."""
    loop = verdict(one.text)
    return loop is None or loop.end <= one.begun or count_words(one.text[one.begun : loop.end]) > IN_TIME


def test_everything_endless_is_stopped_within_400_words_of_its_beginning() -> None:
    texts = list(endless())
    missed = [one.name for one in texts if late(one)]
    print(f"\n{len(texts) - len(missed)} of {len(texts)} loops stopped within {IN_TIME} words")
    assert not missed


WITHOUT_END = {
    "a roll call": "\n".join(f"“{first}{second}?” “Present.”" for first in NAMES for second in ("", "son", "sen", "dottir", "ova", "escu")),
    "a punishment": "I must not tell lies. " * 100,
    "a count": " ".join(f"On day {n} he went down to the harbour and counted the boats." for n in range(200)),
    "bottles": " ".join(
        f"{n} jars of jam on the shelf, {n} jars of jam; one of them falls, {n - 1} jars of jam." for n in range(300, 0, -1)
    ),
}


@pytest.mark.parametrize("name", WITHOUT_END)
def test_a_litany_that_never_ends_is_ended_too(name: str) -> None:
    text = WITHOUT_END[name]
    loop = verdict(text)
    assert loop
    print(f"\n{name}: after {count_words(text[: loop.end]):,} words")


def test_a_litany_that_comes_to_a_standstill_is_a_loop() -> None:
    counted = " ".join(f"{n} sheep jumped over the fence." for n in range(1, 31))
    stuck = " 30 sheep jumped over the fence." * 120
    loop = verdict(counted + stuck)
    assert loop and 0 < count_words((counted + stuck)[len(counted) : loop.end]) <= IN_TIME
