"""The stories of the gallery: which is next, a turn at it, and what becomes of it. Knows no visitors and no hours.

What is at work lies in a library, with when its text came; what has ended by itself becomes a recording, and nothing else does.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from ..engine.base import Engine, GpuBroken
from ..errors import UnknownStory, VisitorError, log_bug
from ..logs import event
from ..story.checks import check
from ..story.events import Finish
from ..story.model_info import ModelInfo
from ..story.record import StoryRecord
from ..story.recording import WHOLE, UnreadableRecording, Watch, read_recording, recording_json
from ..story.request import LIMITS, StoryRequest
from . import gallery_folder as recordings
from .job import Job
from .keeping import kept, nobodys
from .library import Library
from .rewrite import turns
from .shelf import UNFORESEEN, Shelf

PACE_SECONDS = 5.0  # a kill loses at most so much of when the text came, and no text
MOST_ATTEMPTS = 3  # at a story, each with a seed of its own
UNENDED = ("length", "loop")  # the finish reasons of a story that was written to an end which is not its own
TROUBLES = ("pause", "error")  # and those of one that its engine could not go on with
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """An attempt at a story. `key` is the same in every attempt; `request` has the seed of this one."""

    key: str
    attempt: int
    request: StoryRequest

    @property
    def id(self) -> str:
        return f"{self.key}-{self.attempt}"


class Work:
    """What one model writes for the gallery. Recordings go to the first of `folders`; what is in any of them is not written again."""

    def __init__(self, engine: Engine, writer: ModelInfo, library: Library, folders: Iterable[Path]) -> None:
        self.library = library
        self._engine, self._writer, self._folders = engine, writer, list(dict.fromkeys(folders))
        self._troubles = Counter[str]()  # times that a story could not go on, in this process
        self._shelf = Shelf(library, threading.Condition())

    def next(self, requests: Collection[StoryRequest]) -> Task | None:
        """The first story that is neither recorded nor given up, among those that could not go on the fewest times."""
        known = recordings.known(self._folders)
        tasks = [task for request in requests if (task := self._task(request)).key not in known and task.attempt < MOST_ATTEMPTS]
        return min(tasks, key=lambda task: self._troubles[task.key], default=None)

    def turn(self, task: Task, stop: threading.Event) -> bool:
        """Begin or go on with a story until it rests. False where it could not go on, or not be kept. Raises GpuBroken."""
        job = self._job(task)
        record, watch = job.record, Watch.restore(self.library.remembered(_pace(task)), job.record)
        if not _written(record):
            self._write(task, job, watch, stop)
        finish = record.finish or Finish("error", UNFORESEEN)
        event(log, "gallery story rests", story=task.id, reason=finish.reason, words=record.words, asked=record.request.words)
        trouble = (finish.message or "Its engine rests.") if finish.reason in TROUBLES else ""
        if finish.reason == WHOLE:
            trouble = self._keep(task, record, watch)
        elif finish.reason in UNENDED:
            self._again(task, f"it ended by its {'token budget' if finish.reason == 'length' else 'going round in circles'}")
        if trouble:
            self._troubles[task.key] += 1
            log.warning("The gallery's story %s has to wait. %s", task.id, trouble)
        return not trouble

    # --- a turn ------------------------------------------------------------------------------------------------------

    def _task(self, request: StoryRequest) -> Task:
        key = recordings.key(request, self._writer)
        attempt, seed = int(self.library.remembered(_attempts(key)) or 0), request.sampling.seed
        seed = (int(key, 16) if seed < 0 else seed) + attempt
        return Task(key, attempt, request.with_seed(seed % (int(LIMITS["seed"].high) + 1)))

    def _job(self, task: Task) -> Job:
        """The story as it was left, or a new one."""
        try:
            return self._shelf.find(task.id)
        except UnknownStory:
            rendered = self._engine.prompt(task.request)
            findings = check(task.request, self._writer, rendered[1] if rendered else None)
            return nobodys(StoryRecord(task.id, task.request, findings, created=time.time(), writer=self._writer))

    def _write(self, task: Task, job: Job, watch: Watch, stop: threading.Event) -> None:
        """Raises GpuBroken; whatever else an engine raises is an end like any other."""
        record, noted = job.record, 0.0
        if record.tokens:
            record.resume()
        event(log, "gallery story at work", story=task.id, attempt=task.attempt + 1, asked=task.request.words, tokens=record.tokens)
        try:
            for _ in kept(self.library, job, turns(self._engine, record, stop)):
                watch.see(record)
                if record.first_word and time.monotonic() - noted >= PACE_SECONDS:
                    noted = time.monotonic()
                    self._note(task, watch)
        except GpuBroken:
            raise
        except Exception as error:
            log_bug(log, f"The gallery's story {task.id} failed", error)
            record.apply(Finish("error", str(error) if isinstance(error, VisitorError) else UNFORESEEN), time.time())
        finally:
            job.save(self.library)
            self._note(task, watch)

    def _note(self, task: Task, watch: Watch) -> None:
        self.library.remember(_pace(task), watch.kept())

    # --- what becomes of it ------------------------------------------------------------------------------------------

    def _keep(self, task: Task, record: StoryRecord, watch: Watch) -> str:
        """The recording first, then what was at work goes. Why that has to wait, as a sentence; empty where it is done."""
        recording = recording_json(record, watch)
        try:
            read_recording(recording)
            path = recordings.keep(self._folders[0], task.request, task.key, recording)
        except UnreadableRecording as error:
            self._again(task, f"it cannot be shown. {error}")
            return ""
        except OSError as error:
            return f"Its recording cannot be written: {error.strerror}."
        log.info("The gallery has one more story, %s", path.name)
        self._forget(task)
        return ""

    def _again(self, task: Task, why: str) -> None:
        """Another attempt, or none any more."""
        self.library.remember(_attempts(task.key), str(task.attempt + 1))
        self._forget(task)
        left = MOST_ATTEMPTS - task.attempt - 1
        log.warning("The gallery's story %s is %s, since %s", task.id, "written again with another seed" if left else "left out", why)

    def _forget(self, task: Task) -> None:
        self.library.delete(task.id)
        self.library.remember(_pace(task), "")


def _written(record: StoryRecord) -> bool:
    """It came to its end, and the process that wrote it was killed before anything could become of it."""
    return record.finish is not None and record.finish.reason in (WHOLE, *UNENDED)


def _pace(task: Task) -> str:
    return f"pace {task.id}"


def _attempts(key: str) -> str:
    return f"attempts {key}"
