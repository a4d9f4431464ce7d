"""Writes a plan's stories, as many at a time as the engine has capacity for. Knows no command line.

What is at work lies in a library of the batch's own, saved as it comes; what has ended is a file each, and is let go of there.
"""

import json
import logging
import shutil
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from ..engine.base import Engine, GpuBroken
from ..errors import RequestRefused, UnknownStory, VisitorError, log_bug
from ..story.checks import check
from ..story.citation import FORMAT, record_json, text_hash
from ..story.events import Finish
from ..story.record import StoryRecord
from ..story.table import FINAL, Row, row, table
from . import atomic
from .folder import give_back, owner, take_alone
from .job import Job
from .keeping import kept, nobodys
from .library import Library
from .plan import Task
from .rewrite import turns
from .shelf import UNFORESEEN, Shelf

TABLE, UNFINISHED = "table.csv", "unfinished"
LOOK_SECONDS = 1.0
OBEYS_SECONDS = 5.0  # an engine obeys within two
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Turn:
    """A story's turn is over: for good, or until a second run; `broken` where this process can write no more."""

    task: Task
    record: StoryRecord
    broken: bool = False

    @property
    def final(self) -> bool:
        return _final(self.record)


@contextmanager
def alone(folder: Path) -> Iterator[Library]:
    """A folder for this process alone, with what is at work in it. Raises RequestRefused and OSError."""
    inside = folder / UNFINISHED
    taken = take_alone(inside)
    if taken is None:
        raise RequestRefused(f"Another process ({owner(inside)}) is writing the stories of {folder}. Wait until it is done, or end it.")
    try:
        with closing(Library(inside)) as library:
            if library.folder is None:
                raise RequestRefused(
                    f"{inside} cannot be opened, so no story could be gone on with. Make it writable, or name another folder."
                )
            yield library
    finally:
        give_back(taken)


