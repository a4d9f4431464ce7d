"""The stories of this server by id: those at work and those lately asked for in memory, all others in the library."""

import threading
from collections import OrderedDict
from collections.abc import Collection

from ..errors import CannotDelete, UnknownStory
from ..story.colophon import change
from ..story.events import Finish
from ..story.exports import title
from ..story.record import UNFINISHED, StoryRecord
from . import clock
from .job import Job, Saved
from .library import Library
from .lifecycle import Phase, at_rest, resumable
from .saved import SavedStory, Summary

KEPT = 200  # stories at rest kept in memory
MOST_SUMMARIES = 200  # in one list
UNFORESEEN = "The story stopped with an error nobody foresaw. What was written is kept; writing again may work."
UNFOLLOWED = "Nobody was following this story, so it was paused to free its place. Continue goes on with it."
OVERTIME = "This story was written for as long as one may be at a time on this server, so it was paused. Continue goes on with it."
LEFT = "The page that asked for this story was no longer there to go on with it, so it was paused. Continue goes on with it."
INTERRUPTED = "The server stopped while this story was being written. What was written is here, and Continue goes on from there."
NOT_FOLDED = "Only a story that was closed where it began to go round in circles can go on without the guard, from there."
UNKNOWN = "There is no story with this id here: it has expired or was deleted, or the address is mistyped."


class Shelf:
    """Finds, saves and lets go of stories. `lock` guards what is in memory; it is taken after a job's `saving`, never before."""

    def __init__(self, library: Library, lock: threading.Condition) -> None:
        self._library, self._lock = library, lock
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._deletions = 0
        library.interrupt(UNFINISHED)

    def jobs(self) -> Collection[Job]:
        """Those in memory, as they are now."""
        return list(self._jobs.values())

    def put(self, job: Job) -> Job:
        """Have a story in memory, at least as long as it is active; the job that is there already, where one is. The lock is held."""
        self._forget_old()
        return self._jobs.setdefault(job.record.id, job)

    def holds(self, job: Job) -> bool:
        """This very job is still the one in memory under its id."""
        return self._jobs.get(job.record.id) is job

    def find(self, story_id: object) -> Job:
        """Raises UnknownStory, and CannotRead where nobody knows whether it is here."""
        if not isinstance(story_id, str) or not story_id.isascii():
            raise UnknownStory(UNKNOWN)
        job = self._jobs.get(story_id) or self._from_library(story_id)
        if job.phase is Phase.DELETED:
            raise UnknownStory(UNKNOWN)
        return job

    def save(self, job: Job) -> None:
        """Save a story, unless it is at work: then its worker does."""
        with job.saving:
            with self._lock:
                if job.phase is Phase.WORKING:
                    return
            job.save(self._library)

    def save_owed(self) -> None:
        """Try again what could not be saved when its story ended, and save what was kept in a file that is gone."""
        for job in self.jobs():
            if job.owed or job.saved.generation != self._library.generation:
                self.save(job)

    def delete(self, job: Job) -> None:
        """Let go of a story for good. Raises CannotDelete."""
        with job.saving:
            if not self._library.delete(job.record.id):
                raise CannotDelete("This server cannot change what it keeps just now, so the story is still here. Try again later.")
            with self._lock:
                job.move("delete")
                self._lock.notify_all()
        self._drop([job.record.id])

    def expire(self) -> None:
        """Let go of what is past its days."""
        self._drop(self._library.expire(clock.now(), [job.record.id for job in self.jobs() if job.active]))

    def summaries(self, ids: object) -> list[Summary]:
        """What a list shows of stories; ids of stories that are not here, or that are no ids, are left out. Raises CannotRead."""
        wanted = [i for i in ids if isinstance(i, str) and i.isascii()] if isinstance(ids, list | tuple) else []
        wanted = list(dict.fromkeys(wanted))[:MOST_SUMMARIES]
        found = self._library.summaries([story_id for story_id in wanted if story_id not in self._jobs])
        summaries = []
        for story_id in wanted:
            try:
                summaries.append(found.get(story_id) or self._summary(self.find(story_id)))
            except UnknownStory:
                continue
        return summaries

    def _summary(self, job: Job) -> Summary:
        record = job.record
        expires, asked = self._library.expires(record.id, job.saved.at), record.request
        about = (record.id, title(record), record.words, record.state, record.created, expires, asked.premise, asked.words)
        parent = record.parent.story if record.parent else ""
        return Summary(*about, record.rests, resumable(record), record.finish.reason if record.finish else None, parent, change(record))

    def _from_library(self, story_id: str) -> Job:
        """A story at rest. Read again where something was deleted meanwhile: it might have been this one."""
        while True:
            deletions, saved = self._deletions, self._library.load(story_id)
            if saved is None:
                raise UnknownStory(UNKNOWN)
            record = _restored(saved)
            sizes = len(record.story), len(record.thinking), len(record.token_ids)
            kept = Saved(*sizes, record.cuts, self._library.generation, saved.updated)
            job = Job(record, "", saved.key_hash, at_rest(record), unseen=bool(saved.about.get("unseen")), saved=kept)
            with self._lock:
                if self._deletions == deletions:
                    return self.put(job)

    def _drop(self, ids: Collection[str]) -> None:
        with self._lock:
            self._deletions += len(ids)
            for story_id in ids:
                self._jobs.pop(story_id, None)

    def _forget_old(self) -> None:
        at_rest = [story_id for story_id, job in self._jobs.items() if not job.active and not job.owed]
        for story_id in at_rest[: max(0, len(at_rest) - KEPT + 1)]:
            del self._jobs[story_id]


def _restored(saved: SavedStory) -> StoryRecord:
    """The record of a story that nobody writes: what was at work was interrupted, what waited for its next segment was left."""
    state = "interrupted" if saved.state in UNFINISHED else saved.state
    record = StoryRecord.restore(saved.id, state, saved.about, saved.text, saved.token_ids, saved.thinking)  # type: ignore[arg-type]
    if record.state == "interrupted":
        record.finish = Finish("pause", INTERRUPTED)
        record.cut_to = (*record.cut_to, len(record.story))  # a reader may have read on, into what was not saved any more
    elif record.finish and record.finish.reason == "segment":  # so was a pause called that had a sentence
        record.finish = Finish("pause", record.finish.message or LEFT)
    return record
