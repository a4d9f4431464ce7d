"""A length of time, and a sentence within another, as one says it."""

import math
import re

_NO_NAMES = frozenset("A All An Another No Nobody The These This Today’s What Your".split())  # first words that are none
_BEFORE_A_UNIT = re.compile(r"(?<=\d) (?=%|(?:s|min|h|[kMG]B)\b)")


def spoken(seconds: float) -> str:
    """Rounded up: "7 s", "25 s", "3 min", "2 h 5 min"."""
    if seconds < 55:
        return f"{max(1, math.ceil(seconds / 5) * 5) if seconds > 10 else max(1, math.ceil(seconds))} s"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def beginning(sentence: str) -> str:
    """What a sentence says before its consequences, to stand within another: "this server has no GPU"."""
    said = re.split(r"[;:.](?: |$)|, so ", sentence, maxsplit=1)[0]
    return said[:1].lower() + said[1:] if said.split(" ", 1)[0] in _NO_NAMES else said


def unbroken(sentence: str) -> str:
    """With its numbers held to their units where a line ends: "23 %", "17.9 GB", "3 h 13 min"."""
    return _BEFORE_A_UNIT.sub("\u00a0", sentence)
