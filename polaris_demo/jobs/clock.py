"""The time, by two clocks: the one on the wall, which may be wrong and jump, and a steady one that counts this process's seconds."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Moment:
    """`wall` in seconds since the epoch, for times of day; `steady` for how long something took, within one process."""

    wall: float
    steady: float


def now() -> Moment:
    return Moment(time.time(), time.monotonic())
