"""A story's life on this server: its phases, and the one table of what leads from where to where. Everything else asks it.

Knows no threads, no engine and no page. What has come of a story stands in its record; its phase is what this server does
with it.
"""

from enum import StrEnum
from typing import Literal

from ..story.events import Finish, Reason
from ..story.record import StoryRecord


class Phase(StrEnum):
    """What this server does with a story."""

    WAITING = "waiting"  # it stands in the queue
    WORKING = "working"  # a worker has it, until it has saved the end
    BETWEEN = "between"  # a segment is over, and whoever asked for it asks for the next one by itself
    RESTING = "resting"  # nothing more comes until somebody goes on with it
    OVER = "over"  # there is nothing to go on with
    DELETED = "deleted"


WAITING, WORKING, BETWEEN, RESTING, OVER, DELETED = Phase
ACTIVE = frozenset({WAITING, WORKING, BETWEEN})  # it takes one of its visitor's places
Step = Literal["take", "segment", "rest", "end", "halt", "go on", "next segment", "delete"]
# For each step what it leads to, from where; what is not here does not happen. Following changes nothing, from anywhere.
LEADS: dict[Step, dict[Phase, Phase]] = {
    # A worker takes it out of the queue, and lets go of it: with more to come by itself, at rest, or with nothing to go on with.
    "take": {WAITING: WORKING},
    "segment": {WORKING: BETWEEN, DELETED: DELETED},
    "rest": {WORKING: RESTING, DELETED: DELETED},
    "end": {WORKING: OVER, DELETED: DELETED},
    # Stopped, left or shut down. At work the engine is told, and obeys.
    "halt": {WAITING: RESTING, WORKING: WORKING, BETWEEN: RESTING, RESTING: RESTING, OVER: OVER, DELETED: DELETED},
    "go on": {WAITING: WAITING, WORKING: WORKING, BETWEEN: WAITING, RESTING: WAITING},
    # A page asks for it by itself: what was stopped meanwhile stays so.
    "next segment": {WAITING: WAITING, WORKING: WORKING, BETWEEN: WAITING, RESTING: RESTING, OVER: OVER},
    "delete": dict.fromkeys(Phase, DELETED),
}
# Whether a story that ended for this reason can be gone on with; "written" where there is something to go on from.
_GOES_ON: dict[Reason, bool | Literal["written"]] = {
    "stop": False,
    "length": "written",
    "cancelled": True,
    "segment": True,
    "pause": True,
    "loop": True,
    "error": "written",
}


class NoSuchStep(Exception):
    """The table knows no such step from there: a bug."""


def leads(phase: Phase, step: Step) -> Phase:
    """Where a step leads. Raises NoSuchStep."""
    if not allows(phase, step):
        raise NoSuchStep(f"{step} from {phase}")
    return LEADS[step][phase]


def allows(phase: Phase, step: Step) -> bool:
    return phase in LEADS[step]


def letting_go(finish: Finish | None, written: bool) -> Step:
    """The step of a worker that lets go of a story which ended so; `written` is whether there is any text of it."""
    if finish and finish.reason == "segment":
        return "segment"
    return "rest" if can_go_on(finish, written) else "end"


def can_go_on(finish: Finish | None, written: bool) -> bool:
    """A story that ended so can be gone on with: not where the model itself ended it, or never came to its first word."""
    goes_on = True if finish is None else _GOES_ON[finish.reason]
    return (written or (finish is not None and finish.tokens is not None)) if goes_on == "written" else goes_on


def ends_it(phase: Phase, record: StoryRecord) -> bool:
    """An order to halt is the story's end there and then: no worker has it, and it has not ended. A pause ends with a stop."""
    return phase in (Phase.WAITING, Phase.BETWEEN) or (phase is Phase.RESTING and record.state == "paused")


def resumable(record: StoryRecord) -> bool:
    """There is something to go on with, whatever this server is doing with it."""
    return can_go_on(record.finish, len(record.story) > 0)


def at_rest(record: StoryRecord) -> Phase:
    """The phase of a story that no worker has and nobody asks for the next segment of."""
    return Phase.RESTING if resumable(record) else Phase.OVER
