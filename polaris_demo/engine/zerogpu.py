"""Writes on ZeroGPU: a story in segments, each of them one call of the one function here that is given a GPU.

The main process never computes. It declares how long a segment may take, hands on what the worker says, and turns every
way the platform can refuse or break off into a sentence: what was written is kept, and the story can go on from there.
"""

import datetime
import logging
import math
import re
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace

import spaces
from spaces.zero.gradio import get_event

from .. import card
from ..errors import log_bug
from ..story.events import Delta, Event, Finish, Progress, Resume
from ..story.origin import Place
from ..story.request import LIMITS, TOKENS_PER_WORD, StoryRequest, token_budget
from .base import Allowance, Day, Status, another_model
from .local import LocalEngine
from .pump import pumped

CAPACITY = 8  # stories at once; each has a GPU slot of its own
HEARTBEAT_SECONDS = 0.25
COLD_SECONDS = 20  # allowed for moving the weights to the GPU in a new worker, until it has been measured on the platform
GIVE_BACK_SECONDS = 2  # a slot that was left is waited for this long: its worker may be in the middle of a long step
RESERVE_SECONDS = 5  # a segment ends itself this long before its time is up
LEAST_SECONDS = 30  # in less than this a cold worker writes nothing
COUNTED = 1.5  # the platform asks for this many times the declared seconds to be left; it takes the seconds used
DAYS = (("without an account", 120), ("with a free account", 300), ("with PRO", 2400))  # seconds a day (hub documentation, August 2026)
GUESSED_SPEED = {"4bit": 60.0, "bf16": 30.0}  # tokens/s until the first segment has been measured
CONTINUE = "What was written is kept, and Continue goes on from there."
ABORTED = f"The GPU was taken away before the segment’s end. {CONTINUE}"
TOO_SHORT = f"The GPU’s time ended before a word could be added. {CONTINUE}"
UNFORESEEN = f"No GPU could be had, for a reason nobody foresaw. {CONTINUE}"
_SAID = (  # what the platform's messages hold, and what a visitor is told; read in spaces 0.51
    ("GPU task aborted", ABORTED),
    ("runs limit", f"Your runs on ZeroGPU are used up for today. {CONTINUE}"),
    ("requested vs.", "Your time on ZeroGPU is used up{wait}. Signing in to Hugging Face gives more. " + CONTINUE),
    ("reached its GPU limit", f"This visit has no time on ZeroGPU of its own: open this Space on huggingface.co and sign in. {CONTINUE}"),
    ("larger than the maximum allowed", f"ZeroGPU does not lend a GPU for as long as was asked for. {CONTINUE}"),
    ("credits", f"All your ZeroGPU credits are in use by other tasks; wait until one of them ends. {CONTINUE}"),
    ("No GPU was available", f"No GPU came free within a minute. {CONTINUE}"),
    ("Expired ZeroGPU proxy token", f"This page has been open so long that its pass to ZeroGPU expired; reload the page. {CONTINUE}"),
    ("Connection closed by visitor", f"The page was left while its story waited for a GPU. {CONTINUE}"),
)
log = logging.getLogger(__name__)

_engine: LocalEngine | None = None  # set in the main process, so that every worker is forked with it
_warm = False  # in a worker: the weights are on the GPU


@dataclass(frozen=True)
class Segment:
    """One call: the story so far, and the seconds declared for it."""

    request: StoryRequest
    resume: Resume
    seconds: int


def declared(segment: Segment) -> int:
    """What the platform is told a segment takes, in seconds."""
    return segment.seconds


@spaces.GPU(duration=declared)
def gpu_segment(segment: Segment) -> Generator[Event, None, None]:
    """Runs in a worker with a GPU: events until the story's end or this segment's; something at least every half second.

    Ordinary failures are events: after an exception the platform throws the warm worker away.
    """
    global _warm
    assert _engine is not None
    seconds = segment.seconds - RESERVE_SECONDS - (0 if _warm else COLD_SECONDS)
    _warm = True
    stop = threading.Event()
    latest: Event = Progress("reading")
    for event in pumped(_engine.write(segment.request, segment.resume, stop, seconds), HEARTBEAT_SECONDS, leaving=stop, wait=True):
        latest = event or _pulse(latest)
        yield latest


