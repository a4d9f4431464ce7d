"""Runs for stories that share a batch, and what the plain loop makes of each. Only for tests."""

import functools
import random
import threading
from dataclasses import replace
from typing import Any

from polaris_demo.engine.closing import Closing
from polaris_demo.engine.decoder import Decoder
from polaris_demo.engine.lanes import Story
from polaris_demo.engine.run import Run
from polaris_demo.story.request import SamplingParams

BUCKETS = (32, 48, 96, 256, 8192)  # small enough to be outgrown in a test
LONGEST = 60  # tokens of a story
CLOSING = Closing(9, (7, 3, 8), 2, 3, frozenset({7, 8}))


@functools.cache
def runs() -> tuple[Run, ...]:
    """Short and long prompts, every sampling setting at work in some, with a thinking to be closed and without."""
    chance = random.Random(1)
    pool = []
    for number in range(24):
        params = SamplingParams(
            temperature=chance.choice([0.0, 0.7, 1.3]), top_p=chance.choice([0.8, 1.0]), top_k=chance.choice([3, 20, 64]),
            min_p=chance.choice([0.0, 0.1]), repetition_penalty=chance.choice([1.0, 1.3]),
        )  # fmt: skip
        params = replace(params, presence_penalty=0.0 if params.repetition_penalty > 1 else 0.8)
        prompt = [chance.randrange(10, 96) for _ in range(chance.choice([1, 2, 15, 31, 40, 70]))]
        pool.append(Run(prompt, (), params, number, LONGEST, CLOSING if number % 2 else None))
    return tuple(pool)


def by_itself(model: Any, run: Run) -> list[int]:
    return [int(event) for event in Decoder(model, plain=True).tokens(run, threading.Event()) if isinstance(event, int)]


def drained(story: Story) -> list[Any]:
    return [story.told.get() for _ in range(story.told.qsize())]
