"""Text that only grows, or is cut, and is read from an offset on. Knows nothing of what it says."""

import copy
from bisect import bisect_right


class TextLog:
    """Text that only grows, or is cut. Reading from an offset costs what is read, however long the text is."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._ends: list[int] = []
        self._count = 0

    def __len__(self) -> int:
        return self._ends[self._count - 1] if self._count else 0

    def append(self, text: str) -> None:
        if text:
            self._ends.append(len(self) + len(text))
            self._pieces.append(text)
            self._count += 1

    def frozen(self) -> "TextLog":
        """The text as it is now, whatever this one becomes. It shares the pieces, which are never changed, and must not grow."""
        return copy.copy(self)

    def since(self, offset: int) -> tuple[str, int]:
        """The text from `offset` (in characters) on, and the offset after it."""
        end = len(self)
        if offset >= end:
            return "", end
        first = bisect_right(self._ends, offset, hi=self._count)
        start = self._ends[first - 1] if first else 0
        return "".join(self._pieces[first : self._count])[max(0, offset - start) :], end

    def cut(self, length: int) -> None:
        """Keep the first `length` characters."""
        kept = str(self)[:length]
        self._pieces, self._ends, self._count = ([kept], [len(kept)], 1) if kept else ([], [], 0)

    def __str__(self) -> str:
        return self.since(0)[0]
