"""How a story is followed: piece by piece, each of one moment, until it rests. Whoever follows or leaves changes nothing."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from ..errors import UnknownStory
from ..story.record import StoryRecord
from .lifecycle import Phase
from .shelf import UNKNOWN, Shelf

POLL_SECONDS = 0.1  # followers look this often, so a page gets at most ten updates a second
HEARTBEAT_SECONDS = 1.0  # a follower that says nothing cannot notice that its visitor has gone


@dataclass(frozen=True)
class Piece:
    """What a follower gets: a look at the record, and its text from `offset` to `end`, the look's last character.

    All of it is of one moment: where the look says that the story rests, the text is whole. An `offset` before the last
    piece's `end` means that what was read from there on does not stand any more.
    """

    record: StoryRecord
    offset: int
    end: int
    text: str


async def follow(shelf: Shelf, story_id: str, offset: int = 0, cuts: int = 0, reads: bool = True) -> AsyncIterator[Piece]:
    """The story from `offset` (in characters) on, until it rests: the last piece says so, with the whole text.

    `cuts` is how often the story had been cut when it was read up to `offset`. Who only waits for its end, and does not say
    that anybody `reads` it, holds no place for it. Yields at least once a second. Raises
    UnknownStory.
    """
    job = await asyncio.to_thread(shelf.find, story_id)  # it may have to be read from the disk
    version, said = -1, 0.0
    while True:
        if not shelf.holds(job):
            job, version = await asyncio.to_thread(shelf.find, story_id), -1
        if job.phase is Phase.DELETED:
            raise UnknownStory(UNKNOWN)
        if not job.deleting and (job.record.version != version or time.monotonic() - said >= HEARTBEAT_SECONDS):
            if reads:
                job.follow()
            record, said = job.look(), time.monotonic()
            version = record.version
            offset, cuts = min((offset, *record.cut_to[cuts:])), record.cuts
            text = record.story.since(offset)[0]
            yield Piece(record, offset, offset + len(text), text)
            if record.rests:
                return
            offset += len(text)
        await asyncio.sleep(POLL_SECONDS)
