"""What the scripts hear: every message of Python's, key by key. Part of the vocabulary in wire.py, and read by the same test.

A script names a variable after the message it holds (`update.words`); HEARD says which names there are.
"""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

Rows = list[list[str]]  # label and text
Map = list[tuple[int, float]]  # for each paragraph its characters and how much of it repeats, 0 to 1


class Text(TypedDict):
    """The story's newest text. Without `off` (in characters) it follows what came before; with it, text beyond `off` goes."""

    off: NotRequired[int]
    t: NotRequired[str]


class Aside(TypedDict):
    """A passage that stands folded in the story, after its first `at` characters."""

    at: int
    words: int
    text: str


class Going(TypedDict):
    """A story on its way, beside its text. Sent whole at first, then only what differs from what was told before."""

    state: str
    rests: bool  # nothing more comes by itself
    again: bool  # its next segment waits to be asked for
    turn: int  # how often it was gone on with
    cuts: int  # how often text was taken back
    asides: list[Aside]
    kind: str  # "A story about", which the premise goes on; empty where it stands alone
    premise: str
    asked: int  # words
    sampling: dict[str, float]  # by name, with the seed it has now
    parent: str  # the id of what it was written on from; empty where it was begun from nothing
    descent: str  # the same as a sentence
    byline: str
    writer: str
    how: str  # how it plans
    words: int
    stage: str  # what is happening, in a word or two
    far: str  # how far it is
    left: str  # and how long it may still take
    star: float  # where the star stands on the line, 0 to 1
    thought: int  # tokens of planning
    plans: str  # how long the last plans took here
    leave: str  # what becomes of it while its owner is away


class Rest(TypedDict):
    """What is added once a story rests."""

    resumable: bool
    folded: bool  # it can also be gone on with from the end of its last aside, without the guard
    ended: str
    said: str  # what was asked for and what came of it, after "You" or "Somebody"
    band: tuple[int, int]  # words within which it is on target
    repeats: str
    stamp: Rows
    details: Rows
    prompt: str
    cite: str
    map: Map


class Refused(TypedDict):
    """Why something asked for is not done: a sentence."""

    refused: str


class Opened(TypedDict):
    """A story begun or gone on with. `turn` makes two answers differ: Gradio 6.31 tells a script of a value only where it changes."""

    id: str
    of: NotRequired[str]  # the story it was begun from
    key: NotRequired[str]
    turn: NotRequired[int]
    also: NotRequired[list[tuple[str, str]]]  # others that were begun with it: id and key


class RefusedAgain(Refused):
    """What a component of Gradio's is told; `turn` as in Opened."""

    turn: int


class NotOpened(RefusedAgain):
    """No story begins or goes on."""

    of: str  # the story that was asked for more, by its id; empty where a new one was asked for


class Status(TypedDict):
    """Who writes here, or what loading is doing. `home` is the address that links lead to; empty: this page's own.

    `words` is the length a visitor starts from.
    """

    who: str  # begins `lead`; both are empty where POLARIS-9B writes
    lead: str
    why: str  # the reason in full
    preview: bool
    ready: bool
    home: str
    words: int
    at_once: int  # versions of a story that one click may begin


class Fix(TypedDict):
    """A value that mends what is said of a field, as a button."""

    label: str
    field: str
    value: float


class Note(TypedDict):
    """What there is to say of a field."""

    level: str
    message: str
    fixes: list[Fix]


class Fit(TypedDict):
    """The longest story that fits the day of one kind of visitor; 0 words where none does."""

    who: str
    words: int


class Dial(TypedDict):
    """What to expect of a request: three facts, a sentence on its length, one beside the button, and what differs from the usual."""

    facts: Rows
    zone: str  # begins `says`
    says: str
    go: str
    fits: list[Fit]
    differs: str
    wrong: list[str]  # the fields that want a look before anything is written


class Prompt(TypedDict):
    """The prompt the model gets."""

    prompt: str
    about: str


class Code(TypedDict):
    """The request as code: pairs of kind and code."""

    code: list[tuple[str, str]]
    about: str


class Summary(TypedDict):
    """A story in the list of a browser's stories. Moments are seconds since the epoch, and 0 where no right clock said them."""

    id: str
    title: str  # empty where it gave itself none
    premise: str
    begun: float
    live: bool
    resumable: bool
    words: int
    asked: int
    said: str  # beside its line
    kept: float  # until when
    parent: str  # the id of the story it was written on from, or is another version of; empty where it was begun from nothing
    change: str  # where and with what, in words


class Summaries(TypedDict):
    stories: list[Summary]
    kept: str  # a sentence: until when they are kept; empty where there are none


class Host(TypedDict):
    paused: bool  # no new story may begin


class Acted(TypedDict):
    done: bool


class Recording(TypedDict):
    """What is said of a recorded story before its text is asked for."""

    name: str
    title: str
    premise: str
    kind: str  # as of Going
    first: str  # its first lines
    writer: str
    ours: bool  # POLARIS-9B
    by: str  # who wrote it, and whether in one go
    byline: str
    made: str  # by which model, on what and when
    line: str
    asked: int
    words: int
    ratio: str
    counts: Rows


class Recordings(TypedDict):
    recordings: list[Recording]
    more: int  # how many come after these


class Whole(TypedDict):
    """A recorded story: its text, and its pace as pairs of seconds and the characters there were by then."""

    text: str
    pace: Sequence[tuple[float, int]]


class Compared(TypedDict):
    """One of two stories beside each other."""

    label: str  # what was asked for, as far as it is not the other's
    premise: str  # where it is not the other's
    figures: Rows
    band: tuple[int, int] | None  # words within which it is on target, where that says something of its model
    map: Map  # empty before its end


class Contrast(TypedDict):
    """Two stories beside each other, as they are now."""

    kind: str  # as of Going; empty with `premise` where theirs are two
    premise: str
    first: Compared
    second: Compared
    common: int  # characters that both begin with, by their lineage
    begins: str  # what those are


class Pair(TypedDict):
    """Two stories to be read blind, under a name that says nothing of them."""

    name: str


class Sides(TypedDict):
    """What is read blind: two texts, and what was asked for where that is the same of both."""

    kind: str
    premise: str
    left: str
    right: str


class Side(TypedDict):
    """What one of them was."""

    id: str
    title: str
    label: str  # as of Compared
    words: str
    byline: str


class Revealed(TypedDict):
    """What is told once one was chosen."""

    left: Side
    right: Side
    differs: str  # left / right


# What a script's variable of this name holds. A script refuses by itself where something else answers in the server's place.
HEARD: dict[str, tuple[type, ...]] = {
    "update": (Text, Going, Rest),
    "aside": (Aside,),
    "gone": (Refused,),
    "opened": (Opened, NotOpened),
    "status": (Status, Refused),
    "note": (Note,),
    "fix": (Fix,),
    "dial": (Dial, RefusedAgain),
    "fit": (Fit,),
    "prompt": (Prompt,),
    "code": (Code,),
    "summaries": (Summaries, Refused),
    "summary": (Summary,),
    "host": (Host, Refused),
    "acted": (Acted, Refused),
    "recordings": (Recordings, Refused),
    "recording": (Recording,),
    "whole": (Whole,),
    "contrast": (Contrast, Refused),
    "compared": (Compared,),
    "pair": (Pair, Refused),
    "sides": (Sides, Refused),
    "side": (Side,),
    "revealed": (Revealed, Refused),
}
UNREAD = {("opened", "turn"), ("dial", "turn")}  # see there
