"""The heap of this process: what is freed between things that stay is given back to the system.

glibc gives back the end of a heap alone, so that requests by the thousand, each of which is let go of whole, took memory for good.
"""

import ctypes
import time
from collections.abc import Callable

EVERY_SECONDS = 5.0  # it takes 2 to 3 ms, and none of Python's lock


def _trim() -> Callable[[int], int] | None:
    """glibc's `malloc_trim`; None where the system's allocator has none."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, TypeError, AttributeError):
        return None


class Heap:
    """Trimmed from time to time, by whoever sees to things every second."""

    def __init__(self) -> None:
        self._trim, self._trimmed = _trim(), time.monotonic()

    def tend(self) -> None:
        if self._trim and time.monotonic() - self._trimmed >= EVERY_SECONDS:
            self._trim(0)
            self._trimmed = time.monotonic()
