"""What differs between two stories, and what they have in common by their lineage."""

from dataclasses import replace

import pytest

from polaris_demo.story import comparison
from polaris_demo.story.comparison import Common
from polaris_demo.story.origin import Origin, Place
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import SamplingParams

from .doubles import MINIATURE, POLARIS, asked_for

TEXT = "# A bell\n\nIt rang once.\n\nIt rang twice.\n\nNobody came."


def record(name: str, text: str = TEXT, seed: int = 42, origins: tuple[Origin, ...] = (), **asked: object) -> StoryRecord:
    made = StoryRecord(name, asked_for(str(asked.pop("premise", "a bell")), int(str(asked.pop("words", 200))), seed=seed, **asked), origins=origins, writer=POLARIS)  # fmt: skip
    made.story.append(text)
    return made


def origin(story: str, characters: int) -> Origin:
    return Origin(story, "A bell", 1, 3, Place(characters, 0, characters), SamplingParams())


def end_of(sentence: str, text: str = TEXT) -> int:
    return text.index(sentence) + len(sentence)


# What differs.


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"seed": 7}, ("seed 42", "seed 7, all else the same")),
        ({}, ("seed 42", "seed 42, all else the same")),
        ({"words": 1000}, ("200 words", "1,000 words, all else the same")),
        ({"form": "essay", "seed": 0}, ("short story, seed 42", "essay, seed 0, all else the same")),
        ({"temperature": 1.3, "top_p": 0.9}, ("temperature 0.6, top-p 0.95", "temperature 1.3, top-p 0.9, all else the same")),
        ({"premise": "two bells", "seed": 7}, ("seed 42", "another premise, seed 7, all else the same")),
    ],
)
def test_each_is_said_in_a_few_words_beside_the_other(other: dict[str, object], said: tuple[str, str]) -> None:
    assert comparison.labels(record("a"), record("b", **other)) == said  # type: ignore[arg-type]


def test_who_wrote_it_is_part_of_what_differs() -> None:
    ours, theirs, later = record("a"), record("b"), record("c")
    theirs.writer, later.writer = MINIATURE, replace(POLARIS, revision="def")
    assert [(one.label, one.second) for one in comparison.differences(ours, theirs)] == [("Model", MINIATURE.badge())]
    assert [(one.label, one.first, one.second) for one in comparison.differences(ours, later)] == [("Revision", "abc", "def")]


def test_the_seed_is_the_one_a_story_was_begun_with() -> None:
    went_on = record("b", seed=43)
    went_on.reseeded = ((100, 43),)
    assert comparison.differences(record("a"), went_on) == ()


# What is in common.


def test_texts_that_only_happen_to_begin_alike_have_nothing_in_common() -> None:
    assert comparison.common(record("a"), record("b")) == Common()


@pytest.mark.parametrize("turned", [False, True])
def test_a_story_has_in_common_with_its_parent_what_it_was_written_on_from(turned: bool) -> None:
    at = end_of("once.")
    parent, child = record("a"), record("b", TEXT[:at] + "\n\nThen it fell.", origins=(origin("a", at),))
    found = comparison.common(*((child, parent) if turned else (parent, child)))
    assert found == Common(at, "first" if turned else "second")


def test_siblings_have_in_common_the_shorter_of_what_they_have_from_their_parent() -> None:
    short, long = end_of("once."), end_of("twice.")
    one = record("b", TEXT[:short] + "\n\nThen it fell.", origins=(origin("a", short),))
    other = record("c", TEXT[:long] + "\n\nThen it broke.", origins=(origin("a", long),))
    assert comparison.common(one, other) == Common(short, "both")


def test_a_grandchild_has_of_the_first_story_what_its_parent_had() -> None:
    short, long = end_of("once."), end_of("once.") + len("\n\nThen it fell.")
    text = TEXT[:short] + "\n\nThen it fell.\n\nAnd lay."
    grandchild = record("c", text, origins=(origin("a", short), origin("b", long)))
    assert comparison.common(record("a"), grandchild) == Common(short, "second")


def test_a_cut_inside_a_paragraph_takes_the_whole_ones_before_it() -> None:
    inside = TEXT.index("twice")
    child = record("b", TEXT[:inside] + "never again.", origins=(origin("a", inside),))
    assert comparison.common(record("a"), child) == Common(end_of("once."), "second")


def test_what_was_taken_back_in_the_parent_since_is_not_in_common() -> None:
    at = end_of("twice.")
    child = record("b", TEXT[:at], origins=(origin("a", at),))
    assert comparison.common(record("a", TEXT[: end_of("once.")] + "\n\nSomething else."), child) == Common(end_of("once."), "second")
    assert comparison.common(record("a", ""), child) == Common()


def test_another_version_of_the_same_request_has_nothing_in_common() -> None:
    assert comparison.common(record("a"), record("b", origins=(origin("a", 0),))) == Common()
