"""How thinking is ended for a model that reaches its budget, and whether it is open: told by token ids. Knows no tensors.

What is forced is a function of the tokens so far, so a story cut anywhere goes on as if uncut.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

NEVER = 2**62  # a position no output reaches


@dataclass(frozen=True)
class Closing:
    """How thinking is ended for the model: from position `at` of the output on, while it is open, `tokens` are put in.

    They are what the model itself writes there: a line break, `end`, a blank line. The first is left out after one of
    `breaks`, the tokens that end in a line break. Thinking is open from the start and again after `start`.
    """

    at: int
    tokens: tuple[int, ...]
    start: int
    end: int
    breaks: frozenset[int] = field(default=frozenset(), repr=False)


class ThinkingState:
    """Whether thinking is open, and which token is forced next: a function of the tokens so far. The host's twin of a draw's."""

    def __init__(self, closing: Closing, tokens: Iterable[int] = ()) -> None:
        self._closing, self._count = closing, 0
        self.open, self.forced, self.after_break = True, 0, True  # the prompt ends in a line break
        for token in tokens:
            self.feed(token)

    def close(self) -> None:
        """Thinking is ended from here on, wherever it was to be."""
        self._closing = replace(self._closing, at=min(self._closing.at, self._count))

    @property
    def close_at(self) -> int:
        return self._closing.at

    @property
    def next_forced(self) -> int | None:
        """The token that is put in next; None where the model's own stands."""
        if self.forced:
            return self._closing.tokens[self.forced - 1]
        return self._closing.tokens[self.after_break] if self.open and self._count >= self._closing.at else None

    def feed(self, token: int) -> bool:
        """Take in the next token. True where the end of thinking is put in from this one on."""
        closing, begins = self._closing, False
        if not self.forced and self.open and self._count >= closing.at:
            self.forced, begins = 1 + self.after_break, True
        as_forced = self.forced > 0 and token == closing.tokens[self.forced - 1]
        self.forced = self.forced + 1 if as_forced and self.forced < len(closing.tokens) else 0
        self.open = (self.open or token == closing.start) and token != closing.end
        self.after_break = token in closing.breaks
        self._count += 1
        return begins
