"""A story written without a queue, kept in a library as it comes: a kill at any moment takes the last second of it at most."""

import secrets
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from ..settings import Settings
from ..story.record import StoryRecord
from .folder import give_back, owner, take_alone
from .job import Job
from .library import Library
from .saved import hash_key
from .workers import SAVE_SECONDS

NOT_KEPT = "The page does not have it, since {}."


@dataclass(frozen=True)
class Keeper:
    """The library that a story goes to, or the sentence that says why the page will not have it."""

    library: Library | None
    problem: str = ""


@contextmanager
def keeper(settings: Settings) -> Iterator[Keeper]:
    """The library of the page on this machine, for as long as no other process keeps its stories there."""
    folder = settings.data_dir
    if folder is None:
        yield Keeper(None, NOT_KEPT.format("POLARIS_DATA_DIR is empty"))
        return
    try:
        taken = take_alone(folder)
    except OSError as error:
        yield Keeper(None, NOT_KEPT.format(f"{folder} cannot be written: {error.strerror}"))
        return
    if taken is None:
        yield Keeper(None, NOT_KEPT.format(f"another process ({owner(folder)}) keeps its stories in {folder} just now"))
        return
    try:
        with closing(Library(folder, settings.keep_days, lasts=settings.data_lasts, backup_dir=settings.backup_dir)) as library:
            yield Keeper(library) if library.folder else Keeper(None, NOT_KEPT.format(f"the stories in {folder} cannot be opened"))
    finally:
        give_back(taken)


def nobodys(record: StoryRecord) -> Job:
    """A story whose key nobody has: whoever knows its address can read it."""
    return Job(record, "", hash_key(secrets.token_urlsafe(24)))


def kept(library: Library, job: Job, stories: Iterator[StoryRecord]) -> Iterator[StoryRecord]:
    """The same, saved on the way; the end is for whoever ends it to save."""
    for record in stories:
        if time.monotonic() - job.saved.steady >= SAVE_SECONDS:
            job.save(library)
        yield record
