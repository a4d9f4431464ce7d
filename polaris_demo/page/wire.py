"""The one vocabulary of the page: every message, action, event and name that Python and the browser's scripts share.

A script names a variable after the message it holds (`update.words`; HEARD says which names there are), and a test reads
templates and scripts by that: a name that only one side knows fails. Knows nothing of where the values come from.
"""

import json
from collections.abc import Sequence
from typing import Literal, NotRequired, TypedDict, get_args

from ..story import markup
from ..story.request import FIELDS

Rows = list[list[str]]  # label and text
Map = list[tuple[int, float]]  # for each paragraph its characters and how much of it repeats, 0 to 1


# --- what the scripts hear -------------------------------------------------------------------------------------------


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
    by: str  # who writes where that is not POLARIS-9B
    words: int
    stage: str
    meter: float | None  # 0 to 1; None where there is no honest measure
    asides: list[Aside]


class Rest(TypedDict):
    """What is added once a story rests."""

    resumable: bool
    folded: bool  # it can also be gone on with from the end of its last aside, without the guard
    ended: str
    failed: bool
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
    key: NotRequired[str]
    turn: NotRequired[int]


class Status(TypedDict):
    """Who writes here, or what loading is doing. `home` is the address that links lead to; empty: this page's own.

    `words` is the length a visitor starts from.
    """

    badge: str
    preview: bool
    why: str
    ready: bool
    home: str
    words: int


class Note(TypedDict):
    """What there is to say of a field."""

    level: str
    message: str


class Fit(TypedDict):
    """The longest story that fits the day of one kind of visitor; 0 words where none does."""

    who: str
    words: int


class Dial(TypedDict):
    """What to expect of a length."""

    lines: list[str]
    fits: list[Fit]


class Prompt(TypedDict):
    """The prompt the model gets."""

    prompt: str
    about: str


class Code(TypedDict):
    """The request as code: pairs of kind and code."""

    code: list[tuple[str, str]]
    about: str


class Summary(TypedDict):
    """A story in the list of a browser's stories."""

    id: str
    title: str
    about: str


class Summaries(TypedDict):
    stories: list[Summary]


class Host(TypedDict):
    paused: bool  # no new story may begin


class Acted(TypedDict):
    done: bool


class Recording(TypedDict):
    """What is said of a recorded story before its text is asked for."""

    name: str
    premise: str
    line: str
    asked: int
    counts: Rows


class Recordings(TypedDict):
    recordings: list[Recording]


class Whole(TypedDict):
    """A recorded story: its text, and its pace as pairs of seconds and the characters there were by then."""

    text: str
    pace: Sequence[tuple[float, int]]
    map: Map


# What a script's variable of this name holds.
HEARD: dict[str, tuple[type, ...]] = {
    "update": (Text, Going, Rest),
    "aside": (Aside,),
    "gone": (Refused,),
    "opened": (Opened, Refused),
    "status": (Status,),
    "note": (Note,),
    "dial": (Dial,),
    "fit": (Fit,),
    "prompt": (Prompt,),
    "code": (Code,),
    "summaries": (Summaries, Refused),
    "summary": (Summary,),
    "host": (Host, Refused),
    "acted": (Acted, Refused),
    "recordings": (Recordings,),
    "recording": (Recording,),
    "whole": (Whole,),
}
UNREAD = {("opened", "turn")}  # see there


# --- what the scripts send: anybody may send anything, so every value is still an object ------------------------------


class GoOn(TypedDict, total=False):
    id: object
    key: object
    next: object  # asked by the page itself, between two segments
    without_guard: object


class FormOf(TypedDict, total=False):
    id: object


class Example(TypedDict, total=False):
    index: object


class Length(TypedDict, total=False):
    premise: object


class Ids(TypedDict, total=False):
    ids: object


class Key(TypedDict, total=False):
    key: object


class Hosting(TypedDict, total=False):
    key: object
    paused: object


# What goes with an event of EVENTS, or is posted to a path that ends so.
SENT: dict[str, type] = {
    "go_on": GoOn,
    "form_of": FormOf,
    "example": Example,
    "length": Length,
    "summaries": Ids,
    "host": Hosting,
    "stop": Key,
    "delete": Key,
}


# --- names -----------------------------------------------------------------------------------------------------------

# A component of ours can say only what Gradio has an event for, so each is used under a name that says what is meant.
Event = Literal["go_on", "form_of", "example", "length"]
EVENTS: dict[Event, str] = {"go_on": "submit", "form_of": "select", "example": "click", "length": "input"}

# What the buttons of a component do (data-do).
ACTIONS = {
    "pane": (
        "stop", "smaller", "larger", "full", "jump", "continue", "unguarded", "copy", "markdown", "link", "again", "change", "results",
        "cite", "delete",
    ),
    "replay": ("play", "skip"),
}  # fmt: skip

# A part is run by the scripts' function of its name, and stands in the page under that id.
Part = Literal[
    "header", "chips", "dial", "range", "presets", "promise", "link", "note", "prompt", "code", "shelf", "pane", "replay", "about", "foot",
]  # fmt: skip
PARTS: tuple[Part, ...] = get_args(Part)
CALLED = ("stop", "filled", "arrived")  # functions of the scripts that the page's own events run

READY = "polaris-ready"  # said on the window once all of the scripts have run

IDS = ("embed", "premise", "words", "write", "stop", "tabs")  # elements that scripts look up by name; beside them each field's
RESULTS = "results"  # the tab, by Gradio's data-tab-id
STORAGE = {"stories": "polaris-stories", "size": "polaris-size", "form": "polaris-form"}
DATA = {  # attributes of body (view: also of html) that scripts set and styles follow
    "story": ("live", "rests"),
    "own": ("yes", "no"),
    "view": ("story", "embed"),
    "reading": ("yes", "no"),
}
ADDRESS = "ADDRESS"  # stands in code to copy for where the page itself is
MARKS = {  # a story's, as story/markup.py knows them
    "alone": markup.BREAKS_ALONE, "by_threes": markup.BREAKS_BY_THREES, "blank": markup.BLANK, "most_fenced": markup.MOST_FENCED,
}  # fmt: skip
TYPED = tuple(name for name in FIELDS if name != "form")  # fields whose box says their value; a list's says what it is called


def head() -> str:
    """What the scripts are given of this, as the script that runs before them."""
    given = {"events": EVENTS, "fields": TYPED, "storage": STORAGE, "results": RESULTS, "address": ADDRESS, "ready": READY, "marks": MARKS}
    return f"window.polaris = {{ wire: {json.dumps(given)} }};\n"
