"""Ten thousand stories, and what saving costs: the library is never what a visitor waits for."""

import asyncio
import json
import sqlite3
import time
from array import array
from collections.abc import Callable
from pathlib import Path

import pytest

from polaris_demo.engine.local import LocalEngine
from polaris_demo.jobs.job import Job
from polaris_demo.jobs.library import Library
from polaris_demo.jobs.runner import Runner
from polaris_demo.jobs.shelf import MOST_SUMMARIES
from polaris_demo.story.events import Finish, Started
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import StoryRequest

from .doubles import POLARIS, ScriptedEngine, asked, echoes, rests, until

STORIES, PIECES = 10_000, 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of stories of 400 words in pieces, and one of 12,000."""
    folder = tmp_path_factory.mktemp("library")
    Library(folder).close()
    record = StoryRecord("s", StoryRequest("a potter who finds a bell", 400).with_seed(1))
    record.apply(Started("a rendered prompt " * 20, 60, POLARIS), 1.0)
    record.apply(Finish("stop"), 2.0)
    about, now, tokens = json.dumps(record.about()), time.time(), array("I", range(150)).tobytes()
    text = "A word or two more. " * 20
    with sqlite3.connect(folder / "stories.db") as db:
        names = [*(f"s{n}" for n in range(STORIES - 1)), "long"]
        db.executemany(
            "INSERT INTO stories (id, key_hash, state, updated, about, bytes, title, words) VALUES (?, 'k', 'finished', ?, ?, 4000, ?, 400)",
            ((name, now, about, "A title") for name in names),
        )
        lots = ((name, n, text, tokens) for name in names for n in range(PIECES if name != "long" else 120))
        db.executemany("INSERT INTO pieces (story, number, text, tokens) VALUES (?, ?, ?, ?)", lots)
    db.close()
    return folder


def least(action: Callable[[], object], times: int = 3) -> float:
    """Seconds the action takes when nothing else is in its way."""
    seconds = []
    for _ in range(times):
        start = time.monotonic()
        action()
        seconds.append(time.monotonic() - start)
    return min(seconds)


def test_ten_thousand_stories_hold_up_no_start_no_list_and_no_page(folder: Path) -> None:
    def start() -> None:
        library = Library(folder)
        Runner(ScriptedEngine(echoes), library=library).close()
        library.close()

    async def first_piece(runner: Runner) -> int:
        async for piece in runner.follow("long"):
            return piece.record.words
        return 0

    def page() -> None:
        runner._shelf._drop(["long"])  # so that it comes from the disk each time
        assert asyncio.run(first_piece(runner)) == 12_000

    started = least(start)
    library = Library(folder)
    runner = Runner(ScriptedEngine(echoes), library=library)
    listed = least(lambda: runner.summaries([f"s{n}" for n in range(0, STORIES, STORIES // MOST_SUMMARIES)]))
    shown = least(page)
    saved = least(lambda: runner._shelf.save(runner._shelf.find("s1")), 20)
    runner.close()
    library.close()
    print(f"\n10,000 stories: start {started:.3f} s, list {listed * 1000:.0f} ms, page {shown * 1000:.0f} ms, save {saved * 1000:.1f} ms")
    assert started < 1 and listed < 0.1 and shown < 0.1 and saved < 0.02


def test_saving_takes_less_than_a_fiftieth_of_writing(miniature: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spent: list[float] = []
    save = Job.save

    def timed(job: Job, library: Library) -> None:
        start = time.monotonic()
        save(job, library)
        spent.append(time.monotonic() - start)

    monkeypatch.setattr(Job, "save", timed)
    library = Library(tmp_path)
    runner = Runner(miniature, library=library)
    start = time.monotonic()
    job = runner.submit(asked(words=200, seed=3))
    until(lambda: rests(job), 180)
    took = time.monotonic() - start
    runner.close()
    share = sum(spent) / took
    print(f"\n{len(spent)} saves took {sum(spent):.3f} s of {took:.1f} s, {share:.2%}")
    assert job.record.state == "finished" and len(spent) > 5
    assert share < 0.02
