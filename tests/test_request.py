"""Requests: every hard limit refused by name with its limit and a fix, every doubt told, no value changed."""

import math
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polaris_demo import card
from polaris_demo.story.checks import beside_errors, check
from polaris_demo.story.request import (
    FIELDS,
    LIMITS,
    MAX_PREMISE,
    SamplingParams,
    StoryRequest,
    errors,
    expected_words,
    read,
    token_budget,
)

from .doubles import IMPOSTORS, MINIATURE, POLARIS

GOOD = {"premise": "a robot who learns to paint"}
BAD_NUMBERS = [None, "", "abc", "NaN", "inf", math.nan, math.inf, -math.inf, True, [], {}, [1], "1e999", b"1", object, 1e300]


def refusal(**values: object) -> str:
    request, findings = read(GOOD | values)
    assert request is None
    assert {f.level for f in findings} == {"error"}
    return " ".join(f.message for f in findings)


def test_defaults_are_the_contracts() -> None:
    request, findings = read(GOOD)
    assert request == StoryRequest("a robot who learns to paint")
    assert not findings
    assert (request.words, request.form, request.sampling) == (2000, "short story", SamplingParams(0.6, 0.95, 20, 0, 1.10, 0, 0, -1))


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("value", BAD_NUMBERS, ids=repr)
def test_what_is_no_number_is_refused_by_name(name: str, value: object) -> None:
    message = refusal(**{name: value})
    assert message.startswith(LIMITS[name].label)
    assert LIMITS[name].sentence() in message


@pytest.mark.parametrize("name", LIMITS)
def test_limits_hold_on_both_sides(name: str) -> None:
    limit, step = LIMITS[name], 1 if LIMITS[name].whole else 0.001
    other = {"repetition_penalty": 1.0} if name == "presence_penalty" else {}
    for inside in (limit.low, limit.high):
        assert read(GOOD | {name: inside} | other)[0] is not None
    for outside in (limit.low - step, limit.high + step, -2):
        if not limit.allows(outside):
            assert "outside the limits" in refusal(**{name: outside})


@pytest.mark.parametrize("name", [n for n in LIMITS if LIMITS[n].whole])
def test_whole_numbers_are_not_rounded(name: str) -> None:
    assert "not a whole number" in refusal(**{name: 100.5})


def test_numbers_written_as_text_are_read() -> None:
    request, _ = read(GOOD | {"words": "300", "temperature": "0.8"})
    assert request and request.words == 300 and request.sampling.temperature == 0.8


@pytest.mark.parametrize("premise", [None, "", "  \n ", 7, [], {"a": 1}, "a" * (MAX_PREMISE + 1), "a\x00b", "a\udcffb", "\x1b[31m"])
def test_bad_premises_are_refused(premise: object) -> None:
    assert refusal(premise=premise).startswith("Premise: ")


@pytest.mark.parametrize(
    "premise", ["מגדלור", "🌟 in 東京", "line one\nline two\tend", "a" * MAX_PREMISE, "<script>${x}</script>", "naïve café"]
)
def test_any_script_is_a_premise_and_comes_back_untouched(premise: str) -> None:
    request, _ = read({"premise": f"  {premise} "})
    assert request and request.premise == premise


def test_an_unknown_form_names_the_forms() -> None:
    assert "verbatim" in refusal(form="limerick")
    assert refusal(form=None).startswith("Form: ")


def test_an_unknown_setting_is_not_ignored() -> None:
    assert "temprature" in refusal(temprature=0.7)


def test_both_penalties_are_refused_and_either_is_taken() -> None:
    assert "never both" in refusal(repetition_penalty=1.1, presence_penalty=0.5)
    alone, _ = read(GOOD | {"presence_penalty": 0.5})
    assert alone and alone.sampling.repetition_penalty == 1.0


def test_a_long_wrong_value_is_not_quoted_whole() -> None:
    assert len(refusal(temperature="x" * 5000)) < 200


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure
@given(st.dictionaries(st.sampled_from(FIELDS), st.one_of(st.none(), st.text(max_size=8), st.floats(), st.integers(), st.booleans())))
def test_whatever_comes_in_is_a_clean_request_or_sentences(raw: dict[str, object]) -> None:
    request, findings = read(raw)
    assert (request is None) == bool(findings)
    assert all(f.message.endswith(".") and f.field in FIELDS for f in findings)
    if request:
        assert all(
            limit.allows(getattr(request, n, None) or getattr(request.sampling, n, 0)) or n == "words" for n, limit in LIMITS.items()
        )


@pytest.mark.parametrize(("words", "budget"), [(200, 3332), (1000, 4372), (7999, 13471), (8000, 14336), (8001, 14336), (12000, 18672)])
def test_the_automatic_budget(words: int, budget: int) -> None:
    assert token_budget(StoryRequest("p", words)) == budget


def test_a_given_budget_is_kept() -> None:
    assert token_budget(StoryRequest("p", 12000, sampling=SamplingParams(max_new_tokens=64))) == 64


# --- findings --------------------------------------------------------------------------------------------------------


