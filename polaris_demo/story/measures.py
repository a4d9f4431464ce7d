"""What the paper measures of a story: its length and how much it repeats itself, counted as the paper's code counts.

Beside the length what a reader would count: the paper's pattern is made for words between spaces.
"""

import html
import re
from collections import deque
from dataclasses import dataclass, fields

from .. import card
from .characters import without_spaceless
from .markup import blocks

_WORD = re.compile(card.WORD_PATTERN)
_TOKEN = re.compile(rf"{card.WORD_PATTERN}|[^\s]")
_BETWEEN_SPACES = re.compile(r"[^\s。，、]+")
_BETWEEN = " \n。，、"  # what neither a word, nor an HTML entity, nor what stands between spaces goes across


def count_words(text: str) -> int:
    """Matches of the paper's word pattern after HTML-unescaping, so "don't" counts two (paper's code)."""
    return len(_WORD.findall(html.unescape(text)))


@dataclass(frozen=True)
class ReaderCount:
    """A text's length as a reader counts: what stands between spaces and holds a word, and each character of a script without spaces."""

    words: int = 0
    characters: int = 0

    @classmethod
    def of(cls, text: str) -> "ReaderCount":
        spaced, characters = without_spaceless(html.unescape(text))
        return cls(sum(_WORD.search(between) is not None for between in _BETWEEN_SPACES.findall(spaced)), characters)

    def __add__(self, other: "ReaderCount") -> "ReaderCount":
        return ReaderCount(self.words + other.words, self.characters + other.characters)

    def differs_from(self, words: int) -> bool:
        """By half or more, over a length that says anything."""
        less, more = sorted((self.words + self.characters, words))
        return more >= 20 and more > 1.5 * less

    def said(self) -> str:
        """ "300 characters", "300 characters and 12 words"."""
        counted = ((self.characters, "characters"), (self.words, "words"))
        return " and ".join(f"{count:,} {what}" for count, what in counted if count)


class WordCounter:
    """Counts a growing text in time proportional to what is added: only the last, open word is counted again."""

    def __init__(self) -> None:
        self._closed, self._read = 0, ReaderCount()
        self._tail = ""

    def add(self, text: str) -> None:
        self._tail += text
        cut = max(self._tail.rfind(mark) for mark in _BETWEEN)
        if cut >= 0:
            self._closed += count_words(self._tail[:cut])
            self._read += ReaderCount.of(self._tail[:cut])
            self._tail = self._tail[cut:]

    @property
    def count(self) -> int:
        """As the paper counts."""
        return self._closed + count_words(self._tail)

    @property
    def reader(self) -> ReaderCount:
        return self._read + ReaderCount.of(self._tail)


def length_ratio(words: int, target: int) -> float:
    """Generated words / requested words (model card)."""
    return round(words / target, 3)


@dataclass(frozen=True)
class SelfRepetition:
    """The self-repetition of the paper's reward: what is counted, and the ratios and the penalty made of it.

    As the paper's code has it: a 4-gram is repeated if it stood anywhere before, and near if it also begins fewer than
    the window's number of tokens after its last occurrence (a window of 64 reaches 63 back). Tokens are lower-cased,
    HTML entities are not unescaped. Lines are what `str.splitlines` makes of the text, stripped, case kept; blank ones
    count neither as lines nor as repeated.
    """

    ngrams: int = 0
    repeated: int = 0
    near: int = 0
    lines: int = 0
    repeated_lines: int = 0

    def __add__(self, other: "SelfRepetition") -> "SelfRepetition":
        return SelfRepetition(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def global_ratio(self) -> float:
        return self.repeated / max(1, self.ngrams)

    @property
    def local_ratio(self) -> float:
        return self.near / max(1, self.ngrams)

    @property
    def line_ratio(self) -> float:
        return self.repeated_lines / max(1, self.lines)

    @property
    def penalty(self) -> float:
        return _penalty(self.global_ratio, self.local_ratio, self.line_ratio)


def _penalty(global_ratio: float, local_ratio: float, line_ratio: float) -> float:
    c = card.SELF_REPETITION
    excess = max(0.0, global_ratio - c.hinge)
    return min(c.cap, c.ngram_weight * (c.global_share * excess + c.local_share * local_ratio) + c.line_weight * line_ratio)


def self_repetition(text: str) -> SelfRepetition:
    """The paper's measure of a whole text."""
    return _Repetition().add(text)


class _Repetition:
    """Counts text after text, each against everything before it. The texts must not cut a word or a line in two."""

    def __init__(self) -> None:
        self._gram: deque[str] = deque(maxlen=card.SELF_REPETITION.ngram)
        self._count = 0
        self._last: dict[tuple[str, ...], int] = {}
        self._lines: set[str] = set()

    def add(self, text: str) -> SelfRepetition:
        ngrams = repeated = near = 0
        for found in _TOKEN.finditer(text):
            self._gram.append(found.group().lower())
            if len(self._gram) < card.SELF_REPETITION.ngram:
                continue
            gram = tuple(self._gram)
            before, self._last[gram] = self._last.get(gram), self._count
            ngrams += 1
            repeated += before is not None
            near += before is not None and self._count - before < card.SELF_REPETITION.window
            self._count += 1
        lines = [line for line in map(str.strip, text.splitlines()) if line]
        known = len(self._lines)
        self._lines.update(lines)
        return SelfRepetition(ngrams, repeated, near, len(lines), len(lines) - (len(self._lines) - known))


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of a story: characters `start` to `end`, and the paper's self-repetition measure applied to it.

    The paper measures whole texts; per paragraph is our reading. A paragraph's 4-grams are those that end in it, so that
    one may begin in the paragraph before; they and its lines are repeated if they stood anywhere before in the story. The
    counts of all paragraphs therefore add up to those of the story.
    """

    start: int
    end: int
    repetition: SelfRepetition
    has_words: bool

    @property
    def heat(self) -> float:
        """The penalty as a share of the highest there is: 0 to 1. A scene break has none, though it repeats the last one."""
        return self.repetition.penalty / _penalty(1.0, 1.0, 1.0) if self.has_words else 0.0


def paragraph_heat(story: str) -> tuple[Paragraph, ...]:
    """Every block of a story (as in `markup.blocks`) with the measure applied to it, and to what stands before it."""
    repetition, made, found = _Repetition(), [], blocks(story)
    begins = [0, *(block.end for block in found)]
    for block, begin, end in zip(found, begins, [*begins[1:-1], len(story)], strict=False):
        has_words = bool(_WORD.search(story, block.start, block.end))
        made.append(Paragraph(block.start, block.end, repetition.add(story[begin:end]), has_words))
    return tuple(made)
