"""What a server counts of itself, in Prometheus' format, and how it is. Holds no text and no name of anyone."""

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ..logs import event
from ..story.record import StoryRecord

FIRST_WORD = (1, 5, 10, 20, 30, 60, 120, 300, 600)  # seconds
SPEEDS = (1, 2, 5, 10, 20, 50, 100, 200)  # tokens a second
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Health:
    """How a server is at this moment: what it does, what it cannot, and since when nothing was saved (seconds, None before the first)."""

    ready: bool
    loading: str
    failure: str
    writing: int
    waiting: int
    places: int
    streams: int
    storage: str
    since_saved: float | None
    free_bytes: int | None

    @property
    def status(self) -> str:
        if self.failure:
            return "failed"
        if not self.ready:
            return "loading"
        return "storage" if self.storage else "ok"


class Figures:
    """Counted from the start of the process."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self._begun = Counter("polaris_stories_begun", "Stories that were queued.", registry=registry)
        self._refused = Counter("polaris_stories_refused", "Stories that were not queued, by why.", ["why"], registry=registry)
        self._turns = Counter("polaris_turns_ended", "Times that a story stopped being written, by why.", ["reason"], registry=registry)
        self._tokens = Counter("polaris_tokens", "Tokens written, by what they are.", ["kind"], registry=registry)
        self._first = Histogram(
            "polaris_first_word_seconds", "From its turn to a story's first word.", buckets=FIRST_WORD, registry=registry
        )
        self._speed = Histogram("polaris_tokens_per_second", "How fast stories were written.", buckets=SPEEDS, registry=registry)
        self._gauges = {
            name: Gauge(f"polaris_{name}", about, registry=registry)
            for name, about in {
                "ready": "1 where stories can be written.",
                "writing": "Stories being written.",
                "waiting": "Stories waiting for their turn.",
                "streams": "Stories being followed over streams.",
                "storage_ok": "1 where stories are being kept as they are written.",
                "since_saved_seconds": "Since a story was saved last; -1 before the first.",
                "free_bytes": "Left on the disk that stories are kept on; -1 where there is none.",
            }.items()
        }

    def begun(self) -> None:
        self._begun.inc()

    def refused(self, why: str) -> None:
        self._refused.labels(why).inc()

    def ended(self, record: StoryRecord, thought: int, told: int, seconds: float) -> None:
        """A story's turn is over after so many seconds; it had `thought` tokens of thinking and `told` of its story when it began."""
        reason = record.finish.reason if record.finish else "unknown"
        thinking, tokens = max(0, record.thinking_tokens - thought), max(0, record.story_tokens - told)
        event(log, "turn ended", story=record.id, reason=reason, words=record.words, thinking=thinking, tokens=tokens, seconds=seconds)
        self._turns.labels(reason).inc()
        self._tokens.labels("thinking").inc(thinking)
        self._tokens.labels("story").inc(tokens)
        if record.story_tokens and not told and record.seconds_to_first_word:
            self._first.observe(record.seconds_to_first_word)
        if record.tokens_per_second:
            self._speed.observe(record.tokens_per_second)

    def exposition(self, health: Health) -> bytes:
        """All of it, in Prometheus' text format."""
        now = {
            "ready": health.ready,
            "writing": health.writing,
            "waiting": health.waiting,
            "streams": health.streams,
            "storage_ok": not health.storage,
            "since_saved_seconds": -1 if health.since_saved is None else health.since_saved,
            "free_bytes": -1 if health.free_bytes is None else health.free_bytes,
        }
        for name, value in now.items():
            self._gauges[name].set(float(value))
        return generate_latest(self._registry)


def free_bytes(folder: Path | None) -> int | None:
    """Left on the disk of a folder; None where there is none."""
    try:
        return shutil.disk_usage(folder).free if folder else None
    except OSError:
        return None
