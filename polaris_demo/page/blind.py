"""Two stories read without knowing which is which: a pair under a drawn name, and what each was once a reader has chosen.

Which of the two stands on the left is drawn for each reader, by the pair's secret and a name that their browser makes up, so that it
is the same after a reload and no reader can tell another. Choices are not kept here.
"""

import asyncio
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..errors import CannotRead, VisitorError
from ..jobs.runner import Runner
from ..story import colophon, comparison
from ..story.prompt import heading
from ..story.record import StoryRecord
from . import beside, heard, reading, wire
from .answers import answer, body, refused

MOST_PAIRS, MOST_OF_A_VISITOR, SECONDS_KEPT = 500, 100, 86_400
CHOICES = ("left", "right", "neither")
GONE = (
    "This blind pair is not here any more: a server keeps one for a day at most, and none when it restarts. "
    "Whoever has the two stories can make a new one."
)
LOST = "One of the two stories has expired or was deleted, so this pair cannot be read any more."
UNFINISHED = "Both stories have to be at rest, with some text, before they are read blind: how one grows would tell which it is."
CHOOSE = "Choose the left, the right or neither."


@dataclass(frozen=True)
class Pair:
    """Two stories by id, each as long as it was when the pair was made. `secret` decides who stands where."""

    ids: tuple[str, str]
    characters: tuple[int, int]
    secret: bytes
    made: float
    visitor: str

    def turned(self, reader: str) -> bool:
        """The second stands on the left."""
        return bool(hmac.digest(self.secret, reader.encode("utf-8", "replace"), "sha256")[0] & 1)


class Pairs:
    """The pairs of one server, in memory: the oldest go, of one visitor and of all. May be called from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._pairs: OrderedDict[str, Pair] = OrderedDict()

    def make(self, records: tuple[StoryRecord, StoryRecord], visitor: str) -> str:
        """The name under which the pair is found."""
        first, second = records
        name, ids = secrets.token_urlsafe(16), (first.id, second.id)
        pair = Pair(ids, (len(first.story), len(second.story)), secrets.token_bytes(16), self._clock(), visitor)
        with self._lock:
            own = [known for known, other in self._pairs.items() if other.visitor == visitor]
            for known in own[: max(0, len(own) + 1 - MOST_OF_A_VISITOR)]:
                del self._pairs[known]
            while len(self._pairs) >= MOST_PAIRS:
                self._pairs.popitem(last=False)
            self._pairs[name] = pair
        return name

    def find(self, name: str) -> Pair | None:
        """None where there is none, or where it is too old."""
        with self._lock:
            pair = self._pairs.get(name)
            if pair and self._clock() - pair.made >= SECONDS_KEPT:
                del self._pairs[name]
                return None
            return pair


class Blind:
    """HTTP over one runner; `visitor` names who asks."""

    def __init__(self, runner: Runner, visitor: Callable[[Request], str], pairs: Pairs | None = None) -> None:
        self._runner, self._visitor, self._pairs = runner, visitor, pairs or Pairs()

    def routes(self) -> list[Route]:
        return [
            Route("/stories/blind", self.make, methods=["POST"]),
            Route("/stories/{pair}/sides", self.sides),
            Route("/stories/{pair}/choose", self.choose, methods=["POST"]),
        ]

    async def make(self, request: Request) -> Response:
        """A pair of two stories."""
        asked = cast(wire.Two, await body(request))
        try:
            found = await asyncio.to_thread(beside.read, self._runner, asked.get("first"), asked.get("second"))
        except beside.Unreadable as error:
            return refused(str(error), error.status)
        if not all(one.rests and len(one.story) for one in found):
            return refused(UNFINISHED, 409)
        pair: heard.Pair = {"name": self._pairs.make(found, self._visitor(request))}
        return answer(pair)

    async def sides(self, request: Request) -> Response:
        """The two texts, and nothing else that is not the same of both."""
        found = await self._found(request, request.query_params.get("reader", ""))
        if isinstance(found, Response):
            return found
        (left, its), (right, theirs) = found
        kind, premise = heading(left.request) if heading(left.request) == heading(right.request) else ("", "")
        sides: heard.Sides = {"kind": kind, "premise": premise, "left": text(left, its), "right": text(right, theirs)}
        return answer(sides)

    async def choose(self, request: Request) -> Response:
        """What each side was, once its reader has chosen."""
        asked = cast(wire.Choice, await body(request))
        reader = asked.get("reader")
        if asked.get("choice") not in CHOICES:
            return refused(CHOOSE, 400)
        found = await self._found(request, reader if isinstance(reader, str) else "")
        if isinstance(found, Response):
            return found
        (left, _), (right, _) = found
        label = comparison.labels(left, right)
        revealed: heard.Revealed = {
            "left": side(left, label[0]),
            "right": side(right, label[1]),
            "differs": "; ".join(f"{one.label}: {one.first} / {one.second}" for one in comparison.differences(left, right)),
        }
        return answer(revealed)

    async def _found(self, request: Request, reader: str) -> tuple[tuple[StoryRecord, int], tuple[StoryRecord, int]] | Response:
        """What stands on the left and on the right for a reader, each with the characters it is to be read to."""
        pair = self._pairs.find(request.path_params["pair"])
        if pair is None:
            return refused(GONE, 404)
        try:
            first, second = await asyncio.to_thread(lambda: [self._runner.get(story_id) for story_id in pair.ids])
        except CannotRead as error:
            return refused(str(error), 503)
        except VisitorError:
            return refused(LOST, 404)
        two = (first, pair.characters[0]), (second, pair.characters[1])
        return two[::-1] if pair.turned(reader) else two


def text(record: StoryRecord, characters: int) -> str:
    return colophon.whole(str(record.story)[:characters])


def side(record: StoryRecord, label: str) -> heard.Side:
    """What one of the two was."""
    figures = f"{record.words:,} of {record.request.words:,} words"
    return {"id": record.id, "title": colophon.title(record), "label": label, "words": figures, "byline": reading.byline(record)}
