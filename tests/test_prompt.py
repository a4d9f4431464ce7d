"""The user message: what a native speaker would write, the card's form first, the paper's sentence, the length said once."""

import functools
import itertools
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polaris_demo import card
from polaris_demo.story import prompt
from polaris_demo.story.prompt import user_message
from polaris_demo.story.request import FORM_NAMES, VERBATIM, StoryRequest

# Premises by hand, each with the prompt that an editor would want for it.
WANTED = json.loads((Path(__file__).parent / "data" / "prompts.json").read_text())
FORMS = [form.name for form in card.FORMS]
LENGTHS = sorted(
    {50, 51, 79, 80, 81, 88, 89, 90, 99, 100, 110, 180, 300, 500, 799, 800, 808, 899, 900, 999, 1000, 1001, 1100, 1180, 1800, 1984, 2000}
    | {2500, 3000, 4000, 5000, 7999, 8000, 8001, 8500, 8999, 9000, 10_000, 10_999, 11_000, 11_001, 11_500, 11_999, 12_000}
    | set(range(137, 12_000, 737))
)
OTHER_NUMBERS = (
    "a spell that is 7 words long", "100 words long story", "in 300 words", "1984", "the word count is 20 words  long", "twelve words long",
    "5\nwords\nlong", "a fox in 300 words", "a story about a fox, 500 words long", "Write a poem 60 words long about rain",
    "Write a story about a vow that is 9 words long. Make it 900 words long.", "a 3,000 words long letter", "3,000 words long",
    "12000words long", "12000 words\tlong and 7 words long", "٧ words long", "７ words long", "words long", "8", "0", "1", "000", "1" * 300,
    "a 2-word spell", "500 words", "Your story should be approximately 77 words long.", "write 1000 words about 2000 words long books",
    "a list:\n1. a fox\n2. 40 words long", "99 problems", "In 1984, a boy writes 40 words long poems.", "what is 6 words long?",
    "Write a 500-word-long story", "a story of 500 words or 600 words long", "Is a name 2 words long?", "\u200b50 words long", "a spell 7 words longer",
    "the 39 steps", "She speaks 100 words a day. Each is 10 letters long.", "write a story that is at least 1500 words long about a bee",
    "{\"words\": 500, \"text\": \"10 words long\"}",
)  # fmt: skip


def target(message: str) -> str:
    """As the paper's evaluation reads it: the first match counts."""
    found = re.search(r"(\d+)\s+words\s+long", message)
    return found[1] if found else ""


@pytest.mark.parametrize("row", WANTED, ids=lambda row: f"{row['premise'][:40]!r} as {row['form']}")
def test_a_premise_becomes_the_prompt_that_an_editor_would_want(row: dict[str, object]) -> None:
    assert user_message(StoryRequest(str(row["premise"]), int(str(row["words"])), str(row["form"]))) == row["prompt"]


def test_the_premises_by_hand_are_a_hundred_and_more_and_each_form_is_among_them() -> None:
    assert len({(row["premise"], row["form"]) for row in WANTED}) >= 100
    assert {row["form"] for row in WANTED} == set(FORM_NAMES)


@pytest.mark.parametrize("form", FORMS)
def test_the_papers_evaluation_finds_the_length_asked_for_whatever_numbers_the_premise_holds(form: str) -> None:
    for premise in OTHER_NUMBERS:
        for words in LENGTHS:
            message = user_message(StoryRequest(premise, words, form))
            assert target(message) == str(words), message
            assert re.match(rf"Write an? {words}-word ", message)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_it_finds_every_length_there_is_in_every_form_whatever_numbers_the_premise_holds(form: str, monkeypatch) -> None:
    monkeypatch.setattr(prompt, "asked", functools.cache(prompt.asked))  # what a premise asks for does not hang on the length
    for premise, words in itertools.product(OTHER_NUMBERS, range(50, 12_001)):
        assert target(user_message(StoryRequest(premise, words, form))) == str(words), (premise, words)
    print(f"\n{len(OTHER_NUMBERS) * 11_951:,} prompts as {form}: every length found")


@settings(max_examples=120, deadline=None)
@given(
    st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=80) | st.text("0123456789 words long\n.,a", max_size=60),
    st.sampled_from(FORMS),
    st.integers(50, 12_000),
)
def test_whatever_is_typed_the_length_is_found(premise: str, form: str, words: int) -> None:
    message = user_message(StoryRequest(premise.strip() or "a", words, form))
    assert target(message) == str(words) and message.startswith("Write a")


@pytest.mark.parametrize("premise", ["Just this. ", *OTHER_NUMBERS])
def test_verbatim_sends_the_premise_alone(premise: str) -> None:
    assert user_message(StoryRequest(premise, 500, VERBATIM)) == premise


@pytest.mark.parametrize(
    ("words", "article"),
    [
        (50, "a"),
        (80, "an"),
        (89, "an"),
        (100, "a"),
        (118, "a"),
        (800, "an"),
        (1100, "a"),
        (11_000, "an"),
        (11_999, "an"),
        (12_000, "a"),
        (1800, "a"),
        (8000, "an"),
    ],
)
def test_a_number_has_the_article_it_is_said_with(words: int, article: str) -> None:
    assert user_message(StoryRequest("a bell", words)).startswith(f"Write {article} {words}-word story about a bell.")


@pytest.mark.parametrize("premise", ["It ends.", "Who knows?", "Run!", 'He said "no."', "…", "最後。", "a fox…", "a fox.", "a fox"])
def test_nothing_is_ended_twice(premise: str) -> None:
    message = user_message(StoryRequest(premise))
    assert not re.search(r"[.!?…。]\.", message.replace("...", "")) and ".." not in message


def test_a_premise_apart_stands_there_as_it_was_typed() -> None:
    premise = "  A boy finds a door.\n\n   It is   locked;\n\topen it!  "
    before, between, after = user_message(StoryRequest(premise.strip(), 500)).partition(premise.strip())
    assert between and before.endswith("\n\n") and after.startswith("\n\n")


@pytest.mark.parametrize("unit", ["a ", "word ", "500 words, ", "1", "狐", "very short ", "write me ", "a\n", " ", "(", "\n", "1,000,"])
def test_the_longest_premise_is_read_in_linear_time(unit: str) -> None:
    """A reading that took a second at this length would take minutes of a quadratic expression at ten times it."""
    premise = f"a{unit * (40_000 // len(unit))} words"
    assert user_message(StoryRequest(premise, 500)).startswith("Write a 500-word ")
