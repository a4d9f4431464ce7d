"""Two stories side by side, as the page is told of them: what differs, what they have in common, what came of each.

Their texts come as any story's do. Knows nothing of how they are shown.
"""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .. import card
from ..errors import CannotRead, VisitorError
from ..jobs.runner import Runner
from ..story import comparison
from ..story.measures import count_words
from ..story.prompt import heading
from ..story.record import StoryRecord
from ..story.spoken import spoken
from . import heard
from .answers import answer, refused
from .reading import Repetition

THE_SAME = "Both are the same story. Choose another one to set beside it."
PLACES = ("first", "second")
WRITTEN_ON = {
    "first": "version 1 was written on from there",
    "second": "version 2 was written on from there",
    "both": "both were written on from there",
}
LATER = "when it is written"
EXACTLY = 120  # seconds up to which a tenth of one says something


class Unreadable(VisitorError):
    """One of two stories that cannot be read; `status` is HTTP's."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


def read(runner: Runner, first: object, second: object) -> tuple[StoryRecord, StoryRecord]:
    """A look at each of two stories. Raises Unreadable, whose sentence says of which it is."""
    if first == second and isinstance(first, str):
        raise Unreadable(THE_SAME, 400)
    found = []
    for place, story_id in zip(PLACES, (first, second), strict=True):
        try:
            found.append(runner.get(story_id))
        except CannotRead as error:
            raise Unreadable(str(error), 503) from error
        except VisitorError as error:
            raise Unreadable(f"The {place} of the two stories cannot be shown. {error}", 404) from error
    return found[0], found[1]


class Beside:
    """HTTP over one runner; `measure` tells where a text repeats itself."""

    def __init__(self, runner: Runner, measure: Callable[[str], Awaitable[Repetition]]) -> None:
        self._runner, self._measure = runner, measure

    def routes(self) -> list[Route]:
        return [Route("/stories/beside", self.contrast)]

    async def contrast(self, request: Request) -> Response:
        """What there is to say of two stories beside each other, as they are now."""
        asked = request.query_params
        try:
            first, second = await asyncio.to_thread(read, self._runner, asked.get("first"), asked.get("second"))
        except Unreadable as error:
            return refused(str(error), error.status)
        measured = [await self._measure(str(one.story)) if one.rests else None for one in (first, second)]
        return answer(await asyncio.to_thread(contrast, first, second, *measured))


def contrast(first: StoryRecord, second: StoryRecord, one: Repetition | None, other: Repetition | None) -> heard.Contrast:
    """`one` and `other` are the measures of those that rest."""
    same, label = first.request.premise == second.request.premise, comparison.labels(first, second)
    kind, premise = heading(first.request) if same else ("", "")
    shared = comparison.common(first, second)
    return {
        "kind": kind,
        "premise": premise,
        "first": compared(first, label[0], one, named=not same),
        "second": compared(second, label[1], other, named=not same),
        "common": shared.characters,
        "begins": begins(first, shared),
    }


def compared(record: StoryRecord, label: str, measured: Repetition | None, named: bool) -> heard.Compared:
    """One of the two; `named` where its premise is not the other's."""
    return {
        "label": label,
        "premise": " ".join(heading(record.request)).strip() if named else "",
        "figures": figures(record, measured),
        "band": None if is_preview(record) else card.EVALUATION_BAND.around(record.request.words),
        "map": measured.map if measured else [],
    }


def figures(record: StoryRecord, measured: Repetition | None) -> heard.Rows:
    """What came of a story, as many rows before its end as after: what stands below them does not move."""
    return [
        ["Length ratio", ratio(record) if measured else LATER],
        ["Repeats itself", f"{100 * measured.ratio:.1f} % of its four-word phrases" if measured else LATER],
        ["Time at work", time_at_work(record.seconds_at_work) if measured else LATER],
    ]


def ratio(record: StoryRecord) -> str:
    """Of the length; for a model that the paper did not measure nothing is on target."""
    if record.read_as:
        return f"{record.read_as.said()} as a reader counts"
    said, (low, high) = f"{record.length_ratio:.2f}", card.EVALUATION_BAND.around(record.request.words)
    if is_preview(record):
        return said
    return f"{said}, {'short of' if record.words < low else 'beyond' if record.words > high else 'on target,'} {low:,}–{high:,} words"


def time_at_work(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < EXACTLY else spoken(seconds)


def begins(first: StoryRecord, shared: comparison.Common) -> str:
    """What the common part is; empty where there is none."""
    if not shared.characters:
        return ""
    words = count_words(str(first.story)[: shared.characters])
    return f"Both begin with these {words:,} words; {WRITTEN_ON[shared.written_on]}."


def is_preview(record: StoryRecord) -> bool:
    return record.writer is not None and record.writer.is_preview
