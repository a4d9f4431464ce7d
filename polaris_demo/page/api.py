"""The named endpoints for gradio_client and HTTP: signatures and descriptions over the handlers."""

import inspect
from collections.abc import AsyncIterator, Callable
from typing import Any

from gradio.events import api

from ..story.request import FIELDS, FORM_NAMES, LIMITS, MAX_PREMISE
from .handlers import Handlers

Answer = dict[str, Any]
SETTINGS = [name for name in FIELDS if name in LIMITS and name != "words"]
_ARGUMENTS = "\n\nArgs:\n" + "\n".join(
    [f"    premise: what the story is about, 1 to {MAX_PREMISE} characters."]
    + [f"    form: one of {', '.join(FORM_NAMES)}; verbatim sends the premise as the whole prompt." if name == "form"
       else f"    {name}: {LIMITS[name].sentence()}." for name in FIELDS[1:]]
)  # fmt: skip


def add_endpoints(handlers: Handlers, default_words: int | None) -> None:
    """Add /write_story, /start_story, /write_on, /check_request, /get_story, /stop_story and /resume_story to the Blocks being built.

    `default_words` is None where it is not yet known who will write: then every call finds for itself what is usual.
    """
    optional = ("repetition_penalty",) if default_words else ("repetition_penalty", "words")

    async def write_story(*values: object) -> AsyncIterator[Answer]:
        async for answer in handlers.api_write(_raw(values, optional)):
            yield answer

    def start_story(*values: object) -> Answer:
        return handlers.api_start(_raw(values, optional))

    def check_request(*values: object) -> Answer:
        return handlers.api_check(_raw(values, optional))

    def write_on(id: str, paragraph: int, *values: object) -> Answer:
        given = {name: value for name, value in zip(SETTINGS, values, strict=True) if value is not None}
        return handlers.api_write_on(id, paragraph, given)

    _takes_settings(write_on)
    _takes_a_request(write_story, "Write a story and stream it: each answer holds the story so far, its state and counts.", default_words)
    _takes_a_request(
        start_story,
        "Start a story and return at once with its id and key; follow it with get_story, or it is paused.",
        default_words,
    )
    _takes_a_request(check_request, "Say what there is to say about a request without running it.", default_words)
    api(write_story, api_name="write_story", concurrency_limit=None)
    for function in (start_story, write_on, check_request, *_by_id(handlers)):
        api(function, api_name=function.__name__, concurrency_limit=None, queue=False)


def _by_id(handlers: Handlers) -> tuple[Callable[..., Answer], ...]:
    """What can be done with a story that there is."""

    def get_story(id: str, offset: int = 0) -> Answer:
        """Return a story as it is now.

        Args:
            id: the id that start_story or write_story gave.
            offset: where in the text to begin, in characters.
        """
        return handlers.api_get(id, offset)

    def stop_story(id: str, key: str) -> Answer:
        """Stop a story; what was written is kept.

        Args:
            id: the id that start_story or write_story gave.
            key: the key that came with it.
        """
        return handlers.api_stop(id, key)

    def resume_story(id: str, key: str, without_guard: bool = False) -> Answer:
        """Go on with a paused story from its last word.

        Args:
            id: the id that start_story or write_story gave.
            key: the key that came with it.
            without_guard: go on with a story that was closed because it went round in circles, from the end of what was left out.
        """
        return handlers.api_resume(id, key, without_guard)

    return get_story, stop_story, resume_story


def _takes_a_request(function: Callable[..., Any], summary: str, default_words: int | None) -> None:
    """Give an endpoint that takes every field of a request, in order, the signature Gradio describes it by."""
    names = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter("premise", names, annotation=str)]
    for field in FIELDS[1:]:
        kind, default = (str, FORM_NAMES[0]) if field == "form" else _number(field, default_words)
        parameters.append(inspect.Parameter(field, names, default=default, annotation=kind))
    function.__signature__ = inspect.Signature(parameters, return_annotation=Answer)  # type: ignore[attr-defined]
    function.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": Answer}
    function.__doc__ = summary + _ARGUMENTS


def _takes_settings(function: Callable[..., Any]) -> None:
    """Give an endpoint that takes a story, a paragraph and every setting of sampling, in order, its signature."""
    names = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter("id", names, annotation=str), inspect.Parameter("paragraph", names, annotation=int)]
    for field in SETTINGS:
        kind = int | None if LIMITS[field].whole else float | None
        parameters.append(inspect.Parameter(field, names, default=None, annotation=kind))
    function.__signature__ = inspect.Signature(parameters, return_annotation=Answer)  # type: ignore[attr-defined]
    function.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": Answer}
    function.__doc__ = (
        "Begin a new story with another one, whoever's that is, up to the end of one of its paragraphs, and return at once with its id "
        "and key; what is not given stays as it was there, and the seed is another.\n\nArgs:\n"
        "    id: the story that it is written on from.\n"
        "    paragraph: the last that is kept, counted from 1 and without headings; 0 keeps nothing: another version of the request.\n"
    ) + "\n".join(f"    {name}: {LIMITS[name].sentence()}." for name in SETTINGS)


def _number(field: str, default_words: int | None) -> tuple[Any, Any]:
    limit = LIMITS[field]
    if field == "words":
        return (int, default_words) if default_words else (int | None, None)
    if field == "repetition_penalty":  # its default depends on the presence penalty
        return float | None, None
    return (int, int(limit.default)) if limit.whole else (float, float(limit.default))


def _raw(values: tuple[object, ...], optional: tuple[str, ...]) -> dict[str, object]:
    """A caller's values by field name; what is `optional` and was not given is left out."""
    return {name: value for name, value in zip(FIELDS, values, strict=True) if value is not None or name not in optional}
