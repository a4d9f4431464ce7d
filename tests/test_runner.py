"""The server owns its stories: queue, places, stop, followers, and failures that stay with the story they happened to."""

import asyncio
import contextvars
import itertools
import logging
import random
import statistics
import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from polaris_demo.engine.base import BackgroundEngine, GpuBroken, Loading, Status
from polaris_demo.errors import AnotherModel, Busy, CannotGoOn, EngineError, RequestRefused, UnknownStory
from polaris_demo.jobs import housekeeper
from polaris_demo.jobs.job import Job
from polaris_demo.jobs.library import UNWRITABLE, Library
from polaris_demo.jobs.lifecycle import Phase
from polaris_demo.jobs.shelf import INTERRUPTED, LEFT, UNFOLLOWED, UNFORESEEN
from polaris_demo.story import exports
from polaris_demo.story.events import Delta, Event, Finish, Resume, Started
from polaris_demo.story.request import StoryRequest

from .doubles import (
    MINIATURE,
    POLARIS,
    ScriptedEngine,
    TextEngine,
    asked,
    echoes,
    endless,
    finished,
    followed,
    paused,
    rests,
    story_events,
    tells,
    until,
    waits_for,
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


def test_stop_lands_within_a_second_at_every_stage_thirty_times(run) -> None:
    gate = threading.Event()

    def stages(request, stop):
        if "planning" in request.premise:
            while True:
                yield Delta.of("thinking", "", (1,))
                stop.wait(0.02)
        yield from waits_for(gate)(request, stop) if "loading" in request.premise else endless(request, stop)

    runner, slowest = run(stages), 0.0
    for i in range(30):
        stage = ("queued", "loading", "planning", "writing")[i % 4]
        before = runner.submit(asked("loading first")) if stage == "queued" else None
        job = runner.submit(asked(stage))
        until(lambda job=job, stage=stage: job.record.state == stage)
        runner.stop(job.record.id, job.key)
        slowest = max(slowest, until(lambda job=job: finished(job)))
        assert job.record.finish and job.record.finish.reason == "cancelled"
        if before:
            runner.stop(before.record.id, before.key)
            until(lambda before=before: finished(before))
    print(f"\nslowest of 30 stops: {slowest:.3f} s")
    assert slowest < 1.0
    gate.set()
    assert followed(runner, runner.submit(asked("loading"))) == "done."


def test_stopping_needs_the_key_and_may_be_said_twice(run) -> None:
    runner = run(endless)
    job = runner.submit(asked())
    until(lambda: job.record.state == "writing")
    for key in ("", "wrong", None, 7, "ключ", "\udcff"):
        with pytest.raises(UnknownStory):
            runner.stop(job.record.id, key)
    assert not job.halt.event.is_set()
    runner.stop(job.record.id, job.key)
    runner.stop(job.record.id, job.key)
    until(lambda: finished(job))
    assert runner.stop(job.record.id, job.key).state == "stopped"


@pytest.mark.words
@pytest.mark.parametrize("story_id", ["nothing", "", None, 5, [], "../etc"])
def test_an_unknown_id_gets_a_sentence(run, story_id: object) -> None:
    with pytest.raises(UnknownStory, match="no story with this id"):
        run(echoes).get(story_id)


def paced(words: int):
    """A script that takes its time: about 5 ms a piece."""

    def script(request, stop):
        for event in story_events("plan", "word " * words, piece=25):
            yield event
            stop.wait(0.005)

    return script


def test_a_follower_that_leaves_changes_nothing(run) -> None:
    runner = run(paced(400))
    job = runner.submit(asked())

    async def leave_early() -> str:
        async for piece in runner.follow(job.record.id):
            if piece.text:
                return piece.text
        return ""

    assert 0 < len(asyncio.run(leave_early())) < len("word " * 400)
    assert followed(runner, job) == "word " * 400


def test_three_followers_read_the_same(run) -> None:
    runner = run(paced(500))
    job = runner.submit(asked())

    async def read() -> str:
        return "".join([piece.text async for piece in runner.follow(job.record.id)])

    async def three() -> list[str]:
        return await asyncio.gather(read(), read(), read())

    assert asyncio.run(three()) == ["word " * 500] * 3


def test_a_hundred_and_fifty_followers_leave_stop_answering_and_read_the_same(run) -> None:
    """Two stories followed by 75 each, a third begun and stopped again and again beside them."""
    runner = run(endless, capacity=3)
    followed_ones = [runner.submit(asked()) for _ in range(2)]

    async def read(job: Job) -> str:
        return "".join([piece.text async for piece in runner.follow(job.record.id)])

    async def crowd() -> list[str]:
        return await asyncio.gather(*(read(followed_ones[n % 2]) for n in range(150)))

    texts: list[str] = []
    reading = threading.Thread(target=lambda: texts.extend(asyncio.run(crowd())))
    reading.start()
    answered, freed = 0.0, 0.0
    for _ in range(15):
        job = runner.submit(asked())
        until(lambda job=job: job.record.words > 2)
        start = time.monotonic()
        runner.stop(job.record.id, job.key)
        answered = max(answered, time.monotonic() - start)
        freed = max(freed, until(lambda job=job: rests(job)))
    for job in followed_ones:
        runner.stop(job.record.id, job.key)
    reading.join(20)
    print(f"\nbeside 150 followers: Stop answered within {answered:.3f} s, the engine free within {freed:.3f} s")
    assert answered < 0.5 and freed < 2
    assert [texts[n] for n in range(150)] == [str(followed_ones[n % 2].record.story) for n in range(150)]


def test_fifty_stops_at_random_moments_leave_nothing_behind(run) -> None:
    """Single and double stops, from another thread as from a second tab, while stories wait, think and are written."""
    chance = random.Random(9)

    def slowly(request, stop):
        for event in story_events("a plan of words", "word " * 400, piece=5):
            yield event
            stop.wait(0.004)

    runner = run(slowly, capacity=2, queue_size=6)
    before = set(threading.enumerate())
    slowest = 0.0
    for _ in range(50):
        jobs = [runner.submit(asked()) for _ in range(chance.randint(1, 4))]
        chance.shuffle(jobs)
        threading.Event().wait(chance.random() / 30)
        tabs = [threading.Thread(target=runner.stop, args=(job.record.id, job.key)) for job in jobs for _ in range(chance.randint(1, 2))]
        for tab in tabs:
            tab.start()
        for tab in tabs:
            tab.join()
        slowest = max(slowest, until(lambda jobs=jobs: all(map(rests, jobs))))
        assert all(job.record.rests for job in jobs)
    print(f"\n50 rounds of stops, the engines free within {slowest:.3f} s")
    assert slowest < 2
    assert (len(runner._turns.waiting), runner.engine.running, set(threading.enumerate()) - before) == (0, 0, set())
    assert followed(runner, runner.submit(asked())) == "word " * 400


def test_going_on_right_after_the_end_waits_for_the_worker_to_be_free(run) -> None:
    """The end is told before its worker has saved it; who goes on in that moment is not ignored."""
    library, saving, gate = Library(None), threading.Event(), threading.Event()
    save = library.save

    def slow(story, anew=False) -> bool:
        if story.state == "paused" and not gate.is_set():
            saving.set()
            gate.wait(20)
        return save(story, anew)

    library.save = slow
    runner = run(in_segments(["Once ", "upon a time."]), library=library)
    job = runner.submit(asked())
    assert saving.wait(20) and job.record.state == "paused" and job.phase is Phase.WORKING
    going_on = threading.Thread(target=runner.resume, args=(job.record.id, job.key))
    going_on.start()
    threading.Timer(0.1, gate.set).start()
    going_on.join(20)
    until(lambda: finished(job), what="the story goes on")
    assert str(job.record.story) == "Once upon a time."


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


def test_a_follower_hears_something_every_second_while_nothing_happens(run) -> None:
    gate, times = threading.Event(), []

    def silent(request, stop):
        gate.wait(20)
        return echoes(request, stop)

    runner = run(silent)
    job = runner.submit(asked())

    async def listen() -> None:
        loop = asyncio.get_running_loop()
        async for _ in runner.follow(job.record.id):
            times.append(loop.time())
            if len(times) == 4:
                gate.set()

    asyncio.run(listen())
    assert statistics.median(b - a for a, b in itertools.pairwise(times)) < 1.5


def test_a_story_nobody_follows_is_paused_and_one_that_waits_leaves_the_queue(run) -> None:
    runner = run(endless, unfollowed_seconds=0.2)
    first, second = runner.submit(asked()), runner.submit(asked())
    until(lambda: rests(first) and rests(second))
    assert first.record.finish == second.record.finish == Finish("pause", UNFOLLOWED)
    assert first.record.state == second.record.state == "paused" and first.record.words > 0 == second.record.words
    until(lambda: runner.library.load(second.record.id).state == "paused")
    runner._housekeeper.patience.unfollowed = 60
    for job in (first, second):
        runner.resume(job.record.id, job.key)
    until(lambda: first.record.state == "writing")
    runner.stop(first.record.id, first.key)
    until(lambda: second.record.state == "writing")


def test_a_followed_story_is_not(run) -> None:
    """For three times as long as it may go unfollowed: a look that a busy machine holds up is still in time."""
    runner = run(endless, unfollowed_seconds=1)
    job = runner.submit(asked())

    async def watch() -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        async for _ in runner.follow(job.record.id):
            if loop.time() > begun + 3:
                return

    asyncio.run(watch())
    assert not job.record.rests


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


def test_closing_pauses_everything_what_waits_too(run) -> None:
    runner = run(endless, capacity=3)
    jobs = [runner.submit(asked()) for _ in range(5)]
    until(lambda: all(job.record.state == "writing" for job in jobs[:3]))
    runner.close()
    assert [job.record.finish for job in jobs] == [Finish("pause", INTERRUPTED)] * 5 and all(map(rests, jobs))
    assert all(runner.library.load(job.record.id).state == "paused" for job in jobs)


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


def test_stop_lands_within_a_second_on_the_miniature_and_the_next_story_starts(run, miniature) -> None:
    """Stops while it reads a long prompt, plans and writes; by the fastest of up to six each, since a busy machine may hold up any."""
    runner, took = run(miniature), {"reading": [], "planning": [], "writing": []}
    for i, stage in enumerate([*took] * 6):
        if len(took[stage]) > 1 and min(took[stage]) < 1.0:
            continue
        job = runner.submit(asked("a river and a bell " * (200 if stage == "reading" else 1), words=2000, seed=i))
        state = "writing" if stage == "writing" else "planning"
        until(lambda job=job, state=state: job.record.state == state, seconds=60)
        runner.stop(job.record.id, job.key)
        took[stage].append(until(lambda job=job: finished(job)))
        assert job.record.finish and job.record.finish.reason == "cancelled"
    fastest = {stage: min(seconds) for stage, seconds in took.items()}
    print(f"\nfastest stops on the miniature, in seconds: {fastest}")
    assert max(fastest.values()) < 1.0


SEGMENT = Finish("segment")


def in_segments(texts: list[str], between: Finish = SEGMENT):
    """A script whose calls write one text each and end as told, until the last one ends the story."""
    left = iter(texts)

    def script(request, stop):
        text = next(left)
        yield Started("<prompt>", 60, POLARIS)
        yield Delta.of("story", text, (1, 2))
        yield Finish("stop") if text == texts[-1] else between

    return script


def test_a_paused_story_goes_on_where_it_was(run) -> None:
    runner = run(in_segments(["Once ", "upon ", "a time."]))
    job = runner.submit(asked())
    for _ in range(2):
        until(lambda: paused(job))
        assert not job.record.rests
        runner.resume(job.record.id, job.key)
    assert followed(runner, job) == "Once upon a time."
    assert job.record.resumed_at == (2, 4) and job.record.state == "finished"


def test_a_follower_stays_through_a_pause(run) -> None:
    runner = run(in_segments(["Once ", "upon a time."]))
    job = runner.submit(asked())

    async def read() -> str:
        text = ""
        async for piece in runner.follow(job.record.id):
            text += piece.text
            if paused(job):
                runner.resume(job.record.id, job.key)
        return text

    assert asyncio.run(read()) == "Once upon a time."


def test_a_story_paused_for_a_reason_rests_and_can_be_stopped(run) -> None:
    runner = run(in_segments(["Once ", "upon."], Finish("pause", "The quota is used up.")))
    job = runner.submit(asked())
    until(lambda: paused(job))
    assert job.record.rests and job.record.finish == Finish("pause", "The quota is used up.")
    runner.stop(job.record.id, job.key)
    assert job.record.state == "stopped" and str(job.record.story) == "Once "


def test_a_story_whose_page_does_not_ask_for_the_next_segment_is_paused_with_a_sentence(run, monkeypatch, tmp_path) -> None:
    library = Library(tmp_path)
    runner = run(in_segments(["Once ", "upon a time."]), library=library)
    job = runner.submit(asked())
    until(lambda: paused(job))
    second = run(echoes, library=Library(tmp_path))  # the server dies here: what comes after it finds no page either
    assert second.get(job.record.id).finish == Finish("pause", LEFT) and second.get(job.record.id).rests
    monkeypatch.setattr(housekeeper, "BETWEEN_SECONDS", 0.1)
    until(lambda: job.record.rests)
    assert job.record.finish == Finish("pause", LEFT) and job.record.state == "paused"
    runner.resume(job.record.id, job.key)
    assert followed(runner, job) == "Once upon a time."


def test_only_the_owner_goes_on_and_only_with_what_is_paused(run) -> None:
    runner = run(tells("done."))
    job = runner.submit(asked())
    until(lambda: finished(job))
    with pytest.raises(UnknownStory):
        runner.resume(job.record.id, "another key")
    with pytest.raises(CannotGoOn):
        runner.resume(job.record.id, job.key)


def test_a_story_between_segments_keeps_its_turn(run) -> None:
    runner = run(in_segments(["Once ", "upon."]))
    gate = threading.Event()
    job = runner.submit(asked())
    until(lambda: paused(job))
    runner.engine._script = waits_for(gate)
    other = runner.submit(asked("who is being written"))
    until(lambda: other.phase is Phase.WORKING)
    last = runner.submit(asked("who waits"))
    runner.resume(job.record.id, job.key)
    assert (job.record.progress.done, last.record.progress.done) == (1, 2)
    gate.set()
    until(lambda: finished(last))


def test_a_story_is_written_in_the_context_of_its_owners_latest_request(run) -> None:
    owner: contextvars.ContextVar[str] = contextvars.ContextVar("owner", default="nobody")
    seen = []

    def script(request, stop):
        seen.append(owner.get())
        yield Delta.of("story", "x", (1,))
        seen.append(owner.get())
        yield Finish("segment") if len(seen) < 3 else Finish("stop")

    runner = run(script)
    job = contextvars.copy_context().run(lambda: (owner.set("first"), runner.submit(asked()))[1])
    until(lambda: paused(job))
    contextvars.copy_context().run(lambda: (owner.set("second"), runner.resume(job.record.id, job.key)))
    until(lambda: finished(job))
    assert seen == ["first", "first", "second", "second"]


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


def test_a_server_that_died_leaves_its_stories_to_be_gone_on_with(run, tmp_path) -> None:
    first = run(in_segments(["Once upon ", "a time."]), library=Library(tmp_path))
    job = first.submit(asked("a potter"))
    until(lambda: paused(job))
    job.record.state = "writing"  # as the library would have it, had the process been killed now
    first._shelf.save(job)

    second = run(in_segments(["a time."]), library=Library(tmp_path))
    found = second.get(job.record.id)
    assert found.state == "interrupted" and str(found.story) == "Once upon " and found.request == job.record.request
    assert found.finish == Finish("pause", INTERRUPTED)
    with pytest.raises(UnknownStory):
        second.resume(job.record.id, "another key")
    second.resume(job.record.id, job.key)
    until(lambda: second.get(job.record.id).rests)
    found = second.get(job.record.id)
    assert str(found.story) == "Once upon a time." and found.words == 4
    third = run(echoes, library=Library(tmp_path)).get(job.record.id)
    assert str(third.story) == "Once upon a time." and third.state == "finished" and third.about() == found.about()


def test_a_story_cut_by_its_budget_goes_on_with_another(run) -> None:
    def script(request, stop):
        yield Delta.of("story", "more ", (1,))
        yield Finish("length", "Cut.")

    runner = run(script)
    job = runner.submit(asked(max_new_tokens=1000))
    until(lambda: finished(job) and job.phase is not Phase.WORKING)
    runner.resume(job.record.id, job.key)
    until(lambda: finished(job) and job.phase is not Phase.WORKING)
    assert str(job.record.story) == "more more " and job.record.request.sampling.max_new_tokens == 1001


def test_what_cannot_be_kept_is_still_written(run, tmp_path) -> None:
    library = Library(tmp_path)
    library._db.execute("PRAGMA query_only = ON")
    runner = run(tells("done."), library=library)
    job = runner.submit(asked())
    until(lambda: finished(job))
    assert str(job.record.story) == "done." and library.problem == UNWRITABLE


class StoppedAtItsSegmentsEnd(ScriptedEngine):
    """Says a segment's end; before its worker is free, the owner's `press` of Stop comes."""

    press: Callable[[], object]

    def write(self, request: StoryRequest, resume: Resume, stop: threading.Event) -> Iterator[Event]:
        yield from [Started("<prompt>", 60, POLARIS), Delta.of("story", "Once ", (1,)), Finish("segment")]
        self.press()


def test_a_stop_at_the_very_end_of_a_segment_is_not_lost(run) -> None:
    engine, begun = StoppedAtItsSegmentsEnd(echoes), threading.Event()
    engine.press = lambda: begun.wait(20) and runner.stop(job.record.id, job.key)
    runner = run(engine)
    job = runner.submit(asked())
    begun.set()
    until(lambda: job.record.rests and job.phase is not Phase.WORKING)
    assert job.record.state == "stopped"
    assert runner.resume(job.record.id, job.key, next_segment=True).state == "stopped", "a page that goes on by itself began it again"
    until(lambda: runner.library.load(job.record.id).state == "stopped")


def test_a_story_is_gone_on_with_by_its_own_model_only(run, tmp_path) -> None:
    """The host starts again with another model, another revision, and the same model held otherwise elsewhere."""
    first = run(in_segments(["Once upon ", "a time."], Finish("pause", "For now.")), library=Library(tmp_path))
    job = first.submit(asked())
    until(lambda: paused(job))
    first.close()
    for other in (replace(POLARIS, name="someone/Fables", model="someone/Fables"), replace(POLARIS, revision="def")):
        runner = run(ScriptedEngine(tells("Another story."), other), library=Library(tmp_path))
        with pytest.raises(AnotherModel):
            runner.resume(job.record.id, job.key)
        left = runner.get(job.record.id)
        assert (str(left.story), left.state, left.finish) == ("Once upon ", "paused", Finish("pause", "For now."))
        runner.close()
    elsewhere = ScriptedEngine(in_segments(["a time."]), replace(POLARIS, precision="4bit", device="a smaller GPU"))
    runner = run(elsewhere, library=Library(tmp_path))
    runner.resume(job.record.id, job.key)
    assert followed(runner, runner._shelf.find(job.record.id)) == "Once upon a time."
    assert [(s.writer.precision, s.tokens, s.words) for s in runner.get(job.record.id).stretches] == [("bf16", 0, 0), ("4bit", 2, 2)]


def test_a_model_that_loads_later_does_not_go_on_with_anothers_story(run, tmp_path) -> None:
    first = run(in_segments(["Once upon ", "a time."], Finish("pause", "For now.")), library=Library(tmp_path))
    job = first.submit(asked())
    until(lambda: paused(job))
    first.close()
    gate, other = threading.Event(), replace(POLARIS, name="someone/Fables", model="someone/Fables")

    def load(report):
        gate.wait(20)
        return TextEngine("Another story.", writer=other)

    runner = run(BackgroundEngine(load), library=Library(tmp_path))
    runner.resume(job.record.id, job.key)
    gate.set()
    assert followed(runner, runner._shelf.find(job.record.id)) == "Once upon "
    left = runner.get(job.record.id)
    assert left.state == "paused" and left.finish and left.finish.reason == "pause"


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
