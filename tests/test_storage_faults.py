"""A file that is locked, gone, replaced, damaged or full, at start or while stories are written.

They go on, and nothing is lost that a reader was told is kept.
"""

import logging
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from polaris_demo.errors import CannotRead, UnknownStory
from polaris_demo.jobs.job import Job
from polaris_demo.jobs.library import PATIENCE, UNREADABLE, UNWRITABLE, Library
from polaris_demo.jobs.runner import Runner
from polaris_demo.story.events import Delta, Finish, Started

from .conftest import serving
from .doubles import POLARIS, ScriptedEngine, asked, finished, until
from .test_library import piece

SECONDS_A_WORD, WORDS = 0.005, 300
CONNECT = sqlite3.connect


def writes(request, stop):
    """A story of a second and a half, some words a token."""
    yield Started("<prompt>", 60, POLARIS)
    for n in range(WORDS):
        if stop.wait(SECONDS_A_WORD):
            yield Finish("cancelled")
            return
        yield Delta.of("story", f"{request.premise} {n}. ", (n,))
    yield Finish("stop")


def whole(premise: str) -> str:
    return "".join(f"{premise} {n}. " for n in range(WORDS))


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another process has the file to itself."""
    other = sqlite3.connect(file, timeout=10, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a story in it from before."""
    library = Library(tmp_path / "data")
    library.save(piece("before", "What was kept before. ", (7,)))
    library.close()
    return tmp_path / "data"


