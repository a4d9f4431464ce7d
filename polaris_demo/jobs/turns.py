"""Whose turn it is: which stories are written and which wait, how long, and when one halts. Knows nothing of what an engine does."""

import threading
import time
from collections import deque
from contextlib import suppress

from ..engine.base import Engine
from ..errors import VisitorError
from ..story.events import Finish, Progress
from .admission import require_place, require_same_model, seconds_left, waits
from .fair import FairUse
from .job import Job
from .lifecycle import Phase, Step, ends_it
from .measured import Measured
from .shelf import Shelf

LET_GO_SECONDS = 3.0  # an engine obeys within two


class Turns:
    """`places` stories may wait while as many are written as the engine has capacity for.

    `changed` is the lock of all of it, and is told when a story may be taken up or has been let go of. What is called with it
    held says so.
    """

    def __init__(self, engine: Engine, places: int, fair: FairUse, measured: Measured, changed: threading.Condition, shelf: Shelf) -> None:
        self._engine, self.places, self._fair, self._measured = engine, places, fair, measured
        self.changed, self._shelf = changed, shelf
        self.waiting: deque[Job] = deque()
        self.closing = threading.Event()
        self._lull, self._quiet_since = threading.Event(), time.monotonic()

    def writing(self) -> list[Job]:
        return [job for job in self._shelf.jobs() if job.phase is Phase.WORKING]

    def active(self) -> list[Job]:
        """Those being written, waiting, or between two segments."""
        return [job for job in self._shelf.jobs() if job.active]

    # --- joining and leaving: the lock is held ---------------------------------------------------------------------------

    def join(self, job: Job, visitor: str) -> None:
        """A story that was never at work goes to the end of the queue. Raises Busy or TooMany."""
        self._require_place(visitor)
        self._fair.require_start(visitor)
        self._shelf.put(job)
        self._queue(job)

    def join_again(self, job: Job, step: Step, visitor: str = "", without_guard: bool = False) -> None:
        """A story that was at work goes to the end of the queue, one between two segments to its head.

        Raises AnotherModel, Busy or TooMany.
        """
        require_same_model(job.record, self._engine)
        if not (own_turn := job.phase is Phase.BETWEEN):
            self._require_place(visitor or job.visitor)
        job.begin_again(visitor, without_guard)
        job.move(step)
        self._queue(job, first=own_turn)

    def go_on_if_wanted(self, job: Job) -> None:
        """With a story that was left too early; one at work goes on when its worker lets go of it."""
        step: Step | None = {Phase.RESTING: "go on", Phase.BETWEEN: "next segment"}.get(job.phase)  # type: ignore[assignment]
        if step and job.wanted:
            job.unseen = False
            with suppress(VisitorError):  # there is no place now: it stays paused, and says so
                self.join_again(self._shelf.put(job), step)
                job.follow()

    def halt(self, job: Job, finish: Finish) -> None:
        """End a story's turn with `finish`; one at work says it once its engine has obeyed."""
        job.halt.order(finish)
        if job.phase is Phase.WAITING:
            self.waiting.remove(job)
        if ends_it(job.phase, job.record):
            job.tell(finish)
        job.move("halt")
        self.tell_places()

    def withdraw(self, job: Job) -> None:
        """A story that is gone waits no longer, should somebody have gone on with it in the last moment."""
        if job in self.waiting:
            self.waiting.remove(job)

    def wait_for_its_worker(self, job: Job) -> None:
        """A story's end is told a moment before its worker has let go of it."""
        if job.record.finish:
            self.wait_until_let_go(job)

    def wait_until_let_go(self, job: Job) -> None:
        self.changed.wait_for(lambda: job.phase is not Phase.WORKING, LET_GO_SECONDS)

    def _require_place(self, visitor: str) -> None:
        self._fair.require_turn(visitor, sum(job.visitor == visitor for job in self.active()))
        next_turn = self.waiting[0].record.progress if self.waiting else None
        require_place(len(self.waiting), self.places, next_turn.seconds if next_turn else None)

    def _queue(self, job: Job, first: bool = False) -> None:
        (self.waiting.appendleft if first else self.waiting.append)(job)
        self.tell_places()
        self.changed.notify_all()

    # --- the workers' side -----------------------------------------------------------------------------------------------

    def take(self) -> Job | None:
        """Whose turn it is, as soon as the engine writes one more; None once there is no more turn."""
        with self.changed:
            self.changed.wait_for(lambda: (self.waiting and self._has_lane()) or self.closing.is_set())
            if self.closing.is_set():
                return None
            job = self.waiting.popleft()
            job.move("take")
            self.tell_places()
            return job

    def _has_lane(self) -> bool:
        """The engine's memory may have been found to hold fewer than there are workers for."""
        return len(self.writing()) < self._engine.status().capacity

    def tell_places(self) -> None:
        """Tell every waiting story how many stand before it, those being written among them, and how long that may take.

        The lock is held.
        """
        if self.waiting:
            self._lull.set()
        writing = self.writing()
        seconds: list[int] | list[None] = [None] * len(self.waiting)
        if speed := self._measured.speed():
            left = [seconds_left(job.record, speed) for job in writing]
            seconds = waits(left, [seconds_left(job.record, speed) for job in self.waiting], self._engine.status().capacity)
        for before, (job, wait) in enumerate(zip(self.waiting, seconds, strict=True), len(writing)):
            progress = Progress("queued", before, before + 1, wait)
            if job.record.progress != progress:
                job.tell(progress)

    # --- when nobody asks ------------------------------------------------------------------------------------------------

    def lull(self, seconds: float) -> threading.Event | None:
        """What is set once somebody's story is queued, new ones are paused or this server closes; None while somebody's is at work
        or was within so many seconds. For whoever writes only while nobody asks.
        """
        with self.changed:
            since = max([self._quiet_since, *(job.since for job in self._shelf.jobs())])
            if self.active() or time.monotonic() - since < seconds or self.closing.is_set():
                return None
            self._lull = threading.Event()
            return self._lull

    def end_lull(self) -> None:
        self._lull.set()
