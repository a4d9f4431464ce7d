"""The contract of an engine, and the one that loads in the background while the page already answers."""

import logging
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol

from ..errors import EngineError
from ..story.events import Event, Finish, Progress, Resume
from ..story.model_info import ModelInfo
from ..story.origin import Place
from ..story.request import LIMITS, StoryRequest
from ..story.spoken import spoken

HEARTBEAT_SECONDS = 0.5
LOOK_SECONDS = 0.1
UNLOADABLE = "The model could not be loaded, for a reason nobody foresaw; the server’s log has it."
UNITS = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))
log = logging.getLogger(__name__)


class GpuBroken(Exception):
    """Raised after a story's Finish: this process can compute nothing more on its GPU and has to be started anew."""


@dataclass(frozen=True)
class Day:
    """What one kind of visitor may use of lent GPUs in a day, and the longest story that fits; 0 where none does."""

    who: str
    seconds: int
    words: int


@dataclass(frozen=True)
class Allowance:
    """The GPU seconds a request takes, where visitors have only so many a day. Estimates, by the speed there is."""

    seconds: float
    days: tuple[Day, ...]


@dataclass(frozen=True)
class Loading:
    """What loading is doing now, as a phrase, and how far it is: `done` of `total` bytes, both 0 where there is no measure.

    `seconds` is how long the rest is expected to take at the speed so far; None while that cannot be told.
    """

    doing: str
    done: int = 0
    total: int = 0
    seconds: float | None = None

    def sentence(self) -> str:
        """The same in words, as every place says it: "Downloading POLARIS-9B: 4.2 of 17.9 GB (23 %), about 3 min left"."""
        said = self.doing[:1].upper() + self.doing[1:]
        if not self.total:
            return said
        unit, size = next((one for one in UNITS if self.total >= one[1]), UNITS[-1])
        left = f", about {spoken(self.seconds)} left" if self.seconds is not None and self.done < self.total else ""
        return f"{said}: {self.done / size:.1f} of {self.total / size:.1f} {unit} ({100 * self.done // self.total} %){left}"


@dataclass(frozen=True)
class Status:
    """An engine as it is now. `writer` is None until it is known who writes; `failure` is the sentence that says why nothing can be.

    `capacity` stories may be written at once; the first call of a visitor holds `words_at_once`, where that is less than any story.
    """

    writer: ModelInfo | None = None
    failure: str | None = None
    loading: Loading | None = None
    capacity: int = 1
    words_at_once: int | None = None

    def default_words(self, most: int) -> int:
        """The length to begin with: the usual one of who writes, or the longest that the server (`most`) or its engine can do at once."""
        usual = (self.writer and self.writer.usual_words) or int(LIMITS["words"].default)
        return min(usual, most, self.words_at_once or most)


class Engine(Protocol):
    """Writes stories. One call of `write` writes one story, or goes on with one."""

    def status(self) -> Status:
        """Who writes, what stands in the way, and how many at once; cheap, and never the same for ever while it loads."""

    def prompt(self, request: StoryRequest) -> tuple[str, int] | None:
        """The rendered prompt and its length in tokens; None while the model is not loaded."""

    def allowance(self, request: StoryRequest) -> Allowance | None:
        """What a request takes of a visitor's day; None where GPUs are not lent by the day."""

    def place(self, request: StoryRequest, resume: Resume, characters: int) -> Place | None:
        """The place of the token that ends the first `characters` of a story, whose token ids `resume` has; it may spell some more.
        None where the engine knows no ids, or has not loaded. Raises VisitorError for ids it does not have.
        """

    def write(self, request: StoryRequest, resume: Resume, stop: threading.Event) -> Generator[Event, None, None]:
        """Events until a Finish; something at least once a second, so that stopping always lands.

        The seed of `request` is 0 or more. With `resume` it goes on from the very next character. Another model's story is
        not gone on with: Finish("pause") and `another_model`. What fails is a Finish("error"), not an exception; only
        GpuBroken is raised, after its Finish.
        """


def another_model(resume: Resume, writer: ModelInfo | None) -> str | None:
    """Why `writer` cannot go on with a story, naming both models; None where it can."""
    if resume.writer is None or writer is None or resume.writer.same_model(writer):
        return None
    return (
        f"Another model writes here now. This story was begun by {_exactly(resume.writer)}, and here {_exactly(writer)} writes, so it "
        "cannot go on and stays as it is. A new story can be written from the same request."
    )


def _exactly(writer: ModelInfo) -> str:
    return f"{writer.name} (revision {writer.revision[:12]})"


def wait_until_ready(engine: Engine) -> Status:
    """The engine's status once it has loaded. Raises EngineError where it cannot write."""
    while (status := engine.status()).loading:
        time.sleep(LOOK_SECONDS)
    if status.failure:
        raise EngineError(status.failure)
    return status


Report = Callable[[Loading], None]
Load = Callable[[Report], Engine]


class BackgroundEngine:
    """Loads an engine in a thread of its own. Stories asked for meanwhile wait, and hear how far loading is."""

    def __init__(self, load: Load) -> None:
        self._loading = Loading("starting")
        self._engine: Engine | None = None
        self._failure: str | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._load, args=(load,), name="load-model", daemon=True)
        self._thread.start()

    def status(self) -> Status:
        if self._engine:
            return self._engine.status()
        return Status(failure=self._failure) if self._ready.is_set() else Status(loading=self._loading)

    def prompt(self, request: StoryRequest) -> tuple[str, int] | None:
        return self._engine.prompt(request) if self._engine else None

    def allowance(self, request: StoryRequest) -> Allowance | None:
        return self._engine.allowance(request) if self._engine else None

    def place(self, request: StoryRequest, resume: Resume, characters: int) -> Place | None:
        return self._engine.place(request, resume, characters) if self._engine else None

    def write(self, request: StoryRequest, resume: Resume, stop: threading.Event) -> Generator[Event, None, None]:
        while not self._ready.wait(HEARTBEAT_SECONDS):
            yield Progress("loading", self._loading.done, self._loading.total, self._loading.seconds)
            if stop.is_set():
                yield Finish("cancelled")
                return
        if self._engine is None:
            yield Finish("error", self._failure or UNLOADABLE)
        else:
            yield from self._engine.write(request, resume, stop)

    def _load(self, load: Load) -> None:
        started = time.monotonic()
        try:
            engine = load(self._report)
            log.info("Ready after %.1f s: %s", time.monotonic() - started, engine.status().writer)
            self._engine = engine
        except EngineError as error:
            self._failure = str(error)
            log.error("Nothing can be written: %s", error)
        except Exception:
            self._failure = UNLOADABLE
            log.exception("Loading failed")
        finally:
            self._ready.set()

    def _report(self, loading: Loading) -> None:
        self._loading = loading
