"""Which folder a server keeps its stories in: one process a folder, by a lock that goes with it. Knows no database.

The lock is POSIX's record lock, which belongs to one process alone: a forked child does not have it (flock would stay with
a child that outlives the server), and neither a kill nor os.execv leaves it behind. The price: a process loses it by
closing any descriptor of the file, so there is one only, kept here.
"""

import fcntl
import itertools
import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LOCK = "server.lock"
TAKEN = "The stories in %s belong to a server or a command that is running (process %s); this one keeps its own in %s."
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Folder:
    """A folder that this process has until it gives it back or ends; `asked` where it is the one that was asked for."""

    path: Path
    asked: bool
    lock: tuple[int, int]


@dataclass
class _Held:
    descriptor: int
    times: int  # one process may open its stories more than once


_held: dict[tuple[int, int], _Held] = {}  # by the lock file's device and number: a folder may have two names, or be made anew
os.register_at_fork(after_in_child=_held.clear)


def take(folder: Path) -> Folder:
    """The folder, or where another process has it the first free of `server-2`, `server-3`, … in it; made where missing.

    Raises OSError where no file can be made or locked there.
    """
    if asked := take_alone(folder):
        return asked
    others = ((own, _lock(own)) for own in (folder / f"server-{number}" for number in itertools.count(2)))
    own, lock = next((own, lock) for own, lock in others if lock)
    log.warning(TAKEN, folder, owner(folder), own)
    return Folder(own, False, lock)


def take_alone(folder: Path) -> Folder | None:
    """The folder itself, made where missing; None where another process has it. Raises OSError where no file can be made or locked."""
    lock = _lock(folder)
    return Folder(folder, True, lock) if lock else None


def give_back(folder: Folder) -> None:
    """Let another process have the folder, once this one has given it back as often as it took it."""
    held = _held.get(folder.lock)  # none in a forked child, which has no lock
    if held is None:
        return
    held.times -= 1
    if not held.times:
        os.close(_held.pop(folder.lock).descriptor)


def _lock(folder: Path) -> tuple[int, int] | None:
    """What `_held` has the lock of this folder under; None where another process has it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK
    if path.exists() and (held := _held.get(_identity(os.stat(path)))):
        held.times += 1
        return _identity(os.fstat(held.descriptor))
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError | PermissionError):  # the system's choice which of the two
            return None
        raise
    with suppress(OSError):  # on a full disk; it is only for another process's sentence
        os.truncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}".encode())
    lock = _identity(os.fstat(descriptor))
    _held[lock] = _Held(descriptor, 1)
    return lock


def owner(folder: Path) -> str:
    """The process that has a folder, by its number."""
    try:
        return (folder / LOCK).read_text("ascii", "replace") or "unknown"
    except OSError:  # it has just gone
        return "unknown"


def _identity(file: os.stat_result) -> tuple[int, int]:
    return file.st_dev, file.st_ino
