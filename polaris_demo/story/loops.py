"""Notices when a story being written has become a loop, and from where on. Knows no clock, no model, no tokenizer.

A text that loops copies itself from a steady distance back: the same sentence, paragraph or chapter again and again,
with a few words changed or none. So does a litany, but not for as long, or not without bringing something new at its own
place in every round: the next name, the next number, one more gift. The guard follows a copy word by word. One that only
goes round is a loop after some hundred words; one that brings something new, or in which the model kept weighing another
way, after four times as many.
"""

import re
from collections import deque
from dataclasses import dataclass

from .litany import GRAM, MEMORY, SURE, News

# Chosen on the wanted and endless texts of the tests, and on 115 human stories.
SPAN = 300  # words that a copy goes round before it is a loop: fifty lines of a punishment are fewer
LITANY = 4  # at most so many times as many where it brings something new in every round
ROUNDS = 200  # nobody writes the same word or mark so often in a row
TOLD, LATE = 2.1, 300  # a passage told three times is none; of a long one so many words of the third telling are enough
NEW = 0.7  # what a new word takes off a copy's score
STEADY = 0.3  # what any word takes off: a copy that does not outrun it is a refrain
SHIFT, SHIFT_GRAM = 8, 2  # a copy goes on where up to so many words were put in or left out, told by so many in a row
NEAR, JUMP = 300, 3  # what copying from elsewhere takes off, up to so many words away; from further on it is another copy
SETTLED = 20  # copied words in a row, after which the length of the rounds is taken as known
LONGEST = 12  # characters of a word: what never ends has to be cut somewhere to be seen repeating
WORTH = 6.5  # words of news or of doubt, still remembered, that allow a copy SPAN words more
WEIGHED = 4.0  # words of doubt, still remembered, are the least that counts: a loop that is drawn at random has a few, too
A_WHILE = 50  # words; what was doubted before them is forgotten by the end of SPAN

# Characters of scripts written without spaces are words of their own, as are other marks and four blanks in a row.
_UNSPACED = "\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_VOWELS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0900-\u0dff"  # no \w, yet parts of a word
_PART = re.compile(rf"(?P<word>(?:[^\W{_UNSPACED}]|[{_VOWELS}]){{1,{LONGEST}}})|(?P<blank>\s{{1,4}})|.", re.DOTALL)
_FULL = {"word": LONGEST, "blank": 4, None: 1}

_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’»)*]*(?=\s|$)|[。！？][”’」』]*")
_BARE_END = re.compile(r"\s*\n(?:#{1,3} [^\n]*|[^\w\n]+)\Z")
MOST_GIVEN_UP = 1500  # characters of a paragraph that are given up for a clean ending


@dataclass(frozen=True)
class Loop:
    """Characters `start` to `end` of the story repeat what stands about `period` words before; `start` is where that began."""

    start: int
    end: int
    period: int

    @property
    def message(self) -> str:
        what = "few words" if self.period <= 8 else "sentence" if self.period <= 45 else "passage"
        return f"The story had begun to go round in circles, the same {what} again and again, so it was stopped."


