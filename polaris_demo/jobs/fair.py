"""Fair use: how much of a server one visitor may have at a time, an hour, a minute. Knows visitors by name only.

Every refusal says what the limit is and when to come back.
"""

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..errors import TooMany
from ..settings import Shares

HOUR, MINUTE = 3600, 60
STREAM_SECONDS = 10  # after which it is worth asking again for a stream
GUESSES = 5  # of the host's key, a minute
NOT_COUNTED = Shares()
TIDY_AT = 1_000  # names


class Rate:
    """At most `most` in `seconds` for each name: all at once, then one at a time as they come back."""

    def __init__(self, most: float, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._seconds, self._clock = most, seconds, clock
        self._lock = threading.Lock()
        self._whole: dict[str, float] = {}  # when all of them will have come back
        self._tidy_at = TIDY_AT

    def wait(self, name: str) -> float:
        """Seconds until one can be taken; 0 where it can be now."""
        if math.isinf(self._most) or not name:
            return 0.0
        return max(0.0, self._whole.get(name, -math.inf) - self._clock() - (self._seconds - self._seconds / self._most))

    def take(self, name: str) -> float:
        """As `wait`, and where it can be had it is taken."""
        with self._lock:
            if (left := self.wait(name)) or math.isinf(self._most) or not name:
                return left
            now = self._clock()
            self._whole[name] = max(self._whole.get(name, now), now) + self._seconds / self._most
            if len(self._whole) > self._tidy_at:
                self._whole = {known: whole for known, whole in self._whole.items() if whole > now}
                self._tidy_at = max(TIDY_AT, 2 * len(self._whole))
            return 0.0


class FairUse:
    """What is counted for each visitor of one server; who has no name is not counted. All of it may be called from any thread."""

    def __init__(self, shares: Shares = NOT_COUNTED, clock: Callable[[], float] = time.monotonic) -> None:
        self.shares = shares
        self._starts, self._guesses = Rate(shares.starts, HOUR, clock), Rate(GUESSES, MINUTE, clock)
        self._checks, self._archives = Rate(shares.checks, MINUTE, clock), Rate(shares.archives, MINUTE, clock)
        self._lock = threading.Lock()
        self._streams: Counter[str] = Counter()

    def require_turn(self, visitor: str, active: int) -> None:
        """Raises TooMany where a visitor with so many stories queued or being written may have no other at a time."""
        if visitor and active >= self.shares.stories:
            raise TooMany(
                f"You have {active} stories queued or being written, and {self.shares.stories} at a time is the most for one visitor. "
                "Wait until one has ended, or stop one."
            )

    def require_start(self, visitor: str) -> None:
        """Count the beginning of a story. Raises TooMany."""
        _require(self._starts.take(visitor), f"You have begun {self.shares.starts} stories within an hour")

    def require_check(self, visitor: str) -> None:
        """Count a look at a request that is not run. Raises TooMany."""
        _require(self._checks.take(visitor), f"You have had {self.shares.checks} requests checked within a minute")

    def require_archive(self, visitor: str) -> None:
        """Count an archive of stories. Raises TooMany."""
        _require(self._archives.take(visitor), f"You have asked for {self.shares.archives} archives within a minute")

    def require_guess(self, visitor: str) -> None:
        """Raises TooMany where a visitor has named too many keys that are not the host's."""
        _require(self._guesses.wait(visitor), f"You have tried {GUESSES} keys within a minute")

    def guessed(self, visitor: str) -> None:
        """Count a key that is not the host's."""
        self._guesses.take(visitor)

    @property
    def streams(self) -> int:
        """How many are held now."""
        return self._streams.total()

    @contextmanager
    def stream(self, visitor: str) -> Iterator[None]:
        """A place among the streams, as long as it lasts. Raises TooMany."""
        with self._lock:
            if visitor and self._streams[visitor] >= self.shares.streams:
                raise TooMany(
                    f"You follow {self.shares.streams} stories already, the most at a time for one visitor. "
                    f"Close one, or try again in {STREAM_SECONDS} s.",
                    STREAM_SECONDS,
                )
            if self._streams.total() >= self.shares.all_streams:
                raise TooMany(
                    f"All {self.shares.all_streams} streams of this server are taken. Try again in {STREAM_SECONDS} s.", STREAM_SECONDS
                )
            self._streams[visitor] += 1
        try:
            yield
        finally:
            with self._lock:
                self._streams[visitor] -= 1
                if not self._streams[visitor]:
                    del self._streams[visitor]


def in_time(seconds: float) -> str:
    """How long until then, rounded up."""
    return f"in {math.ceil(seconds)} s" if seconds <= 90 else f"in {math.ceil(seconds / 60)} min"


def _require(wait: float, had: str) -> None:
    if wait:
        raise TooMany(f"{had}, the most for one visitor. Try again {in_time(wait)}.", wait)
