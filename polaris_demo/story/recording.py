"""A recorded story: its record, and when each part of its text came, so that it can be watched again. Pure.

A recording is JSON: `format`, `format_version`, `label` (the model it is shown as), `planning_seconds`, `pace` (pairs of seconds
since the story's first character, pauses left out, and characters there were by then), `record` (the story's own record) and
`sha256` of all that. What has been changed since, or was written by another model than its label says, is not a recording.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from .. import card
from ..errors import VisitorError
from .citation import Recorded, UnreadableRecord, read_record, record_json
from .record import StoryRecord

FORMAT, VERSION = "polaris_demo recording", 1
WHOLE = "stop"  # the finish reason of a story that the model itself ended
OFTEN = 0.25  # seconds between two points of the pace
LONGEST = 1e6  # seconds; no story takes longer
Pace = tuple[tuple[float, int], ...]
_CHANGED = "It was changed after it was made: its {} is not what its hash says."


class UnreadableRecording(VisitorError):
    """A file that is no recording, or one that must not be shown."""


@dataclass(frozen=True)
class Recording:
    """A verified recording. `created` is the story's day and time in ISO 8601; `record` is its whole record, as JSON has it."""

    label: str
    title: str
    created: str
    planning_seconds: float
    pace: Pace
    recorded: Recorded
    record: Mapping[str, Any]


class Watch:
    """Notes when the text of a story being written came, by the seconds at work: pauses are left out.

    `kept` is what another process needs to go on with it; what `restore` gets of a later moment than the record's is left out.
    """

    def __init__(self, began: float | None = None, pace: Iterable[tuple[float, int]] = ()) -> None:
        self._began = began
        self._pace = list(pace)

    def kept(self) -> str:
        return json.dumps([self._began, self._pace])

    @classmethod
    def restore(cls, kept: str, record: StoryRecord) -> "Watch":
        """Of a record without text it begins anew."""
        began, points = json.loads(kept) if kept else (None, [])
        pace = [(at, characters) for at, characters in points if characters <= len(record.story)]
        return cls(began, pace) if len(record.story) else cls()

    def see(self, record: StoryRecord) -> None:
        """Look at a record after each of its events."""
        characters = len(record.story)
        if not characters or (self._pace and characters <= self._pace[-1][1]):
            return
        self._began = record.seconds_at_work if self._began is None else self._began
        at = round(record.seconds_at_work - self._began, 2)
        if self._pace and at - self._pace[-1][0] < OFTEN:
            return
        self._pace.append((at, characters))

    def planning(self, record: StoryRecord) -> float:
        """Seconds before the first character. Of a story that was gone on with, those at work: the record has its pauses in them."""
        return self._began or 0.0 if record.resumed_at else record.seconds_to_first_word

    def pace(self, record: StoryRecord) -> Pace:
        """The pace of a story that has ended."""
        end = (round(record.seconds_at_work - (self._began or 0.0), 2), len(record.story))
        return (*(point for point in self._pace if point[1] < end[1]), end)


def recording_json(record: StoryRecord, watch: Watch) -> str:
    """A recording of a story that has ended, for `read_recording`."""
    data = {
        "format": FORMAT,
        "format_version": VERSION,
        "label": record.writer.name if record.writer else "",
        "planning_seconds": round(watch.planning(record), 1),
        "pace": [list(point) for point in watch.pace(record)],
        "record": json.loads(record_json(record)),
    }
    return json.dumps(data | {"sha256": _digest(data)}, ensure_ascii=False, separators=(",", ":")) + "\n"


def read_recording(source: str) -> Recording:
    """A recording, verified. Raises UnreadableRecording with a sentence."""
    data = _object(source)
    if data.get("sha256") != _digest({key: value for key, value in data.items() if key != "sha256"}):
        raise UnreadableRecording(_CHANGED.format("content"))
    record: dict[str, Any] = data["record"] if isinstance(data.get("record"), dict) else {}
    try:
        recorded = read_record(json.dumps(record))
    except UnreadableRecord as error:
        raise UnreadableRecording(f"The record in it cannot be read. {error}") from None
    if not recorded.intact:
        raise UnreadableRecording(_CHANGED.format("text"))
    if record.get("finish_reason") != WHOLE:
        raise UnreadableRecording("Its story was broken off, or cut by its token budget; only whole stories are shown.")
    _require_own_label(data.get("label"), recorded)
    return Recording(
        label=recorded.writer.name,
        title=_said(record, "title"),
        created=_date(record),
        planning_seconds=_seconds(data.get("planning_seconds")),
        pace=_pace(data.get("pace"), recorded.characters),
        recorded=recorded,
        record=record,
    )


def _require_own_label(label: object, recorded: Recorded) -> None:
    """POLARIS-9B's name stands over nothing that another model wrote, and no name over what its owner did not write."""
    writer = recorded.writer
    if label != writer.name:
        raise UnreadableRecording(f"It is labelled {label}, but {writer.name} wrote it.")
    if label == card.MODEL.name and (writer.is_preview or writer.model != card.MODEL.hub_id):
        raise UnreadableRecording(f"It is labelled {label}, but {writer.model} wrote it.")


def _said(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    if not isinstance(value, str):
        raise UnreadableRecording(f"Its {name} is missing.")
    return value


def _date(record: Mapping[str, Any]) -> str:
    created = _said(record, "created")
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T\d\d:\d\d:\d\dZ", created):
        raise UnreadableRecording("Its created is no date and time.")
    return created


def _object(source: str) -> dict[str, Any]:
    try:
        data = json.loads(source)
    except (ValueError, RecursionError):
        raise UnreadableRecording("It is not JSON, so it is no recording.") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise UnreadableRecording("It is JSON, but not a recording that this app made.")
    if data.get("format_version") != VERSION:
        raise UnreadableRecording(f"Its format is version {data.get('format_version')!r}, and this version of the app reads {VERSION}.")
    return data


def _pace(points: object, characters: int) -> Pace:
    """Times and characters that only grow, up to the whole text."""
    wrong = UnreadableRecording("Its pace does not lead from the story’s first character to its last.")
    if not isinstance(points, list) or not points:
        raise wrong
    found = []
    for point in points:
        if not (isinstance(point, list) and len(point) == 2 and type(point[1]) is int):
            raise wrong
        found.append((_seconds(point[0]), point[1]))
    grows = all(a[0] <= b[0] and a[1] < b[1] for a, b in pairwise(found))
    if not grows or found[0][1] < 1 or found[-1][1] != characters:
        raise wrong
    return tuple(found)


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST:
        raise UnreadableRecording("A time in it is not a number of seconds.")
    return float(value)


def _digest(data: Mapping[str, Any]) -> str:
    """SHA-256 of the data as JSON with sorted keys and no spaces, in UTF-8."""
    plain = json.dumps(data, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()
