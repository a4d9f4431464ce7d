"""Who may begin a story: limits a visitor and the host set, and honest estimates for those who wait."""

import random
import threading
from pathlib import Path

import pytest

from polaris_demo.errors import Busy, NotTheHost
from polaris_demo.jobs.admission import OVERDUE, Speed, seconds_for, seconds_left, waits
from polaris_demo.jobs.fair import FairUse
from polaris_demo.jobs.library import Library
from polaris_demo.jobs.lifecycle import Phase
from polaris_demo.settings import Shares
from polaris_demo.story.events import Delta, Finish
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import SamplingParams, StoryRequest

from .doubles import asked, echoes, endless, finished, paused, rests, tells, until

HOST = "the host's own secret"


def test_waits_follow_the_workers_one_by_one() -> None:
    assert waits([10], [5, 5, 5], 1) == [10, 15, 20]
    assert waits([10, 4], [5, 5, 5], 2) == [4, 9, 10]
    assert waits([10], [5, 5], 2) == [0, 5]
    assert waits([], [], 3) == []


def test_waits_are_those_of_a_queue_played_through() -> None:
    """Against a clock that ticks by seconds, for any queue and any number of workers."""
    chance = random.Random(5)
    for _ in range(200):
        capacity = chance.randint(1, 8)
        writing = [chance.randint(1, 90) for _ in range(chance.randint(0, capacity))]
        waiting = [chance.randint(1, 90) for _ in range(chance.randint(0, 12))]
        busy, begins, second = list(writing), [], 0
        while len(begins) < len(waiting):
            busy = [until for until in busy if until > second]
            while len(busy) < capacity and len(begins) < len(waiting):
                busy.append(second + waiting[len(begins)])
                begins.append(second)
            second += 1
        assert waits(writing, waiting, capacity) == begins


def test_what_is_left_of_a_story_is_counted_from_its_tokens() -> None:
    speed, request = Speed(10, 200), StoryRequest("p", 1000, sampling=SamplingParams(seed=1))
    record = StoryRecord("id", request)
    assert seconds_for(request, speed) == (150, 20)
    assert seconds_left(record, speed) == 150
    record.apply(Delta.of("thinking", "", (1,) * 100), 0.0)
    assert seconds_left(record, speed) == 140
    record.apply(Delta.of("story", "x", (1,) * 400), 0.0)
    assert seconds_left(record, speed) == pytest.approx((1300 + 100 - 500) / 10)  # it thought less than the last one
    record.apply(Delta.of("story", "x", (1,) * 2000), 0.0)
    assert seconds_left(record, speed) == pytest.approx(OVERDUE * 140)  # longer than expected, and nobody knows how much


def test_one_visitor_has_a_place_or_two_and_others_have_theirs(run) -> None:
    runner = run(endless, queue_size=20, fair=FairUse(Shares(stories=2)))
    theirs = [runner.submit(asked(), "one") for _ in range(2)]
    with pytest.raises(Busy, match=r"You have 2 stories queued or being written.*stop one"):
        runner.submit(asked(), "one")
    runner.submit(asked(), "another")
    for _ in range(4):
        runner.submit(asked())  # of nobody in particular: not counted
    runner.stop(theirs[0].record.id, theirs[0].key)
    until(lambda: rests(theirs[0]))
    third = runner.submit(asked(), "one")
    with pytest.raises(Busy, match="You have 2"):
        runner.resume(theirs[0].record.id, theirs[0].key)
    runner.stop(third.record.id, third.key)
    assert runner.resume(theirs[0].record.id, theirs[0].key).state == "queued"


def test_a_story_between_segments_counts_and_is_never_refused_its_turn(run) -> None:
    def script(request, stop):
        if request.premise != "segments":
            yield from endless(request, stop)
        yield Delta.of("story", "x", (1,))
        yield Finish("segment")

    runner = run(script, capacity=2, fair=FairUse(Shares(stories=2)))
    job = runner.submit(asked("segments"), "one")
    until(lambda: paused(job))
    runner.submit(asked(), "one")
    with pytest.raises(Busy):
        runner.submit(asked(), "one")
    assert runner.resume(job.record.id, job.key).id == job.record.id
    until(lambda: len(job.record.token_ids) == 2)


