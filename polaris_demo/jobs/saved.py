"""A story as it lies in the library, and as a list shows it."""

import hashlib
from dataclasses import dataclass
from typing import Any

from ..story.colophon import change
from ..story.record import StoryRecord


@dataclass(frozen=True)
class SavedStory:
    """A story as it lies in the library. `about` is everything of its record but text and tokens."""

    id: str
    key_hash: str
    state: str
    updated: float
    about: dict[str, Any]
    text: str
    token_ids: tuple[int, ...]
    title: str | None = None
    words: int | None = None
    thinking: str = ""
    steady: float | None = None  # when it is saved, by the steady clock of the process that saves it


@dataclass(frozen=True)
class Summary:
    """A story in a list of stories; `asked` counts words, `reason` is its last finish's, `parent` the id of what it was written on from,
    and `change` where and with what.

    `expires` is None where nothing lasts; all times are seconds since the epoch.
    """

    id: str
    title: str
    words: int
    state: str
    created: float
    expires: float | None
    premise: str
    asked: int
    rests: bool
    resumable: bool
    reason: str | None
    parent: str = ""
    change: str = ""


def hash_key(key: str) -> str:
    """What is kept of an owner's key: who reads the library cannot act as the owner."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def ancestry(about: dict[str, Any]) -> dict[str, str]:
    """`parent` and `change` of a version, by what its record says about it."""
    record = StoryRecord.restore("", "stopped", about, "", ())
    return {"parent": record.parent.story, "change": change(record)} if record.parent else {}
