"""What a source of token ids is asked for, and what it is: a decoder here, or an engine elsewhere. Knows no tensors and no network."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..story.events import Progress, TakenUp
from ..story.request import SamplingParams
from .closing import Closing


class Stopped(Exception):
    """The stop event was set while the prompt was being read."""


@dataclass(frozen=True)
class Run:
    """One stretch of decoding: what was read, what was generated before, how to draw, and where to end.

    `limit` counts all generated tokens, `output` among them. `closing` is how thinking is ended by its budget.
    """

    prompt: Sequence[int]
    output: Sequence[int]
    params: SamplingParams
    seed: int
    limit: int
    closing: Closing | None = None


# A source of tokens: generated ids after `run.output`, one by one, until `run.limit` or the stop event; Progress where there is
# nothing else to say. End tokens come like any other: it is the caller's to leave then. What ends the thinking is put in where
# `run.closing` says so. It may raise Stopped where it is stopped before the first token.
Tokens = Callable[[Run, threading.Event], Iterator[Progress | TakenUp | int]]
