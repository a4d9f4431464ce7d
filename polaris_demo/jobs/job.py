"""A story at work or at rest on this server, and what of it the library has."""

import contextvars
import secrets
import threading
import time
from dataclasses import dataclass, field

from ..story.events import Finish
from ..story.exports import title
from ..story.record import StoryRecord
from .library import Library, SavedStory, hash_key

TITLE_WITHIN = 500  # characters; a longer first line is no title


@dataclass(frozen=True)
class Saved:
    """How many characters and tokens of a story the library has, and since when (in seconds since the epoch)."""

    characters: int = 0
    tokens: int = 0
    at: float = 0.0


@dataclass(frozen=True)
class Piece:
    """What a follower gets: the record as it is now, and its text from `offset` to `end`."""

    record: StoryRecord
    offset: int
    end: int
    text: str


@dataclass(eq=False)
class Job:
    """A story and what only its owner may use: the key. A story from the library has no key, only its hash.

    `visitor` is whom the story counts for. `context` is that of the owner's latest request: a lent GPU is asked for in
    the owner's name. `seen` is when somebody last followed it, `let_go` when its worker last left it (monotonic clock).
    `halted` is how the story ends or pauses once the engine has obeyed `stop`.
    """

    record: StoryRecord
    key: str = field(repr=False)
    key_hash: str
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    visitor: str = field(default="", repr=False)
    seen: float = field(default_factory=time.monotonic)
    let_go: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)
    halted: Finish | None = None
    at_work: bool = False
    deleted: bool = False
    saved: Saved = Saved()
    owed: bool = False
    saving: threading.Lock = field(default_factory=threading.Lock)

    @property
    def active(self) -> bool:
        """It waits, is being written, or is between two segments."""
        return self.at_work or not self.record.resting

    def owned_by(self, key: object) -> bool:
        """This is the key that was given out with the story."""
        return isinstance(key, str) and secrets.compare_digest(self.key_hash, hash_key(key))

    def begin_again(self, visitor: str) -> None:
        """Make ready for another turn, in the name of whoever asks for it now."""
        self.context, self.visitor, self.seen = contextvars.copy_context(), visitor or self.visitor, time.monotonic()
        self.stop, self.halted = threading.Event(), None
        self.record.resume()

    def save(self, library: Library) -> None:
        """Hand the library what it does not have yet. `saving` is held, and while the story is at work only its worker may.

        Text and tokens are taken between two events, so that a resume point never has the one without the other.
        """
        if self.deleted:
            return
        record, before = self.record, self.saved
        shorter = len(record.token_ids) < before.tokens or len(record.story) < before.characters
        before = Saved() if shorter else before  # a loop was cut off: everything is saved anew
        text, end = record.story.since(before.characters)
        new = tuple(record.token_ids[before.tokens :])
        heading = title(record) if before.characters < TITLE_WITHIN else None
        self.saved = Saved(end, before.tokens + len(new), time.time())
        about, at = record.about(), self.saved.at
        story = SavedStory(record.id, self.key_hash, record.state, at, about, text, new, heading, record.words)
        self.owed = not library.save(story, anew=shorter)
