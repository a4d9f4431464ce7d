"""What the ask says of a request: what differs, what is wrong and what mends it."""

from polaris_demo import card
from polaris_demo.jobs.admission import checked
from polaris_demo.page import asking, links
from polaris_demo.story.request import FIELDS, LIMITS, MAX_PREMISE

from .doubles import POLARIS, ScriptedEngine, tells

USUAL = links.defaults(2000) | {"premise": "a fox"}


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
    assert sorted(dial["wrong"]) == ["premise", "words"] and dial["go"].startswith("Two fields want a look: ")
