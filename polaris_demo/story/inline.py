"""Marks inside a line of a story: emphasis, code, escapes. `page/browser/inline.js` reads them the same way.

Emphasis is CommonMark's (0.31, section 6.2), with one rule of our own: a mark inside a word marks nothing beyond that word,
so that a censored "sh*t" keeps its star. Takes time proportional to the text, whatever it holds.
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

Tag = Literal["em", "strong", "code"]
_TOKENS = re.compile(r"(?P<hidden>\\(?=[!-/:-@\[-`{-~])|(?<=[^\n])\\(?=\n))|(?P<ticks>`+)|(?P<run>\*+|_+)")


@dataclass(frozen=True)
class Piece:
    """A part of a line: text as it is read, or a mark that is not. A mark of a tag begins or ends it."""

    text: str
    tag: Tag | None = None
    begins: bool = False
    hidden: bool = False


@dataclass(eq=False)
class _Run:
    """A row of one mark: how much of it is left, and what its pairs have made of it."""

    number: int
    mark: str
    left: int
    may_open: bool
    may_close: bool
    inside: bool  # it has letters or digits on both sides
    blanks: int  # before it: those inside one word have the same
    opens: list[int] = field(default_factory=list)  # sizes, from the inside out
    closes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.length = self.left

    def fits(self, opener: "_Run") -> bool:
        """Whether it may end what `opener` begins: CommonMark's rule of three, and ours of words."""
        both = (self.may_open or opener.may_close) and self.length % 3 != 0 and (self.length + opener.length) % 3 == 0
        within = self.blanks == opener.blanks or not (self.inside or opener.inside)
        return opener.mark == self.mark and not both and within


def pieces(text: str) -> list[Piece]:
    """The parts of a paragraph's or heading's text, in order and well nested; together they are the text."""
    parts = _parts(text)
    _pair([part for part in parts if isinstance(part, _Run)])
    return [piece for part in parts for piece in (_made(part) if isinstance(part, _Run) else [part])]


def plain(text: str) -> str:
    """The text as it is read, without its marks."""
    return "".join(piece.text for piece in pieces(text) if not piece.hidden)


def marked_up(text: str, tags: Callable[[Piece], str], literal: Callable[[str], str]) -> str:
    """The text with its marks made what `tags` says, and all else through `literal`."""
    return "".join((tags(piece) if piece.tag else "") if piece.hidden else literal(piece.text) for piece in pieces(text))


def _made(run: _Run) -> Iterator[Piece]:
    """What it ends, from the inside out; what is left of it; what it begins, from the outside in."""
    names: dict[int, Tag] = {1: "em", 2: "strong"}
    for size in run.closes:
        yield Piece(run.mark * size, names[size], hidden=True)
    if run.left:
        yield Piece(run.mark * run.left)
    for size in reversed(run.opens):
        yield Piece(run.mark * size, names[size], begins=True, hidden=True)


def _pair(runs: list[_Run]) -> None:
    """CommonMark's "process emphasis": each run that may close looks back for the nearest that fits."""
    openers: list[_Run] = []
    bottom: dict[tuple[object, ...], int] = {}  # by kind of closer: nothing up to this run fits it
    for run in runs:
        kind = (run.mark, run.may_open, run.length % 3, run.blanks if run.inside else None)
        while run.may_close and run.left:
            at = _opener(openers, run, bottom.get(kind, -1))
            if at is None:
                bottom[kind] = run.number - 1
                break
            opener = openers[at]
            del openers[at + 1 :]
            size = min(2, run.left, opener.left)
            opener.left, run.left = opener.left - size, run.left - size
            opener.opens.append(size)
            run.closes.append(size)
            if not opener.left:
                openers.pop()
        if run.may_open and run.left:
            openers.append(run)


def _opener(openers: list[_Run], closer: _Run, bottom: int) -> int | None:
    """Where the nearest run stands that `closer` may end; only those above `bottom`, and for one inside a word that word's."""
    for at in range(len(openers) - 1, -1, -1):
        opener = openers[at]
        if opener.number <= bottom or (closer.inside and opener.blanks != closer.blanks):
            return None
        if closer.fits(opener):
            return at
    return None


def _parts(text: str) -> list[Piece | _Run]:
    parts: list[Piece | _Run] = []
    at = begun = blanks = counted = 0

    def literal(end: int) -> None:
        if end > begun:
            parts.append(Piece(text[begun:end]))

    closing = _Ticks(text)
    while found := _TOKENS.search(text, at):
        start, at = found.span()
        blanks, counted = blanks + sum(map(_blank, text[counted:start])), start
        if found["hidden"]:
            literal(start)
            parts.append(Piece("\\", hidden=True))
            begun, at = at, at + 1
        elif found["ticks"] and (end := closing.after(found)) is not None:
            literal(start)
            size = at - start
            parts += [Piece("`" * size, "code", True, True), Piece(text[at : end - size]), Piece("`" * size, "code", False, True)]
            begun = at = end
        elif found["run"]:
            literal(start)
            parts.append(_run(text, start, at, len(parts), blanks))
            begun = at
    literal(len(text))
    return parts


def _run(text: str, start: int, end: int, number: int, blanks: int) -> _Run:
    before, after = text[start - 1] if start else " ", text[end] if end < len(text) else " "
    left = not _blank(after) and (not _punctuation(after) or _blank(before) or _punctuation(before))
    right = not _blank(before) and (not _punctuation(before) or _blank(after) or _punctuation(after))
    mark, inside = text[start], before.isalnum() and after.isalnum()
    if mark == "_":
        left, right = left and (not right or _punctuation(before)), right and (not left or _punctuation(after))
    return _Run(number, mark, end - start, left, right, inside, blanks)


class _Ticks:
    """Finds the row of backticks that ends a piece of code: as long as the one that began it, on the same line, after no blank."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ends: dict[int, list[int]] = {}
        for row in re.finditer("`+", text):
            if row.start() and not _blank(text[row.start() - 1]):
                self._ends.setdefault(len(row[0]), []).append(row.start())

    def after(self, row: re.Match[str]) -> int | None:
        """Where the code that this row begins is over; None where it begins none."""
        size, begun, ends = len(row[0]), row.end(), self._ends.get(len(row[0]), [])
        nearest = bisect_left(ends, begun)
        if nearest == len(ends) or _blank(self._text[begun]):
            return None
        return ends[nearest] + size if "\n" not in self._text[begun : ends[nearest]] else None


def _blank(c: str) -> bool:
    return c in "\t\n\f\r" or unicodedata.category(c) == "Zs"


def _punctuation(c: str) -> bool:
    return unicodedata.category(c)[0] in "PS"
