"""The recorded stories a page shows: read once, verified, and never the miniature's."""

import datetime
import json
import logging
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .. import card
from ..story import day, markup
from ..story.measures import count_words, length_ratio, self_repetition
from ..story.prompt import heading
from ..story.recording import Recording, UnreadableRecording, read_recording
from ..story.request import StoryRequest
from . import wire

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shown:
    """A recording as it is sent, under the name of its file.

    `about` is what the page says before its text is asked for; `whole` is JSON of its text and of when each part of it came;
    `record` is the story's record. All is made once: measuring a long story takes a while.
    """

    name: str
    label: str
    request: StoryRequest
    about: wire.Recording
    whole: bytes
    record: bytes


@cache
def shown(folder: Path) -> tuple[Shown, ...]:
    """The recordings in a folder that may be shown: POLARIS-9B's first, and of those the premise recorded at most lengths.

    One that cannot be read, or is not what its label says, is left out with a line in the log; the miniature's always are.
    """
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            recording = read_recording(path.read_text("utf-8"))
            if recording.recorded.writer.is_preview:
                raise UnreadableRecording("The miniature wrote it, and its stories are no samples.")
            found.append(_shown(path.stem, recording))
        except (UnreadableRecording, OSError, ValueError) as error:
            log.warning("The recording %s is not shown. %s", path.name, error)
    rungs = Counter(one.request.premise for one in found)

    def order(one: Shown) -> tuple[object, ...]:
        return one.label != card.MODEL.name, -rungs[one.request.premise], one.request.premise, one.request.words, one.name

    return tuple(sorted(found, key=order))


def _shown(name: str, recording: Recording) -> Shown:
    """Raises ValueError for what cannot be sent as JSON."""
    about, text = _about(name, recording), recording.recorded.text
    _json(about)
    whole: wire.Whole = {"text": text, "pace": recording.pace}
    return Shown(name, recording.label, recording.recorded.request, about, _json(whole), _json(recording.record))


def _about(name: str, recording: Recording) -> wire.Recording:
    request, text = recording.recorded.request, recording.recorded.text
    words = count_words(text)
    kind, premise = heading(request)
    writer = recording.recorded.writer.name
    begun = day.said(datetime.datetime.fromisoformat(recording.created).timestamp())
    return {
        "name": name,
        "title": markup.title(text) or premise,
        "premise": premise,
        "kind": kind,
        "writer": writer,
        "ours": writer == card.MODEL.name,
        "byline": f"Written by {writer}, a language model, in one go{f', on {begun}' if begun else ''}",
        "words": words,
        "line": _line(recording),
        "asked": request.words,
        "counts": [
            ["Asked", f"{request.words:,} words"],
            ["Written", f"{words:,} words"],
            ["Length ratio", f"{length_ratio(words, request.words):.2f}"],
            ["Repeated 4-grams", f"{self_repetition(text).global_ratio:.1%}"],
        ],
    }


def _line(recording: Recording) -> str:
    """When, by which model and where it was written, and what is left out of it."""
    made = day.said(datetime.datetime.fromisoformat(recording.created).timestamp())
    skipped = f"planning of {recording.planning_seconds:,.0f} s skipped"
    return " · ".join(part for part in (made, recording.recorded.writer.badge(), skipped) if part)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