def at_a_third(jobs: list[Job]) -> None:
    until(lambda: all(job.record.words > WORDS // 3 for job in jobs), what="a third of each story")


def kept(folder: Path) -> dict[str, str]:
    """What a server that is started now finds, as a reader would: id -> text."""
    library = Library(folder)
    found = {name: saved.text for (name,) in library._db.execute("SELECT id FROM stories") if (saved := library.load(name))}
    library.close()
    return found


@contextmanager
def away(file: Path) -> Iterator[None]:
    for name in (file.name, f"{file.name}-wal", f"{file.name}-shm"):
        (file.parent / name).unlink(missing_ok=True)
    yield


@contextmanager
def folder_away(file: Path) -> Iterator[None]:
    shutil.rmtree(file.parent)
    yield


@contextmanager
def replaced(file: Path) -> Iterator[None]:
    other = file.with_name("other.db")
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE foreign_to_us (x)")
    db.close()
    other.replace(file)
    yield


@contextmanager
def damaged(file: Path) -> Iterator[None]:
    """Its first page is overwritten under the running server."""
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    size = file.stat().st_size
    with file.open("r+b") as bytes_:
        bytes_.write(os.urandom(min(size, 4096)))
    yield


@contextmanager
def nothing_can_be_written(file: Path) -> Iterator[None]:
    """SQLite's own trigger stands for a disk that refuses, which root could not be refused by."""
    with sqlite3.connect(file, timeout=10) as db:
        db.execute("CREATE TRIGGER refuse BEFORE INSERT ON pieces BEGIN SELECT RAISE(ABORT, 'refused'); END")
    db.close()
    yield
    with sqlite3.connect(file, timeout=10) as db:
        db.execute("DROP TRIGGER refuse")
    db.close()


FAULTS: dict[str, Callable[[Path], object]] = {
    "locked": locked, "removed": away, "its folder removed": folder_away, "replaced": replaced, "damaged": damaged, "refusing": nothing_can_be_written,
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_stories_go_on_through_a_fault_and_are_kept_once_it_is_over(folder: Path, fault: str, caplog) -> None:
    library = Library(folder)
    runner = Runner(ScriptedEngine(writes, capacity=2), library=library)
    jobs = [runner.submit(asked(f"story {n}")) for n in range(2)]
    at_a_third(jobs)
    with caplog.at_level(logging.INFO), FAULTS[fault](folder / "stories.db"):  # type: ignore[attr-defined]
        begun = time.monotonic()
        late = runner.submit(asked("begun meanwhile"))
        assert time.monotonic() - begun < 2, "beginning a story waited for the file"
        jobs.append(late)
        until(lambda: all(finished(job) for job in jobs[:2]), what="both stories written")
        assert [str(job.record.story) for job in jobs[:2]] == [whole("story 0"), whole("story 1")]
    until(lambda: finished(late) and not any(job.active for job in jobs))
    until(lambda: not any(job.owed for job in jobs) and not library.problem, what="what is owed saved")
    if fault != "locked":
        assert "stories.db" in caplog.text or "could not be saved" in caplog.text, "the log says what is wrong"
    # Killed now, with nothing closed: what lies on the disk is what another server finds.
    copy = folder.with_name("copy")
    until(lambda: (folder / "stories.db").exists())
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("server.lock"))
    found = kept(copy)
    for job, premise in zip(jobs, ("story 0", "story 1", "begun meanwhile"), strict=True):
        assert found.get(job.record.id) == whole(premise)
    if fault not in ("damaged",):
        assert found.get("before") == "What was kept before. "
    runner.close()
    library.close()


def test_a_save_never_waits_long_for_a_lock_and_neither_do_those_who_read(folder: Path) -> None:
    library = Library(folder)
    with locked(folder / "stories.db"):
        for n in range(20):
            begun = time.monotonic()
            assert not library.save(piece("s", f"{n} ", (n,)))
            waited = time.monotonic() - begun
            assert waited < 10 * PATIENCE
        assert library.problem == UNWRITABLE
        saved = library.load("before")
        assert saved and saved.text == "What was kept before. "
    library._again = 0
    assert library.save(piece("s", "end", (20,))) and not library.problem
    saved = library.load("s")
    assert saved and saved.text == "".join(f"{n} " for n in range(20)) + "end"
    library.close()


def test_a_library_that_somebody_holds_up_takes_no_workers_time(folder: Path) -> None:
    library = Library(folder)
    free, held = threading.Event(), threading.Event()

    def hold() -> None:
        with library._lock:
            held.set()
            free.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(20)
    assert not library.save(piece("s", "half ", (1,)))
    free.set()
    holder.join()
    assert library.save(piece("s", "whole", (2,)))
    saved = library.load("s")
    assert saved and saved.text == "half whole" and saved.token_ids == (1, 2)
    library.close()


# --- at start -----------------------------------------------------------------------------------------------------------


def test_a_file_that_is_locked_at_start_is_opened_later_with_all_that_was_written_meanwhile(folder: Path, caplog) -> None:
    unfinished = Library(folder)
    unfinished.save(piece("cut", "It was being wri", (1,), state="writing"))
    unfinished.close()
    with locked(folder / "stories.db"):
        library = Library(folder)
        runner = Runner(ScriptedEngine(writes, capacity=2), library=library)
        assert "is locked" in caplog.text and not library.lasting
        job = runner.submit(asked("meanwhile"))
        with pytest.raises(CannotRead, match="cannot read the stories it keeps just now"):
            runner.get("before")
        until(lambda: finished(job))
    until(lambda: library.lasting, what="the file found again")
    before, cut = library.load("before"), library.load("cut")
    assert before and before.text == "What was kept before. " and cut and cut.state == "interrupted"
    with pytest.raises(UnknownStory):
        runner.get("no such story")
    until(lambda: not job.owed)
    runner.close()
    library.close()
    found = kept(folder)
    assert found[job.record.id] == whole("meanwhile") and found["before"] == "What was kept before. "


def test_nobody_is_told_that_a_story_has_expired_which_cannot_be_read(folder: Path) -> None:
    with locked(folder / "stories.db"):
        library = Library(folder)
        with serving(Runner(ScriptedEngine(writes), library=library)) as url:
            told = httpx.get(f"{url}stories/before/events?once", timeout=20).text
            assert "gone" not in told, "a page would forget its key"
            listed = httpx.post(f"{url}stories/summaries", json={"ids": ["before"]}, timeout=20)
            assert listed.status_code == 503 and listed.json() == {"refused": UNREADABLE}
            page = httpx.get(f"{url}stories/before/story.txt", timeout=20)
            assert page.json() == {"refused": UNREADABLE}


def full(path: str, *arguments: Any, **options: Any) -> sqlite3.Connection:
    raise sqlite3.OperationalError("database or disk is full")


def read_only(path: str, *arguments: Any, **options: Any) -> sqlite3.Connection:
    """SQLite's own switch stands for a disk that takes no writes, which root could write to."""
    db = CONNECT(path, *arguments, **options)
    db.execute("PRAGMA query_only = ON")
    return db


@pytest.mark.parametrize("fault", [full, read_only], ids=lambda fault: fault.__name__)
def test_a_disk_that_takes_nothing_at_start_is_no_reason_to_forget(folder: Path, fault, monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    over = threading.Event()

    def connect(path: str, *arguments: Any, **options: Any) -> sqlite3.Connection:
        return (CONNECT if over.is_set() or path == ":memory:" else fault)(path, *arguments, **options)

    monkeypatch.setattr(sqlite3, "connect", connect)
    library = Library(folder)
    runner = Runner(ScriptedEngine(writes), library=library)
    assert f"Stories cannot be kept in {folder}" in caplog.text
    with pytest.raises(CannotRead):
        library.load("before")
    job = runner.submit(asked("meanwhile"))
    until(lambda: finished(job))
    assert not library.lasting, "nobody is told that it is kept"
    over.set()
    library._file._tried = 0
    until(lambda: library.lasting and not job.owed, what="a file found again")
    runner.close()
    library.close()
    assert kept(folder) == {"before": "What was kept before. ", job.record.id: whole("meanwhile")}


# --- deletion -----------------------------------------------------------------------------------------------------------


def test_what_is_deleted_while_somebody_reads_goes_from_the_log_as_soon_as_they_have(folder: Path) -> None:
    library = Library(folder)
    library.save(piece("s", "CANARY " * 500, (1,)))
    reader = sqlite3.connect(folder / "stories.db")
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM stories").fetchone()
    assert library.delete("s")
    reader.execute("COMMIT")
    reader.close()
    library.tend()
    assert not [file.name for file in folder.iterdir() if b"CANARY" in file.read_bytes()]
    library.close()
