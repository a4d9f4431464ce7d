"""What can be said of a request before it is run, who may begin a story now, and how long those who wait will wait.

Knows no threads and no clock.
"""

import heapq
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ..engine.base import Allowance, Engine, another_model
from ..errors import AnotherModel, Busy
from ..story.checks import beside_errors, check
from ..story.prompt import user_message
from ..story.record import StoryRecord
from ..story.request import (
    TOKENS_PER_WORD,
    Finding,
    StoryRequest,
    errors,
    expected_words,
    read,
    thinking_budget,
    token_budget,
)

OVERDUE = 0.1  # a story that outran its expectation is expected to take this share of it longer
HOST_PAUSED = "The host has paused new stories. Stories already begun go on; try again later."


@dataclass(frozen=True)
class Speed:
    """How stories went here lately, in the middle: tokens per second, and how many they thought.

    `plans` are the seconds within which the middle half of the plans came, once there are a few.
    """

    tokens_per_second: float
    thinking_tokens: int
    plans: tuple[float, float] | None = None


@dataclass(frozen=True)
class Checked:
    """What can be said of a request before it is run.

    `seconds` to its end, and to its `first_word`, are None until a story has been written here; its turn in the queue aside.
    `allowance` is what it takes of a visitor's day, where GPUs are lent by the day.
    """

    request: StoryRequest | None
    findings: tuple[Finding, ...]
    prompt: str = ""
    prompt_tokens: int | None = None
    words: int | None = None
    seconds: int | None = None
    first_word: int | None = None
    allowance: Allowance | None = None

    @property
    def budget(self) -> int | None:
        return token_budget(self.request) if self.request else None

    def refusal(self) -> str:
        return " ".join(finding.message for finding in errors(self.findings))


def checked(raw: Mapping[str, object], engine: Engine, max_words: int, speed: Speed | None) -> Checked:
    """Everything there is to say about raw values."""
    request, findings = read(raw)
    writer = engine.status().writer
    if request is None:
        return Checked(None, findings + beside_errors(raw, findings, writer))
    rendered = engine.prompt(request)
    prompt, tokens = rendered if rendered else (user_message(request), None)
    findings = check(request, writer, tokens, max_words)
    whole, first = seconds_for(request, speed) if speed else (None, None)
    return Checked(request, findings, prompt, tokens, expected_words(request, writer), whole, first, engine.allowance(request))


def require_place(waiting: int, queue_size: int, next_turn: float | None) -> None:
    """Raise Busy where the queue is full; the first of it has its turn in `next_turn` seconds, as far as that is known."""
    if waiting >= queue_size:
        again = "in a few minutes" if next_turn is None else f"in about {math.ceil(max(next_turn, 1) / 60)} min"
        raise Busy(f"All {queue_size} places in the queue are taken. Try again {again}.")


def require_same_model(record: StoryRecord, engine: Engine) -> None:
    """Raise AnotherModel, naming both, where a story was begun by another model than the one that would go on with it."""
    if sentence := another_model(record.resume_point(), engine.status().writer):
        raise AnotherModel(sentence)


def seconds_for(request: StoryRequest, speed: Speed) -> tuple[int, int]:
    """How long a story takes at this speed to its end and to its first word; waiting for its turn aside."""
    thinking = min(speed.thinking_tokens, thinking_budget(request))
    return round(_tokens(request, thinking) / speed.tokens_per_second), round(thinking / speed.tokens_per_second)


def seconds_left(record: StoryRecord, speed: Speed) -> float:
    """How much longer a story takes that may have been begun."""
    expected = _tokens(record.request, record.thinking_tokens if record.story_tokens else speed.thinking_tokens)
    return max(expected - record.tokens, OVERDUE * expected) / speed.tokens_per_second


def waits(writing: Collection[float], waiting: Sequence[float], capacity: int) -> list[int]:
    """For every waiting story the seconds until its turn, when stories take this long and `capacity` are written at once."""
    free = [*writing, *(0.0 for _ in range(capacity - len(writing)))]
    heapq.heapify(free)
    begins = []
    for seconds in waiting:
        begins.append(math.ceil(free[0]))
        heapq.heapreplace(free, free[0] + seconds)
    return begins


def _tokens(request: StoryRequest, thinking: int) -> float:
    return min(TOKENS_PER_WORD * request.words + thinking, token_budget(request))
