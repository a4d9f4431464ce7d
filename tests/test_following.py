"""Whoever follows a story hears the whole of it, and its end once, however worker and follower interleave."""

import asyncio
import sys
import threading
import types
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

from polaris_demo.jobs import following
from polaris_demo.jobs.following import Piece, follow
from polaris_demo.jobs.job import Job
from polaris_demo.jobs.library import Library
from polaris_demo.jobs.lifecycle import letting_go
from polaris_demo.jobs.shelf import Shelf
from polaris_demo.story.events import Delta, Event, Finish, Started, TakenBack
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import StoryRequest

from .doubles import POLARIS, asked, story_events

PARTS = ("jobs/job.py", "jobs/lifecycle.py", "story/record.py")
LAST_SECONDS: dict[str, list[Event]] = {
    "the model ends it": [Delta.of("story", "Once upon ", (1, 2)), Delta.of("story", "a time.", (3,)), Finish("stop")],
    "it is stopped": [Delta.of("story", "Once ", (1,)), Finish("cancelled")],
    "it is paused": [Delta.of("story", "Once ", (1,)), Finish("pause", "The quota is used up.")],
    "a loop is cut off": [Delta.of("story", "Once. ", (1,)), Delta.of("story", "Round. Round. ", (2, 3)), Finish("loop", "", 2, 6)],
    "planning is taken back": [
        Delta.of("story", "So, a plan: ", (1, 2)), TakenBack(2, 0), Delta.of("story", "Once there was a robot.", (3,)), Finish("stop"),
    ],
    "it fails": [Delta.of("story", "Once ", (1,)), Finish("error", "The engine does not answer.")],
}  # fmt: skip


def a_worker(job: Job, events: list[Event], library: Library, lock: threading.Condition) -> None:
    """What a worker does in the last second of a story."""
    for event in events:
        job.tell(event)
        with job.saving:
            job.save(library)
    with lock:
        job.move(letting_go(job.record.finish, len(job.record.story) > 0))


def in_steps(work: Callable[[], None]) -> Iterator[None]:
    """Runs it in a thread of its own, line by line of our own code: a line is run whenever the next step is asked for."""
    go, done, over = threading.Semaphore(0), threading.Semaphore(0), []

    def trace(frame: types.FrameType, what: str, _: object) -> Any:
        if not frame.f_code.co_filename.endswith(PARTS):
            return None
        if what == "line":
            done.release()
            go.acquire()
        return trace

    def run() -> None:
        go.acquire()
        sys.settrace(trace)
        work()
        sys.settrace(None)
        over.append(True)
        done.release()

    thread = threading.Thread(target=run)
    thread.start()
    while not over:
        go.release()
        done.acquire()
        yield
    thread.join()


@types.coroutine
def a_moment(_: float) -> Generator[None, None, None]:
    yield


async def at_once(function: Callable[..., Any], *arguments: object) -> Any:
    return function(*arguments)


class Follower:
    """Follows a story, and looks exactly when it is told to."""

    def __init__(self, shelf: Shelf, story_id: str) -> None:
        self.pieces: list[Piece] = []
        self._reading = self._read(shelf, story_id)
        self.over = False

    async def _read(self, shelf: Shelf, story_id: str) -> None:
        async for piece in follow(shelf, story_id):
            self.pieces.append(piece)

    def look(self) -> None:
        if not self.over:
            try:
                self._reading.send(None)
            except StopIteration:
                self.over = True

    @property
    def text(self) -> str:
        text = ""
        for piece in self.pieces:
            text = text[: piece.offset] + piece.text
        return text


@pytest.mark.parametrize("stride", [1, 2, 3, 7, 19])
@pytest.mark.parametrize("how", LAST_SECONDS)
def test_no_reader_hears_the_end_without_all_of_the_text(how: str, stride: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A follower that looks after every line, every second line, and so on, that the worker runs in the last second."""
    monkeypatch.setattr(following.asyncio, "sleep", a_moment)
    monkeypatch.setattr(following.asyncio, "to_thread", at_once)
    for first in range(stride):
        lock, library = threading.Condition(), Library(None)
        shelf = Shelf(library, lock)
        job = shelf.put(Job(StoryRecord("id", StoryRequest("p", 10), writer=POLARIS), "", ""))
        job.move("take")
        job.tell(Started("<prompt>", 60, POLARIS))
        follower, looks = Follower(shelf, "id"), 0
        for number, _ in enumerate(in_steps(lambda job=job, library=library, lock=lock: a_worker(job, LAST_SECONDS[how], library, lock))):  # type: ignore[misc]
            if number % stride == first and not job.folding.locked():  # else it would wait for the worker
                follower.look()
                looks += 1
        while not follower.over:
            follower.look()
        rested = [piece for piece in follower.pieces if piece.record.rests]
        assert looks > 3 and len(rested) == 1 and rested[0] is follower.pieces[-1]
        assert follower.text == str(job.record.story) == str(rested[0].record.story) and rested[0].end == len(follower.text)
        assert all(piece.end == len(piece.record.story) for piece in follower.pieces)


def test_a_look_is_of_one_moment_whatever_comes_after(monkeypatch: pytest.MonkeyPatch) -> None:
    record = StoryRecord("id", StoryRequest("p", 10), writer=POLARIS)
    seen = []
    for event in [*story_events("a plan", "Once upon a time there was a fox."), TakenBack(2, 0), Delta.of("story", "No.", (1,))]:
        record.apply(event, 1.0)
        look = record.look()
        seen.append((look, str(look.story), look.words, look.tokens, look.state, look.rests))
    assert all((str(look.story), look.words, look.tokens, look.state, look.rests) == now for look, *now in seen for now in [tuple(now)])


def test_two_thousand_followers_of_two_hundred_stories_hear_all_of_each_and_its_end_once(run) -> None:
    """Short stories, so that most followers come near an end; some come late, some from the middle."""

    def script(request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
        for event in story_events("plan", f"{request.premise} " * 12, 9):
            yield event
            stop.wait(0.002)

    runner = run(script, capacity=8, queue_size=200)
    jobs = [runner.submit(asked(f"a fox called {number}")) for number in range(200)]

    async def read(job: Job, offset: int) -> tuple[str, list[bool]]:
        pieces = [piece async for piece in runner.follow(job.record.id, offset)]
        return "".join(piece.text for piece in pieces), [piece.record.rests for piece in pieces]

    async def crowd() -> list[tuple[str, list[bool]]]:
        return await asyncio.gather(*(read(jobs[n % 200], 7 if n >= 1800 else 0) for n in range(2000)))

    heard = asyncio.run(crowd())
    wrong = [
        n
        for n, (text, rests) in enumerate(heard)
        if text != str(jobs[n % 200].record.story)[7 if n >= 1800 else 0 :] or rests.count(True) != 1 or not rests[-1]
    ]
    assert not wrong and all(job.record.state == "finished" for job in jobs)
