"""How old stories are and which are past their days, by a clock on the wall that may be wrong. Knows no database.

Of what this process saved the steady clock tells the age, whatever the wall says. Of everything else the wall is believed
once it has said the same of a story for two days of running: a clock that is wrong for a day deletes nothing. A story whose
own time cannot be (before the model, or in the future) was saved by a wrong clock; its days then begin anew.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..story import day
from .clock import Moment

DAY = 86_400
BELIEVED = 2 * DAY
_APART = 3600  # clocks that agree this far agree


@dataclass
class Look:
    """What came of a look at all stories: the ids of those past their days, and the times that others should have."""

    past: list[str] = field(default_factory=list)
    saved: dict[str, float] = field(default_factory=dict)


class Ages:
    """What this process knows of its stories' ages. `doubts`: for how long the wall has called a story's time past or impossible."""

    def __init__(self, doubts: str = "") -> None:
        self._doubts: dict[str, float] = json.loads(doubts or "{}")
        self._saved_here: dict[str, float] = {}
        self._looked: float | None = None

    def saved(self, story_id: str, steady: float) -> None:
        self._saved_here[story_id] = steady

    def forget(self, story_id: str) -> None:
        self._saved_here.pop(story_id, None)
        self._doubts.pop(story_id, None)

    def doubts(self) -> str:
        """To be kept over a restart."""
        return json.dumps(self._doubts)

    def saved_at(self, story_id: str, noted: float, now: Moment) -> float:
        """When a story was saved as today's clock has it; `noted` is as the clock had it then."""
        steady = self._saved_here.get(story_id)
        known = noted if steady is None else now.wall - (now.steady - steady)
        return known if abs(known - noted) > _APART else noted

    def expires(self, story_id: str, noted: float, now: Moment, keep: float) -> float:
        """The end of a story's days: never in the past, since it is there, and never later than if it were saved now."""
        saved = self.saved_at(story_id, noted, now)
        return min(max(saved + keep if day.known(saved) else now.wall + keep, now.wall), now.wall + keep)

    def look(self, stories: Iterable[tuple[str, float]], now: Moment, keep: float) -> Look:
        """Look at every story's id and time. The time since the last look counts as running."""
        ran = now.steady - self._looked if self._looked is not None else 0.0
        self._looked = now.steady
        found, doubts = Look(), self._doubts
        self._doubts = {}
        for story_id, noted in stories:
            if story_id in self._saved_here:
                self._here(story_id, noted, now, keep, found)
            elif day.known(noted) and now.wall - keep <= noted <= now.wall + DAY:
                continue
            elif (doubt := doubts.get(story_id, 0.0) + ran) < BELIEVED or not day.known(now.wall):
                self._doubts[story_id] = doubt
            elif day.known(noted) and noted < now.wall:
                found.past.append(story_id)
            else:
                found.saved[story_id] = now.wall
        return found

    def _here(self, story_id: str, noted: float, now: Moment, keep: float, found: Look) -> None:
        if now.steady - self._saved_here[story_id] > keep:
            found.past.append(story_id)
        elif (saved := self.saved_at(story_id, noted, now)) != noted:
            found.saved[story_id] = saved
