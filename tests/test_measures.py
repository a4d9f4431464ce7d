"""Words are counted as the paper's code counts them, live as well as at the end."""

import html
import random
import re

import pytest

from polaris_demo.story.measures import WordCounter, count_words, length_ratio


@pytest.mark.parametrize(
    ("text", "words"),
    [("", 0), ("don't", 2), ("one two", 2), ("caf&eacute; AT&amp;T", 3), ("snake_case 12,000", 3), ("דובר עברית", 2), ("— … !", 0)],
)
def test_words_are_the_papers(text: str, words: int) -> None:
    assert count_words(text) == words == len(re.findall(r"\w+", html.unescape(text)))


def test_counting_as_it_grows_equals_counting_the_whole() -> None:
    rng = random.Random(3)
    alphabet = ["a", "b", " ", "\n", "&", "amp;", "&lt;", "é", "'", "#", "x27;", ";", "\u00a0", "日", "_", "\t"]
    for _ in range(500):
        text = "".join(rng.choices(alphabet, k=rng.randint(0, 60)))
        counter = WordCounter()
        for at in range(0, len(text), 3):
            counter.add(text[at : at + 3])
            assert counter.count == count_words(text[: at + 3])


def test_ratio_is_generated_over_requested() -> None:
    assert length_ratio(7200, 10_000) == 0.72
