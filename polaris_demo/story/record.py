"""The story so far: what an engine said, folded in event by event, and the point to go on from.

Knows no clock and no lock: times come with the events, and whoever reads while another folds in takes a `look` first.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from . import aside
from .aside import Aside
from .events import Delta, Event, Finish, Progress, Reason, Resume, Stage, Started, TakenBack, TakenUp, ThinkingClosed
from .measures import ReaderCount, WordCounter, length_ratio
from .model_info import ModelInfo
from .origin import Origin, Place
from .request import LIMITS, Finding, SamplingParams, StoryRequest, token_budget
from .text_log import TextLog

State = Literal["queued", "loading", "planning", "writing", "paused", "finished", "stopped", "interrupted", "failed"]
UNFINISHED: tuple[State, ...] = ("queued", "loading", "planning", "writing")
_KEPT = (
    "created", "prompt", "prompt_tokens", "thinking_tokens", "closed_at", "story_tokens", "started", "first_word",
    "seconds_to_first_word", "seconds_at_work", "resumed_at", "reseeded", "cut_to", "unguarded_at", "doubts", "closed_by", "taken_up",
)  # fmt: skip
MOST_DOUBTS = 500  # more than any text that copies itself may go on for without being a loop
SHORTEST_MEASURE = 0.5  # seconds; a speed taken over less says nothing
_STATE_AT: dict[Stage, State] = {"queued": "queued", "gpu": "queued", "loading": "loading"}
_STATE_AFTER: dict[Reason, State] = {
    "stop": "finished", "length": "finished", "loop": "stopped", "cancelled": "stopped", "segment": "paused", "pause": "paused",
    "error": "failed",
}  # fmt: skip


@dataclass(frozen=True)
class Stretch:
    """A part of a story that was written without a change of who writes, from so many tokens and words on."""

    writer: ModelInfo
    tokens: int = 0
    words: int = 0


@dataclass
class StoryRecord:
    """One story: what was asked, what has come of it, and how it ended. Times are seconds since the epoch; what begins with
    `seconds_` is how long something took, by a clock that cannot jump.

    `writer` is who writes now, or is expected to; `stretches` are those who did. `closed_at` is the position of a forced end of
    thinking. `cut_to` holds, for every time text was lost or taken back, the characters that stand. `asides` stand folded in the
    story, and from `unguarded_at` tokens on it may go round in circles. Of a version, `origins` are the stories it was written on
    from, each up to its place, its parent last.
    """

    id: str
    request: StoryRequest
    findings: tuple[Finding, ...] = ()
    created: float = 0.0
    writer: ModelInfo | None = None
    stretches: tuple[Stretch, ...] = ()
    state: State = "queued"
    progress: Progress = Progress("queued")
    prompt: str = ""
    prompt_tokens: int = 0
    token_ids: list[int] = field(default_factory=list)
    thinking: TextLog = field(default_factory=TextLog, repr=False)  # of engines without token ids only
    thinking_tokens: int = 0
    closed_at: int | None = None
    story_tokens: int = 0
    story: TextLog = field(default_factory=TextLog)
    finish: Finish | None = None
    started: float | None = None
    first_word: float | None = None
    seconds_to_first_word: float = 0.0
    seconds_at_work: float = 0.0
    resumed_at: tuple[int, ...] = ()
    reseeded: tuple[tuple[int, int], ...] = ()  # (tokens there were, seed from there on)
    cut_to: tuple[int, ...] = ()
    taken_up: tuple[tuple[int, str], ...] = ()  # (tokens there were, why): the engine broke off there, and it went on by itself
    closed_by: str = "budget"
    doubts: tuple[int, ...] = ()  # the latest
    asides: tuple[Aside, ...] = ()
    unguarded_at: int | None = None
    origins: tuple[Origin, ...] = ()
    version: int = 0

    def __post_init__(self) -> None:
        self._words = WordCounter()
        self._began: float | None = None
        self._last_token: float | None = None

    def apply(self, event: Event, now: float, at: float | None = None) -> None:
        """Fold one event in; `now` is when it was said, and `at` the same by a clock that cannot jump, where there is one."""
        at = now if at is None else at
        match event:
            case Progress():
                self.progress = event
                self.state = _STATE_AT.get(event.stage) or self._at_work()
            case Started():
                self.prompt, self.prompt_tokens, self.started = event.prompt, event.prompt_tokens, self.started or now
                self.state = self._at_work()
                self._began = at if self._began is None else self._began
                self._begin_stretch(event.writer)
            case ThinkingClosed():
                self.closed_at, self.closed_by = event.tokens, event.why
            case Delta():
                self._add(event, now, at)
            case TakenBack():
                self._take_back(event)
            case TakenUp():
                self.taken_up = (*self.taken_up, (event.tokens, event.why))
            case Finish():
                if event.tokens is not None and event.characters is not None:
                    self._drop(self.tokens - event.tokens, event.characters, folded=event.reason == "loop")
                self.finish, self.state = event, _STATE_AFTER[event.reason]
        self.version += 1

    def look(self) -> "StoryRecord":
        """The record at this moment, which nothing changes any more. Its `token_ids` may go on growing."""
        seen = copy.copy(self)
        seen.story, seen.thinking, seen._words = self.story.frozen(), self.thinking.frozen(), copy.copy(self._words)
        return seen

    def about(self) -> dict[str, Any]:
        """Everything but id, state, text and tokens, ready for JSON; `restore` takes it."""
        kept = {name: getattr(self, name) for name in _KEPT}
        return kept | {
            "request": asdict(self.request),
            "findings": [asdict(finding) for finding in self.findings],
            "writer": asdict(self.writer) if self.writer else None,
            "stretches": [asdict(stretch) for stretch in self.stretches],
            "finish": asdict(self.finish) if self.finish else None,
            "asides": aside.kept(self.asides),
            "origins": [origin.kept() for origin in self.origins],
        }

    @classmethod
    def restore(
        cls, story_id: str, state: State, about: Mapping[str, Any], text: str, token_ids: Sequence[int], thinking: str = ""
    ) -> "StoryRecord":
        """The record that `about` was taken from. Raises KeyError or TypeError where it is not one of ours."""
        request, writer, finish = dict(about["request"]), about["writer"], about["finish"]
        sampling = SamplingParams(**request.pop("sampling"))
        record = cls(
            story_id,
            StoryRequest(**request, sampling=sampling),
            tuple(Finding(**finding) for finding in about["findings"]),
            writer=ModelInfo.restore(writer) if writer else None,
            state=state,
            token_ids=list(token_ids),
            finish=Finish(**finish) if finish else None,
            asides=tuple(map(Aside.restore, about.get("asides", ()))),
            origins=tuple(map(Origin.restore, about.get("origins", ()))),
            **{name: _tuples(about[name]) for name in _KEPT if name in about},
        )
        record.stretches = _stretches(about, record)
        if about.get("thinking_closed"):  # as records said it before they said where
            record.closed_at = record.thinking_tokens - 1
        record.begin_with(text, thinking)
        return record

    def begin_with(self, text: str, thinking: str = "") -> None:
        """What there is of a story that was begun before, or elsewhere."""
        self.story.append(text)
        self.thinking.append(thinking)
        self._words.add(text)

    def resume_point(self) -> Resume:
        """What an engine goes on from: the ids where every token has one, else the texts."""
        guard = self.unguarded_at is None
        if not self.tokens:
            return Resume(guard=guard)
        if len(self.token_ids) == self.tokens:
            return Resume(tuple(self.token_ids), writer=self.writer, guard=guard, doubts=self.doubts)
        return Resume((), str(self.thinking), str(self.story), self.writer, guard)

    def resume(self, without_guard: bool = False) -> None:
        """Make ready to go on from the last token. A token budget that is used up is given once more.

        Where the end was cut off, it goes on with another seed: the same one would come to the same end. Without the guard it
        goes on from the end of what was `folded`, as if nothing had been.
        """
        if without_guard:
            self._unfold()
        elif self.finish and self.finish.tokens is not None:
            self.request = self.request.with_seed((self.request.sampling.seed + 1) % (int(LIMITS["seed"].high) + 1))
            self.reseeded = (*self.reseeded, (self.tokens, self.request.sampling.seed))
        if self.finish and self.finish.reason == "length":
            budget = min(LIMITS["max_new_tokens"].high, self.tokens + token_budget(self.request))
            self.request = replace(self.request, sampling=replace(self.request.sampling, max_new_tokens=int(budget)))
        self.finish, self._last_token = None, None
        self.resumed_at = (*self.resumed_at, self.tokens)
        self.apply(Progress("queued"), 0.0)

    def _at_work(self) -> State:
        return "writing" if len(self.story) else "planning"

    def _begin_stretch(self, writer: ModelInfo) -> None:
        """Who writes from here on; a part of its own where anything about that differs. Raises ValueError for another model."""
        if self.tokens and self.writer and not self.writer.same_model(writer):
            raise ValueError("a story goes on with the model that began it")
        before = [stretch for stretch in self.stretches if stretch.tokens < self.tokens]
        if not before or replace(before[-1].writer, why="") != replace(writer, why=""):
            before.append(Stretch(writer, self.tokens, self.words))
        self.writer, self.stretches = writer, tuple(before)

    def _add(self, delta: Delta, now: float, at: float) -> None:
        if not delta.tokens:
            return
        self.token_ids += delta.token_ids
        self.doubts = (*self.doubts, *delta.doubts)[-MOST_DOUBTS:]
        if self._last_token is not None:
            self.seconds_at_work += at - self._last_token
        self._last_token = at
        if delta.kind == "thinking":
            self.thinking_tokens += delta.tokens
            self.state = self._at_work()
            if not delta.token_ids:
                self.thinking.append(delta.text)
            return
        self.story_tokens += delta.tokens
        if delta.text:
            if self.first_word is None:
                self.first_word, self.seconds_to_first_word = now, at - (at if self._began is None else self._began)
            self.story.append(delta.text)
            self._words.add(delta.text)
        self.state = self._at_work()

    def _take_back(self, event: TakenBack) -> None:
        if len(self.token_ids) < self.tokens:
            self.thinking.append(self.story.since(event.characters)[0])
        self.asides = tuple(a for a in self.asides if a.tokens < self.tokens - event.tokens)  # others were thinking, too
        self.story_tokens -= event.tokens
        self.thinking_tokens += event.tokens
        self._cut(event.characters)
        self.state = self._at_work()

    def _drop(self, tokens: int, characters: int, folded: bool) -> None:
        """Let go of the last `tokens`, and of the story beyond its first `characters`; what is `folded` stays as an aside."""
        of_the_story = min(tokens, self.story_tokens)
        text, kept = self.story.since(characters)[0], max(0, len(self.token_ids) - tokens)
        ids, self.token_ids = tuple(self.token_ids[kept:]), self.token_ids[:kept]
        self.story_tokens -= of_the_story
        self.thinking_tokens -= tokens - of_the_story
        self._cut(characters)
        self.doubts = tuple(doubt for doubt in self.doubts if doubt < self.tokens)
        self.asides = aside.at_most(self.asides, characters, self.tokens)
        if folded and text:
            counts = of_the_story, tokens - of_the_story
            self.asides += (Aside(characters, self.tokens, text, ids, *counts, self.request.sampling.seed),)

    def _unfold(self) -> None:
        """Take the last aside in again, where the story rests."""
        last = self.folded
        assert last
        self.asides = self.asides[:-1]
        while self.reseeded and self.reseeded[-1][0] == self.tokens and self.reseeded[-1][1] != last.seed:
            self.reseeded = self.reseeded[:-1]
        self.request = self.request.with_seed(last.seed)
        self.token_ids = [*self.token_ids, *last.token_ids]
        self.story_tokens, self.thinking_tokens = self.story_tokens + last.story_tokens, self.thinking_tokens + last.thinking_tokens
        self.story.append(last.text)
        self._words.add(last.text)
        self.unguarded_at = self.tokens

    def _cut(self, characters: int) -> None:
        if characters >= len(self.story):
            return
        self.story.cut(characters)
        self.cut_to = (*self.cut_to, characters)
        self.first_word = self.first_word if characters else None
        self._words = WordCounter()
        self._words.add(str(self.story))
        self.stretches = tuple(replace(s, tokens=min(s.tokens, self.tokens), words=min(s.words, self.words)) for s in self.stretches)

    @property
    def tokens(self) -> int:
        """Generated so far, thinking included."""
        return self.thinking_tokens + self.story_tokens

    @property
    def parent(self) -> Origin | None:
        """What it was written on from."""
        return self.origins[-1] if self.origins else None

    @property
    def inherited(self) -> Place:
        """What of it was there before it was begun."""
        return self.parent.place if self.parent else Place()

    @property
    def folded(self) -> Aside | None:
        """The aside in which the story could go on: nothing was written since it was folded."""
        return self.asides[-1] if self.rests and self.asides and self.asides[-1].tokens == self.tokens else None

    @property
    def redrawn_at(self) -> tuple[int, ...]:
        """The tokens at which it was gone on with by an engine that does not draw there as it would have without a break."""
        places = {*self.resumed_at, *(tokens for tokens, _ in self.taken_up)}
        from_there = {place: [s.writer for s in self.stretches if s.tokens <= place] for place in sorted(places) if place}
        return tuple(place for place, writers in from_there.items() if writers and writers[-1].redraws)

    @property
    def cuts(self) -> int:
        """How often the story was cut: whoever read on before may have read what does not stand any more."""
        return len(self.cut_to)

    @property
    def thinking_closed(self) -> bool:
        """The end of thinking was put in for the model."""
        return self.closed_at is not None

    @property
    def rests(self) -> bool:
        """Nothing more comes by itself."""
        return self.finish is not None and self.finish.reason != "segment"

    @property
    def words(self) -> int:
        return self._words.count

    @property
    def read_as(self) -> ReaderCount | None:
        """What a reader would count; None where that is much the same as `words`."""
        reader = self._words.reader
        return reader if reader.differs_from(self.words) else None

    @property
    def length_ratio(self) -> float:
        return length_ratio(self.words, self.request.words)

    @property
    def tokens_per_second(self) -> float:
        """Generated tokens, thinking included, over the time from the first to the last, pauses left out; 0 until it can be told."""
        return round((self.tokens - self.inherited.tokens) / self.seconds_at_work, 1) if self.seconds_at_work >= SHORTEST_MEASURE else 0.0


def _tuples(value: Any) -> Any:
    """JSON's lists as the tuples they were."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _stretches(about: Mapping[str, Any], record: StoryRecord) -> tuple[Stretch, ...]:
    """Those on record; one of all it has where it was kept before there were any."""
    if "stretches" in about:
        return tuple(Stretch(ModelInfo.restore(s["writer"]), s["tokens"], s["words"]) for s in about["stretches"])
    return (Stretch(record.writer),) if record.writer and record.tokens else ()
