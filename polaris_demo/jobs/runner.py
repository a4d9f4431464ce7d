"""Stories belong to the server: they are queued and written here, by worker threads, whoever is watching.

Visitors submit, follow, stop. A follower that leaves changes nothing; a story that nobody follows for a set time is
stopped. Knows nothing of pages or models.
"""

import asyncio
import contextvars
import logging
import os
import secrets
import sys
import threading
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from ..engine.base import Engine, GpuBroken
from ..errors import Busy, CannotGoOn, RequestRefused, UnknownStory, log_bug
from ..story.events import Finish, Progress
from ..story.prompt import user_message
from ..story.record import UNFINISHED, StoryRecord
from ..story.request import (
    LIMITS,
    TOKENS_PER_WORD,
    Finding,
    StoryRequest,
    beside_errors,
    check,
    errors,
    expected_words,
    read,
    token_budget,
)
from .library import Library, SavedStory, hash_key

POLL_SECONDS = 0.1  # followers look this often, so a page gets at most ten updates a second
HEARTBEAT_SECONDS = 1.0  # a follower that says nothing cannot notice that its visitor has gone
KEPT = 200  # records of ended stories kept in memory; the library has the others
UNFORESEEN = "The story stopped with an error nobody foresaw. What was written is kept; writing again may work."
UNFOLLOWED = "Nobody was following, so the story was stopped to free the place."
INTERRUPTED = "The server stopped while this story was being written. What was written is here, and Continue goes on from there."
SAVE_SECONDS = 0.5
EXPIRE_SECONDS = 3600
log = logging.getLogger(__name__)


def start_anew() -> None:
    """Replace this process by a new one of the same program. A Space whose program exits stays down, so it may not."""
    time.sleep(1)  # long enough for every follower to read the last sentence
    logging.shutdown()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


@dataclass(eq=False)
class Job:
    """A story and what only its owner may use: the key. `seen` is when somebody last followed it.

    `context` is that of the owner's latest request: a lent GPU is asked for in the owner's name. `saved` is how many
    characters and tokens the library has, and when they were saved. A story from the library has no key, only its hash.
    """

    record: StoryRecord
    key: str
    seen: float
    key_hash: str
    context: contextvars.Context
    saved: tuple[int, int, float] = (0, 0, 0.0)
    stop: threading.Event = field(default_factory=threading.Event)
    unfollowed: bool = False
    at_work: bool = False


@dataclass(frozen=True)
class Pace:
    """How the last story went here: tokens per second, and how many it thought."""

    tokens_per_second: float
    thinking_tokens: int


@dataclass(frozen=True)
class Checked:
    """What can be said of a request before it is run. `seconds` is None until a story has been written here."""

    request: StoryRequest | None
    findings: tuple[Finding, ...]
    prompt: str = ""
    prompt_tokens: int | None = None
    words: int | None = None
    seconds: int | None = None

    @property
    def budget(self) -> int | None:
        return token_budget(self.request) if self.request else None

    def refusal(self) -> str:
        return " ".join(finding.message for finding in errors(self.findings))


@dataclass(frozen=True)
class Piece:
    """What a follower gets: the record as it is now, and its text from `offset` to `end`."""

    record: StoryRecord
    offset: int
    end: int
    text: str