def _pulse(latest: Event) -> Event:
    """The same again, with nothing new in it."""
    return Delta(latest.kind, "") if isinstance(latest, Delta) else latest if isinstance(latest, Progress) else Progress("reading")


class ZeroGpuEngine:
    """A loaded model whose computing happens in lent workers. `write` writes one segment and ends with "segment"."""

    def __init__(self, local: LocalEngine, segment_seconds: int) -> None:
        global _engine
        _engine = self._local = local
        self._most_seconds = segment_seconds
        writer = local.status().writer
        self.speed = GUESSED_SPEED.get(writer.precision if writer else "", GUESSED_SPEED["bf16"])

    def status(self) -> Status:
        """A visitor who is not logged in has the words of one segment at once."""
        at_once = words_that_fit(self.speed, self._most_seconds, card.THINKING_SOFT_CAP)
        return replace(self._local.status(), capacity=CAPACITY, words_at_once=at_once)

    def allowance(self, request: StoryRequest) -> Allowance:
        """The GPU seconds that a whole story takes, and the longest that fits the day of each kind of visitor."""
        tokens = min(token_budget(request), TOKENS_PER_WORD * request.words + card.THINKING_SOFT_CAP)
        days = (Day(who, day, self._words_a_day(day)) for who, day in DAYS)
        return Allowance(seconds_used(tokens, self.speed, self._most_seconds), tuple(days))

    def _words_a_day(self, seconds: int) -> int:
        tokens = seconds_to_write(seconds, self._most_seconds) * self.speed - card.THINKING_SOFT_CAP
        return int(max(0, min(tokens / TOKENS_PER_WORD, LIMITS["words"].high))) // 50 * 50

    def prompt(self, request: StoryRequest) -> tuple[str, int]:
        return self._local.prompt(request)

    def place(self, request: StoryRequest, resume: Resume, characters: int) -> Place:
        return self._local.place(request, resume, characters)

    def write(self, request: StoryRequest, resume: Resume, stop: threading.Event) -> Generator[Event, None, None]:
        if another := another_model(resume, self._local.status().writer):  # before a GPU is asked for
            yield Finish("pause", another)
            return
        tokens_left = token_budget(request) - len(resume.token_ids)
        segment = Segment(request, resume, segment_seconds(tokens_left, self.speed, self._most_seconds))
        try:
            yield from self._segment(segment, stop)
            return
        except Exception as error:
            left = seconds_left(str(error), segment.seconds)
            if stop.is_set() or left is None or left < LEAST_SECONDS:
                yield _broken_off(error, stop)
                return
        try:
            yield from self._segment(replace(segment, seconds=left), stop)
        except Exception as error:
            yield _broken_off(error, stop)

    def _segment(self, segment: Segment, stop: threading.Event) -> Generator[Event, None, None]:
        """One call of the GPU function. Raises what the platform raises, unless it is known how the segment ended.

        A stop, or the loss of the visitor in whose name the GPU was lent, ends it early. It has ended when the slot
        is given back: whatever the visitor asks for next is not counted beside it.
        """
        yield Progress("gpu")
        if stop.is_set():
            yield Finish("cancelled")
            return
        visitor_left, speed, finish, latest, left = _visitor_left(), _Speed(), None, None, False
        leaving = threading.Event()
        events = pumped(gpu_segment(segment), HEARTBEAT_SECONDS, leaving, wait=False)
        try:
            for event in events:
                if finish is None and (stop.is_set() or (latest and visitor_left())):
                    left = True
                    leaving.set()
                    break
                if isinstance(event, Finish):
                    finish = event
                else:
                    latest = event or latest
                    speed.note(event)
                    yield event or (_pulse(latest) if latest else Progress("gpu"))
            if left and latest:  # before its first sign of life a worker may be queueing: it gives the slot back alone
                yield from _until_given_back(events, latest)
        except Exception:
            if finish is None and not left:
                raise
        self.speed = speed.tokens_per_second or self.speed
        if finish is None or finish.reason == "segment":
            finish = Finish("cancelled") if stop.is_set() else Finish("segment") if speed.tokens or left else Finish("pause", TOO_SHORT)
        yield finish


