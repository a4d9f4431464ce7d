"""The recorded stories a page shows: read once, verified, and never the miniature's."""

import datetime
import logging
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .. import card
from ..story.measures import count_words, length_ratio, paragraph_heat, self_repetition
from ..story.recording import Recording, UnreadableRecording, read_recording
from ..story.request import StoryRequest

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shown:
    """A recording under the name of its file."""

    name: str
    recording: Recording

    @property
    def request(self) -> StoryRequest:
        return self.recording.recorded.request

    def about(self) -> dict[str, Any]:
        """What the page says of it before its text is asked for."""
        request, text = self.request, self.recording.recorded.text
        words = count_words(text)
        return {
            "name": self.name,
            "title": self.recording.title,
            "premise": request.premise,
            "line": self._line(),
            "asked": request.words,
            "counts": [
                ["Asked", f"{request.words:,} words"],
                ["Written", f"{words:,} words"],
                ["Length ratio", f"{length_ratio(words, request.words):.2f}"],
                ["Repeated 4-grams", f"{self_repetition(text).global_ratio:.1%}"],
            ],
        }

    def _line(self) -> str:
        """When, by which model and where it was written, and what is left out of it."""
        recorded = self.recording
        day = datetime.datetime.fromisoformat(recorded.created)
        skipped = f"planning of {recorded.planning_seconds:,.0f} s skipped"
        return f"Recorded {day.day} {day:%B %Y} · {recorded.recorded.writer.badge()} · {skipped}"

    def whole(self) -> dict[str, Any]:
        """Its text, when each part of it came, and the map of its paragraphs."""
        text = self.recording.recorded.text
        heat = [[paragraph.end - paragraph.start, round(paragraph.heat, 3)] for paragraph in paragraph_heat(text)]
        return {"text": text, "pace": self.recording.pace, "map": heat}


@cache
def shown(folder: Path) -> tuple[Shown, ...]:
    """The recordings in a folder that may be shown: POLARIS-9B's first, and of those the premise recorded at most lengths.

    One that cannot be read, or is not what its label says, is left out with a line in the log; the miniature's always are.
    """
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            recording = read_recording(path.read_text("utf-8"))
        except (UnreadableRecording, OSError, UnicodeDecodeError) as error:
            log.warning("The recording %s is not shown. %s", path.name, error)
            continue
        if recording.recorded.writer.is_preview:
            log.warning("The recording %s is not shown. The miniature wrote it, and its stories are no samples.", path.name)
            continue
        found.append(Shown(path.stem, recording))
    rungs = Counter(one.request.premise for one in found)
    order = lambda one: (  # noqa: E731
        one.recording.label != card.MODEL.name, -rungs[one.request.premise], one.request.premise, one.request.words, one.name,
    )  # fmt: skip
    return tuple(sorted(found, key=order))
