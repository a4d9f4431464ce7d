"""From which place of a story it can be written on, and with what. Knows no queue and no clock."""

from collections.abc import Mapping
from dataclasses import asdict, replace

from ..engine.base import Engine
from ..errors import Busy, RequestRefused
from ..story.origin import Place
from ..story.record import StoryRecord
from ..story.request import LABELS
from ..story.version import paragraphs, place_by_text
from .admission import require_same_model

NOT_LOADED = "The model is still being loaded, and it alone knows which token ends a paragraph. Try again in a moment."
_OTHER = {"repetition_penalty": "presence_penalty", "presence_penalty": "repetition_penalty"}  # where one is given the other is at rest


def number(record: StoryRecord, paragraph: object) -> int:
    """`paragraph` as one that a story has, counted from 1; 0 is before everything. Raises RequestRefused."""
    most = len(paragraphs(str(record.story)))
    if isinstance(paragraph, bool) or not isinstance(paragraph, int) or not 0 <= paragraph <= most:
        raise RequestRefused(f"Paragraph: give a whole number from 0 to {most:,}, which this story has; with 0 nothing of it is kept.")
    return paragraph


def place(record: StoryRecord, paragraph: int, engine: Engine) -> Place:
    """The end of a story's paragraph. `record` is a look. Raises AnotherModel, and Busy while the model is being loaded.

    Before everything any model may write on.
    """
    if paragraph == 0:
        return Place()
    require_same_model(record, engine)
    if engine.status().writer is None:
        raise Busy(NOT_LOADED)
    end = paragraphs(str(record.story))[paragraph - 1]
    resume = replace(record, token_ids=record.token_ids[: record.tokens]).resume_point()  # a look's ids may have grown
    found = engine.place(record.request, resume, end) if resume.token_ids else None
    return found or place_by_text(record, end)


def asked(record: StoryRecord, raw: Mapping[str, object]) -> dict[str, object]:
    """The raw request of a version: the story's own with other settings and, unless it is given, any seed. Raises RequestRefused."""
    request = asdict(record.request)
    settings = request.pop("sampling") | {"seed": -1}
    if own := sorted(request.keys() & raw.keys()):
        labels = " ".join(f"{LABELS[name]}: a story is written on as it was asked for. Ask for a new one to change that." for name in own)
        raise RequestRefused(labels)
    at_rest = {other for name, other in _OTHER.items() if raw.get(name) and other not in raw}
    return request | {name: value for name, value in settings.items() if name not in at_rest} | dict(raw)
