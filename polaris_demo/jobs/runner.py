"""Stories belong to the server: they are queued and written here, by worker threads, whoever is watching.

Visitors submit, follow, stop, go on. A follower that leaves changes nothing; a story that nobody follows for a set time
is paused. Knows nothing of pages or models.
"""

import asyncio
import itertools
import logging
import math
import secrets
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from ..engine.base import Engine, GpuBroken
from ..errors import Busy, CannotGoOn, NotTheHost, RequestRefused, TooMany, UnknownStory, VisitorError, log_bug
from ..logs import event, since
from ..settings import Settings
from ..story.events import Event, Finish, Progress
from ..story.record import StoryRecord
from ..story.request import StoryRequest, errors
from ..story.version import budget_too_small, written_on
from . import versions
from .admission import HOST_PAUSED, Checked, checked, require_place, require_same_model, seconds_left, waits
from .fair import FairUse
from .figures import Figures, Health, free_bytes
from .following import Piece, follow
from .job import Job
from .library import Library, Summary, hash_key
from .lifecycle import Phase, Step, allows, ends_it, leads, letting_go
from .measured import Measured
from .shelf import INTERRUPTED, LEFT, NOT_FOLDED, OVERTIME, UNFOLLOWED, UNFORESEEN, Shelf
from .shutdown import start_anew

