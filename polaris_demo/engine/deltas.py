"""From generated token ids to events: what is thinking, what is story, and what of it stands. Knows no model and no tensors.

Thinking ends at "</think>", found by its id. A model may take it up again: what comes after a "<think>" is thinking up to
its end, and a second "</think>" without one tells that what stood before it was, too.
"""

import time
from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from itertools import accumulate

from ..story.characters import is_blank
from ..story.events import Delta, Finish, Kind, TakenBack, ThinkingClosed
from ..story.loops import Loop, LoopGuard, sound_end
from ..story.measures import count_words
from ..story.origin import Place
from ..story.thinking import StoryOpening
from .closing import NEVER, ThinkingState
from .drawn import Drawn
from .tokens import ChatTokens

DELTA_SECONDS = 0.05  # tokens are handed on in lots of this age: one event a token would cost more than it shows
DOUBT = 0.5  # a token less probable than this was drawn in doubt
A_STORY = 200  # words that a model which closed its thinking itself does not write by mistake
GO_ON = "What came after its last sound place is folded there, and Continue goes on from that place with another seed."
Told = Delta | TakenBack | ThinkingClosed


class Deltas:
    """Gathers tokens into deltas, and watches the story and the thinking for loops. `output` is what was generated, and told, before.

    `close_at` is the position at which thinking that is still open is ended for the model; a loop in it brings it forward.
    """

    def __init__(
        self, chat: ChatTokens, output: Sequence[int] = (), close_at: int = NEVER, guard: bool = True, doubts: Collection[int] = ()
    ) -> None:
        self._chat, self._state = chat, ThinkingState(chat.closing_at(close_at))
        self._story: list[str] = []  # the text of every token that is story,
        self._places: list[int] = []  # and how many tokens there were with it
        self._opening, self._guard, self._decoder = StoryOpening(), LoopGuard(), chat.decoder()
        self._plan, self._plan_decoder = LoopGuard(), chat.decoder()
        self._guarded, self._budget = guard, close_at
        self._since_end = 0  # the story's tokens that were there when thinking was last ended
        self._being_forced = self._forced = False  # its end is being put in; the last one was
        self._text, self._ids, self._doubts = "", [], []  # type: tuple[str, list[int], list[int]]
        self._since = time.monotonic()
        self.kind: Kind = "thinking"
        self.count = self.ended_at = 0  # tokens so far, and up to the last end of thinking
        known = frozenset(doubts)
        for number, token in enumerate(output):
            for _ in self._take_in(token, number in known):
                pass
        self._text, self._ids, self._doubts = "", [], []

    def add(self, token: int) -> Iterator[Told]:
        """Take in the next token; one that is no Drawn counts as sure."""
        yield from self._take_in(int(token), isinstance(token, Drawn) and token.sureness < DOUBT)
        if time.monotonic() - self._since >= DELTA_SECONDS:
            yield from self.flush()

    def flush(self, last: int | None = None) -> Iterator[Delta]:
        """What was held back, with the token that ends it all: only then will no character that was begun be finished."""
        if last is not None:
            self._ids.append(int(last))
            self._close()
        if self._ids:
            yield Delta.of(self.kind, self._text, tuple(self._ids), tuple(self._doubts))
        self._text, self._ids, self._doubts, self._since = "", [], [], time.monotonic()

    def _close(self) -> None:
        if self.kind == "story" and (text := self._opening.feed(self._decoder.close())):
            self._story[-1] += text
            self._text += text

    @property
    def loop(self) -> Loop | None:
        return self._guard.loop if self._guarded else None

    @property
    def close_at(self) -> int:
        """Where thinking that is still open is ended, as it is known by now."""
        return self._state.close_at

    @property
    def blank(self) -> bool:
        """Nothing of a story can be seen."""
        return is_blank("".join(self._story))

    def place(self, characters: int) -> Place:
        """The place of the token that ends the first `characters` of the story."""
        ends = list(accumulate(map(len, self._story)))
        at = min(bisect_left(ends, characters), len(ends) - 1)
        return Place(self._places[at], self._places[at] - (at + 1), ends[at]) if ends else Place()

    def cut(self) -> Finish:
        """The end of a story that loops: what of it is sound, up to the token that ends its last sound paragraph."""
        assert self.loop
        text, ends = "".join(self._story), list(accumulate(map(len, self._story)))
        kept = bisect_left(ends, sound_end(text, self.loop))
        if ends[kept] > self.loop.start:  # that token reaches into the loop
            kept -= 1
        tokens, characters = (self._places[kept], ends[kept]) if kept >= 0 else (self.ended_at, 0)
        return Finish("loop", f"{self.loop.message} {GO_ON}", tokens=tokens, characters=characters)

    def _take_in(self, token: int, doubt: bool) -> Iterator[Told]:
        if self._state.feed(token):
            self._being_forced = True
            yield ThinkingClosed(self.count, "loop" if self.close_at < self._budget else "budget")
        if token == self._chat.think_start and self.kind == "story":
            yield from self._taken_up()
        self.count += 1
        self._ids.append(token)
        if self.kind == "story":
            self._tell(self._decoder.step(token), doubt and self._guard.copying)
        elif self._budget != NEVER and self._plan.feed(self._plan_decoder.step(token)):
            self._state.close()
        if token == self._chat.think_end:
            yield from self.flush()
            yield from self._ended()

    def _tell(self, text: str, doubt: bool) -> None:
        if doubt:
            self._doubts.append(self.count - 1)
        self._story.append(self._opening.feed(text))
        self._text += self._story[-1]
        self._places.append(self.count)
        self._guard.feed(self._story[-1], doubt)

    def _ended(self) -> Iterator[Told]:
        """After an end of thinking. One that comes where a story stands tells that it was thinking, or is left out."""
        if self.kind == "story":
            if not self._forced and count_words("".join(self._story[self._since_end :])) >= A_STORY:
                return
            yield self._take_back()
        self.kind, self._since_end, self.ended_at = "story", len(self._story), self.count
        self._forced, self._being_forced = self._being_forced, False

    def _taken_up(self) -> Iterator[Told]:
        """Before a "<think>" in the story. What stands since an end that the model did not write itself was thinking still."""
        yield from self.flush()
        if self._forced:
            yield self._take_back()
        self.kind, self._plan, self._plan_decoder = "thinking", LoopGuard(), self._chat.decoder()

    def _take_back(self) -> TakenBack:
        """The story's tokens since the last end of thinking were no story."""
        tokens = len(self._story) - self._since_end
        del self._story[self._since_end :], self._places[self._since_end :]
        text, self._guard, self._decoder = "".join(self._story), LoopGuard(), self._chat.decoder()
        self._guard.feed(text)
        if not text:
            self._opening = StoryOpening()
        return TakenBack(tokens, len(text))
