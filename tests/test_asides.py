"""What came after the last sound place of a story that looped: folded, kept, left out of every file, and taken in again."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from polaris_demo.errors import CannotGoOn
from polaris_demo.jobs.library import Library
from polaris_demo.jobs.runner import Runner
from polaris_demo.page import reading
from polaris_demo.page.handlers import Handlers
from polaris_demo.story import exports
from polaris_demo.story.aside import Aside
from polaris_demo.story.events import Delta, Event, Finish, Resume, Started, TakenBack
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import StoryRequest

from .doubles import POLARIS, ScriptedEngine, rests, until

SOUND, ROUND = "# The bell\n\nIt rang once.", "\n\nAnd it rang again."


def looped(ids: bool = True) -> StoryRecord:
    """A story of five sound tokens and four that go round."""
    record = StoryRecord("id", StoryRequest("a bell").with_seed(7), created=1_780_000_000.0, writer=POLARIS)
    record.apply(Started("<prompt>", 60, POLARIS), 0.0)
    record.apply(Delta("thinking", "a plan", 2, (100, 101) if ids else ()), 0.0)
    for number, text in enumerate([SOUND[i : i + 5] for i in range(0, len(SOUND), 5)] + [ROUND] * 4):
        record.apply(Delta("story", text, 1, (number,) if ids else ()), 1.0 + number)
    record.apply(Finish("loop", "In circles.", tokens=record.tokens - 4, characters=len(SOUND)), 9.0)
    return record


def again(record: StoryRecord) -> StoryRecord:
    """The same after a restart."""
    about = json.loads(json.dumps(record.about()))
    return StoryRecord.restore("id", record.state, about, str(record.story), record.token_ids, str(record.thinking))


@pytest.mark.parametrize("ids", [True, False])
def test_what_is_cut_off_is_folded_where_it_stood_and_outlives_a_restart(ids: bool) -> None:
    record = looped(ids)
    assert str(record.story) == SOUND
    (aside,) = record.asides
    assert aside == Aside(len(SOUND), record.tokens, ROUND * 4, tuple(range(5, 9)) if ids else (), 4, 0, 7) and aside.words == 16
    assert again(record).asides == record.asides and again(record).folded == aside


@pytest.mark.parametrize("ids", [True, False])
def test_without_the_guard_it_goes_on_as_if_nothing_had_been(ids: bool) -> None:
    record = again(looped(ids))
    record.resume(without_guard=True)
    assert str(record.story) == SOUND + ROUND * 4 and record.asides == () and record.folded is None
    assert (record.story_tokens, record.thinking_tokens, record.words) == (9, 2, 21)
    assert record.token_ids == ([100, 101, *range(9)] if ids else []) and record.unguarded_at == 11
    assert record.request.sampling.seed == 7 and record.reseeded == ()
    expected = Resume(tuple(record.token_ids), writer=POLARIS, guard=False)
    assert record.resume_point() == (expected if ids else Resume((), "a plan", SOUND + ROUND * 4, POLARIS, guard=False))
    assert not again(record).resume_point().guard


def test_with_it_another_seed_goes_on_from_the_sound_place_and_the_aside_stays() -> None:
    record = looped()
    record.resume()
    assert record.resume_point() == Resume((100, 101, *range(5)), writer=POLARIS) and record.request.sampling.seed == 8
    record.apply(Finish("cancelled"), 10.0)
    record.resume(without_guard=True)  # stopped before a word was added: it still stands at the end
    assert record.request.sampling.seed == 7 and record.reseeded == () and str(record.story).endswith(ROUND)
    record = looped()
    record.resume()
    record.apply(Delta.of("story", " Then it was still.", (50,)), 11.0)
    record.apply(Finish("stop"), 12.0)
    assert [aside.characters for aside in record.asides] == [len(SOUND)] and record.folded is None


def test_of_two_loops_the_last_is_taken_in_again_with_its_own_seed() -> None:
    record = looped()
    record.resume()
    record.apply(Delta.of("story", ROUND * 2, (60, 61)), 11.0)
    record.apply(Finish("loop", "In circles.", tokens=7, characters=len(SOUND)), 12.0)
    assert [(aside.seed, aside.words) for aside in record.asides] == [(7, 16), (8, 8)]
    record.resume()
    record.apply(Finish("cancelled"), 13.0)
    record.resume(without_guard=True)
    assert record.request.sampling.seed == 8 and record.reseeded == ((7, 8),) and [aside.seed for aside in record.asides] == [7]


def test_what_turns_out_to_have_been_thinking_takes_its_asides_along() -> None:
    record = looped()
    record.resume()
    record.apply(Delta.of("story", " more", (50, 51)), 11.0)
    record.apply(TakenBack(record.story_tokens, 0), 12.0)
    assert record.asides == () and str(record.story) == ""


def test_no_file_holds_it_and_the_record_does() -> None:
    record = looped()
    files = {ending: made.make(record, "") for ending, made in exports.FILES.items()}
    left_out = "Left out after word 5: 16 words that went round in circles; they are in the record."
    for ending in ("md", "txt"):
        assert "rang again" not in files[ending] and left_out.replace("*", "") in str(files[ending]).replace("\\", "")
    assert json.loads(files["json"])["asides"] == [{"after_token": 7, "after_character": len(SOUND), "words": 16, "text": ROUND * 4}]
    assert json.loads(files["json"])["story"] == SOUND
    assert ["Left out", left_out[9:-1]] in reading.details(record)
    record.resume(without_guard=True)
    assert json.loads(exports.record_json(record))["unguarded_at"] == 11
    assert ["Loop guard", "off from token 11 on, as was asked"] in reading.details(record)


def test_readers_hear_of_the_cut_and_of_what_is_folded_in_one_look() -> None:
    record = looped()
    going = reading.going(record)
    assert going["cuts"] == 1 and going["asides"] == [{"at": len(SOUND), "words": 16, "text": ROUND * 4}]


def going_round(request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
    yield Started("<prompt>", 60, POLARIS)
    yield Delta.of("thinking", "", (0,))
    yield Delta.of("story", SOUND, (1,))
    yield Delta.of("story", ROUND * 4, (2, 3, 4, 5))
    yield Finish("loop", "In circles.", tokens=2, characters=len(SOUND))


def test_an_owner_goes_on_without_the_guard_where_there_is_something_folded(tmp_path: Path) -> None:
    engine = ScriptedEngine(going_round)
    runner = Runner(engine, library=Library(tmp_path))
    job = runner.submit({"premise": "a bell", "words": 200})
    until(lambda: rests(job))
    engine._script = lambda request, stop: iter([Started("<prompt>", 60, POLARIS), Delta.of("story", " The end.", (9,)), Finish("stop")])
    assert Handlers(runner).api_resume(job.record.id, job.key, True)["finish_reason"] is None
    until(lambda: rests(job))
    assert engine.resumes[-1] == Resume(tuple(range(6)), writer=POLARIS, guard=False)
    with pytest.raises(CannotGoOn):
        runner.resume(job.record.id, job.key, without_guard=True)
    runner.close()
    saved = Library(tmp_path).load(job.record.id)
    assert saved and saved.text == SOUND + ROUND * 4 + " The end." and saved.token_ids == (0, 1, 2, 3, 4, 5, 9)
    assert saved.about["unguarded_at"] == 6 and saved.about["asides"] == []
