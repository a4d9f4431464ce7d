"""Notices when a story being written has become a loop, and from where on. Knows no clock, no model, no tokenizer.

A text that loops copies itself from a steady distance back: the same sentence, paragraph or chapter again and again,
with a few words changed or none. The guard follows such a copy word by word and keeps a score that each copied word
raises and each new word lowers, so that a refrain is forgotten as the tale goes on while a loop only mounts up. A song
that sings all its verses again with one more each time, printed in full, looks the same.
"""

import re
from dataclasses import dataclass

# Chosen on 115 human stories, whose highest score is a children's tale's refrain (about 80), and on loops planted in them.
SCORE = 150.0  # copied words, less what the new ones take off, that make a loop once it has gone round more than once
NEW = 0.7  # what a new word takes off
GRAM = 3  # so many words in a row tell where a copy comes from
SHIFT, SHIFT_GRAM = 8, 2  # a copy goes on where up to so many words were put in or left out, told by so many in a row
NEAR, JUMP = 300, 3  # what copying from elsewhere takes off, up to so many words away; from further on it is another copy
SURE = 5  # copied words in a row, which chance hardly gives
LONGEST = 12  # characters of a word: what never ends has to be cut somewhere to be seen repeating

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
        self._seen: dict[tuple[str, ...], int] = {}
        self._back = 0  # how far back the words being copied stand; 0 while nothing is
        self._score, self._first = 0.0, 0
        self._row = 0  # copied words in a row, or new ones where negative

    def feed(self, text: str) -> Loop | None:
        """The loop, once there is one. What comes after it is not looked at; how the text is cut does not matter."""
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
        here = len(self._words) - 1
        gram = tuple(self._words[-GRAM:])
        before = self._seen.get(gram)
        self._seen[gram] = here
        if self._back and self._words[here - self._back] == word:
            self._copied(here)
        elif self._back and self._shifted(here):
            self._copied(here - SHIFT_GRAM + 1)
        elif before is None or not self._gives_way(here, before):
            self._new()
        else:
            self._jump(here - before)
            self._copied(here - GRAM + 1)
        if self._row >= SURE and self._score >= max(SCORE, self._back):
            self.loop = Loop(self._starts[self._first], end, self._back)

    def _copied(self, first: int) -> None:
        if self._score == 0:
            self._first = first
        self._score += 1
        self._row = max(1, self._row + 1)

    def _new(self) -> None:
        self._row = min(-1, self._row - 1)
        self._score -= NEW
        if self._score <= 0:
            self._score, self._back = 0.0, 0

    def _gives_way(self, here: int, before: int) -> bool:
        """Whether the copy under way is over, so that one from `before` begins: chance brings three words together again."""
        if not self._back or self._words[before - SURE + 1 : before + 1] == self._words[here - SURE + 1 : here + 1]:
            return True
        return self._row < (1 - GRAM if self._near(here - before) else -SHIFT)

    def _near(self, back: int) -> bool:
        return abs(back - self._back) <= NEAR

    def _jump(self, back: int) -> None:
        """Copy from `back` words before from now on; from nearby, it is still the same copy."""
        self._score = max(0.0, self._score - JUMP) if self._near(back) else 0.0
        self._back = back

    def _shifted(self, here: int) -> bool:
        """Find the copy again close to where it was."""
        words = self._words
        tail = words[-SHIFT_GRAM:]
        for shift in range(1, SHIFT + 1):
            for back in (self._back + shift, self._back - shift):
                last = here - back
                if SHIFT_GRAM - 1 <= last < here and words[last] == tail[-1] and words[last - SHIFT_GRAM + 1 : last + 1] == tail:
                    self._back = back
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
