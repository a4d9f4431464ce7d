"""The card's first advice for very short stories is said where it can help, and where it cannot that is said."""

from dataclasses import replace

import pytest

from polaris_demo.page import reading, view
from polaris_demo.story.advice import advice as noted
from polaris_demo.story.events import Delta, Finish, Reason, Started, ThinkingClosed
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import LIMITS, SamplingParams, StoryRequest

from .doubles import IMPOSTORS, POLARIS

SOURCE = "The model card’s first advice for very short stories, a larger token budget,"


def advice(record: StoryRecord) -> str:
    return " ".join(found.message for found in noted(record))


def ended(written: int, asked: int = 2000, budget: int = 0, reason: Reason = "stop", closed: bool = False, writer=POLARIS) -> StoryRecord:
    record = StoryRecord("id", StoryRequest("a bell", asked, sampling=SamplingParams(max_new_tokens=budget, seed=1)), writer=writer)
    thought = [ThinkingClosed(200)] if closed else []
    for event in (
        Started("<p>", 9, writer), Delta.of("thinking", "", (1,) * 200), *thought, Delta.of("story", "word " * written, (2,) * written),
        Finish(reason),
    ):  # fmt: skip
        record.apply(event, 1.0)
    return record


def test_a_story_that_its_budget_cut_short_is_told_to_raise_it() -> None:
    assert advice(ended(900, budget=1100, reason="length")) == f"{SOURCE} can help here: automatic would be 5,672."
    assert advice(ended(900, budget=6000, reason="length")) == f"{SOURCE} can help here: it was 6,000."


def test_planning_that_the_budget_closed_may_have_made_it_short() -> None:
    assert advice(ended(900, budget=1200, closed=True)) == f"{SOURCE} can help here: automatic would be 5,672."


def test_a_story_that_the_model_ended_with_tokens_to_spare_is_told_that_more_would_change_nothing() -> None:
    said = advice(ended(900, budget=3000))
    assert said == f"{SOURCE} would change nothing here: the model ended it with 1,900 tokens to spare. Another seed may come out longer."


@pytest.mark.parametrize(("asked", "short", "fine"), [(300, 199, 200), (2000, 1583, 1584), (10_000, 5759, 5760), (100, 0, 1)])
def test_short_is_twice_as_far_below_what_is_expected_as_full_marks_allow(asked: int, short: int, fine: int) -> None:
    assert not advice(ended(fine, asked))
    assert bool(advice(ended(short, asked))) == (short > 0)


def test_it_is_not_said_of_what_was_stopped_failed_or_is_on_its_way() -> None:
    stopped: tuple[Reason, ...] = ("cancelled", "segment", "pause", "loop", "error")
    assert not any(advice(ended(900, reason=reason)) for reason in stopped)
    assert not advice(StoryRecord("id", StoryRequest("a bell"), writer=POLARIS))


def test_the_card_is_quoted_for_its_own_models_only() -> None:
    others = (replace(POLARIS, is_preview=True), *IMPOSTORS)
    assert not any(advice(ended(900, writer=writer)) for writer in others)


def test_no_more_is_advised_than_can_be_asked_for() -> None:
    assert not advice(ended(900, budget=int(LIMITS["max_new_tokens"].high), reason="length"))


def test_the_page_and_the_api_say_the_same() -> None:
    record = ended(900)
    assert ["Advice", advice(record)] in reading.stamp(record)
    assert view.answer(record)["findings"][-1] == {"level": "note", "field": "max_new_tokens", "message": advice(record)}
    assert view.ended(record) == "The model ended the story."
