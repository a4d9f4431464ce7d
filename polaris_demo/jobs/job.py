"""A story on this server: its record, its phase, and what of it the library has."""

import contextvars
import math
import secrets
import threading
import time
from dataclasses import dataclass, field

from ..story.events import Event, Finish
from ..story.exports import title
from ..story.record import StoryRecord
from . import clock
from .library import Library
from .lifecycle import ACTIVE, Phase, Step, leads
from .saved import SavedStory, hash_key

TITLE_WITHIN = 500  # characters; a longer first line is no title


@dataclass(frozen=True)
class Saved:
    """What the library has of a story: characters of it and of its thinking, tokens, after how many cuts, in which file, and since when.

    `at` is by the clock on the wall, `steady` by this process's own; minus infinity where another process saved it.
    """

    characters: int = 0
    thinking: int = 0
    tokens: int = 0
    cuts: int = 0
    generation: int = 0
    at: float = 0.0
    steady: float = -math.inf


class Halt:
    """The order to end a story's turn, and how it ends once the engine has obeyed `event`."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.finish: Finish | None = None

    def order(self, finish: Finish) -> None:
        self.finish = finish
        self.event.set()


@dataclass(eq=False)
class Job:
    """A story and what only its owner may use: the key. A story from the library has no key, only its hash.

    `visitor` is whom the story counts for. `context` is that of the owner's latest request, for as long as the story is
    active: a lent GPU is asked for in the owner's name. `seen` is when somebody last followed it, or it was asked for,
    `followed` whether anybody has since then, `unseen` that it was paused because nobody had, `since` when its phase began
    (monotonic clock). While it is `deleting`, its followers hear nothing: that it is stopped first would be the last they
    hear. Locks are taken in this order: `saving`, the runner's, `folding`.
    """

    record: StoryRecord
    key: str = field(repr=False)
    key_hash: str
    phase: Phase = Phase.WAITING
    context: contextvars.Context = field(default_factory=contextvars.Context)
    visitor: str = field(default="", repr=False)
    seen: float = field(default_factory=time.monotonic)
    followed: bool = False
    unseen: bool = False
    since: float = field(default_factory=time.monotonic)
    halt: Halt = field(default_factory=Halt)
    saved: Saved = Saved()
    owed: bool = False
    deleting: bool = False
    saving: threading.Lock = field(default_factory=threading.Lock)
    folding: threading.Lock = field(default_factory=threading.Lock)

    @property
    def active(self) -> bool:
        """It waits, is being written, or is between two segments."""
        return self.phase in ACTIVE

    @property
    def wanted(self) -> bool:
        """It was paused, or is to be, because nobody had come, and now somebody has."""
        return self.unseen and self.followed

    def follow(self) -> None:
        """Somebody reads it."""
        self.seen, self.followed = time.monotonic(), True

    def move(self, step: Step) -> None:
        """Take a step of the table. The runner's lock is held. Raises NoSuchStep."""
        after = leads(self.phase, step)
        if after is not self.phase:
            self.phase, self.since = after, time.monotonic()
        if not self.active:
            self.context = contextvars.Context()  # a request has much of the web server's with it

    def tell(self, event: Event) -> None:
        """Fold an event into the record."""
        with self.folding:
            now = clock.now()
            self.record.apply(event, now.wall, now.steady)

    def look(self) -> StoryRecord:
        """The record at this moment."""
        with self.folding:
            return self.record.look()

    def owned_by(self, key: object) -> bool:
        """This is the key that was given out with the story."""
        return isinstance(key, str) and secrets.compare_digest(self.key_hash, hash_key(key))

    def begin_again(self, visitor: str, without_guard: bool = False) -> None:
        """Make ready for another turn, in the name of whoever asks for it now."""
        self.context, self.visitor = contextvars.copy_context(), visitor or self.visitor
        self.seen, self.followed, self.unseen = time.monotonic(), False, False
        self.halt = Halt()
        with self.folding:
            self.record.resume(without_guard)

    def save(self, library: Library) -> None:
        """Hand the library what it does not have yet. `saving` is held, and while the story is at work only its worker may.

        Text and tokens are taken between two events, so that a resume point never has the one without the other.
        """
        if self.phase is Phase.DELETED:
            return
        record, before = self.look(), self.saved
        anew = record.cuts != before.cuts or len(record.token_ids) < before.tokens or before.generation != library.generation
        before = Saved() if anew else before
        text, end = record.story.since(before.characters)
        thinking, thought = record.thinking.since(before.thinking)
        new = tuple(record.token_ids[before.tokens :])
        heading = title(record) if before.characters < TITLE_WITHIN else None
        about, now = record.about() | ({"unseen": True} if self.unseen else {}), clock.now()
        self.saved = Saved(end, thought, before.tokens + len(new), record.cuts, library.generation, now.wall, now.steady)
        state, words = record.state, record.words
        story = SavedStory(record.id, self.key_hash, state, now.wall, about, text, new, heading, words, thinking, now.steady)
        self.owed = not library.save(story, anew=anew)
