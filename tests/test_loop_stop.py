"""A story that goes round in circles: the engine stops it, what is sound of it is kept, and it goes on from there."""

import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from polaris_demo.engine.deltas import Deltas
from polaris_demo.engine.local import LocalEngine
from polaris_demo.jobs.library import Library
from polaris_demo.jobs.lifecycle import resumable
from polaris_demo.jobs.runner import Runner
from polaris_demo.story.events import Delta, Event, Finish, Resume, Started
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import StoryRequest

from .doubles import POLARIS, ScriptedEngine, until

SOUND = "# The bell\n\nIt rang once over the roofs of the town, and everyone who heard it stopped where they stood.\n\n"
LOOP = "Nobody knew who had rung it, and nobody asked. " * 40


def fed(engine: LocalEngine, text: str) -> tuple[StoryRecord, list[int]]:
    """The record of a story of exactly this text, token by token through the engine's own deltas, and the tokens fed."""
    chat = engine._chat
    tokens = chat._backend.encode(f"A plan.\n</think>\n\n{text}", add_special_tokens=False).ids
    record, deltas = StoryRecord("id", StoryRequest("p").with_seed(7), writer=engine.status().writer), Deltas(chat)
    for number, token in enumerate(tokens, 1):
        for delta in deltas.add(token):
            record.apply(delta, 0.0)
        if deltas.loop:
            for event in (*deltas.flush(), deltas.cut()):
                record.apply(event, 0.0)
            return record, tokens[:number]
    for delta in deltas.flush():
        record.apply(delta, 0.0)
    return record, tokens


def test_a_looping_story_is_cut_after_its_last_sound_paragraph(miniature: LocalEngine) -> None:
    record, spent = fed(miniature, SOUND + LOOP)
    assert record.finish and record.finish.reason == "loop" and record.state == "stopped"
    assert "round in circles" in record.finish.message and "Continue goes on" in record.finish.message
    kept = str(record.story)
    assert SOUND.startswith(kept.rstrip() + "\n\n") and kept.rstrip().endswith("where they stood.")
    assert record.words == len(SOUND.replace("#", "").split()) < len(spent)


def test_the_tokens_that_are_kept_are_those_of_the_text_that_is_kept(miniature: LocalEngine) -> None:
    record, spent = fed(miniature, SOUND + LOOP)
    assert record.token_ids == spent[: len(record.token_ids)]
    assert record.thinking_tokens + record.story_tokens == len(record.token_ids)
    story = miniature._chat._backend.decode(record.token_ids[record.thinking_tokens :], skip_special_tokens=True)
    assert story.removeprefix("\n\n") == str(record.story)


def test_a_sound_story_is_left_alone(miniature: LocalEngine) -> None:
    record, _ = fed(miniature, SOUND * 2)
    assert record.finish is None and str(record.story) == SOUND * 2


def test_going_on_after_a_loop_draws_differently_and_the_record_says_so(miniature: LocalEngine) -> None:
    record, _ = fed(miniature, SOUND + LOOP)
    assert resumable(record)
    kept = len(record.token_ids)
    record.resume()
    assert record.request.sampling.seed == 8 and record.reseeded == ((kept, 8),)
    about = json.loads(json.dumps(record.about()))
    again = StoryRecord.restore("id", "queued", about, str(record.story), record.token_ids)
    assert again.reseeded == record.reseeded and again.about() == record.about()


def looping(request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
    """Writes twenty tokens of ten characters, then finds that all after the fifth were a loop."""
    yield Started("<prompt>", 60, POLARIS)
    yield Delta.of("thinking", "", (0,))
    for i in range(20):
        yield Delta.of("story", f"word {i:04d} ", (i + 1,))
        stop.wait(0.06)  # longer than it takes until a story is saved again
    yield Finish("loop", "Round in circles.", tokens=6, characters=50)


def test_the_library_keeps_only_what_is_sound_and_followers_see_it_shrink(tmp_path: Path) -> None:
    runner = Runner(ScriptedEngine(looping), library=Library(tmp_path))
    job = runner.submit({"premise": "a bell", "words": 200})
    until(lambda: job.record.rests)
    runner.close()
    saved = runner.library.load(job.record.id)
    assert saved and saved.text == str(job.record.story) == "".join(f"word {i:04d} " for i in range(5))
    assert saved.token_ids == tuple(range(6)) == tuple(job.record.token_ids)


def _output(engine: LocalEngine, tokens: Sequence[int]) -> StoryRecord:
    record = StoryRecord("id", StoryRequest("p", 50).with_seed(1))
    for event in engine.write(record.request, Resume(tuple(tokens)), threading.Event()):
        record.apply(event, 0.0)
    return record


def test_a_loop_that_began_in_an_earlier_segment_is_noticed_in_the_next(miniature: LocalEngine) -> None:
    tokens = miniature._chat._backend.encode(f"A plan.\n</think>\n\n{SOUND}{LOOP}", add_special_tokens=False).ids
    record = _output(miniature, tokens)
    assert record.finish and record.finish.reason == "loop" and record.finish.tokens is not None
    assert record.finish.tokens < len(tokens)
