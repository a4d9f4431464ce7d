"""The threads that write stories: what the engine says goes into the record, is saved, and ends in one of the known ways."""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator

from ..engine.base import Engine, GpuBroken
from ..errors import log_bug
from ..logs import since
from ..story.events import Event, Finish
from .figures import Figures
from .job import Job
from .library import Library
from .lifecycle import letting_go
from .measured import Measured
from .shelf import UNFORESEEN, Shelf
from .turns import Turns

SAVE_SECONDS = 0.25  # leaves three quarters of the second that may be lost to a machine that is busy
log = logging.getLogger(__name__)


class Workers:
    """As many as the engine has capacity for. Where the GPU is broken, `start_anew` begins another process."""

    def __init__(
        self,
        engine: Engine,
        turns: Turns,
        shelf: Shelf,
        library: Library,
        measured: Measured,
        figures: Figures,
        start_anew: Callable[[], None],
    ) -> None:
        self._engine, self._turns, self._shelf, self._library = engine, turns, shelf, library
        self._measured, self._figures, self._start_anew = measured, figures, start_anew
        self._names = itertools.count()
        self.threads: list[threading.Thread] = []

    @property
    def ready(self) -> bool:
        """Whether the engine has loaded."""
        return self._engine.status().writer is not None

    def hire(self) -> None:
        """An engine may tell its capacity only once it has loaded; in place of a worker that died comes another. The lock is held."""
        self.threads = [thread for thread in self.threads if thread.is_alive()]
        while len(self.threads) < self._engine.status().capacity and not self._turns.closing.is_set():
            thread = threading.Thread(target=self._work, name=f"writer-{next(self._names)}", daemon=True)
            self.threads.append(thread)
            thread.start()

    def _work(self) -> None:
        while job := self._turns.take():
            self._write(job)

    def _write(self, job: Job) -> None:
        """Write one story to its end or its pause, whatever happens."""
        broken, begun, had = False, time.monotonic(), (job.record.thinking_tokens, job.record.story_tokens)
        try:
            broken = self._turn(job)
        except BaseException as error:
            log_bug(log, f"Story {job.record.id} failed", error)
        with self._turns.changed:
            late = job.halt.finish if not job.record.rests and not job.wanted else None
            if late:
                job.tell(late)  # stopped after its segment's end, when no engine was left to obey
            ended = job.look()  # from here on another worker may have it
            job.move(letting_go(job.record.finish, len(job.record.story) > 0))
            self._turns.go_on_if_wanted(job)
            self._turns.tell_places()
            self._turns.changed.notify_all()
        if late:
            self._shelf.save(job)
        self._figures.ended(ended, *had, since(begun))
        if broken:
            log.error("The GPU of this process is broken, so the process starts anew")
            self._start_anew()

    def _turn(self, job: Job) -> bool:
        """What the engine says, folded into the record and saved. True where the GPU is broken."""
        record, broken = job.record, False
        try:
            self._save(job)
            for event in self._said(job):
                job.tell(event)
                if time.monotonic() - job.saved.steady >= SAVE_SECONDS:
                    self._save(job)
        except GpuBroken:
            broken = True
        except BaseException as error:  # whatever an engine raises, its worker goes on with the next story
            log_bug(log, f"Story {record.id} failed", error)
        if not record.finish:
            job.tell(Finish("error", UNFORESEEN))
        self._save(job)
        return broken

    def _said(self, job: Job) -> Iterator[Event]:
        """What the engine says to its Finish, which after an order to halt is the ordered one. Raises what the engine raises."""
        events, context = self._engine.write(job.record.request, job.record.resume_point(), job.halt.event), job.context
        while event := context.run(next, events, None):
            if not isinstance(event, Finish):
                yield event
                continue
            if event.reason == "cancelled" and job.halt.finish:
                event = Finish("segment") if job.wanted else job.halt.finish
            yield event
            context.run(next, events, None)  # where it raises GpuBroken after its Finish
            events.close()
            return

    def _save(self, job: Job) -> None:
        with job.saving:
            job.save(self._library)
        self._measured.add(job.record)
