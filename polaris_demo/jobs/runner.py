"""Stories belong to the server, whoever is watching: here visitors submit, follow, stop, go on, delete.

A follower that leaves changes nothing; a story that nobody follows for a set time is paused. Knows nothing of pages or models.
"""

import asyncio
import contextvars
import logging
import math
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager

from ..engine.base import Engine
from ..errors import Busy, CannotGoOn, NotTheHost, RequestRefused, TooMany, UnknownStory, VisitorError
from ..logs import event, since
from ..settings import Settings
from ..story.events import Finish
from ..story.record import StoryRecord
from ..story.request import StoryRequest, errors
from ..story.version import budget_too_small, written_on
from . import versions
from .admission import HOST_PAUSED, Checked, checked
from .fair import FairUse
from .figures import Figures, Health, free_bytes
from .following import Piece, follow
from .housekeeper import Housekeeper, Patience
from .job import Job
from .library import Library
from .lifecycle import Step, allows, leads
from .measured import Measured
from .saved import Summary, hash_key
from .shelf import INTERRUPTED, NOT_FOLDED, Shelf
from .shutdown import start_anew
from .turns import Turns
from .workers import Workers

LEFT_SECONDS = 2.5  # in which another follower of a story says that it is there
CLOSING_SECONDS = 2.0  # for all workers together: whoever ends a server waits five seconds
REFUSALS = {RequestRefused: "request", TooMany: "share", Busy: "full"}
NOT_OWNED = "This key does not belong to this story. Only whoever started a story can stop it or go on with it."
NOTHING_LEFT = "The model ended this story itself, so there is nothing to go on with."
log = logging.getLogger(__name__)


def new_id() -> str:
    """A story's name, which nobody can guess."""
    return secrets.token_urlsafe(12)


