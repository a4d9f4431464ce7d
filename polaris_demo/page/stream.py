"""What one connection is told of a story, as server-sent events: everything at first, then only what has changed."""

import json
import math
from collections.abc import Mapping

from ..jobs.following import Piece
from .heard import Going, Rest

SLOW = (
    "words",
    "stage",
    "far",
    "left",
    "star",
    "thought",
    "plans",
)  # what changes with every piece of text, and is read by nobody ten times a second
SLOW_SECONDS = 1.0
ALIVE = ":\n\n"  # a comment: a connection that stays silent cannot be noticed to have broken


class Telling:
    """One connection: what it was told last, and so what to tell it next."""

    def __init__(self) -> None:
        self._told: dict[str, object] = {}
        self._end: int | None = None  # where the text that was sent ends
        self._slow_at = -math.inf

    def event(self, piece: Piece, going: Going, rest: Rest | None, now: float) -> str:
        """The next event, or nothing where there is nothing to say; `now` is in seconds, by any clock.

        An event's id, which a browser sends when it takes a story up again, is said about once a second: it may lie
        behind, and then the first message's `off` says where its text goes in.
        """
        slow = rest is not None or going["state"] != self._told.get("state") or now - self._slow_at >= SLOW_SECONDS
        message = {name: value for name, value in going.items() if (slow or name not in SLOW) and self._differs(name, value)}
        self._told |= message
        if piece.offset != self._end:
            message["off"] = piece.offset
        if piece.text:
            message["t"] = piece.text
        self._end = piece.end
        if slow:
            self._slow_at = now
        if not message and rest is None:
            return ALIVE if slow else ""
        mark = f"id:{piece.end}.{going['cuts']}\n" if slow else ""
        return f"{mark}data:{compact(message | (rest or {}))}\n\n"

    def _differs(self, name: str, value: object) -> bool:
        return name not in self._told or self._told[name] != value


def place(mark: str) -> tuple[int, int]:
    """Where a reader is by the id of an event, or as a script says it: characters, and how often text had been taken back."""
    offset, _, cuts = mark.partition(".")
    return _count(offset), _count(cuts)


def _count(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def compact(message: Mapping[str, object]) -> str:
    """JSON without spaces; half a character, which UTF-8 has no bytes for, becomes a question mark."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace").decode()
