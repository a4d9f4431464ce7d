"""The recorded stories a page shows, as they lie in their folders now: each read once, verified, and never the miniature's."""

import datetime
import json
import logging
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .. import card
from ..settings import Settings
from ..story import day, markup
from ..story.inline import plain
from ..story.measures import count_words, length_ratio, self_repetition
from ..story.prompt import heading
from ..story.recording import Recording, UnreadableRecording, read_recording
from ..story.request import StoryRequest
from . import heard

BEGINNING, FIRST = 3000, 220  # characters that are looked at for the first lines, and of those
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
    about: heard.Recording
    whole: bytes
    record: bytes


class Recordings:
    """The recordings in some folders that may be shown; a file that has come, changed or gone is seen at the next look.

    One that cannot be read, or is not what its label says, is left out with a line in the log; the miniature's always are.
    """

    def __init__(self, *folders: Path) -> None:
        self._folders = dict.fromkeys(folders)
        self._lock = threading.Lock()
        self._read: dict[_File, Shown | None] = {}

    def all(self) -> tuple[Shown, ...]:
        """POLARIS-9B's first; of each premise one, those recorded at most lengths first, and then what else was recorded of them."""
        with self._lock:
            files = [_file(path) for folder in self._folders for path in sorted(folder.glob("*.json"))]
            self._read = {file: self._read[file] if file in self._read else _recording(file.path) for file in files if file}
            by_name = {one.name: one for one in self._read.values() if one}
        premises: dict[tuple[str, str], list[Shown]] = {}
        for one in sorted(by_name.values(), key=lambda one: (one.label, one.request.premise, one.request.words, one.name)):
            premises.setdefault((one.label, one.request.premise), []).append(one)

        def order(one: Shown) -> tuple[object, ...]:
            rungs = premises[one.label, one.request.premise]
            return one.label != card.MODEL.name, rungs.index(one), -len(rungs), one.request.premise, one.name

        return tuple(sorted(by_name.values(), key=order))

    def get(self, name: str) -> Shown | None:
        return next((one for one in self.all() if one.name == name), None)


@cache
def recordings(settings: Settings) -> Recordings:
    """Those of a server, which all of its page looks at: its host's, and the gallery's."""
    return Recordings(*(folder for folder in (settings.recordings_dir, settings.gallery_dir) if folder))


@dataclass(frozen=True)
class _File:
    """A file as it is at a look."""

    path: Path
    changed: int
    size: int


def _file(path: Path) -> _File | None:
    try:
        found = path.stat()
    except OSError:  # it has just gone
        return None
    return _File(path, found.st_mtime_ns, found.st_size)


def _recording(path: Path) -> Shown | None:
    try:
        recording = read_recording(path.read_text("utf-8"))
        if recording.recorded.writer.is_preview:
            raise UnreadableRecording("The miniature wrote it, and its stories are no samples.")
        return _shown(path.stem, recording)
    except (UnreadableRecording, OSError, ValueError) as error:
        log.warning("The recording %s is not shown. %s", path.name, error)
        return None


def _shown(name: str, recording: Recording) -> Shown:
    """Raises ValueError for what cannot be sent as JSON."""
    about, text = _about(name, recording), recording.recorded.text
    _json(about)
    whole: heard.Whole = {"text": text, "pace": recording.pace}
    return Shown(name, recording.label, recording.recorded.request, about, _json(whole), _json(recording.record))


def _about(name: str, recording: Recording) -> heard.Recording:
    request, text = recording.recorded.request, recording.recorded.text
    words, ratio = count_words(text), length_ratio(count_words(text), request.words)
    kind, premise = heading(request)
    writer, parts = recording.recorded.writer, recording.recorded.resumed + 1
    how = "in one go" if parts == 1 else f"in {parts} parts"
    begun = day.said(datetime.datetime.fromisoformat(recording.created).timestamp())
    return {
        "name": name,
        "title": markup.title(text) or premise,
        "premise": premise,
        "kind": kind,
        "first": _first(text),
        "writer": writer.name,
        "ours": writer.name == card.MODEL.name,
        "by": f"Written by {writer.name} {how}",
        "byline": f"Written by {writer.name}, a language model, {how}{f', on {begun}' if begun else ''}",
        "made": " · ".join(part for part in (writer.name, writer.device, begun) if part),
        "words": words,
        "line": _line(recording),
        "asked": request.words,
        "ratio": f"{ratio:.2f}",
        "counts": [
            ["Asked", f"{request.words:,} words"],
            ["Written", f"{words:,} words"],
            ["Length ratio", f"{ratio:.2f}"],
            ["Repeated 4-grams", f"{self_repetition(text).global_ratio:.1%}"],
        ],
    }


def _first(text: str) -> str:
    """The first lines of a story as they are read, without its title."""
    paragraphs = (plain(block.text) for block in markup.blocks(text[:BEGINNING]) if block.kind == "paragraph")
    first = " ".join(" ".join(paragraphs).split())
    return first if len(first) <= FIRST else f"{first[:FIRST].rstrip()}…"


def _line(recording: Recording) -> str:
    """When, by which model and where it was written, and what is left out of it."""
    made = day.said(datetime.datetime.fromisoformat(recording.created).timestamp())
    skipped = f"planning of {recording.planning_seconds:,.0f} s skipped"
    return " · ".join(part for part in (made, recording.recorded.writer.badge(), skipped) if part)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
