"""What the ask says of a request: what to expect, what differs from the usual, what to mend and how."""

from dataclasses import replace

import pytest

from polaris_demo import card
from polaris_demo.engine.base import Allowance, Day
from polaris_demo.jobs.admission import Checked
from polaris_demo.page import asking, links
from polaris_demo.story.request import FIELDS, Finding, StoryRequest

from .doubles import IMPOSTORS, POLARIS

PREVIEW = replace(POLARIS, name="preview model, not POLARIS-9B", model="bundled miniature", is_preview=True)
USUAL = links.defaults(2000)


def asked(words: int = 2000, **found: object) -> Checked:
    return Checked(StoryRequest("a bell", words), (), **found)  # type: ignore[arg-type]


def dial(result: Checked, writer=POLARIS, **changed: object):
    return asking.dial(result, USUAL | changed, writer, 12_000)


@pytest.mark.parametrize(
    ("words", "zone", "says"),
    [
        (300, "Short:", "below its training of 1,000 to 4,000 words, and not measured"),
        (2000, "At home:", "it wrote 99 % of the words asked for"),
        (6000, "A stretch:", "it wrote 87 % of the words and scored 48, not 57"),
        (10_000, "Far out:", "up to 3 times its training. In tests it wrote 72 % of the words and scored 44, not 57"),
    ],
)
def test_a_length_is_said_with_what_the_paper_measured_at_it(words: int, zone: str, says: str) -> None:
    said = dial(asked(words))
    assert said["zone"] == zone and says in said["says"]


@pytest.mark.parametrize("writer", [PREVIEW, *IMPOSTORS])
def test_no_figure_of_the_paper_stands_beside_a_model_it_did_not_measure(writer) -> None:
    for words in (2000, 6000, 10_000):
        said = dial(asked(words), writer)
        assert "not measured" in said["says"] and "%" not in said["says"] and said["facts"][0] == ["You get", "not measured"]


def test_the_facts_are_words_minutes_and_what_it_takes() -> None:
    assert dial(asked(words=2000))["facts"] == [["You get", "not measured"], ["To read", "8 min"], ["To write", "not measured yet"]]
    told = dial(Checked(StoryRequest("a bell", 2000), (), words=1980, seconds=100))
    assert told["facts"] == [["You get", "about 1,980 words"], ["To read", "8 min"], ["To write", "about 2 min"]]
    assert dial(asked(), PREVIEW)["facts"][2] == ["It costs", "nothing"]
    assert [value for _, value in dial(Checked(None, ()))["facts"][:2]] == ["–", "–"]


def test_where_gpus_are_lent_by_the_day_it_says_what_a_story_takes_and_what_fits() -> None:
    days = (Day("without an account", 120, 0), Day("with a free account", 300, 6400), Day("with PRO", 2400, 12_000))
    said = dial(asked(allowance=Allowance(134.5, days)))
    assert said["facts"][2] == ["Of 2 free minutes", "about 3 min"]
    assert said["go"] == "It pauses when your free minutes are over. Continue tomorrow, or signed in."
    assert said["fits"] == [{"who": "without an account", "words": 0}, {"who": "with a free account", "words": 6400}]
    assert "pauses" not in dial(asked(allowance=Allowance(60.0, days)))["go"]
    assert dial(asked())["fits"] == []


def test_beside_the_button_stands_what_happens_next_or_which_fields_want_a_look() -> None:
    assert "It plans for about 40 s" in dial(asked(first_word=38))["go"]
    assert "It begins at once" in dial(asked(), PREVIEW)["go"]
    wrong = Checked(None, (Finding("error", "premise", "Premise: nothing."), Finding("error", "words", "Words: nothing.")))
    assert dial(wrong)["go"] == "Two fields want a look: the premise and the words."
    assert dial(replace(wrong, findings=wrong.findings[:1]))["go"] == "One field wants a look: the premise."


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({}, "short story · temperature 0.6 · any seed"),
        ({"form": "essay", "seed": 42}, "essay · temperature 0.6 · seed 42"),
        ({"temperature": 1.3, "presence_penalty": 1.0, "seed": 42}, "short story · temperature 1.3 · two penalties · seed 42"),
        ({"repetition_penalty": 1.0}, "short story · temperature 0.6 · no penalty · any seed"),
        ({"repetition_penalty": 1, "presence_penalty": 0.5}, "short story · temperature 0.6 · presence penalty 0.5 · any seed"),
        ({"top_k": 40, "max_new_tokens": 900}, "short story · temperature 0.6 · top-k 40 · token budget 900 · any seed"),
        ({"temperature": None, "seed": None}, "short story · temperature – · seed –"),
    ],
)
def test_the_settings_in_a_line_tell_what_differs(changed: dict[str, object], line: str) -> None:
    assert asking.differs(USUAL | changed) == line


def notes(found: Finding, **raw: object) -> list[dict]:
    named = dict(zip(FIELDS, asking.notes(Checked(None, (found,)), USUAL | raw, FIELDS, 9000), strict=True))
    assert not [name for name in FIELDS if named[name] and name != found.field]
    return named[found.field]  # type: ignore[return-value]


def test_what_is_said_of_a_field_comes_with_what_mends_it() -> None:
    (warned,) = notes(Finding("warning", "temperature", "Temperature: 1.5 is outside."))
    setting = card.SETTINGS["temperature"].value
    assert warned["fixes"] == [{"label": f"Back to {setting:g}", "field": "temperature", "value": setting}]
    (both,) = notes(Finding("error", "presence_penalty", "Presence penalty: both."), repetition_penalty=1.1, presence_penalty=1.0)
    assert [(fix["label"], fix["field"], fix["value"]) for fix in both["fixes"]] == [
        ("Only repetition, 1.1", "presence_penalty", 0),
        ("Only presence, 1", "repetition_penalty", 1),
    ]
    (long,) = notes(Finding("error", "words", "Words: 14,000 is more."), words=14_000)
    assert long["fixes"] == [{"label": "Ask for 9,000", "field": "words", "value": 9000}]
    (short,) = notes(Finding("error", "words", "Words: 3 is outside."), words=3)
    assert short["fixes"][0]["value"] == 50


def test_of_a_length_only_what_its_zone_does_not_say_stands_beside_it() -> None:
    def beside(request: StoryRequest, *levels: str) -> list[str]:
        found = tuple(Finding(level, "words", f"Words: {number}.") for number, level in enumerate(levels))  # type: ignore[arg-type]
        return [note["message"] for note in asking.notes(Checked(request, found), USUAL, ["words"], 12_000)[0]]

    assert beside(StoryRequest("a bell", 9000), "note") == []
    assert beside(StoryRequest("a bell", 9000), "note", "warning") == ["Words: 1."]
    assert beside(StoryRequest("a 500-word tale of a bell", 9000), "note", "note") == ["Words: 0."], "the premise's own length comes first"
