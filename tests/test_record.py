"""The record folds events into a story, and reads from any offset."""

from polaris_demo.story.events import Delta, Finish, Progress, Started
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import StoryRequest
from polaris_demo.story.text_log import TextLog

from .doubles import POLARIS, story_events


def told(*events: object) -> StoryRecord:
    record = StoryRecord("id", StoryRequest("p", 10))
    for second, event in enumerate(events):
        record.apply(event, float(second))
    return record


def test_a_log_reads_from_every_offset() -> None:
    log, text = TextLog(), "Es war einmal 🌟 ein Wolf."
    for at in range(0, len(text), 4):
        log.append(text[at : at + 4])
        for offset in range(at + 5):
            assert log.since(offset) == (text[: at + 4][offset:], len(text[: at + 4]))
    assert str(log) == text


def test_the_states_of_a_story() -> None:
    record = told()
    seen = []
    for event in [Progress("queued", 1, 1), Progress("loading"), *story_events("plan", "Once upon a time.")]:
        record.apply(event, 1.0)
        seen.append(record.state)
    assert list(dict.fromkeys(seen)) == ["queued", "loading", "planning", "writing", "finished"]
    assert str(record.story) == "Once upon a time."


def test_thinking_is_counted_and_never_part_of_the_story() -> None:
    record = told(Started("p", 3, POLARIS), Delta.of("thinking", "secret", (1, 2)), Delta.of("story", "Hi.", (3,)), Finish("stop"))
    assert (record.thinking_tokens, record.story_tokens, record.token_ids) == (2, 1, [1, 2, 3])
    assert "secret" not in str(record.story)


def test_speed_is_tokens_over_the_time_between_first_and_last() -> None:
    record = told(Started("p", 3, POLARIS), Delta.of("thinking", "", (1,) * 10), Delta.of("story", "a", (1,) * 30))
    assert record.tokens_per_second == 40.0


def test_how_it_ended_gives_the_state_and_only_a_segment_goes_on_by_itself() -> None:
    reasons = {
        "stop": "finished",
        "length": "finished",
        "cancelled": "stopped",
        "segment": "paused",
        "pause": "paused",
        "loop": "stopped",
        "error": "failed",
    }
    assert {reason: told(Finish(reason)).state for reason in reasons} == reasons
    assert [reason for reason in reasons if not told(Finish(reason)).rests] == ["segment"]


def test_adding_a_piece_costs_the_same_early_and_late() -> None:
    """Structure, not time: nothing the record keeps per piece is as long as the story."""
    record = told(*[Delta.of("story", "word " * 3, (1,)) for _ in range(3000)])
    assert max(map(len, record.story._pieces)) < 20
    assert len(record._words._tail) < 10