def test_who_a_story_counts_for_is_in_no_file_and_no_log(run, tmp_path: Path, caplog) -> None:
    library = Library(tmp_path)
    runner = run(echoes, library=library, fair=FairUse(Shares(starts=5)))
    jobs = [runner.submit(asked(), "visitor-7e1f")]
    with pytest.raises(Busy):
        jobs.extend(runner.submit(asked(), "visitor-7e1f") for _ in range(9))
    until(lambda: all(map(rests, jobs)))
    runner.close()
    library.close()
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"visitor-7e1f" not in written and "visitor-7e1f" not in caplog.text + repr(jobs[0])


def test_a_refused_story_is_not_kept(run, tmp_path: Path) -> None:
    library = Library(tmp_path)
    runner = run(endless, library=library, queue_size=1)
    first = runner.submit(asked())
    until(lambda: first.phase is Phase.WORKING)
    runner.submit(asked())
    for _ in range(5):
        with pytest.raises(Busy, match="All 1 places"):
            runner.submit(asked())
    assert library._db.execute("SELECT count(*) FROM stories").fetchone()[0] == 2


def test_those_who_wait_hear_how_long_once_a_pace_is_known_and_it_goes_down(run) -> None:
    """The speed is 20 ms a token, and every story of 200 words is expected to take 260 tokens after as much thinking."""
    gate = threading.Event()

    def timed(request, stop):
        yield Delta.of("thinking", "", (1,) * 10)
        for _ in range(260):
            if request.premise == "first":
                stop.wait(0.02)
            elif request.premise == "second":
                gate.wait(20)
            yield Delta.of("story", "word ", (2,))
        yield Finish("stop")

    runner = run(timed)
    first, second, third = (runner.submit(asked(premise)) for premise in ("first", "second", "third"))
    assert first.record.progress.seconds is second.record.progress.seconds is None
    until(lambda: second.record.progress.seconds is not None, what="a speed")
    begun, estimate = len(first.record.token_ids), second.record.progress.seconds
    left = 270 - begun
    print(f"\nestimate {estimate} s with {left} tokens left at {first.record.tokens_per_second} tokens/s")
    assert estimate and third.record.progress.seconds and third.record.progress.seconds > estimate
    assert estimate == pytest.approx(left / first.record.tokens_per_second, rel=0.5, abs=2)
    heard = {estimate}
    until(lambda: heard.add(second.record.progress.seconds) or second.phase is Phase.WORKING, what="the second's turn")
    assert len(heard) >= 3 and min(s for s in heard if s is not None) < estimate
    gate.set()
    until(lambda: finished(third))


def test_stories_stopped_in_their_planning_are_no_measure_of_pace(run) -> None:
    def plans(request, stop):
        while not stop.is_set():
            yield Delta.of("thinking", "", (1,))
            stop.wait(0.02)

    runner = run(plans)
    job = runner.submit(asked())
    until(lambda: job.record.tokens_per_second > 0)
    runner.stop(job.record.id, job.key)
    until(lambda: rests(job))
    assert runner.check(asked()).seconds is None


def test_the_host_pauses_new_stories_over_a_restart_and_lets_them_begin_again(run, tmp_path: Path) -> None:
    first = run(endless, library=Library(tmp_path), admin_key=HOST)
    going = first.submit(asked())
    for key in ("", "wrong", None, 7, "ключ", "\udcff"):
        with pytest.raises(NotTheHost, match="POLARIS_ADMIN_KEY"):
            first.pause_new(key, True)
    first.pause_new(HOST, True)
    with pytest.raises(Busy, match="host has paused new stories"):
        first.submit(asked())
    until(lambda: going.record.state == "writing")
    first.close()
    second = run(tells("Hi."), library=Library(tmp_path), admin_key=HOST)
    assert second.host_paused
    with pytest.raises(Busy, match="host"):
        second.submit(asked())
    second.resume(going.record.id, going.key)  # what was begun goes on
    second.pause_new(HOST, False)
    allowed = second.submit(asked())
    until(lambda: finished(allowed))
    assert not run(echoes, library=Library(tmp_path)).host_paused


def test_without_a_hosts_key_nobody_is_the_host(run) -> None:
    runner = run(echoes)
    for key in ("", None, "x", HOST):
        with pytest.raises(NotTheHost):
            runner.pause_new(key, True)
    run(echoes, admin_key=HOST).pause_new(HOST, True)
