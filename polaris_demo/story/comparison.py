"""Two stories beside each other: what differs in what was asked, and which text they have in common.

In common is what was written on from, by their lineage: that two texts happen to begin alike says nothing.
"""

from dataclasses import dataclass
from typing import Literal

from .colophon import first_seed, setting
from .markup import blocks
from .record import StoryRecord
from .request import FIELDS, LABELS

MODEL, REVISION = "Model", "Revision"
SAME = "all else the same"


@dataclass(frozen=True)
class Difference:
    """What is not the same, as each of the two has it; `name` is the request's field, empty where it is none."""

    name: str
    label: str
    first: str
    second: str


@dataclass(frozen=True)
class Common:
    """The first `characters` of both, which are the same; and which of them was `written_on` from there."""

    characters: int = 0
    written_on: Literal["", "first", "second", "both"] = ""


def differences(first: StoryRecord, second: StoryRecord) -> tuple[Difference, ...]:
    """What differs in their requests, and in who wrote them."""
    found = [Difference(name, LABELS[name], _value(first, name), _value(second, name)) for name in FIELDS]
    found.append(Difference("", MODEL, _badge(first), _badge(second)))
    if found[-1].first == found[-1].second:
        found.append(Difference("", REVISION, _revision(first), _revision(second)))
    return tuple(one for one in found if one.first != one.second)


def labels(first: StoryRecord, second: StoryRecord) -> tuple[str, str]:
    """Each in a few words beside the other: "seed 42", and "seed 7, all else the same"."""
    found = differences(first, second)
    if not found:
        return (f"seed {first_seed(first)}", f"seed {first_seed(second)}, {SAME}")
    one = [_short(d, d.first) for d in found if d.name != "premise"]
    other = ["another premise" if d.name == "premise" else _short(d, d.second) for d in found]
    return ", ".join(one), ", ".join([*other, SAME])


def common(first: StoryRecord, second: StoryRecord) -> Common:
    """The text that both have from the same story, cut to whole paragraphs."""
    ours, theirs = _lineage(first), _lineage(second)
    shared = {story: min(ours[story], theirs[story]) for story in ours.keys() & theirs.keys()}
    if not shared:
        return Common()
    story = max(shared, key=lambda one: shared[one])
    characters = _whole_paragraphs(str(first.story), str(second.story), shared[story])
    if not characters:
        return Common()
    return Common(characters, "second" if story == first.id else "first" if story == second.id else "both")


def _lineage(record: StoryRecord) -> dict[str, int]:
    """The story itself and those it was written on from, with how many of its first characters are theirs."""
    return {origin.story: origin.place.characters for origin in record.origins} | {record.id: len(record.story)}


def _whole_paragraphs(first: str, second: str, most: int) -> int:
    end = 0
    for ours, theirs in zip(blocks(first), blocks(second), strict=False):
        if ours != theirs or ours.end > most:
            break
        end = ours.end
    return end


def _value(record: StoryRecord, name: str) -> str:
    request = record.request
    if name == "seed":
        return setting(name, first_seed(record))
    return setting(name, getattr(request.sampling, name)) if hasattr(request.sampling, name) else _said(getattr(request, name))


def _said(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _short(difference: Difference, value: str) -> str:
    if difference.name == "words":
        return f"{value} words"
    return value if difference.name == "form" or difference.label == MODEL else f"{difference.label.lower()} {value}"


def _badge(record: StoryRecord) -> str:
    return record.writer.badge() if record.writer else ""


def _revision(record: StoryRecord) -> str:
    return record.writer.revision if record.writer else ""