class Runner:
    """Queue, workers and followers. `queue_size` stories may wait while as many are written as the engine has capacity for.

    A story that nobody follows any more is paused after `unfollowed_seconds`, one that nobody ever has after
    `unseen_seconds` (where none are said, no sooner), one that is written for longer than `most_seconds` at a time then.
    """

    def __init__(
        self,
        engine: Engine,
        queue_size: int = 12,
        unfollowed_seconds: float = 600,
        max_words: int = 12_000,
        library: Library | None = None,
        start_anew: Callable[[], None] = start_anew,
        admin_key: str = "",
        fair: FairUse | None = None,
        unseen_seconds: float | None = None,
        most_seconds: float = math.inf,
    ) -> None:
        self.engine, self.fair, self.library = engine, fair or FairUse(), library or Library(None)
        self._max_words, self._admin_key = max_words, admin_key
        self.host_paused = self.library.remembered("new stories") == "paused"
        self.measured, self.figures = Measured(), Figures()
        changed = threading.Condition()
        self._shelf = Shelf(self.library, changed)
        self._turns = Turns(engine, queue_size, self.fair, self.measured, changed, self._shelf)
        self._workers = Workers(engine, self._turns, self._shelf, self.library, self.measured, self.figures, start_anew)
        unseen = unfollowed_seconds if unseen_seconds is None else min(unseen_seconds, unfollowed_seconds)
        self._housekeeper = Housekeeper(
            self._turns, self._workers, self._shelf, self.library, Patience(unfollowed_seconds, unseen, most_seconds)
        )
        self._workers.hire()
        self._housekeeper.thread.start()

    @classmethod
    def by(cls, settings: Settings, engine: Engine, library: Library) -> "Runner":
        """As the environment says."""
        return cls(
            engine,
            settings.queue_size,
            settings.unfollowed_seconds,
            settings.max_words,
            library,
            admin_key=settings.admin_key,
            fair=FairUse(settings.shares),
            unseen_seconds=settings.unseen_seconds,
            most_seconds=settings.story_seconds,
        )

    @property
    def default_words(self) -> int:
        """The length a visitor starts from, which may change when it becomes known who writes."""
        return self.engine.status().default_words(self._max_words)

    @property
    def room(self) -> int:
        """How many more stories would be written at once."""
        return max(0, self.engine.status().capacity - len(self._turns.active()))

    def check(self, raw: Mapping[str, object]) -> Checked:
        """Everything there is to say about raw values, without running anything."""
        return checked({"words": self.default_words} | dict(raw), self.engine, self._max_words, self.measured.speed())

    def submit(self, raw: Mapping[str, object], visitor: str = "") -> Job:
        """Queue a story. `visitor` is any name for who asks, the same for all their stories; without one nobody counts them.

        Raises RequestRefused or Busy, each with a sentence.
        """
        with self._counting_refusals():
            found, request = self._require_request(raw)
            return self._begin(StoryRecord(new_id(), request, writer=self.engine.status().writer), found, visitor)

    def write_on(self, story_id: object, paragraph: object, raw: Mapping[str, object], visitor: str = "") -> Job:
        """Queue a new story that begins with another one, whoever's that is, up to the end of its paragraph of that number; with
        paragraph 0 another version of its request. `raw` are the settings to change; the seed is another unless it is given.

        Raises RequestRefused, AnotherModel, UnknownStory, TooMany or Busy, each with a sentence.
        """
        with self._counting_refusals():
            self.fair.require_check(visitor)  # before the story is read and its place found, which is more work than a refusal
            record = self.get(story_id)
            number = versions.number(record, paragraph)
            place = versions.place(record, number, self.engine)
            found, request = self._require_request(versions.asked(record, raw))
            if too_small := budget_too_small(record, place, request):
                raise RequestRefused(too_small)
            return self._begin(written_on(record, place, number, new_id(), request), found, visitor)

    @contextmanager
    def _counting_refusals(self) -> Iterator[None]:
        try:
            yield
        except VisitorError as error:
            self.figures.refused(REFUSALS.get(type(error), "busy"))
            raise

    def _require_request(self, raw: Mapping[str, object]) -> tuple[Checked, StoryRequest]:
        """What was found, and the request with a seed. Raises RequestRefused."""
        found = self.check(raw)
        if found.request is None or errors(found.findings):
            raise RequestRefused(found.refusal())
        request = found.request
        return found, request if request.sampling.seed >= 0 else request.with_seed(secrets.randbelow(2**32))

    def _begin(self, record: StoryRecord, found: Checked, visitor: str) -> Job:
        """Queue a story that was never at work. Raises Busy or TooMany."""
        record.findings, record.created = found.findings, time.time()
        key = secrets.token_urlsafe(24)
        job = Job(record, key, hash_key(key), context=contextvars.copy_context(), visitor=visitor)
        with self._turns.changed:
            if self.host_paused:
                raise Busy(HOST_PAUSED)
            self._turns.join(job, visitor)
            self._workers.hire()
            waiting = len(self._turns.waiting)
        self.figures.begun()
        event(log, "story queued", story=record.id, words=record.request.words, prompt_tokens=found.prompt_tokens, waiting=waiting)
        self._shelf.save(job)
        return job

    def health(self) -> Health:
        """How this server is now."""
        status, library = self.engine.status(), self.library
        return Health(
            ready=status.writer is not None and not status.failure,
            loading=status.loading.sentence() if status.loading else "",
            failure=status.failure or "",
            writing=len(self._turns.writing()),
            waiting=len(self._turns.waiting),
            places=self._turns.places,
            streams=self.fair.streams,
            storage=library.problem,
            since_saved=None if library.saved_at is None else since(library.saved_at),
            free_bytes=free_bytes(library.folder),
        )

    def get(self, story_id: object) -> StoryRecord:
        """A look at the record of a story; reading it counts as following. Raises UnknownStory."""
        return self._wake(story_id).look()

    def summaries(self, ids: object) -> list[Summary]:
        """What a list shows of stories; ids of stories that are not here, or that are no ids, are left out."""
        return self._shelf.summaries(ids)

    def expires(self, record: StoryRecord) -> float | None:
        """Until when a story is kept, as it is now; None where it goes with this server. Raises UnknownStory."""
        return self.library.expires(record.id, self._shelf.find(record.id).saved.at)

    def stop(self, story_id: object, key: object) -> StoryRecord:
        """Stop a story; harmless where it is over. Raises UnknownStory without the right key."""
        job = self._owned(story_id, key)
        with self._turns.changed:
            job.unseen = False  # its owner has come, and does not want it
            self._turns.halt(job, Finish("cancelled"))
        self._shelf.save(job)
        return job.look()

    def resume(
        self, story_id: object, key: object, visitor: str = "", next_segment: bool = False, without_guard: bool = False
    ) -> StoryRecord:
        """Go on with a story that was paused, stopped, cut or interrupted, from its last token; harmless while it is written.

        A story between two segments keeps its turn. With `next_segment`, as a page asks by itself, a story that has come to
        rest meanwhile is left so. `without_guard` goes on from the end of what was folded there. Raises UnknownStory, CannotGoOn,
        AnotherModel, Busy.
        """
        step: Step = "next segment" if next_segment else "go on"
        job = self._owned(story_id, key)
        with self._turns.changed:
            job = self._shelf.put(job)
            self._turns.wait_for_its_worker(job)
            if not allows(job.phase, step):
                raise CannotGoOn(NOTHING_LEFT)
            if without_guard and not job.record.folded:
                raise CannotGoOn(NOT_FOLDED)
            if leads(job.phase, step) is not job.phase:
                self._turns.join_again(job, step, visitor, without_guard)
        return job.look()

    def delete(self, story_id: object, key: object, visitor: str = "") -> None:
        """Stop a story and let go of it for good; its owner may, and the host. Raises UnknownStory, CannotDelete, TooMany."""
        job = self._shelf.find(story_id)
        if not job.owned_by(key) and not self._is_host(key, visitor):
            raise UnknownStory(NOT_OWNED)
        job.deleting = True
        try:
            with self._turns.changed:
                self._turns.halt(job, Finish("cancelled"))
                self._turns.wait_until_let_go(job)
            self._shelf.delete(job)
        finally:
            job.deleting = False
        with self._turns.changed:
            self._turns.withdraw(job)

    def _is_host(self, key: object, visitor: str) -> bool:
        """This is the host's key. Without one set, nobody has it. Raises TooMany for a visitor who tries one after the other."""
        self.fair.require_guess(visitor)
        found = bool(self._admin_key) and isinstance(key, str) and secrets.compare_digest(hash_key(self._admin_key), hash_key(key))
        if not found:
            self.fair.guessed(visitor)
        return found

    def require_host(self, admin_key: object, visitor: str = "") -> None:
        """Raises NotTheHost, and TooMany for a visitor who tries one key after the other."""
        if not self._is_host(admin_key, visitor):
            raise NotTheHost("This key is not the host’s. Whoever runs this server sets it as POLARIS_ADMIN_KEY.")

    def pause_new(self, admin_key: object, paused: bool | None, visitor: str = "") -> None:
        """Let no new story begin, or let them again; it holds over restarts. None leaves it as it is. Raises NotTheHost, TooMany."""
        self.require_host(admin_key, visitor)
        if paused is None:
            return
        self.host_paused = paused
        self._turns.end_lull()
        self.library.remember("new stories", "paused" if paused else "")

    async def follow(self, story_id: str, offset: int = 0, cuts: int = 0, reads: bool = True) -> AsyncIterator[Piece]:
        """The story as it grows; any number may follow one. See `following.follow`."""
        if reads:
            await asyncio.to_thread(self._wake, story_id)
        async for piece in follow(self._shelf, story_id, offset, cuts, reads):
            yield piece

    def _wake(self, story_id: object) -> Job:
        """Somebody comes to a story: one that was paused because nobody had come yet goes on. Raises UnknownStory, CannotRead."""
        job = self._shelf.find(story_id)
        with self._turns.changed:
            job.follow()
            if job.wanted:
                self._turns.wait_for_its_worker(job)
                self._turns.go_on_if_wanted(job)
        return job

    def left(self, job: Job) -> None:
        """Whoever followed a story has gone, and has no page to come back to: unless somebody else does it is paused at once."""
        job.followed, job.seen = False, min(job.seen, time.monotonic() - self._housekeeper.patience.unseen + LEFT_SECONDS)

    def lull(self, seconds: float) -> threading.Event | None:
        """See `Turns.lull`; while new stories are paused there is none."""
        return None if self.host_paused else self._turns.lull(seconds)

    def close(self) -> None:
        """Pause every story, so that it can be gone on with, and end every worker."""
        with self._turns.changed:
            self._turns.closing.set()
            self._turns.end_lull()
            for job in self._turns.active():
                self._turns.halt(job, Finish("pause", INTERRUPTED))
            self._turns.changed.notify_all()
        until = time.monotonic() + CLOSING_SECONDS
        for thread in (*self._workers.threads, self._housekeeper.thread):
            thread.join(timeout=max(0.0, until - time.monotonic()))
        for job in self._shelf.jobs():
            if job.owed or job.halt.finish:
                self._shelf.save(job)

    def _owned(self, story_id: object, key: object) -> Job:
        job = self._shelf.find(story_id)
        if not job.owned_by(key):
            raise UnknownStory(NOT_OWNED)
        return job
