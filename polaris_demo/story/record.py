"""The story so far: what an engine said, folded in event by event, and the point to go on from.

One worker applies events; any number of readers may read at the same time. Knows no clock: times come with the events.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from .events import Delta, Event, Finish, Progress, Started, ThinkingClosed
from .measures import WordCounter, length_ratio
from .model_info import ModelInfo
from .request import LIMITS, Finding, SamplingParams, StoryRequest, token_budget
from .thinking import StoryOpening

State = Literal["queued", "loading", "planning", "writing", "paused", "finished", "stopped", "interrupted", "failed"]
UNFINISHED: tuple[State, ...] = ("queued", "loading", "planning", "writing")
OVER: frozenset[State] = frozenset({"finished", "stopped", "interrupted", "failed"})
_KEPT = (
    "created", "prompt", "prompt_tokens", "thinking_tokens", "thinking_closed", "story_tokens", "started", "first_word",
    "seconds_at_work", "resumed_at", "reseeded",
)  # fmt: skip
SHORTEST_MEASURE = 0.5  # seconds; a speed taken over less says nothing
_STATE_AT: dict[str, State] = {"queued": "queued", "gpu": "queued", "loading": "loading"}
_STATE_AFTER: dict[str, State] = {
    "stop": "finished",
    "length": "finished",
    "loop": "stopped",
    "cancelled": "stopped",
    "segment": "paused",
    "error": "failed",
}


class TextLog:
    """Text that only grows. Reading from an offset costs what is read, however long the text is."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._ends: list[int] = []

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def append(self, text: str) -> None:
        if text:
            end = len(self) + len(text)
            self._pieces.append(text)
            self._ends.append(end)

    def since(self, offset: int) -> tuple[str, int]:
        """The text from `offset` (in characters) on, and the offset after it."""
        end = len(self)
        if offset >= end:
            return "", end
        first = bisect_right(self._ends, offset)
        last = bisect_right(self._ends, end)
        start = self._ends[first - 1] if first else 0
        return "".join(self._pieces[first:last])[max(0, offset - start) :], end

    def cut(self, length: int) -> None:
        """Keep the first `length` characters."""
        kept = str(self)[:length]
        self._pieces, self._ends = [kept], [len(kept)]

    def __str__(self) -> str:
        return self.since(0)[0]


