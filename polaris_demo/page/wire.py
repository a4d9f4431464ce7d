"""The one vocabulary of the page: every message, action, event and name that Python and the browser's scripts share.

What the scripts hear stands in heard.py. A test reads templates and scripts: a name that only one side knows fails. Knows nothing
of where the values come from.
"""

import json
from typing import Literal, TypedDict, get_args

from ..story import markup
from ..story.request import FIELDS
from ..story.table import FORMULA
from .ideas import IDEAS

WORDS_A_MINUTE = 240  # of a reader of fiction
MOST_STORIES = 200  # in the list of one browser, and in one archive


# --- what the scripts send: anybody may send anything, so every value is still an object ------------------------------


class GoOn(TypedDict, total=False):
    id: object
    key: object
    next: object  # asked by the page itself, between two segments
    without_guard: object


class WriteOn(TypedDict, total=False):
    id: object
    paragraph: object  # the last that is kept, from 1; 0 where it is written anew
    settings: object  # those that are to be others, by name
    times: object


class FormOf(TypedDict, total=False):
    id: object


class LookAgain(TypedDict, total=False):
    """The form is the same, and who writes has changed."""


class Length(TypedDict, total=False):
    """The premise may name one. It is an input: Gradio 6.31 sends an event that has waited for another with that one's data."""


class Hear(TypedDict, total=False):
    """Gradio 6.31 closes its line of answers once all are told, and opens none for what is asked meanwhile: the next event does."""


class Ids(TypedDict, total=False):
    ids: object


class Key(TypedDict, total=False):
    key: object


class Hosting(TypedDict, total=False):
    key: object
    paused: object


class Two(TypedDict, total=False):
    first: object
    second: object


class Choice(TypedDict, total=False):
    choice: object
    reader: object  # a name that the browser makes up


# What goes with an event of EVENTS, or is posted to a path that ends so.
SENT: dict[str, type] = {
    "go_on": GoOn,
    "write_on": WriteOn,
    "form_of": FormOf,
    "length": Length,
    "look_again": LookAgain,
    "hear": Hear,
    "summaries": Ids,
    "host": Hosting,
    "stop": Key,
    "delete": Key,
    "blind": Two,
    "choose": Choice,
}


# --- names -----------------------------------------------------------------------------------------------------------

# A component of ours can say only what Gradio has an event for, so each is used under a name that says what is meant.
Event = Literal["go_on", "write_on", "form_of", "length", "look_again", "hear"]
NEW = "new"  # in place of one: the form's own button was pressed
EVENTS: dict[Event, str] = {
    "go_on": "submit", "write_on": "retry", "form_of": "select", "length": "input", "look_again": "apply", "hear": "undo",
}  # fmt: skip

# What the buttons of a component do (data-do).
ACTIONS = {
    "pane": (
        "stop", "continue", "unguarded", "own", "end", "go-on", "contents", "looks", "listen", "full", "smaller", "larger", "wider",
        "narrower", "light", "dark", "system", "letters", "beginning", "again", "change", "link", "copy", "markdown", "quote", "print",
        "compare", "branch", "spot", "earlier", "later", "close-branch", "notify", "watch", "cite", "delete",
    ),
    "taste": ("read", "another", "results"),
    "gallery": ("more",),
    "shelf": ("continue", "favourite", "more", "rename", "delete", "all", "take", "bring"),
    "beside": ("first", "second", "blind", "other", "close"),
    "blind": ("first", "second", "left", "right", "neither", "link", "csv"),
}  # fmt: skip

# A part is run by the function of its name that main.js exports, and stands in the page under that id.
Part = Literal[
    "header", "hello", "ideas", "dial", "next", "differs", "kinds", "knob", "presets", "promise", "link", "note", "prompt", "code", "shelf",
    "pane", "taste", "gallery", "about", "foot", "beside", "blind",
]  # fmt: skip
PARTS: tuple[Part, ...] = get_args(Part)
# Exported functions that the page's own events run.
Called = Literal["filled", "arrived", "checked", "measured", "unanswered", "unarrived", "unchecked", "unfilled"]
CALLED: tuple[Called, ...] = get_args(Called)

TABS = ("write", "shelf", "results", "about")  # by Gradio's data-tab-id
STORAGE = {
    "stories": "polaris-stories", "names": "polaris-names", "places": "polaris-places", "looks": "polaris-looks", "form": "polaris-form",
    "notify": "polaris-notify", "entries": "polaris-entries", "choices": "polaris-choices",
    "seen": "polaris-seen",
}  # fmt: skip
DATA = {  # attributes of html that scripts set and styles follow
    "view": ("ask", "story", "beside", "blind", "tab", "embed"),
    "stage": ("planning", "writing", "rests", "none"),
    "own": ("yes", "no"),
    "live": ("yes", "no"),  # one's own is being written
    "full": ("yes", "no"),
    "asked": ("light", "dark"),
}
ADDRESS = "ADDRESS"  # stands in code to copy for where the page itself is
NOW = "now"  # the element that holds the server's Status as it was when the page was served
MARKS = {  # a story's, as story/markup.py knows them
    "alone": markup.BREAKS_ALONE, "by_threes": markup.BREAKS_BY_THREES, "blank": markup.BLANK, "most_fenced": markup.MOST_FENCED,
}  # fmt: skip
STAR_TOKENS, STARS = 440, 7  # seven times 440 is about the planning that its training did not punish (card.THINKING_SOFT_CAP)


def module() -> str:
    """What the scripts are given of this, as a module that exports each by its name."""
    given = {
        "events": EVENTS, "fields": FIELDS, "storage": STORAGE, "tabs": TABS, "address": ADDRESS, "marks": MARKS,
        "star_tokens": STAR_TOKENS, "stars": STARS, "words_a_minute": WORDS_A_MINUTE, "most_stories": MOST_STORIES, "ideas": IDEAS,
        "formula": FORMULA, "new_story": NEW,
    }  # fmt: skip
    return "".join(f"export const {name} = {json.dumps(value)};\n" for name, value in given.items())