class LoopGuard:
    """Fed a story as it is written. Time and memory for a word do not depend on how much was written before it."""

    def __init__(self) -> None:
        self.loop: Loop | None = None
        self._open, self._at = "", 0
        self._words: list[str] = []
        self._starts: list[int] = []
        self._said: list[int] = []  # how many of the words up to each are more than a mark
        self._seen: dict[tuple[str, ...], int] = {}
        self._back = 0  # how far back the words being copied stand; 0 while nothing is
        self._score, self._first = 0.0, 0
        self._steady, self._since = 0.0, 0  # the same of a copy that never lets up for long
        self._row = 0  # copied words in a row, or new ones where negative
        self._news = News()
        self._doubtful: deque[int] = deque()  # characters at which doubtful tokens begin
        self._doubts = 0.0  # in words that were copied all the same, forgotten as news are

    @property
    def copying(self) -> bool:
        """The text has been copying itself for a while, so that doubts count."""
        return self._steady > 0 and self._said[-1] - self._said[self._since] >= A_WHILE

    def feed(self, text: str, doubt: bool = False) -> Loop | None:
        """The loop, once there is one. What comes after it is not looked at; how the text is cut does not matter.

        With `doubt` it is the text of a token at which the model weighed another way.
        """
        if doubt:
            self._doubtful.append(self._at + len(self._open))
        self._open += text
        done = 0
        for part in _PART.finditer(self._open):
            kind, end = part.lastgroup, part.end()
            if self.loop or (end == len(self._open) and end - part.start() < _FULL[kind]):
                break  # the last word may go on
            done = end
            if kind != "blank" or end - part.start() == _FULL[kind]:
                word = part.group() if kind != "blank" else " "
                self._add(word.lower(), self._at + part.start(), self._at + end)
        self._open, self._at = self._open[done:] if not self.loop else "", self._at + done
        return self.loop

    def _add(self, word: str, start: int, end: int) -> None:
        self._words.append(word)
        self._starts.append(start)
        self._said.append((self._said[-1] if self._said else 0) + word[0].isalnum())
        here = len(self._words) - 1
        gram = tuple(self._words[-GRAM:])
        before = self._seen.get(gram)
        self._seen[gram] = here
        self._follow(word, here, before)
        if before is not None and here - before < self._back and self._same(here, before):
            self._back = here - before  # the nearest of several rounds that are alike
        self._weigh(end)
        source = here - self._back if self._back else -1
        self._news.add(self._words, source, max(0, -self._row), before is not None, self._steady > 0)
        if self._row >= SURE and self._goes_round(here):
            self.loop = Loop(self._starts[max(self._first, self._since - self._back)], end, self._back)

    def _follow(self, word: str, here: int, before: int | None) -> None:
        """Whether the word at `here` is copied; its last three stood `before`."""
        if self._back and self._words[here - self._back] == word:
            self._copied(here)
        elif self._back and self._shifted(here):
            self._copied(here - SHIFT_GRAM + 1)
        elif before is None or not self._gives_way(here, before):
            self._new()
        else:
            self._jump(here, before)
            self._copied(here - GRAM + 1)

    def _goes_round(self, here: int) -> bool:
        """Whether the copy has gone on for too long."""
        units, words = here - self._since, self._said[here] - self._said[self._since]
        if units >= ROUNDS * self._back:
            return True
        weighed = self._doubts if self._doubts >= WEIGHED else 0.0
        longest = SPAN * min(LITANY, 1 + (self._news.brought + weighed) / WORTH)
        return max(words, units // 3) >= longest and units >= min(TOLD * self._back, self._back + LATE)

    def _weigh(self, end: int) -> None:
        """Count the doubt in a word that was copied nevertheless."""
        doubtful = False
        while self._doubtful and self._doubtful[0] < end:
            doubtful = self._doubtful.popleft() >= 0
        self._doubts = (self._doubts + (doubtful and self._row > 0)) * (1 - 1 / MEMORY if self._steady > 0 else 0.0)

    def _copied(self, first: int) -> None:
        if self._score == 0:
            self._first = first
        if self._steady == 0:
            self._since = first
        self._score += 1
        self._steady += 1 - STEADY
        self._row = max(1, self._row + 1)
        if self._row == SETTLED:
            self._news.settled(self._back)

    def _new(self) -> None:
        self._row = min(-1, self._row - 1)
        self._score -= NEW
        self._steady = max(0.0, self._steady - NEW - STEADY)
        if self._score <= 0:
            self._score, self._steady, self._back = 0.0, 0.0, 0

    def _gives_way(self, here: int, before: int) -> bool:
        """Whether the copy under way is over, so that one from `before` begins: chance brings three words together again."""
        if not self._back or self._same(here, before):
            return True
        return self._row < (1 - GRAM if self._near(here - before) else -SHIFT)

    def _same(self, here: int, before: int) -> bool:
        return self._words[before - SURE + 1 : before + 1] == self._words[here - SURE + 1 : here + 1]

    def _near(self, back: int) -> bool:
        return abs(back - self._back) <= NEAR

    def _jump(self, here: int, before: int) -> None:
        """Copy what follows on `before` from now on; from nearby, or without a new word between, it is still the same copy."""
        self._news.copied((SURE if self._same(here, before) else GRAM) - 1)
        if self._row > 0 or self._near(here - before):
            self._score = max(0.0, self._score - JUMP)
            self._news.moved(here - before)
        else:
            self._score = self._steady = 0.0
        self._back = here - before

    def _shifted(self, here: int) -> bool:
        """Find the copy again close to where it was."""
        words = self._words
        tail = words[-SHIFT_GRAM:]
        for shift in range(1, SHIFT + 1):
            for back in (self._back + shift, self._back - shift):
                last = here - back
                if SHIFT_GRAM - 1 <= last < here and words[last] == tail[-1] and words[last - SHIFT_GRAM + 1 : last + 1] == tail:
                    self._back = back
                    self._news.moved(back)
                    return True
        return False


def sound_end(text: str, loop: Loop) -> int:
    """Where the sound part of `text` ends: with the last paragraph before the loop's first repetition.

    Where that paragraph ends too far back, or there is none, with the last whole sentence; failing that, with the last word.
    A heading or a scene break is not left standing at the end.
    """
    sound = text[: loop.start].rstrip()
    end = len(sound)
    if "\n\n" not in text[end : loop.start]:
        paragraph = len(sound[: max(0, sound.rfind("\n\n"))].rstrip())
        sentence = max((found.end() for found in _SENTENCE_END.finditer(sound)), default=0)
        end = paragraph if paragraph and end - paragraph <= MOST_GIVEN_UP else max(paragraph, sentence) or end
    while bare := _BARE_END.search(text[:end]):
        end = bare.start()
    return end