def found(request: StoryRequest, **known: object) -> dict[str, str]:
    writer = replace(POLARIS, **{k: v for k, v in known.items() if k != "prompt_tokens"})
    return {f.field: f"{f.level}: {f.message}" for f in check(request, writer, known.get("prompt_tokens"))}


def sampled(**values: float) -> StoryRequest:
    return StoryRequest("p", sampling=replace(SamplingParams(), **values))


def test_an_error_hides_no_warning_of_another_field() -> None:
    raw = GOOD | {"premise": "", "seed": -7, "temperature": 1.5, "form": "essay"}
    _, refused = read(raw)
    assert {f.field: f.level for f in beside_errors(raw, refused, POLARIS)} == {"temperature": "warning", "form": "note"}


def test_the_defaults_need_no_comment() -> None:
    assert found(StoryRequest("p")) == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [("temperature", 1.2), ("temperature", 0.3), ("top_p", 0.9), ("top_k", 40), ("repetition_penalty", 1.2), ("temperature", 0)],
)
def test_outside_the_cards_range_is_a_warning_with_the_range(name: str, value: float) -> None:
    message = found(sampled(**{name: value}))[name]
    assert message.startswith("warning")
    assert card.SETTINGS[name].range() in message


def test_inside_the_cards_range_is_not() -> None:
    assert found(sampled(temperature=1.0, repetition_penalty=1.0, presence_penalty=1.5)) == {}


def test_lengths_outside_training_are_noted() -> None:
    assert found(StoryRequest("p", 300))["words"].startswith("note")
    assert found(StoryRequest("p", 9000))["words"].startswith("note")
    assert "words" not in found(StoryRequest("p", 4000))


def test_the_miniature_is_said_to_wander_above_what_it_can_hold_and_nobody_else_is() -> None:
    said = {words: check(StoryRequest("p", words), MINIATURE) for words in (300, 1500, 1501, 12_000)}
    assert [(words, f.level, f.field) for words, found in said.items() for f in found] == [
        (1501, "warning", "words"), (12_000, "warning", "words"),
    ]  # fmt: skip
    assert "the preview model, not POLARIS-9B, wanders" in said[1501][0].message
    for writer in (POLARIS, *IMPOSTORS, None):
        assert not [f for words in said for f in check(StoryRequest("p", words), writer) if "wanders" in f.message]


@pytest.mark.parametrize(("words", "level"), [(7999, "note"), (8000, "warning"), (9000, "warning")])
def test_a_long_target_with_a_small_budget_is_a_warning(words: int, level: str) -> None:
    request = StoryRequest("p", words, sampling=SamplingParams(max_new_tokens=13_400))
    assert found(request)["max_new_tokens"].startswith(level)


@pytest.mark.parametrize(
    ("premise", "words", "form", "named"),
    [
        ("a 500 word story about a fox", 2000, "short story", "500"), ("a fox, in 1.5k words", 2000, "scene", "1,500"),
        ("a 500 word story about a fox", 500, "short story", None), ("a 500 word story about a fox", 2000, "verbatim", None),
        ("a spell of 7 words", 2000, "short story", None), ("a telegram of 100 words a day", 2000, "short story", None),
    ],
)  # fmt: skip
def test_a_length_that_the_premise_names_and_nobody_asks_for_is_noted(premise: str, words: int, form: str, named: str | None) -> None:
    found = [f.message for f in check(StoryRequest(premise, words, form), POLARIS) if f.field == "words" and "names" in f.message]
    assert [message.split()[4].rstrip(",") for message in found] == ([named] if named else [])


def test_weaker_forms_are_noted_as_on_the_card() -> None:
    assert "weaker" in found(StoryRequest("p", form="essay"))["form"]
    assert "untouched" in found(StoryRequest("p", form="verbatim"))["form"]


def test_a_long_prompt_is_noted() -> None:
    assert "257" in found(StoryRequest("p"), prompt_tokens=257)["premise"]
    assert "premise" not in found(StoryRequest("p"), prompt_tokens=256)


def test_what_does_not_fit_the_context_is_refused_with_both_numbers() -> None:
    request = StoryRequest("p", sampling=SamplingParams(max_new_tokens=32_768))
    message = found(request, context=32_768, prompt_tokens=100)["max_new_tokens"]
    assert message.startswith("error")
    assert "100" in message and "32,768" in message and "32,668" in message


def test_the_servers_own_limit_is_an_error() -> None:
    assert errors(check(StoryRequest("p", 4000), POLARIS, max_words=3000))[0].field == "words"
    assert not errors(check(StoryRequest("p", 3000), None, max_words=3000))


def test_words_are_expected_only_of_a_measured_model() -> None:
    assert [expected_words(StoryRequest("p", n), POLARIS) for n in (500, 2000, 10_000)] == [None, 1980, 7200]
    assert expected_words(StoryRequest("p", 2000), replace(POLARIS, is_preview=True)) is None
    for impostor in IMPOSTORS:
        assert expected_words(StoryRequest("p", 2000), impostor) is None
    assert expected_words(StoryRequest("p", 2000), None) is None
