"""What is shown: the API's JSON, the stage line, the meter, the stamp."""

from dataclasses import replace

import pytest

from polaris_demo import card
from polaris_demo.jobs.library import Library
from polaris_demo.jobs.runner import Piece
from polaris_demo.page import view
from polaris_demo.story.events import Delta, Finish, Progress, Started
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import StoryRequest

from .doubles import POLARIS, story_events

PREVIEW = replace(POLARIS, name="preview model, not POLARIS-9B", is_preview=True)


def record(*events, writer=POLARIS) -> StoryRecord:
    made = StoryRecord("id", StoryRequest("p", 100).with_seed(3), writer=writer)
    for second, event in enumerate(events):
        made.apply(event, float(second))
    return made


def test_the_answer_has_the_contracts_fields() -> None:
    answer = view.answer(record(*story_events("plan", "one two three")), offset=4)
    assert list(answer) == [
        "id", "state", "story", "words", "target_words", "length_ratio", "stage", "thinking_tokens", "story_tokens",
        "tokens_per_second", "seed", "finish_reason", "findings", "model",
    ]  # fmt: skip
    assert (answer["story"], answer["words"], answer["length_ratio"], answer["finish_reason"]) == ("two three", 3, 0.03, "stop")


@pytest.mark.parametrize(
    ("events", "line"),
    [
        ([Progress("queued", 0, 1)], "Next in the queue"),
        ([Progress("queued", 1, 2)], "In the queue, 1 story before this one"),
        ([Progress("queued", 2, 3)], "In the queue, 2 stories before this one"),
        ([Progress("loading")], "Loading the model"),
        ([Progress("reading", 0, 60), Started("p", 60)], "Reading the prompt"),
        ([Delta("thinking", "", (1,) * 1140)], f"Planning: 1,140 tokens of about {card.THINKING_SOFT_CAP:,} at most"),
        ([Delta("thinking", "", (1,)), Delta("story", "a b", (2,))], "Writing: 2 of 100 words · 2 tokens/s"),
        ([Finish("cancelled")], "Stopped. What was written stays here."),
        ([Finish("length", "Raise it.")], "Raise it."),
    ],
)
def test_the_stage_says_what_is_happening(events, line: str) -> None:
    assert view.stage(record(*events)) == line


def test_no_expectation_of_the_card_stands_beside_the_miniature() -> None:
    planning = record(Delta("thinking", "", (1,) * 40), writer=PREVIEW)
    assert view.stage(planning) == "Planning: 40 tokens"
    assert view.meter(planning) is None
    assert view.meter(record(Delta("thinking", "", (1,) * 1536))) == 0.5


def test_an_update_carries_only_what_is_new_until_the_end() -> None:
    whole = record(*story_events("plan", "# T\n\none two"))
    update = view.update(Piece(whole, 5, 12, "one two"))
    assert (update["off"], update["end"], update["t"], update["over"]) == (5, 12, "one two", True)
    assert ["Length ratio", "0.03"] in update["stamp"] and ["Seed", "3"] in update["stamp"]
    assert set(update["files"]) == {"md", "txt"} and not update["files"]["md"]["after"].startswith("#")
    going = view.update(Piece(record(Delta("story", "a", (1,))), 0, 1, "a"))
    assert going["stamp"] is None and going["files"] is None


def test_warnings_stay_on_the_stamp() -> None:
    made = record(Finish("stop"))
    made.findings = (view.Finding("warning", "temperature", "Too hot."), view.Finding("note", "words", "Short."))
    assert ["Warning", "Too hot."] in view.stamp(made)
    assert not any("Short." in value for _, value in view.stamp(made))


def test_a_story_says_until_when_it_is_kept(tmp_path) -> None:
    day = 86_400.0
    assert view.kept(Library(tmp_path, keep_days=30), 24 * day) == "until 24 February 1970"
    assert view.kept(Library(None), 0) == view.kept(Library(tmp_path, lasts=False), 0) == "until this server restarts"
