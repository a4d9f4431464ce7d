"""What is shown: the API's JSON, the stage line, the meter, the stamp."""

from dataclasses import replace

import pytest

from polaris_demo import card
from polaris_demo.engine.base import Status
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
        "tokens_per_second", "seed", "finish_reason", "findings", "model", "written_on_from",
    ]  # fmt: skip
    assert (answer["story"], answer["words"], answer["length_ratio"], answer["finish_reason"]) == ("two three", 3, 0.03, "stop")


@pytest.mark.parametrize(
    ("events", "line"),
    [
        ([Progress("queued", 0, 1)], "Next in the queue"),
        ([Progress("queued", 1, 2)], "In the queue, 1 story before this one"),
        ([Progress("queued", 2, 3)], "In the queue, 2 stories before this one"),
        ([Progress("queued", 2, 3, 130)], "In the queue, 2 stories before this one; about 3 min to wait"),
        ([Progress("loading")], "Loading the model"),
        ([Progress("reading", 0, 60), Started("p", 60, POLARIS)], "Reading the prompt"),
        ([Delta.of("thinking", "", (1,) * 1140)], f"Planning: 1,140 tokens of about {card.THINKING_SOFT_CAP:,} at most"),
        (
            [Delta.of("thinking", "", (1,) * 40), Delta.of("thinking", "", (1,) * 32)],
            f"Planning: 72 tokens of about {card.THINKING_SOFT_CAP:,} at most; the story starts within about 45 s",
        ),
        ([Delta.of("thinking", "", (1,) * 3100)], "Planning: 3,100 tokens, more than usual; it is closed at 3,072"),
        ([Delta.of("thinking", "", (1,)), Delta.of("story", "a b", (2,))], "Writing: 2 of 100 words · 2 tokens/s"),
        ([Finish("cancelled")], "Stopped. What was written stays here."),
        ([Finish("length", "Raise it.")], "Raise it."),
    ],
)
def test_the_stage_says_what_is_happening(events, line: str) -> None:
    assert view.stage(record(*events)) == line


def test_no_expectation_of_the_card_stands_beside_the_miniature() -> None:
    planning = record(Delta.of("thinking", "", (1,) * 40), writer=PREVIEW)
    assert view.stage(planning) == "Planning: 40 tokens"


CHINESE = "。".join(["守灯人提着灯走下港口没有人敲的钟响了起来他站了一会儿听着大海"] * 10)


def test_on_the_way_no_time_is_promised_where_the_words_say_little() -> None:
    made = StoryRecord("id", StoryRequest("p", 2000).with_seed(3), writer=POLARIS)
    for second, event in enumerate([Delta.of("story", CHINESE * 6, (1,) * 900), Delta.of("story", CHINESE, (1,) * 150)]):
        made.apply(event, float(second))
    assert view.stage(made) == "Writing: 64 of 2,000 words, 2,100 characters as a reader counts · 1050 tokens/s"


@pytest.mark.parametrize(("seconds", "said"), [(3.2, "4 s"), (41, "45 s"), (61, "2 min"), (5400, "1 h 30 min")])
def test_times_are_said_rounded_up(seconds: float, said: str) -> None:
    assert view.spoken(seconds) == said


def test_a_story_says_until_when_it_is_kept() -> None:
    assert view.kept("", 1_790_000_000.0) == view.Kept("until 21\u00a0September 2026", lasting=True)
    assert view.kept("", None).text == "until this server restarts"
    assert view.kept("The disk is full.", 1.0) == view.Kept("The disk is full.", lasting=False)


def test_the_promise_says_where_a_story_is_kept_and_what_happens_when_one_leaves() -> None:
    kept = view.promise(view.Kept("for ever", lasting=True), 600, lent_gpu=False)
    assert kept.startswith("Your story is kept on this server for ever;") and "paused after 10 min" in kept
    full = view.promise(view.kept("The disk is full.", None), 600, lent_gpu=True)
    assert full.startswith("The disk is full. If you leave, it is paused at the end of its GPU time")


@pytest.mark.parametrize(
    ("why", "lead"),
    [
        ("This server has no GPU. POLARIS-9B needs one.", "this server has no GPU."),
        ("POLARIS_MODEL names none. Set it.", "POLARIS_MODEL names none."),
        (
            "This server was to load a local folder of v1.5 and could not. Its log: says.",
            "this server was to load a local folder of v1.5 and could not.",
        ),
    ],
)
def test_the_first_page_says_why_the_miniature_writes(why: str, lead: str) -> None:
    status = view.status(Status(replace(PREVIEW, why=why)), "", 600)
    assert status["who"] == "Today a miniature writes here, not POLARIS-9B:"
    assert (status["lead"], status["why"]) == (f"{lead} {view.MINIATURE}", why)
