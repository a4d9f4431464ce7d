"""The server owns its stories: requests, queue, loading, and failures that stay with the story they happened to."""

import asyncio
import logging
import subprocess
import sys
import threading
from array import array
from dataclasses import replace
from pathlib import Path

import pytest

from polaris_demo.engine.base import BackgroundEngine, GpuBroken, Loading, Status
from polaris_demo.errors import Busy, EngineError, RequestRefused, UnknownStory
from polaris_demo.jobs.library import UNWRITABLE, Library
from polaris_demo.jobs.lifecycle import Phase
from polaris_demo.jobs.shelf import UNFORESEEN
from polaris_demo.story import exports
from polaris_demo.story.events import Delta, Finish, Started

from .doubles import (
    MINIATURE,
    POLARIS,
    ScriptedEngine,
    asked,
    echoes,
    endless,
    finished,
    followed,
    paced,
    rests,
    story_events,
    tells,
    until,
)

ROOT = Path(__file__).parent.parent
CANARY = "CANARY-9f2c-in-the-thinking!"
assert len(CANARY) % 4 == 0  # so that token ids can spell it


def test_a_story_is_written_and_followed_from_any_offset(run) -> None:
    runner = run(tells("Once upon a time."))
    job = runner.submit(asked())
    assert followed(runner, job) == "Once upon a time."
    assert followed(runner, job, offset=5) == "upon a time."
    assert job.record.state == "finished"


@pytest.mark.words
def test_a_refused_request_names_every_field(run) -> None:
    with pytest.raises(RequestRefused) as refused:
        run(echoes).submit({"premise": "", "words": 7})
    assert "Premise:" in str(refused.value) and "Words: 7" in str(refused.value)


def test_a_random_seed_is_drawn_and_recorded(run) -> None:
    runner = run(echoes)
    seeds = {runner.submit(asked()).record.request.sampling.seed for _ in range(4)}
    assert len(seeds) == 4 and all(0 <= seed < 2**32 for seed in seeds)
    assert runner.submit(asked(seed=5)).record.request.sampling.seed == 5


def test_two_visitors_queue_and_each_gets_their_own_story(run) -> None:
    gate = threading.Event()

    def gated(request, stop):
        gate.wait(20)
        return echoes(request, stop)

    runner = run(gated)
    jobs = [runner.submit(asked(premise)) for premise in ("the first wish", "the second wish", "the third wish")]
    until(lambda: jobs[2].record.progress.done == 2, what="the third sees its place")
    assert [job.record.progress.done for job in jobs] == [0, 1, 2]
    gate.set()
    texts = [followed(runner, job) for job in jobs]
    assert [text.split("about ")[1] for text in texts] == ["the first wish.", "the second wish.", "the third wish."]
    assert runner.engine.most_running == 1


@pytest.mark.words
def test_a_full_queue_refuses_with_a_sentence(run) -> None:
    runner = run(endless, queue_size=2)
    first = runner.submit(asked())
    until(lambda: first.record.state == "writing")
    waiting = [runner.submit(asked()) for _ in range(2)]
    with pytest.raises(Busy, match="All 2 places"):
        runner.submit(asked())
    for job in (first, *waiting):
        runner.stop(job.record.id, job.key)
    until(lambda: all(map(finished, (first, *waiting))))


@pytest.mark.words
@pytest.mark.parametrize("story_id", ["nothing", "", None, 5, [], "../etc"])
def test_an_unknown_id_gets_a_sentence(run, story_id: object) -> None:
    with pytest.raises(UnknownStory, match="no story with this id"):
        run(echoes).get(story_id)


