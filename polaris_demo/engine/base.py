"""The contract of an engine, and the one that loads in the background while the page already answers."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..errors import EngineError
from ..story.events import Event, Finish, Progress
from ..story.request import StoryRequest
from ..story.writer import Writer

HEARTBEAT_SECONDS = 0.5
log = logging.getLogger(__name__)


class Engine(Protocol):
    """Writes stories. One call of `write` writes one story, or goes on with one; `capacity` may run at once."""

    capacity: int

    @property
    def writer(self) -> Writer | None:
        """Who writes; None while that is not yet known."""

    def prompt(self, request: StoryRequest) -> tuple[str, int] | None:
        """The rendered prompt and its length in tokens; None while the model is not loaded."""

    def write(self, request: StoryRequest, output: Sequence[int], stop: threading.Event) -> Iterator[Event]:
        """Events until a Finish; something at least once a second, so that stopping always lands.

        `output` holds the token ids generated so far (empty for a new story). The seed of `request` is 0 or more.
        Ordinary failures are a Finish("error"), not an exception.
        """


@dataclass(frozen=True)
class LoadProgress:
    """What loading is doing now, as a phrase; the badge shows it."""

    doing: str


Report = Callable[[LoadProgress], None]
Load = Callable[[Report], Engine]


class BackgroundEngine:
    """Loads an engine in a thread of its own. Stories asked for meanwhile wait, and hear that it is loading."""

    def __init__(self, load: Load, capacity: int = 1) -> None:
        self.capacity = capacity
        self.progress = LoadProgress("starting")
        self._engine: Engine | None = None
        self._failure: str | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._load, args=(load,), name="load-model", daemon=True)
        self._thread.start()

    @property
    def writer(self) -> Writer | None:
        return self._engine.writer if self._engine else None

    @property
    def failure(self) -> str | None:
        """The sentence that says why nothing can be written, once that is known."""
        return self._failure

    def prompt(self, request: StoryRequest) -> tuple[str, int] | None:
        return self._engine.prompt(request) if self._engine else None

    def wait(self, timeout: float | None = None) -> bool:
        """True once loading is over, well or badly."""
        return self._ready.wait(timeout)

    def write(self, request: StoryRequest, output: Sequence[int], stop: threading.Event) -> Iterator[Event]:
        while not self._ready.wait(HEARTBEAT_SECONDS):
            yield Progress("loading")
            if stop.is_set():
                yield Finish("cancelled")
                return
        if self._engine is None:
            yield Finish("error", self._failure or "The model could not be loaded.")
        else:
            yield from self._engine.write(request, output, stop)

    def _load(self, load: Load) -> None:
        started = time.monotonic()
        try:
            self._engine = load(self._report)
            log.info("Ready after %.1f s: %s", time.monotonic() - started, self._engine.writer)
        except EngineError as error:
            self._failure = str(error)
            log.error("Nothing can be written: %s", error)
        except Exception:
            self._failure = "The model could not be loaded, for a reason nobody foresaw; the server's log has it."
            log.exception("Loading failed")
        finally:
            self._ready.set()

    def _report(self, progress: LoadProgress) -> None:
        self.progress = progress
