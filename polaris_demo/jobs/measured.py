"""How stories went on this server lately. Every "about" the page says is a median of these. Knows no clock."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from statistics import median, quantiles

from ..story.record import StoryRecord
from .admission import Speed

KEPT = 20  # the latest stories: a server that has become slower says so within the hour
FEW = 3  # plans of which nothing can be said yet


@dataclass(frozen=True)
class _Sample:
    tokens_per_second: float
    thinking_tokens: int
    plan_seconds: float


class Measured:
    """The latest stories' figures; each story counts once, as it stands."""

    def __init__(self) -> None:
        self._samples: OrderedDict[str, _Sample] = OrderedDict()
        self._speed: Speed | None = None
        self._lock = threading.Lock()

    def add(self, record: StoryRecord) -> None:
        """Take in a story that has begun; one whose speed cannot be told yet says nothing."""
        if not record.story_tokens or not record.tokens_per_second:
            return
        sample = _Sample(record.tokens_per_second, record.thinking_tokens, record.seconds_to_first_word)
        with self._lock:
            self._samples[record.id] = sample
            self._samples.move_to_end(record.id)
            if len(self._samples) > KEPT:
                self._samples.popitem(last=False)
            self._speed = _middle(list(self._samples.values()))

    def speed(self) -> Speed | None:
        """The middle of them; None before the first."""
        return self._speed


def _middle(samples: list[_Sample]) -> Speed:
    return Speed(
        median(sample.tokens_per_second for sample in samples),
        round(median(sample.thinking_tokens for sample in samples)),
        _middle_half([sample.plan_seconds for sample in samples if sample.plan_seconds > 0]),
    )


def _middle_half(seconds: list[float]) -> tuple[float, float] | None:
    if len(seconds) < FEW:
        return None
    low, _, high = quantiles(seconds, n=4, method="inclusive")
    return low, high