class _Speed:
    """Tokens of one segment, and how fast they came after the first lot."""

    def __init__(self) -> None:
        self.tokens = self._first_lot = 0
        self._first = self._last = 0.0

    def note(self, event: Event | None) -> None:
        if isinstance(event, Delta) and event.tokens:
            self.tokens += event.tokens
            self._last = time.monotonic()
            if not self._first:
                self._first, self._first_lot = self._last, self.tokens

    @property
    def tokens_per_second(self) -> float:
        """0 where it was too short to tell."""
        seconds = self._last - self._first
        return (self.tokens - self._first_lot) / seconds if seconds > 1 else 0.0


def _visitor_left() -> Callable[[], bool]:
    """Tells whether the visitor has gone from the page event in whose name this is called; the platform's client asks the same.

    An event that is over, such as an API call that only started a story, has no visitor to lose.
    """
    event = get_event()
    return lambda: event is not None and not event.alive


def _until_given_back(events: Iterator[Event | None], latest: Event) -> Iterator[Event]:
    """Signs of life until a worker that is left has given its slot back; one that takes too long is not waited for."""
    deadline = time.monotonic() + GIVE_BACK_SECONDS
    for _ in events:
        if time.monotonic() > deadline:
            log.warning("A GPU was not given back within %s s of being left", GIVE_BACK_SECONDS)
            return
        yield _pulse(latest)


def _broken_off(error: Exception, stop: threading.Event) -> Finish:
    return Finish("cancelled") if stop.is_set() else Finish("pause", sentence(error))


def segment_seconds(tokens_left: int, speed: float, most: float) -> int:
    """Seconds to declare for a segment: a cold start, `tokens_left` at `speed` tokens/s, the reserve; `most` at most."""
    return math.floor(min(most, COLD_SECONDS + math.ceil(tokens_left / speed) + RESERVE_SECONDS))


def words_that_fit(speed: float, most: float, thinking: int) -> int:
    """Words one segment of `most` seconds holds after `thinking` tokens, rounded down to fifty; 50 at least."""
    tokens = (most - COLD_SECONDS - RESERVE_SECONDS) * speed - thinking
    return max(50, int(tokens / TOKENS_PER_WORD) // 50 * 50)


def seconds_used(tokens: float, speed: float, most: float) -> float:
    """GPU seconds that so many tokens take at `speed`, each segment of at most `most` seconds beginning cold."""
    writing = tokens / speed
    return writing + COLD_SECONDS * math.ceil(writing / (most - COLD_SECONDS - RESERVE_SECONDS))


def seconds_to_write(day: float, most: float) -> float:
    """Of a day's allowance the seconds in which tokens are written: no cold starts, and no rest too short to be asked for."""
    writing = 0.0
    while (seconds := math.floor(min(most, day / COUNTED))) >= LEAST_SECONDS:
        writing += seconds - COLD_SECONDS - RESERVE_SECONDS
        day -= seconds - RESERVE_SECONDS
    return writing


def seconds_left(message: str, declared: int) -> int | None:
    """Seconds that may be declared instead after a refused quota, or None where the message names none.

    The message counts the platform's multiple of declared seconds ("90s requested vs. 45s left" for 60 declared).
    """
    found = re.search(r"\((\d+)s requested vs\. (\d+)s left\)", message)
    if not found or int(found[1]) == 0:
        return None
    return math.floor(declared * int(found[2]) / int(found[1]))


def sentence(error: Exception) -> str:
    """What a visitor is told of an error the platform raised."""
    message = str(error)
    for part, said in _SAID:
        if part in message:
            again = re.search(r"Try again in ((?:\d+ days?, )?[\d:]+)", message)
            return said.replace("{wait}", f"; there is more in {_spoken(again[1])}" if again else "")
    log_bug(log, "ZeroGPU failed", error)
    return UNFORESEEN


def _spoken(clock: str) -> str:
    """ "3:12:05" as "3 h 12 min"; what cannot be read stays as it is."""
    try:
        hours, minutes, seconds = (int(n) for n in clock.split(":"))
    except ValueError:
        return clock
    span = datetime.timedelta(hours=hours, minutes=minutes, seconds=seconds)
    minutes = math.ceil(span.total_seconds() / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