def test_thinking_is_kept_only_as_part_of_the_point_to_go_on_from(run, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A canary, as text and as token ids, is looked for in all that followers, lists, files and logs get, and in the library."""
    caplog.set_level(logging.DEBUG)
    spelt = tuple(array("I", CANARY.encode()))

    def script(request, stop):
        yield Started("<prompt>", 60, POLARIS)
        yield Delta.of("thinking", CANARY, spelt)
        yield Delta.of("story", "It was quiet.", (1,))
        raise ValueError(CANARY)

    library = Library(tmp_path)
    runner = run(script, library=library)
    job = runner.submit(asked())

    async def read() -> list[str]:
        return [piece.text async for piece in runner.follow(job.record.id)]

    seen = [*asyncio.run(read()), str(runner.summaries([job.record.id])), str(runner.check(asked()))]
    seen += [made if isinstance(made := file.make(job.record, ""), str) else made.decode("latin-1") for file in exports.FILES.values()]
    seen += [str(list(job.record.about().values())), str(job.record.finish), caplog.text]
    assert "It was quiet." in "".join(seen) and not [text for text in seen if CANARY in text or str(list(spelt))[1:-1] in text]
    runner.close()
    tables = [name for (name,) in library._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        for row in library._db.execute(f"SELECT * FROM {table}").fetchall():
            found = [value for value in row if CANARY.encode() in (value if isinstance(value, bytes) else str(value).encode())]
            assert not found or (table == "pieces" and found == [row[3]]), f"the canary is in {table}"
    assert CANARY.encode() in b"".join(row[0] for row in library._db.execute("SELECT tokens FROM pieces"))


def test_a_failing_engine_ends_that_story_and_serves_the_next(run, caplog: pytest.LogCaptureFixture) -> None:
    def fails_once(request, stop):
        yield Started("p", 1, POLARIS)
        yield Delta.of("story", "kept", (1,))
        if "CANARY" in request.premise:
            raise ValueError(request.premise)

    runner = run(fails_once)
    bad = runner.submit(asked("CANARY premise"))
    assert followed(runner, bad) == "kept"
    assert bad.record.finish and (bad.record.finish.reason, bad.record.finish.message) == ("error", UNFORESEEN)
    assert "ValueError" in caplog.text and "CANARY" not in caplog.text
    good = runner.submit(asked("fine"))
    until(lambda: finished(good))
    assert good.record.state == "failed"  # an engine that ends without a Finish is a bug, and said to be one


def test_a_failure_while_loading_reaches_the_story_as_a_sentence(run) -> None:
    def fails(report):
        report(Loading("downloading"))
        raise EngineError("The disk is full. Make room.")

    runner = run(BackgroundEngine(fails))
    job = runner.submit(asked())
    until(lambda: finished(job))
    assert job.record.finish and job.record.finish.message == "The disk is full. Make room."


def test_stories_wait_while_the_model_loads(run) -> None:
    gate = threading.Event()

    def slow(report):
        gate.wait(20)
        return ScriptedEngine(tells("loaded."))

    runner = run(BackgroundEngine(slow))
    job = runner.submit(asked())
    until(lambda: job.record.state == "loading")
    gate.set()
    assert followed(runner, job) == "loaded."
    assert job.record.writer and job.record.writer.name == "POLARIS-9B"


@pytest.mark.words
def test_warnings_are_found_while_the_model_still_loads(run) -> None:
    gate = threading.Event()

    def slow(report):
        gate.wait(20)
        return ScriptedEngine(tells("loaded."))

    runner = run(BackgroundEngine(slow), max_words=3000)
    assert {f.field for f in runner.submit(asked(temperature=1.5)).record.findings} == {"temperature", "words"}
    with pytest.raises(RequestRefused, match="3,000 or fewer"):
        runner.submit(asked(words=4000))
    gate.set()


def test_seconds_are_expected_once_a_story_has_been_written(run) -> None:
    runner = run(paced(2000))
    assert runner.check(asked()).seconds is None
    job = runner.submit(asked())
    until(lambda: finished(job))
    checked = runner.check(asked(words=10_000))
    assert checked.seconds and checked.words == 7200


def test_a_broken_gpu_ends_the_story_with_a_sentence_and_starts_the_process_anew(run) -> None:
    anew = threading.Event()

    class Breaks(ScriptedEngine):
        def write(self, request, resume, stop):
            yield Delta.of("story", "Once ", (1,))
            yield Finish("error", "The GPU stopped.")
            raise GpuBroken

    runner = run(Breaks(echoes), start_anew=anew.set)
    job = runner.submit(asked())
    assert anew.wait(10)
    assert job.record.state == "failed" and job.record.finish == Finish("error", "The GPU stopped.")


def test_starting_anew_replaces_the_process_by_the_same_program(tmp_path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import os, sys\nfrom polaris_demo.jobs.shutdown import start_anew\n"
        "print(os.getpid(), sys.argv[1], flush=True)\n"
        "if 'AGAIN' not in os.environ:\n    os.environ['AGAIN'] = '1'\n    start_anew()\n"
    )
    command = [sys.executable, "-c", "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0])", str(program), "an argument"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=ROOT).stdout.split("\n")
    assert said[0] == said[1] and said[0].endswith("an argument")


def test_what_cannot_be_kept_is_still_written(run, tmp_path) -> None:
    library = Library(tmp_path)
    library._db.execute("PRAGMA query_only = ON")
    runner = run(tells("done."), library=library)
    job = runner.submit(asked())
    until(lambda: finished(job))
    assert str(job.record.story) == "done." and library.problem == UNWRITABLE


def test_as_many_stories_are_written_as_the_engine_has_capacity_for_once_it_has_loaded(run) -> None:
    gate, all_four = threading.Event(), threading.Barrier(4)

    def together(request, stop):
        all_four.wait(20)
        yield from story_events("plan", "done.")

    def load(report):
        gate.wait(20)
        return ScriptedEngine(together, capacity=4, words_at_once=700)

    runner = run(BackgroundEngine(load))
    jobs = [runner.submit(asked()) for _ in range(4)]
    assert runner.default_words == 2000
    gate.set()
    until(lambda: all(map(finished, jobs)))
    assert {job.record.state for job in jobs} == {"finished"} and runner.default_words == 700


def test_where_an_engine_can_write_fewer_than_it_could_the_others_wait_in_the_queue(run) -> None:
    class Shrinks(ScriptedEngine):
        def status(self) -> Status:
            return replace(super().status(), capacity=1 if self.most_running == 3 else 3)

    runner = run(Shrinks(endless, capacity=3))
    jobs = [runner.submit(asked()) for _ in range(3)]
    until(lambda: runner.engine.running == 3)
    fourth, fifth = runner.submit(asked()), runner.submit(asked())
    for job in jobs[:2]:
        runner.stop(job.record.id, job.key)
    until(lambda: rests(jobs[0]) and rests(jobs[1]) and runner.engine.running == 1)
    assert fourth.look().state == "queued" and fourth.look().progress.done == 1  # one stands before it, and not three
    runner.stop(jobs[2].record.id, jobs[2].key)
    until(lambda: fourth.look().state == "writing")
    assert fifth.look().state == "queued" and runner.engine.running == 1


def test_a_length_that_is_not_given_is_the_usual_one_of_who_writes(run) -> None:
    usual = {writer: run(ScriptedEngine(tells("Once."), writer)) for writer in (POLARIS, MINIATURE)}
    assert [runner.default_words for runner in usual.values()] == [2000, 600]
    assert [runner.check({"premise": "a bell"}).request.words for runner in usual.values()] == [2000, 600]
    assert usual[MINIATURE].submit({"premise": "a bell"}).record.request.words == 600
    assert usual[MINIATURE].submit({"premise": "a bell", "words": 2000}).record.request.words == 2000
    assert run(ScriptedEngine(tells("Once."), MINIATURE), max_words=300).default_words == 300


def test_an_engine_that_fails_when_it_is_called_ends_that_story_only(run) -> None:
    class Fails(ScriptedEngine):
        def write(self, request, resume, stop):
            if request.premise == "bad":
                raise ValueError("at the call")
            return super().write(request, resume, stop)

    runner = run(Fails(echoes))
    bad, good = runner.submit(asked("bad"), "v"), runner.submit(asked("good"), "v")
    until(lambda: finished(bad) and finished(good))
    assert bad.record.finish == Finish("error", UNFORESEEN) and good.record.state == "finished"
    until(lambda: not bad.active, what="its visitor's place is free")


def test_nothing_an_engine_says_after_its_finish_counts(run) -> None:
    class Goes(ScriptedEngine):
        def write(self, request, resume, stop):
            yield from [Started("<prompt>", 60, POLARIS), Delta.of("story", "Once.", (1,)), Finish("stop")]
            yield Delta.of("story", " And more.", (2,))
            yield Finish("error", "No.")

    runner = run(Goes(echoes))
    job = runner.submit(asked())
    assert followed(runner, job) == "Once."
    until(lambda: job.phase is Phase.OVER)
    assert (str(job.record.story), job.record.finish) == ("Once.", Finish("stop"))
