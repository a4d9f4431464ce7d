"""The heaps of this process: what is freed between things that stay is given back to the system.

glibc gives back the end of a heap alone, so that requests by the thousand, each of which is let go of whole, took memory for good.
And it makes a heap for each thread, up to eight for each core, each of which keeps the most that it ever held. Python's collector
in its turn waits for a quarter as much as it knows before it looks for cycles that can go, through all of it, while every story stands.
"""

import ctypes
import functools
import gc
import os
import time
from collections.abc import Callable

EVERY_SECONDS = 5.0  # it takes 2 to 3 ms, and none of Python's lock
HEAPS = 2
_MOST_HEAPS = -8  # M_ARENA_MAX in glibc's malloc.h


def _function(name: str) -> Callable[..., int] | None:
    """One of glibc's of its allocator; None where the system's has none of the name."""
    try:
        found: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (OSError, TypeError, AttributeError):
        return None
    return found


@functools.cache
def settle() -> None:
    """Have the collector look no more through what there is now: the app and its engine, which stay. Once in a process.

    It takes 0.1 s, as each of the collector's rounds did; from then on it looks at what stories and visitors leave, and more often.
    """
    gc.collect()
    gc.freeze()


class Heap:
    """Trimmed from time to time, by whoever sees to things every second.

    Threads that begin after it share HEAPS, or as many as the host has set as MALLOC_ARENA_MAX.
    """

    def __init__(self) -> None:
        self._trim, self._trimmed = _function("malloc_trim"), time.monotonic()
        if (option := _function("mallopt")) and "MALLOC_ARENA_MAX" not in os.environ:
            option(_MOST_HEAPS, HEAPS)

    def tend(self) -> None:
        if self._trim and time.monotonic() - self._trimmed >= EVERY_SECONDS:
            self._trim(0)
            self._trimmed = time.monotonic()
