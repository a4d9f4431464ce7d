"""The tools of the Model Context Protocol as an agent reads them: their names, what they are for, what they take and answer.

Knows no runner and no server.
"""

from typing import Any, get_args

from mcp.types import Tool, ToolAnnotations

from ..story.events import Reason
from ..story.record import State
from ..story.request import FIELDS, FORM_NAMES, LIMITS, MAX_PREMISE, Level

Schema = dict[str, Any]
WAIT_SECONDS = 45  # that write_story waits: clients of the protocol give up after sixty
POLLS = "Call get_story at once, then every ten seconds"
INSTRUCTIONS = (
    "Writes fiction of 50 to {most:,} words. A long story takes minutes: call start_story, which answers at once with an id and a key. "
    f"{POLLS}, with the next_offset it gave, until `rests` is true: a story that nobody asks about is paused until somebody does. "
    "`stage` says in words what happens now. Where `state` is paused or interrupted, resume_story goes on from the last word; "
    "stop_story ends it, and keeps what was written; write_on begins another story from any of its paragraphs. "
    "`link` shows the story to a person, while it is being written too. "
    f"write_story waits up to {WAIT_SECONDS} seconds, for short stories. check_request judges a request without running it."
)
ID: Schema = {"type": "string", "minLength": 1, "description": "The id that start_story or write_story gave."}
KEY: Schema = {"type": "string", "minLength": 1, "description": "The key that came with the id; it is the owner's alone."}
OFFSET: Schema = {
    "type": "integer",
    "minimum": 0,
    "default": 0,
    "description": "Characters of the story you have already: the last next_offset.",
}
WITHOUT_GUARD: Schema = {
    "type": "boolean",
    "default": False,
    "description": "Go on with a story that was closed because it went round in circles, from the end of what was left out.",
}
PARENT: Schema = {
    "type": "string",
    "minLength": 1,
    "description": "The id of the story it is written on from: anybody's, finished or not.",
}
PARAGRAPH: Schema = {
    "type": "integer",
    "minimum": 0,
    "description": "The last paragraph that is kept, counted from 1 and without headings; 0 keeps nothing: another version of the request.",
}
_TEXT: Schema = {"type": "string"}
_WHOLE: Schema = {"type": "integer"}
_TRUTH: Schema = {"type": "boolean"}


def tools(most_words: int) -> list[Tool]:
    """All there are, where a story may have `most_words`."""
    request, story = _object(_request(most_words), ["premise"]), _story()
    begun = _object(story | {"key": _TEXT | {"description": "Stops this story and goes on with it; keep it."}}, optional=["reader_count"])
    told, owner = _object(story, optional=["reader_count"]), {"id": ID, "key": KEY}
    return [
        _tool("start_story", f"Start a story of any length and return at once with its id and key. {POLLS}, for its text.", request, begun),
        _tool(
            "get_story",
            "How far a story is, and its text from `offset` on. Ask again every ten seconds until `rests` is true.",
            _object({"id": ID, "offset": OFFSET}, ["id"]), told, reads=True,
        ),
        _tool(
            "stop_story", "Stop a story. What was written is kept, and resume_story goes on with it.",
            _object(owner), told,
        ),
        _tool(
            "resume_story",
            "Go on, from its last word, with a story that was stopped, paused, interrupted or cut off. Then ask get_story as before.",
            _object(owner | {"without_guard": WITHOUT_GUARD}, ["id", "key"]), told,
        ),
        _tool(
            "write_on",
            "Begin a new story with another one up to the end of one of its paragraphs, and return at once with its id and key. What is "
            "not given stays as it was there, and the seed is another. Then ask get_story as after start_story.",
            _object({"id": PARENT, "paragraph": PARAGRAPH} | _settings(), ["id", "paragraph"]), begun,
        ),
        _tool(
            "check_request",
            "Judge a request without running it: what refuses it, advice, the prompt, how many words and seconds to expect.",
            request, _object(_checked()), reads=True,
        ),
        _tool(
            "write_story",
            f"Write a short story and wait for it, up to {WAIT_SECONDS} seconds, with progress on the way. Where `rests` is false then, "
            "it is still being written: ask get_story. Above a few hundred words use start_story.",
            request, begun,
        ),
    ]  # fmt: skip


def _tool(name: str, description: str, takes: Schema, answers: Schema, reads: bool = False) -> Tool:
    title = name.replace("_", " ").capitalize()
    kind = ToolAnnotations(title=title, readOnlyHint=reads, destructiveHint=False, idempotentHint=reads, openWorldHint=False)
    return Tool(name=name, title=title, description=description, inputSchema=takes, outputSchema=answers, annotations=kind)


