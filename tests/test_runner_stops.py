"""Who stops a story and who follows it: Stop lands within a second at every stage, and followers all read the same."""

import asyncio
import itertools
import random
import statistics
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from polaris_demo.errors import UnknownStory
from polaris_demo.jobs.job import Job
from polaris_demo.jobs.lifecycle import Phase
from polaris_demo.jobs.shelf import INTERRUPTED, UNFOLLOWED
from polaris_demo.story.events import Delta, Event, Finish, Resume, Started
from polaris_demo.story.request import StoryRequest

from .doubles import POLARIS, ScriptedEngine, asked, echoes, endless, finished, followed, paced, rests, story_events, until, waits_for


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


def test_closing_pauses_everything_what_waits_too(run) -> None:
    runner = run(endless, capacity=3)
    jobs = [runner.submit(asked()) for _ in range(5)]
    until(lambda: all(job.record.state == "writing" for job in jobs[:3]))
    runner.close()
    assert [job.record.finish for job in jobs] == [Finish("pause", INTERRUPTED)] * 5 and all(map(rests, jobs))
    assert all(runner.library.load(job.record.id).state == "paused" for job in jobs)


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
