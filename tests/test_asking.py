"""What the ask says of a request: what to expect, what differs from the usual, what to mend and how."""

from dataclasses import replace

import pytest

from polaris_demo import card
from polaris_demo.engine.base import Allowance, Day
from polaris_demo.jobs.admission import Checked, checked
from polaris_demo.page import asking, links
from polaris_demo.story.request import FIELDS, LIMITS, MAX_PREMISE, Finding, StoryRequest

from .doubles import IMPOSTORS, POLARIS, ScriptedEngine, tells

PREVIEW = replace(POLARIS, name="preview model, not POLARIS-9B", model="bundled miniature", is_preview=True)
USUAL = links.defaults(2000) | {"premise": "a fox"}


def asked(words: int = 2000, **found: object) -> Checked:
    return Checked(StoryRequest("a bell", words), (), **found)  # type: ignore[arg-type]


def dial(result: Checked, writer=POLARIS, **changed: object):
    return asking.dial(result, USUAL | changed, writer, 12_000)


@pytest.mark.parametrize(
    ("words", "zone", "says"),
    [
        (300, "Short:", "below its training of 1,000 to 4,000 words, and not measured"),
        (2000, "At home:", "it wrote 99\u00a0% of the words asked for"),
        (6000, "A stretch:", "it wrote 87\u00a0% of the words and scored 48, not 57"),
        (10_000, "Far out:", "up to 3 times its training. In tests it wrote 72\u00a0% of the words and scored 44, not 57"),
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


def test_another_model_of_the_cards_is_told_by_its_own_figures() -> None:
    base = replace(POLARIS, name="Qwen3.5-9B", model=card.MODEL.base)
    assert dial(asked(2000), base)["says"] == " is POLARIS-9B’s range; in tests Qwen3.5-9B wrote 109\u00a0% of the words asked for."
    assert "Qwen3.5-9B wrote 88\u00a0%" in dial(asked(10_000), base)["says"] and "not measured" in dial(asked(300), base)["says"]


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


def told(field: str, max_words: int = 12_000, **changed: object) -> dict:
    """The worst there is to say of a field."""
    raw = USUAL | changed
    result = checked(raw, ScriptedEngine(tells("Once.")), max_words, None)
    found = dict(zip(FIELDS, asking.notes(result, raw, FIELDS, max_words), strict=True))[field]
    return found[0] if found else {"message": "", "fixes": []}


def test_the_settings_line_is_only_what_differs() -> None:
    usual = asking.differs(USUAL)
    assert usual == f"short story · temperature {card.SETTINGS['temperature'].value:g} · any seed"
    changed: dict[str, object] = {"temperature": 1.3, "presence_penalty": 1, "seed": 42}
    assert asking.differs(USUAL | changed) == "temperature 1.3 · two penalties · seed 42"
    assert asking.differs(USUAL | {"repetition_penalty": 1, "presence_penalty": 0.5}) == "presence penalty 0.5"
    assert asking.differs(USUAL | {"repetition_penalty": 1}) == "no penalty"
    assert asking.differs(USUAL | {"form": "poem"}) == "poem"
    for name in ("top_p", "top_k", "min_p", "max_new_tokens"):
        assert asking.differs(USUAL | {name: LIMITS[name].high}).startswith(LIMITS[name].label.lower())


def test_every_refusal_of_a_number_has_a_way_back_that_is_not_refused() -> None:
    one: dict[str, object] = {"repetition_penalty": 1}  # of the penalties
    for name, limit in LIMITS.items():
        for value in (limit.high + 1, None, "x", -5.5):
            fixes = told(name, **one | {name: value})["fixes"]
            assert len(fixes) == 1 and fixes[0]["field"] == name, (name, value)
            assert told(name, **one | {name: fixes[0]["value"]}).get("level") != "error", (name, value)


def test_the_nearest_length_that_this_server_writes_is_asked_for() -> None:
    assert told("words", words=14_000)["fixes"][0]["label"] == "Ask for 12,000"
    assert told("words", 5000, words=14_000) == told("words", 5000, words=6000)
    assert told("words", 5000, words=6000)["fixes"][0]["value"] == 5000
    assert told("words", words=7)["fixes"][0]["value"] == LIMITS["words"].low


def test_a_premise_names_a_length_that_one_click_asks_for() -> None:
    assert told("words", premise="a 3,000-word story about a fox")["fixes"][0]["value"] == 3000
    assert told("words", premise="a 3,000-word story about a fox", words=3000)["fixes"] == []
    assert told("words", 2500, premise="a 3,000-word story about a fox")["fixes"] == []


def test_a_premise_that_is_missing_or_too_long_is_told_apart() -> None:
    assert "or:" in told("premise", premise="")["message"] and "or:" not in told("premise", premise=" \n")["message"]
    assert told("premise", premise="x" * (MAX_PREMISE + 400))["message"].startswith("4,400 of 4,000 characters")


def test_two_penalties_are_a_choice_of_one() -> None:
    fixes = told("presence_penalty", presence_penalty=1)["fixes"]
    assert [fix["label"] for fix in fixes] == ["Only repetition, 1.10", "Only presence, 1.0"]
    for fix in fixes:
        assert not told("presence_penalty", **{"presence_penalty": 1, fix["field"]: fix["value"]})["fixes"]


def test_a_warning_says_on_which_side_of_the_cards_range_a_value_is() -> None:
    for name, setting in card.SETTINGS.items():
        beside: dict[str, object] = {"repetition_penalty": 1} if name == "presence_penalty" else {}
        high = told(name, **beside, **{name: LIMITS[name].high})
        assert setting.range() in high["message"] and ("above" in high["message"] or setting.low == setting.high)
        assert high["fixes"][0]["value"] == setting.value
    assert "below" in told("temperature", temperature=0.1)["message"]


def test_the_fields_that_want_a_look_are_named() -> None:
    raw = USUAL | {"premise": "", "words": 14_000}
    result = checked(raw, ScriptedEngine(tells("Once.")), 12_000, None)
    dial = asking.dial(result, raw, POLARIS, 12_000)
    assert dial["wrong"] == ["premise", "words"] and dial["go"] == "Two fields want a look: the premise and the words."


def test_one_refusal_hides_no_other_and_no_warning() -> None:
    wrong: dict[str, object] = {"premise": "", "words": 14_000, "temperature": 1.3, "presence_penalty": 1}
    assert told("presence_penalty", **wrong)["level"] == "error" and told("temperature", **wrong)["level"] == "warning"


def test_of_a_length_only_what_its_zone_does_not_say_stands_beside_it() -> None:
    def beside(request: StoryRequest, *levels: str) -> list[str]:
        found = tuple(Finding(level, "words", f"Words: {number}.") for number, level in enumerate(levels))  # type: ignore[arg-type]
        raw = USUAL | {"premise": request.premise, "words": request.words}
        return [note["message"] for note in asking.notes(Checked(request, found), raw, ["words"], 12_000)[0]]

    assert beside(StoryRequest("a bell", 9000), "note") == []
    assert beside(StoryRequest("a bell", 9000), "note", "warning") == ["The miniature wanders above 1,500 words, and ends too soon."]
    assert beside(StoryRequest("a 500-word tale of a bell", 9000), "note", "note") == ["Your premise names 500 words."]
