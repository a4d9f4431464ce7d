"""What a terminal is told: the story on standard output, everything else on standard error. Nothing of it moves a cursor."""

import re
import sys
import time
from collections.abc import Callable, Iterator

from ..engine.base import Engine, wait_until_ready
from ..settings import Settings
from ..story.record import StoryRecord

DONE, DIFFERS, FAILED, INTERRUPTED = 0, 1, 2, 130  # exit statuses
SAID_EVERY = 2.0  # seconds between two lines of progress
Load = Callable[[Settings], Engine]


def say(line: str) -> None:
    print(printable(line), file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """Without control characters: a record may come from anyone, and a terminal obeys them."""
    return re.sub(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", " ", text)


def loaded(load: Load, settings: Settings) -> Engine:
    """The engine that the environment asks for, once it can write. Raises EngineError."""
    engine = load(settings)
    if engine.status().loading:
        say("loading the model")
    if writer := wait_until_ready(engine).writer:
        say(f"{writer.badge()}. {writer.why}")
    return engine


class Aloud:
    """A story on standard output as it comes. What is taken back cannot be unsaid there, so it is said again from its beginning."""

    def __init__(self) -> None:
        self._said = 0

    def tell(self, record: StoryRecord) -> None:
        if len(record.story) < self._said:
            self._said = 0
            print("\n", flush=True)
            say("A part of what stands there was taken back. The story begins again:")
        text, self._said = record.story.since(self._said)
        print(printable(text), end="", flush=True)


def followed(stories: Iterator[StoryRecord], aloud: Aloud | None = None) -> StoryRecord:
    """The record at the end of its writing; on the way, a line now and then, and the story itself where it is told aloud."""
    said = 0.0
    for record in stories:
        if aloud:
            aloud.tell(record)
        if time.monotonic() - said >= SAID_EVERY:
            said = time.monotonic()
            say(f"{record.state}: {record.words} words" if record.words else f"{record.state}: {record.thinking_tokens} tokens")
    say(f"{record.words} words, {record.thinking_tokens + record.story_tokens} tokens, {record.tokens_per_second:g} tokens/s")
    return record
