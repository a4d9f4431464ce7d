"""What the paper measures of a story's length, counted as its code counts."""

import html
import re

from .. import card

_WORD = re.compile(card.WORD_PATTERN)


def count_words(text: str) -> int:
    """Matches of the paper's word pattern after HTML-unescaping, so "don't" counts two (paper's code)."""
    return len(_WORD.findall(html.unescape(text)))


class WordCounter:
    """Counts a growing text in time proportional to what is added: only the last, open word is counted again."""

    def __init__(self) -> None:
        self._closed = 0
        self._tail = ""

    def add(self, text: str) -> None:
        self._tail += text
        # Neither a word nor an HTML entity spans these, so a text may be counted in pieces cut at them.
        cut = max(self._tail.rfind(" "), self._tail.rfind("\n"))
        if cut >= 0:
            self._closed += count_words(self._tail[:cut])
            self._tail = self._tail[cut:]

    @property
    def count(self) -> int:
        return self._closed + count_words(self._tail)


def length_ratio(words: int, target: int) -> float:
    """Generated words / requested words (model card)."""
    return round(words / target, 3)