def _object(properties: Schema, required: list[str] | None = None, optional: list[str] | None = None) -> Schema:
    """A JSON object of these properties and no others; where none are named as `required`, all but the `optional` are."""
    needed = [name for name in properties if name not in (optional or [])] if required is None else required
    return {"type": "object", "properties": properties, "required": needed, "additionalProperties": False}


def _request(most_words: int) -> Schema:
    """The fields of a request with their limits."""
    fields = {name: _number(name) for name in LIMITS}
    about = f"What the story is about, 1 to {MAX_PREMISE:,} characters."
    fields["premise"] = {"type": "string", "minLength": 1, "maxLength": MAX_PREMISE, "description": about}
    forms = "What is written. verbatim sends the premise as the whole prompt, untouched."
    fields["form"] = {"type": "string", "enum": list(FORM_NAMES), "default": FORM_NAMES[0], "description": forms}
    length = f"How long it is to be: {LIMITS['words'].sentence()}, of which this server writes {most_words:,} at most."
    fields["words"] |= {"maximum": min(most_words, int(LIMITS["words"].high)), "description": length}
    return {name: fields[name] for name in FIELDS}


def _settings() -> Schema:
    """Those of sampling, none of which has a default: what is not given is as it was."""
    fields = {name: _number(name) for name in LIMITS if name != "words"}
    return {name: {key: value for key, value in field.items() if key != "default"} for name, field in fields.items()}


def _number(name: str) -> Schema:
    """Where one value is allowed outside the limits, the description alone says that nothing between is."""
    limit = LIMITS[name]
    low = limit.low if limit.also is None else min(limit.low, limit.also)
    kind, description = "integer" if limit.whole else "number", f"{limit.label}: {limit.sentence()}."
    number: Schema = {"type": kind, "minimum": low, "maximum": limit.high, "description": description}
    usual = int(limit.default) if limit.whole else limit.default
    depends = name in ("words", "repetition_penalty")  # on who writes, and on the presence penalty
    return number if depends else number | {"default": usual}


def _findings() -> Schema:
    finding = {"level": _TEXT | {"enum": list(get_args(Level))}, "field": _TEXT, "message": _TEXT}
    return {"type": "array", "items": _object(finding), "description": "What there is to say about the fields of the request."}


def _or_null(kind: Schema) -> Schema:
    return kind | {"type": [kind["type"], "null"]}


def _story() -> Schema:
    """The answer of /get_story, and what an agent needs besides."""
    reasons = _or_null(_TEXT) | {"enum": [*get_args(Reason), None], "description": "How it ended; null while it is being written."}
    counted = {"words": _WHOLE, "characters": _WHOLE, "why": _TEXT}
    return {
        "id": _TEXT,
        "link": _TEXT | {"description": "The story as a page for people, while it is being written too."},
        "state": _TEXT | {"enum": list(get_args(State))},
        "rests": _TRUTH | {"description": "Nothing more comes by itself: no need to ask again."},
        "stage": _TEXT | {"description": "What is happening now, in words."},
        "story": _TEXT | {"description": "The text from `offset` on."},
        "next_offset": _WHOLE | {"description": "What to ask get_story from next, in characters."},
        "taken_back": _WHOLE | {"description": "How often text was taken back. Where it has grown, read the story again from offset 0."},
        "words": _WHOLE,
        "target_words": _WHOLE,
        "length_ratio": {"type": "number"},
        "thinking_tokens": _WHOLE,
        "story_tokens": _WHOLE,
        "tokens_per_second": {"type": "number"},
        "seed": _WHOLE,
        "finish_reason": reasons,
        "findings": _findings(),
        "model": _or_null(_TEXT),
        "written_on_from": _object({"id": _TEXT, "paragraph": _WHOLE, "characters": _WHOLE})
        | {"type": ["object", "null"], "description": "The story it begins with, up to which paragraph, and how many characters that are."},
        "reader_count": _object(counted) | {"description": "The length as a reader of its language counts it, where that is another."},
    }


def _checked() -> Schema:
    """The answer of /check_request, and whether it could run."""
    return {
        "can_run": _TRUTH,
        "findings": _findings(),
        "prompt": _TEXT,
        "prompt_tokens": _or_null(_WHOLE),
        "token_budget": _or_null(_WHOLE),
        "expected_words": _or_null(_WHOLE),
        "expected_seconds": _or_null(_WHOLE),
    }