class Runner:
    """Queue, workers and followers. `queue_size` stories may wait while `engine.capacity` are written."""

    def __init__(
        self,
        engine: Engine,
        queue_size: int = 12,
        unfollowed_seconds: float = 600,
        max_words: int = 12_000,
        library: Library | None = None,
        start_anew: Callable[[], None] = start_anew,
    ) -> None:
        self._engine, self._queue_size, self._unfollowed_seconds, self._max_words = engine, queue_size, unfollowed_seconds, max_words
        self._start_anew = start_anew
        self._library = library or Library(None)
        self._library.interrupt(UNFINISHED, time.time())
        self._expired = 0.0
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._waiting: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._running = 0
        self._pace: Pace | None = None
        self._workers = [threading.Thread(target=self._work, name=f"writer-{i}", daemon=True) for i in range(engine.capacity)]
        for worker in self._workers:
            worker.start()

    @property
    def engine(self) -> Engine:
        return self._engine

    @property
    def default_words(self) -> int:
        """The length a visitor starts from: the usual one, or the longest this server or its engine can do at once."""
        return min(int(LIMITS["words"].default), self._max_words, getattr(self._engine, "words_at_once", self._max_words))

    def check(self, raw: Mapping[str, object]) -> Checked:
        """Everything there is to say about raw values, without running anything."""
        request, findings = read(raw)
        if request is None:
            return Checked(None, findings + beside_errors(raw, findings, self._engine.writer))
        rendered = self._engine.prompt(request)
        prompt, tokens = rendered if rendered else (user_message(request), None)
        findings = check(request, self._engine.writer, tokens, self._max_words)
        return Checked(request, findings, prompt, tokens, expected_words(request, self._engine.writer), self._seconds(request))

    def submit(self, raw: Mapping[str, object]) -> Job:
        """Queue a story. Raises RequestRefused or Busy, each with a sentence."""
        checked = self.check(raw)
        if checked.request is None or errors(checked.findings):
            raise RequestRefused(checked.refusal())
        request = checked.request
        if request.sampling.seed < 0:
            request = request.with_seed(secrets.randbelow(2**32))
        record = StoryRecord(secrets.token_urlsafe(12), request, checked.findings, created=time.time(), writer=self._engine.writer)
        key = secrets.token_urlsafe(24)
        job = Job(record, key, time.monotonic(), hash_key(key), contextvars.copy_context())
        self._save(job)
        with self._changed:
            self._require_place()
            self._forget_old()
            self._jobs[record.id] = job
            self._waiting.append(job)
            self._tell_places()
            self._changed.notify()
        return job

    @property
    def library(self) -> Library:
        return self._library

    def get(self, story_id: str) -> StoryRecord:
        """The record of a story; reading it counts as following. Raises UnknownStory."""
        job = self._job(story_id)
        job.seen = time.monotonic()
        return job.record

    def stop(self, story_id: str, key: str) -> StoryRecord:
        """Stop a story; harmless where it is over. Raises UnknownStory without the right key."""
        job = self._owned(story_id, key)
        self._stop(job)
        if not job.at_work:
            self._save(job)
        return job.record

    def resume(self, story_id: str, key: str) -> StoryRecord:
        """Go on with a story that was paused, stopped, cut or interrupted, from its last token; harmless while it is written.

        A story between two segments keeps its turn. Raises UnknownStory without the right key, CannotGoOn, Busy.
        """
        job = self._owned(story_id, key)
        with self._changed:
            if not job.at_work and job not in self._waiting:
                if not job.record.resumable:
                    raise CannotGoOn("The model ended this story itself, so there is nothing to go on with.")
                own_turn = job.record.state == "paused" and not job.record.resting
                if not own_turn:
                    self._require_place()
                job.context, job.stop, job.unfollowed, job.seen = contextvars.copy_context(), threading.Event(), False, time.monotonic()
                job.record.resume()
                (self._waiting.appendleft if own_turn else self._waiting.append)(job)
                self._tell_places()
                self._changed.notify()
        return job.record

    async def follow(self, story_id: str, offset: int = 0) -> AsyncIterator[Piece]:
        """The story from `offset` (in characters) on, piece by piece, until it is over.

        Yields at least once a second. Any number may follow one story. Raises UnknownStory.
        """
        record, version, said = self.get(story_id), -1, 0.0
        while True:
            over, changed = record.over, record.version != version
            if over or changed or time.monotonic() - said >= HEARTBEAT_SECONDS:
                self.get(story_id)
                version, said = record.version, time.monotonic()
                text, end = record.story.since(offset)
                yield Piece(record, offset, end, text)
                offset = end
            if over:
                return
            await asyncio.sleep(POLL_SECONDS)

    def close(self) -> None:
        """Stop every story and every worker."""
        with self._changed:
            self._closing = True
            for job in self._jobs.values():
                self._stop_locked(job)
            self._changed.notify_all()
        for worker in self._workers:
            worker.join(timeout=10)

    # --- the workers' side -------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while job := self._next():
            self._write(job)

    def _next(self) -> Job | None:
        with self._changed:
            while not self._closing:
                self._stop_unfollowed()
                self._expire()
                if self._waiting:
                    job = self._waiting.popleft()
                    self._running += 1
                    job.at_work = True
                    self._tell_places()
                    return job
                self._changed.wait(timeout=1.0)
        return None

    def _write(self, job: Job) -> None:
        """Write one story to its end or its pause, whatever happens."""
        record, broken = job.record, False
        events = self._engine.write(record.request, tuple(record.token_ids), job.stop)
        try:
            while event := job.context.run(next, events, None):
                record.writer = record.writer or self._engine.writer
                if isinstance(event, Finish) and event.reason == "cancelled" and job.unfollowed:
                    event = Finish("cancelled", UNFOLLOWED)
                record.apply(event, time.time())
                if time.time() - job.saved[2] >= SAVE_SECONDS:
                    self._save(job)
                with self._changed:
                    self._stop_unfollowed()
        except GpuBroken:
            broken = True
        except Exception as error:
            log_bug(log, f"Story {record.id} failed", error)
            record.apply(Finish("error", UNFORESEEN), time.time())
        if not record.over and record.state != "paused":
            record.apply(Finish("error", UNFORESEEN), time.time())
        self._save(job)
        with self._changed:
            self._running -= 1
            job.at_work = False
            if record.tokens_per_second:
                self._pace = Pace(record.tokens_per_second, record.thinking_tokens)
            self._tell_places()
        if broken:
            log.error("The GPU of this process is broken, so the process starts anew")
            self._start_anew()

    def _stop_unfollowed(self) -> None:
        """Stop every story that nobody has followed for too long. The lock is held."""
        latest = time.monotonic() - self._unfollowed_seconds
        for job in [j for j in self._jobs.values() if not j.record.over and j.seen < latest]:
            job.unfollowed = True
            self._stop_locked(job)

    def _seconds(self, request: StoryRequest) -> int | None:
        """How long this story would take at the last story's pace; queueing aside."""
        if self._pace is None:
            return None
        tokens = TOKENS_PER_WORD * request.words + self._pace.thinking_tokens
        return round(min(tokens, token_budget(request)) / self._pace.tokens_per_second)

    # --- helpers -----------------------------------------------------------------------------------------------------

    def _job(self, story_id: str) -> Job:
        job = self._jobs.get(story_id) if isinstance(story_id, str) else None
        return job or self._from_library(story_id)

    def _from_library(self, story_id: str) -> Job:
        saved = self._library.load(story_id) if isinstance(story_id, str) else None
        if saved is None:
            raise UnknownStory("There is no story with this id here: it has expired or was deleted, or the address is mistyped.")
        record = StoryRecord.restore(saved.id, saved.state, saved.about, saved.text, saved.token_ids)  # type: ignore[arg-type]
        if record.state == "interrupted":
            record.finish = Finish("error", INTERRUPTED)
        job = Job(record, "", time.monotonic(), saved.key_hash, contextvars.copy_context())
        job.saved = (len(record.story), len(record.token_ids), time.time())
        with self._changed:
            return self._jobs.setdefault(saved.id, job)

    def _save(self, job: Job) -> None:
        """Hand the library what it does not have yet; while a story is at work, only its worker may."""
        record, (characters, tokens, _) = job.record, job.saved
        text, end = record.story.since(characters)
        new = tuple(record.token_ids[tokens:])
        job.saved = (end, tokens + len(new), time.time())
        self._library.save(SavedStory(record.id, job.key_hash, record.state, time.time(), record.about(), text, new))

    def _expire(self) -> None:
        """Once an hour, let go of what is past its days. The lock is held."""
        if time.monotonic() - self._expired >= EXPIRE_SECONDS:
            self._expired = time.monotonic()
            self._library.expire(time.time(), [story_id for story_id, job in self._jobs.items() if not job.record.over])

    def _owned(self, story_id: str, key: str) -> Job:
        job = self._job(story_id)
        if not isinstance(key, str) or not secrets.compare_digest(job.key_hash, hash_key(key)):
            raise UnknownStory("This key does not belong to this story. Only whoever started a story can stop it or go on with it.")
        return job

    def _require_place(self) -> None:
        if len(self._waiting) >= self._queue_size:
            raise Busy(f"All {self._queue_size} places in the queue are taken. Try again in a few minutes.")

    def _stop(self, job: Job) -> None:
        with self._changed:
            self._stop_locked(job)

    def _stop_locked(self, job: Job) -> None:
        job.stop.set()
        waiting = job in self._waiting
        if waiting:
            self._waiting.remove(job)
        if waiting or (job.record.state == "paused" and not job.at_work and not job.unfollowed):
            job.record.apply(Finish("cancelled", UNFOLLOWED if job.unfollowed else ""), time.time())
            self._tell_places()

    def _tell_places(self) -> None:
        """Tell every waiting story how many stand before it, those being written among them."""
        for waiting_before, job in enumerate(self._waiting):
            before = waiting_before + self._running
            job.record.apply(Progress("queued", before, before + 1), time.time())

    def _forget_old(self) -> None:
        over = [story_id for story_id, job in self._jobs.items() if job.record.over or job.record.state == "paused"]
        for story_id in over[: max(0, len(over) - KEPT + 1)]:
            del self._jobs[story_id]
