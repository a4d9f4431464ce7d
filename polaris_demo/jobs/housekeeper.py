"""What is seen to every second: stories that nobody follows, workers that died, saves that are owed, stories that expire,
memory that is free.
"""

import logging
import math
import threading
import time
from dataclasses import dataclass

from ..errors import log_bug
from ..story.events import Finish
from .heap import Heap, settle
from .job import Job
from .library import Library
from .lifecycle import Phase
from .shelf import LEFT, OVERTIME, UNFOLLOWED, Shelf
from .turns import Turns
from .workers import Workers

TEND_SECONDS = 1.0
EXPIRE_SECONDS = 600
BETWEEN_SECONDS = 20  # the page asks for the next segment at once; a phone that has just lost its connection takes longer
log = logging.getLogger(__name__)


@dataclass
class Patience:
    """Seconds that a story is written for: without a follower, without ever having had one, and at a time whoever follows."""

    unfollowed: float
    unseen: float
    most: float = math.inf


class Housekeeper:
    """One thread."""

    def __init__(self, turns: Turns, workers: Workers, shelf: Shelf, library: Library, patience: Patience) -> None:
        self._turns, self._workers, self._shelf, self._library, self.patience = turns, workers, shelf, library, patience
        self._heap = Heap()
        self.thread = threading.Thread(target=self._tend, name="writer-keeper", daemon=True)

    def _tend(self) -> None:
        expired = -float(EXPIRE_SECONDS)
        while not self._turns.closing.wait(TEND_SECONDS):
            try:
                with self._turns.changed:
                    self._workers.hire()
                if self._workers.ready:
                    settle()
                for job in self._pause_left():
                    self._shelf.save(job)
                self._library.tend()
                self._shelf.save_owed()
                self._heap.tend()
                if time.monotonic() - expired >= EXPIRE_SECONDS:
                    expired = time.monotonic()
                    self._shelf.expire()
            except Exception as error:
                log_bug(log, "Tending the stories failed", error)

    def _pause_left(self) -> list[Job]:
        """Pause every story whose time is up, and tell those who wait how long."""
        now, left = time.monotonic(), []
        with self._turns.changed:
            for job in self._turns.active():
                if not job.halt.finish and (sentence := self._time_is_up(job, now)):
                    self._turns.halt(job, Finish("pause", sentence))
                    left.append(job)
            self._turns.tell_places()
        return left

    def _time_is_up(self, job: Job, now: float) -> str | None:
        """Why a story is to be paused: nobody has followed it for too long, or its page does not ask for its next segment."""
        if job.seen < now - (self.patience.unfollowed if job.followed else self.patience.unseen):
            job.unseen = not job.followed
            return UNFOLLOWED
        if job.phase is Phase.WORKING and job.since < now - self.patience.most:
            return OVERTIME
        return LEFT if job.phase is Phase.BETWEEN and job.since < now - BETWEEN_SECONDS else None