SAVE_SECONDS = 0.25  # leaves three quarters of the second that may be lost to a machine that is busy
TEND_SECONDS = 1.0
EXPIRE_SECONDS = 600
BETWEEN_SECONDS = 20  # the page asks for the next segment at once; a phone that has just lost its connection takes longer
LEFT_SECONDS = 2.5  # in which another follower of a story says that it is there
LET_GO_SECONDS = 3.0  # an engine obeys within two
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
        self.engine, self._queue_size, self._unfollowed_seconds, self._max_words = engine, queue_size, unfollowed_seconds, max_words
        self._unseen_seconds = unfollowed_seconds if unseen_seconds is None else min(unseen_seconds, unfollowed_seconds)
        self._most_seconds, self.fair = most_seconds, fair or FairUse()
        self._start_anew, self._admin_key = start_anew, admin_key
        self.library = library or Library(None)
        self.host_paused = self.library.remembered("new stories") == "paused"
        self._changed = threading.Condition()
        self._shelf = Shelf(self.library, self._changed)
        self._waiting: deque[Job] = deque()
        self._closing, self._lull, self._quiet_since = threading.Event(), threading.Event(), time.monotonic()
        self.measured, self.figures = Measured(), Figures()
        self._names = itertools.count()
        self._workers: list[threading.Thread] = []
        self._hire()
        self._keeper = threading.Thread(target=self._tend, name="writer-keeper", daemon=True)
        self._keeper.start()

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
        return max(0, self.engine.status().capacity - sum(job.active for job in self._shelf.jobs()))

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
        job = Job(record, key, hash_key(key), visitor=visitor)
        with self._changed:
            if self.host_paused:
                raise Busy(HOST_PAUSED)
            self._require_place(visitor)
            self.fair.require_start(visitor)
            self._shelf.put(job)
            self._waiting.append(job)
            self._hire()
            self._tell_places()
            self._changed.notify_all()
            waiting = len(self._waiting)
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
            writing=len(self._writing()),
            waiting=len(self._waiting),
            places=self._queue_size,
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
        with self._changed:
            job.unseen = False  # its owner has come, and does not want it
            self._halt(job, Finish("cancelled"))
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
        with self._changed:
            job = self._shelf.put(job)
            self._wait_for_its_worker(job)
            if not allows(job.phase, step):
                raise CannotGoOn(NOTHING_LEFT)
            if without_guard and not job.record.folded:
                raise CannotGoOn(NOT_FOLDED)
            if leads(job.phase, step) is not job.phase:
                self._begin_again(job, step, visitor, without_guard)
        return job.look()

    def _begin_again(self, job: Job, step: Step, visitor: str, without_guard: bool) -> None:
        """Put a story back into the queue, one between two segments at its head. The lock is held."""
        require_same_model(job.record, self.engine)
        if not (own_turn := job.phase is Phase.BETWEEN):
            self._require_place(visitor or job.visitor)
        job.begin_again(visitor, without_guard)
        job.move(step)
        (self._waiting.appendleft if own_turn else self._waiting.append)(job)
        self._tell_places()
        self._changed.notify_all()

    def delete(self, story_id: object, key: object, visitor: str = "") -> None:
        """Stop a story and let go of it for good; its owner may, and the host. Raises UnknownStory, CannotDelete, TooMany."""
        job = self._shelf.find(story_id)
        if not job.owned_by(key) and not self._is_host(key, visitor):
            raise UnknownStory(NOT_OWNED)
        job.deleting = True
        try:
            with self._changed:
                self._halt(job, Finish("cancelled"))
                self._changed.wait_for(lambda: job.phase is not Phase.WORKING, LET_GO_SECONDS)
            self._shelf.delete(job)
        finally:
            job.deleting = False
        with self._changed:
            if job in self._waiting:  # somebody went on with it in the last moment
                self._waiting.remove(job)

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
            raise NotTheHost("This key is not the host's. Whoever runs this server sets it as POLARIS_ADMIN_KEY.")

    def pause_new(self, admin_key: object, paused: bool | None, visitor: str = "") -> None:
        """Let no new story begin, or let them again; it holds over restarts. None leaves it as it is. Raises NotTheHost, TooMany."""
        self.require_host(admin_key, visitor)
        if paused is None:
            return
        self.host_paused = paused
        self._lull.set()
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
        with self._changed:
            job.follow()
            if job.wanted:
                self._wait_for_its_worker(job)
                self._go_on_if_wanted(job)
        return job

    def _go_on_if_wanted(self, job: Job) -> None:
        """With a story that was left too early; one at work goes on when its worker lets go of it. The lock is held."""
        step: Step | None = {Phase.RESTING: "go on", Phase.BETWEEN: "next segment"}.get(job.phase)  # type: ignore[assignment]
        if step and job.wanted:
            job.unseen = False
            with suppress(VisitorError):  # there is no place now: it stays paused, and says so
                self._begin_again(self._shelf.put(job), step, "", False)
                job.follow()

    def left(self, job: Job) -> None:
        """Whoever followed a story has gone, and has no page to come back to: unless somebody else does it is paused at once."""
        job.followed, job.seen = False, min(job.seen, time.monotonic() - self._unseen_seconds + LEFT_SECONDS)

    def lull(self, seconds: float) -> threading.Event | None:
        """What is set once somebody's story is queued, new ones are paused or this server closes; None while somebody's is at work
        or was within so many seconds. For whoever writes only while nobody asks.
        """
        with self._changed:
            since = max([self._quiet_since, *(job.since for job in self._shelf.jobs())])
            busy = any(job.active for job in self._shelf.jobs()) or time.monotonic() - since < seconds
            if busy or self.host_paused or self._closing.is_set():
                return None
            self._lull = threading.Event()
            return self._lull

    def close(self) -> None:
        """Pause every story, so that it can be gone on with, and end every worker."""
        with self._changed:
            self._closing.set()
            self._lull.set()
            for job in self._shelf.jobs():
                if job.active:
                    self._halt(job, Finish("pause", INTERRUPTED))
            self._changed.notify_all()
        until = time.monotonic() + CLOSING_SECONDS
        for thread in (*self._workers, self._keeper):
            thread.join(timeout=max(0.0, until - time.monotonic()))
        for job in self._shelf.jobs():
            if job.owed or job.halt.finish:
                self._shelf.save(job)

    # --- the workers' side -------------------------------------------------------------------------------------------

    def _hire(self) -> None:
        """As many workers as the engine has capacity for, which it may tell only once it has loaded; in place of one that died another."""
        self._workers = [worker for worker in self._workers if worker.is_alive()]
        while len(self._workers) < self.engine.status().capacity and not self._closing.is_set():
            worker = threading.Thread(target=self._work, name=f"writer-{next(self._names)}", daemon=True)
            self._workers.append(worker)
            worker.start()

    def _has_lane(self) -> bool:
        """The engine writes one more: its memory may have been found to hold fewer than were hired for."""
        return len(self._writing()) < self.engine.status().capacity

    def _work(self) -> None:
        while job := self._next():
            self._write(job)

    def _next(self) -> Job | None:
        with self._changed:
            self._changed.wait_for(lambda: (self._waiting and self._has_lane()) or self._closing.is_set())
            if self._closing.is_set():
                return None
            job = self._waiting.popleft()
            job.move("take")
            self._tell_places()
            return job

    def _write(self, job: Job) -> None:
        """Write one story to its end or its pause, whatever happens."""
        broken, begun, had = False, time.monotonic(), (job.record.thinking_tokens, job.record.story_tokens)
        try:
            broken = self._turn(job)
        except BaseException as error:
            log_bug(log, f"Story {job.record.id} failed", error)
        with self._changed:
            late = job.halt.finish if not job.record.rests and not job.wanted else None
            if late:
                job.tell(late)  # stopped after its segment's end, when no engine was left to obey
            ended = job.look()  # from here on another worker may have it
            job.move(letting_go(job.record.finish, len(job.record.story) > 0))
            self._go_on_if_wanted(job)
            self._tell_places()
            self._changed.notify_all()
        if late:
            self._shelf.save(job)
        self.figures.ended(ended, *had, since(begun))
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
        events = self.engine.write(job.record.request, job.record.resume_point(), job.halt.event)
        while event := job.context.run(next, events, None):
            if not isinstance(event, Finish):
                yield event
                continue
            if event.reason == "cancelled" and job.halt.finish:
                event = Finish("segment") if job.wanted else job.halt.finish
            yield event
            job.context.run(next, events, None)  # where it raises GpuBroken after its Finish
            events.close()
            return

    def _save(self, job: Job) -> None:
        """Save the story that this worker is writing."""
        with job.saving:
            job.save(self.library)
        self.measured.add(job.record)

    # --- the keeper's side -------------------------------------------------------------------------------------------

    def _tend(self) -> None:
        """Every second: pause what nobody follows, tell those who wait how long, make up for saves that failed."""
        expired = -float(EXPIRE_SECONDS)
        while not self._closing.wait(TEND_SECONDS):
            try:
                with self._changed:
                    self._hire()
                for job in self._pause_left():
                    self._shelf.save(job)
                self.library.tend()
                self._shelf.save_owed()
                if time.monotonic() - expired >= EXPIRE_SECONDS:
                    expired = time.monotonic()
                    self._shelf.expire()
            except Exception as error:
                log_bug(log, "Tending the stories failed", error)

    def _pause_left(self) -> list[Job]:
        """Pause every story that nobody has followed for too long, or whose page does not ask for its next segment."""
        now = time.monotonic()
        with self._changed:
            left, at_work = [], [job for job in self._shelf.jobs() if job.active and not job.halt.finish]
            for job in at_work:
                if job.seen < now - (self._unfollowed_seconds if job.followed else self._unseen_seconds):
                    job.unseen = not job.followed
                    left.append((job, UNFOLLOWED))
                elif job.phase is Phase.WORKING and job.since < now - self._most_seconds:
                    left.append((job, OVERTIME))
                elif job.phase is Phase.BETWEEN and job.since < now - BETWEEN_SECONDS:
                    left.append((job, LEFT))
            for job, sentence in left:
                self._halt(job, Finish("pause", sentence))
            self._tell_places()
        return [job for job, _ in left]

    # --- helpers -----------------------------------------------------------------------------------------------------

    def _owned(self, story_id: object, key: object) -> Job:
        job = self._shelf.find(story_id)
        if not job.owned_by(key):
            raise UnknownStory(NOT_OWNED)
        return job

    def _require_place(self, visitor: str) -> None:
        self.fair.require_turn(visitor, sum(job.active and job.visitor == visitor for job in self._shelf.jobs()))
        next_turn = self._waiting[0].record.progress if self._waiting else None
        require_place(len(self._waiting), self._queue_size, next_turn.seconds if next_turn else None)

    def _wait_for_its_worker(self, job: Job) -> None:
        """A story's end is told a moment before its worker has let go of it. The lock is held."""
        if job.record.finish:
            self._changed.wait_for(lambda: job.phase is not Phase.WORKING, LET_GO_SECONDS)

    def _halt(self, job: Job, finish: Finish) -> None:
        """End a story's turn with `finish`; one at work says it once its engine has obeyed. The lock is held."""
        job.halt.order(finish)
        if job.phase is Phase.WAITING:
            self._waiting.remove(job)
        if ends_it(job.phase, job.record):
            job.tell(finish)
        job.move("halt")
        self._tell_places()

    def _tell_places(self) -> None:
        """Tell every waiting story how many stand before it, those being written among them, and how long that may take."""
        if self._waiting:
            self._lull.set()
        seconds: list[int] | list[None] = [None] * len(self._waiting)
        if speed := self.measured.speed():
            left = [seconds_left(job.record, speed) for job in self._writing()]
            seconds = waits(
                left, [seconds_left(job.record, speed) for job in self._waiting], min(len(self._workers), self.engine.status().capacity)
            )
        for before, (job, wait) in enumerate(zip(self._waiting, seconds, strict=True), len(self._writing())):
            progress = Progress("queued", before, before + 1, wait)
            if job.record.progress != progress:
                job.tell(progress)

    def _writing(self) -> list[Job]:
        return [job for job in self._shelf.jobs() if job.phase is Phase.WORKING]