@dataclass
class StoryRecord:
    """One story: what was asked, what has come of it, and how it ended. Times are seconds since the epoch."""

    id: str
    request: StoryRequest
    findings: tuple[Finding, ...] = ()
    created: float = 0.0
    writer: ModelInfo | None = None
    state: State = "queued"
    progress: Progress = Progress("queued")
    prompt: str = ""
    prompt_tokens: int = 0
    token_ids: list[int] = field(default_factory=list)
    thinking_tokens: int = 0
    thinking_closed: bool = False
    story_tokens: int = 0
    story: TextLog = field(default_factory=TextLog)
    finish: Finish | None = None
    started: float | None = None
    first_word: float | None = None
    seconds_at_work: float = 0.0
    resumed_at: list[int] = field(default_factory=list)
    reseeded: list[list[int]] = field(default_factory=list)  # (tokens there were, seed from there on)
    version: int = 0

    def __post_init__(self) -> None:
        self._words = WordCounter()
        self._opening = StoryOpening()
        self._last_token: float | None = None

    def apply(self, event: Event, now: float) -> None:
        """Fold one event in; `now` is when it was said."""
        match event:
            case Progress():
                self.progress = event
                self.state = _STATE_AT.get(event.stage) or self._at_work()
            case Started():
                self.prompt, self.prompt_tokens, self.started = event.prompt, event.prompt_tokens, self.started or now
                self.state = self._at_work()
            case ThinkingClosed():
                self.thinking_closed = True
            case Delta():
                self._add(event, now)
            case Finish():
                self.finish, self.state = event, _STATE_AFTER[event.reason]
                if event.tokens is not None and event.characters is not None:
                    self._cut(event.tokens, event.characters)
        self.version += 1

    def about(self) -> dict[str, Any]:
        """Everything but id, state, text and tokens, ready for JSON; `restore` takes it."""
        kept = {name: getattr(self, name) for name in _KEPT}
        return kept | {
            "dropped": self._opening.dropped,
            "request": asdict(self.request),
            "findings": [asdict(finding) for finding in self.findings],
            "writer": asdict(self.writer) if self.writer else None,
            "finish": asdict(self.finish) if self.finish else None,
        }

    @classmethod
    def restore(cls, story_id: str, state: State, about: Mapping[str, Any], text: str, token_ids: Sequence[int]) -> "StoryRecord":
        """The record that `about` was taken from. Raises KeyError or TypeError where it is not one of ours."""
        request, writer, finish = dict(about["request"]), about["writer"], about["finish"]
        sampling = SamplingParams(**request.pop("sampling"))
        record = cls(
            story_id,
            StoryRequest(**request, sampling=sampling),
            tuple(Finding(**finding) for finding in about["findings"]),
            writer=ModelInfo(**writer) if writer else None,
            state=state,
            token_ids=list(token_ids),
            finish=Finish(**finish) if finish else None,
            **{name: about[name] for name in _KEPT if name in about},
        )
        record.story.append(record._opening.feed(text))
        record._opening.dropped = about.get("dropped", 0)
        record._words.add(text)
        return record

    @property
    def resumable(self) -> bool:
        """There is something to go on with: not where the model itself ended, or never came to its story."""
        if self.state in ("paused", "stopped", "interrupted"):
            return True
        reason = self.finish.reason if self.finish else ""
        return reason in ("length", "error") and len(self.story) > 0

    def resume(self) -> None:
        """Back into the queue, to go on from the last token. A token budget that is used up is given once more.

        After a loop it goes on with another seed: the same one would draw the same loop again.
        """
        if self.finish and self.finish.reason == "loop":
            self.request = self.request.with_seed((self.request.sampling.seed + 1) % (int(LIMITS["seed"].high) + 1))
            self.reseeded.append([len(self.token_ids), self.request.sampling.seed])
        if self.finish and self.finish.reason == "length":
            budget = min(LIMITS["max_new_tokens"].high, len(self.token_ids) + token_budget(self.request))
            self.request = replace(self.request, sampling=replace(self.request.sampling, max_new_tokens=int(budget)))
        self.finish, self._last_token = None, None
        self.resumed_at.append(len(self.token_ids))
        self.apply(Progress("queued"), 0.0)

    def _at_work(self) -> State:
        return "writing" if len(self.story) else "planning"

    def _add(self, delta: Delta, now: float) -> None:
        if not delta.token_ids:
            return
        self.token_ids += delta.token_ids
        if self._last_token is not None:
            self.seconds_at_work += now - self._last_token
        self._last_token = now
        if delta.kind == "thinking":
            self.thinking_tokens += len(delta.token_ids)
            self.state = "planning"
            return
        self.story_tokens += len(delta.token_ids)
        text = self._opening.feed(delta.text)
        if text:
            self.first_word = now if self.first_word is None else self.first_word
            self.state = "writing"
            self.story.append(text)
            self._words.add(text)

    def _cut(self, tokens: int, characters: int) -> None:
        """Keep the first `tokens`, and the first `characters` of the story as the engine counts them."""
        self.story_tokens -= len(self.token_ids) - tokens
        self.token_ids = self.token_ids[:tokens]
        self.story.cut(max(0, characters - self._opening.dropped))
        self._words = WordCounter()
        self._words.add(str(self.story))

    @property
    def over(self) -> bool:
        return self.state in OVER

    @property
    def resting(self) -> bool:
        """Nothing more comes by itself: the story is over, or paused for a reason that its finish names."""
        return self.over or (self.state == "paused" and bool(self.finish and self.finish.message))

    @property
    def words(self) -> int:
        return self._words.count

    @property
    def length_ratio(self) -> float:
        return length_ratio(self.words, self.request.words)

    @property
    def tokens_per_second(self) -> float:
        """Generated tokens, thinking included, over the time from the first to the last, pauses left out; 0 until it can be told."""
        tokens = self.thinking_tokens + self.story_tokens
        return round(tokens / self.seconds_at_work, 1) if self.seconds_at_work >= SHORTEST_MEASURE else 0.0
