"""A gallery that fills itself: while nobody asks for anything, the host's featured premises are written and become recordings.

One story at a time, in a thread beside the runner's workers: it is in no queue, list, share or figure of theirs, and gives way to
the first story that somebody asks for, to be gone on with from its last token. Says when; what is written is gallery_work's.
"""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from ..engine.base import GpuBroken, Status
from ..errors import VisitorError, log_bug
from ..settings import Settings
from ..story.request import StoryRequest
from .batch import alone
from .featured import FEATURED, featured
from .gallery_work import Work
from .runner import Runner
from .shutdown import start_anew

LOOK_SECONDS = 1.0
ENDING_SECONDS = 2.0  # in which an engine obeys
log = logging.getLogger(__name__)


def why_off(settings: Settings, status: Status) -> str:
    """Why there is no gallery on this server, as the end of a sentence; empty where there is one."""
    if not settings.gallery_minutes:
        return "POLARIS_GALLERY is off."
    if settings.zerogpu:
        return "ZeroGPU lends its GPUs to visitors, by the second."
    if status.writer is None:
        return "nothing can be written here."
    if status.writer.is_preview:
        return "the miniature writes, and its stories are no samples."
    if settings.engine_url and settings.gallery is None:
        return "an engine elsewhere may be others' too. POLARIS_GALLERY with a number of minutes says that it is this server's own."
    if status.writer.device == "CPU":
        return "there is no GPU."
    if settings.data_dir is None:
        return "POLARIS_DATA_DIR is empty, so nothing could be kept."
    return ""


class Gallery:
    """Writes what is featured and not recorded yet, whenever nobody has had a story here for `quiet` seconds."""

    def __init__(
        self,
        runner: Runner,
        settings: Settings,
        quiet: float,
        source: Path = FEATURED,
        look_seconds: float = LOOK_SECONDS,
        start_anew: Callable[[], None] = start_anew,
    ) -> None:
        self._runner, self._settings, self._quiet, self._source = runner, settings, quiet, source
        self._look_seconds, self._start_anew = look_seconds, start_anew
        self._closing, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="gallery", daemon=True)
        self._thread.start()

    @classmethod
    def by(cls, settings: Settings, runner: Runner) -> "Gallery":
        """As the environment says."""
        return cls(runner, settings, settings.gallery_minutes * 60)

    def close(self) -> None:
        """To be called before the runner's: what is at work is kept, and the next process goes on with it."""
        self._closing.set()
        self._stop.set()
        self._thread.join(ENDING_SECONDS)

    def _run(self) -> None:
        """Say once whether there is a gallery here, and why not; then fill it until the process ends."""
        while (status := self._runner.engine.status()).loading:
            if self._closing.wait(self._look_seconds):
                return
        if why := why_off(self._settings, status):
            log.info("The gallery stays off: %s", why)
            return
        data, folder = self._settings.data_dir, self._settings.gallery_dir
        assert status.writer and data and folder
        log.info("The gallery is written when nobody has had a story here for %g s; it goes to %s", self._quiet, folder)
        try:
            with alone(data / "recordings") as library:
                work = Work(self._runner.engine, status.writer, library, (folder, self._settings.recordings_dir))
                self._fill(work, featured(self._source, self._runner.check))
        except GpuBroken:
            log.error("The GPU of this process is broken, so the process starts anew")
            self._start_anew()
        except (VisitorError, OSError) as error:
            log.error("The gallery has stopped: %s", error)
        except Exception as error:
            log_bug(log, "The gallery has stopped", error)

    def _fill(self, work: Work, requests: list[StoryRequest]) -> None:
        """A story after the other; where one could not go on, or none is left, the next look is a while away."""
        wait = self._look_seconds
        while not self._closing.wait(wait):
            work.library.tend()
            wait, stop = self._look_seconds, self._runner.lull(self._quiet)
            if stop is None:
                continue
            self._stop = stop
            if self._closing.is_set():  # it was closed before it was known what to stop
                return
            task = work.next(requests)
            if task is None or not work.turn(task, stop):
                wait = max(wait, self._quiet)
