"""What a text that copies itself brings in its rounds, by which a litany is told from a loop. Knows no clock, no model, no tokenizer."""

from collections import deque
from collections.abc import Sequence

GRAM = 3  # so many words in a row tell where a copy comes from
SURE = 5  # copied words in a row, which chance hardly gives
CHOICES = 8  # words that may have stood in a place before: one of them is nothing new
MEMORY = 120  # words after which little is left of what a copy brought
BROUGHT = 2.0  # words of it, still remembered, are the least that counts
CHANCE = 1.6  # times as much of it as of other changes is no chance
MOST = 10  # of what a round is longer than the last counts as brought


class News:
    """What a copy brings in its rounds: in the same place another word each time, several new words at once, or all that was said
    and a little more. A loop that drifts changes now here, now there. Fed word by word; a word costs the same at any length.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._sources: dict[int, int] = {}  # of each word that was no copy, the one in whose place it stands
        self._added: deque[tuple[bool, bool]] = deque(maxlen=SURE)  # what each of the last words added to both
        self._after: dict[tuple[str, ...], tuple[str, ...]] = {}  # what last followed on so many words
        self._brought = self._drifted = 0.0  # words of it, forgotten a little with every word
        self._shape = ("",) * GRAM  # the last words, those that were no copies left open
        self._unheard = self._unheard_run = False  # a word of this round, of this row of new ones, never stood in the story before
        self._round = 0  # words of a round

    @property
    def brought(self) -> float:
        """How much of late; nothing where it was by chance, among other changes."""
        return self._brought if self._brought >= max(BROUGHT, CHANCE * self._drifted) else 0.0

    def add(self, words: Sequence[str], source: int, run: int, heard: bool, copying: bool) -> None:
        """Take in the last of `words`, in the place of `source` (-1 where nothing is copied), the `run`th in a row that is no copy.

        `run` is 0 for a copy. `heard` is whether it followed on the same words before; `copying`, whether the copy holds.
        """
        word, places = words[-1], (self._shape, self._shape[1:])
        before = [self._after.get(place, ()) for place in places]
        self._added.append((False, False))
        if run:
            turned = self._turned(words, source) or (not heard and any(_turns(word, those) for those in before))
            self._new(word, run, turned, heard)
        for place, those in zip(places, before, strict=True):
            self._after[place] = (*those, word)[-CHOICES:]
        self._known.add(word)
        self._shape = (*self._shape[1:], "" if run else word)
        kept = 1 - 1 / MEMORY if copying else 0.0  # what was brought is of a copy under way
        self._brought *= kept
        self._drifted *= kept

    def _turned(self, words: Sequence[str], source: int) -> bool:
        """Whether it stands where the round before had another word in the place of a third one."""
        if source < 0:
            return False
        older = self._sources.get(source, -1)
        self._sources[len(words) - 1] = source
        return older >= 0 and len({words[-1], words[source], words[older]}) == 3

    def _new(self, word: str, run: int, turned: bool, heard: bool) -> None:
        unheard = word not in self._known
        self._unheard, self._unheard_run = self._unheard or unheard, (run > 1 and self._unheard_run) or unheard
        brought = turned or (run >= GRAM and self._unheard_run)
        self._added[-1] = brought, not (brought or heard)
        if run == GRAM and self._unheard_run:  # its beginning was no drift
            self._drifted = max(0.0, self._drifted - sum(drifted for _, drifted in list(self._added)[-GRAM:]))
        self._brought += self._added[-1][0]
        self._drifted += self._added[-1][1]

    def copied(self, count: int) -> None:
        """The last words turned out to be copies."""
        for brought, drifted in list(self._added)[-count:]:
            self._brought, self._drifted = max(0.0, self._brought - brought), max(0.0, self._drifted - drifted)

    def moved(self, back: int) -> None:
        """The copy goes on from `back` words before, close to where it came from: the round has grown, or is another one."""
        if self._unheard and GRAM <= back - self._round <= self._round / 2:
            self._brought += min(back - self._round, MOST)
            self._round, self._unheard = back, False

    def settled(self, back: int) -> None:
        """The copy keeps to this distance."""
        self._round = back


def _turns(word: str, before: tuple[str, ...]) -> bool:
    """In a place where words changed from round to round another one stands again."""
    return len(before) >= GRAM and len({*before[-GRAM:], word}) > GRAM and word not in before
