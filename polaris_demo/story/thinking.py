"""Keeps thinking apart from story.

The boundary is found by token ids (`engine/deltas.py`); here is how a story begins after it.
"""


class StoryOpening:
    """Drops the blank lines before a story's first line, and nothing after that."""

    def __init__(self) -> None:
        self._held: str | None = ""

    def feed(self, text: str) -> str:
        """The part of `text` that belongs to the story; whitespace is held until a first character decides."""
        if self._held is None:
            return text
        self._held += text
        first = len(self._held) - len(self._held.lstrip())
        if first == len(self._held):
            return ""
        line_start = max(self._held.rfind("\n", 0, first), self._held.rfind("\r", 0, first)) + 1
        story, self._held = self._held[line_start:], None
        return story