class Batch:
    """The stories of a plan in a folder: what there is of each, and the writing of what is missing."""

    def __init__(self, folder: Path, tasks: tuple[Task, ...], library: Library) -> None:
        self.folder, self.tasks, self.library = folder, tasks, library
        self._shelf = Shelf(library, threading.Condition())
        self.at_work: dict[int, StoryRecord] = {}
        self.rows = {task.number: self._found(task) for task in tasks}

    @property
    def left(self) -> list[Task]:
        """What has no file yet."""
        return [task for task in self.tasks if not self.rows[task.number]["record"]]

    def write(self, engine: Engine) -> Generator[Turn | None, None, None]:
        """Write what is missing: each turn as it ends, kept, and None about once a second.

        Whoever closes it ends the writing; what was written until then is kept. Raises OSError where nothing can be.
        """
        waiting, ended, stop = SimpleQueue[Task](), SimpleQueue[Turn](), threading.Event()
        for task in (left := self.left):
            waiting.put(task)
        count = min(engine.status().capacity, len(left))
        threads = [threading.Thread(target=self._work, args=(engine, waiting, ended, stop), daemon=True) for _ in range(count)]
        for thread in threads:
            thread.start()
        try:
            for _ in left:
                while (turn := _next(ended)) is None:
                    self.library.tend()
                    yield None
                self._keep(turn)
                yield turn
                if turn.broken:
                    return
        finally:
            stop.set()
            until = time.monotonic() + OBEYS_SECONDS
            for thread in threads:
                thread.join(max(0.0, until - time.monotonic()))
            while turn := _next(ended, 0):
                self._keep(turn)

    def save_table(self) -> None:
        """Raises OSError."""
        atomic.write(self.folder / TABLE, table(self.rows[task.number] for task in self.tasks))

    def tidy(self) -> None:
        """Where all is written, nothing is at work any more. To be called when the library is closed."""
        if not self.left:
            shutil.rmtree(self.folder / UNFINISHED, ignore_errors=True)

    def _keep(self, turn: Turn) -> None:
        """A story's file first, then what of it was at work goes, then the table says so."""
        source = record_json(turn.record)
        if turn.final:
            atomic.write(self.folder / turn.task.record, source)
            self.library.delete(turn.task.id)
        self.rows[turn.task.number] = row(_about(turn.task, turn.final), json.loads(source), _message(turn.record))
        self.save_table()

    # --- the workers' side -------------------------------------------------------------------------------------------

    def _work(self, engine: Engine, waiting: "SimpleQueue[Task]", ended: "SimpleQueue[Turn]", stop: threading.Event) -> None:
        with suppress(Empty):
            while not stop.is_set():
                task = waiting.get_nowait()
                turn = self._turn(engine, task, stop)
                self.at_work.pop(task.number, None)
                ended.put(turn)
                if turn.broken:
                    return

    def _turn(self, engine: Engine, task: Task, stop: threading.Event) -> Turn:
        """Write one story to its end or its rest, whatever happens."""
        record, broken = StoryRecord(task.id, task.request, created=time.time()), False
        try:
            job = self._job(engine, task)
            record = self.at_work[task.number] = job.record
            broken = not _final(record) and self._written(engine, job, stop)
        except Exception as error:
            log_bug(log, f"Story {task.number} failed", error)
            record.apply(Finish("error", str(error) if isinstance(error, VisitorError) else UNFORESEEN), time.time())
        return Turn(task, record, broken)

    def _written(self, engine: Engine, job: Job, stop: threading.Event) -> bool:
        """Go on with a story until it rests. True where the GPU is broken."""
        if job.record.tokens:
            job.record.resume()
        try:
            for _ in kept(self.library, job, turns(engine, job.record, stop)):
                pass
            return False
        except GpuBroken:
            return True
        finally:
            job.save(self.library)

    def _job(self, engine: Engine, task: Task) -> Job:
        """The story as it was left, or a new one."""
        with suppress(UnknownStory):
            return self._shelf.find(task.id)
        writer, rendered = engine.status().writer, engine.prompt(task.request)
        findings = check(task.request, writer, rendered[1] if rendered else None)
        return nobodys(StoryRecord(task.id, task.request, findings, created=time.time(), writer=writer))

    # --- what there is -----------------------------------------------------------------------------------------------

    def _found(self, task: Task) -> Row:
        """A story's row, by its file, by what is at work of it, or before it began."""
        if record := read_task(self.folder, task):
            self.library.delete(task.id)
            return row(_about(task, True), record)
        try:
            left = self._shelf.find(task.id).record
        except UnknownStory:
            return row(_about(task, False), None)
        return row(_about(task, False), json.loads(record_json(left)), _message(left))


def read_task(folder: Path, task: Task) -> dict[str, Any] | None:
    """The record of a story that has ended; None where there is none. Raises RequestRefused where the file is something else."""
    path = folder / task.record
    try:
        data = json.loads(path.read_text("utf-8"))
        if data["format"] == FORMAT and data["id"] == task.id and text_hash(data["story"]) == data["sha256"]:
            return dict(data)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        pass
    raise RequestRefused(
        f"{path} is not the record that this batch wrote there, or was changed since. Move it away, and it is written again."
    )


def _next(ended: "SimpleQueue[Turn]", seconds: float = LOOK_SECONDS) -> Turn | None:
    """The next turn that ends within so long."""
    try:
        return ended.get(timeout=seconds)
    except Empty:
        return None


def _about(task: Task, written: bool) -> Row:
    asked = task.request
    about = {"number": task.number, "id": task.name, "premise": asked.premise, "form": asked.form, "target_words": asked.words}
    return about | {"seed": asked.sampling.seed, "record": task.record if written else ""}


def _final(record: StoryRecord) -> bool:
    return record.finish is not None and record.finish.reason in FINAL


def _message(record: StoryRecord) -> str:
    """Why a story that is not over rests."""
    return record.finish.message if record.finish and not _final(record) else ""
