"""Keeps thinking apart from story, however the stream is cut.

An engine with token ids finds the boundary by id and needs only `StoryOpening`. One that sends text alone feeds a
`ThinkingSplitter`: everything up to the first "</think>" is thinking, everything after it is story, tags and all.
"""

from .events import Kind

OPEN, CLOSE = "<think>", "</think>"


class StoryOpening:
    """Drops the blank lines before a story's first line, and nothing after that."""

    def __init__(self) -> None:
        self._held: str | None = ""
        self.dropped = 0

    def feed(self, text: str) -> str:
        """The part of `text` that belongs to the story; whitespace is held until a first character decides."""
        if self._held is None:
            return text
        self._held += text
        first = len(self._held) - len(self._held.lstrip())
        if first == len(self._held):
            return ""
        line_start = max(self._held.rfind("\n", 0, first), self._held.rfind("\r", 0, first)) + 1
        story, self._held, self.dropped = self._held[line_start:], None, line_start
        return story


class ThinkingSplitter:
    """Splits a text stream at the first "</think>". The opening tag may be absent: the prompt often holds it."""

    def __init__(self) -> None:
        self._pending = ""
        self._opened = self._closed = False

    def feed(self, text: str) -> list[tuple[Kind, str]]:
        """Pieces of `text`, each with its kind; what may be the start of a tag is held back."""
        if self._closed:
            return [("story", text)] if text else []
        self._pending += text
        if not self._opened and not self._take_opening():
            return []
        at = self._pending.find(CLOSE)
        if at < 0:
            keep = _overlap(self._pending, CLOSE)
            cut = len(self._pending) - keep
            thinking, self._pending = self._pending[:cut], self._pending[cut:]
            return [("thinking", thinking)] if thinking else []
        thinking, story = self._pending[:at], self._pending[at + len(CLOSE) :]
        self._closed, self._pending = True, ""
        pieces: list[tuple[Kind, str]] = [("thinking", thinking), ("story", story)]
        return [piece for piece in pieces if piece[1]]

    def close(self) -> list[tuple[Kind, str]]:
        """What was held back when the stream ended."""
        pending, self._pending = self._pending, ""
        return [("thinking", pending)] if pending else []

    def _take_opening(self) -> bool:
        """Removes a leading "<think>"; False while it is still undecided whether there is one."""
        start = self._pending.lstrip()
        if OPEN.startswith(start) and start != OPEN:
            return False
        self._opened = True
        if start.startswith(OPEN):
            self._pending = start[len(OPEN) :]
        return True


def _overlap(text: str, tag: str) -> int:
    """Length of the longest end of `text` that begins `tag`."""
    return next((n for n in range(min(len(text), len(tag) - 1), 0, -1) if tag.startswith(text[-n:])), 0)
