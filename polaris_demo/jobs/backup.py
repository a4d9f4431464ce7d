"""Snapshots of the library in a folder that may be slow or away: made beside the saving of stories, never in its way.

A snapshot is taken on local disk with SQLite's backup interface, carried over under a temporary name and renamed once it
is whole. Its name is a number and no time: by a clock that was set back an old one would be the newest. Nothing in the
folder is ever opened as a database: restoring copies it back first.
"""

import logging
import os
import re
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

EVERY_SECONDS = 300
KEPT = 2  # one to restore, and one more should that one be damaged
CLOSING_SECONDS = 20  # a host that stops a server waits about half a minute before it kills it
log = logging.getLogger(__name__)


class Backup:
    """Makes a snapshot of the database `source` every so often, where `changes()` says that something changed, and on closing.

    Its thread has a database connection of its own, so that no save waits for it; a forked child never touches that.
    `made` is how many changes the folder already has.
    """

    def __init__(self, source: Path, folder: Path, changes: Callable[[], int], made: int, every: float = EVERY_SECONDS) -> None:
        self._source, self._folder, self._changes, self._made, self._every = source, folder, changes, made, every
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="snapshots", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Make a last snapshot; a folder that does not answer is not waited for beyond a set time."""
        self._closing.set()
        self._thread.join(CLOSING_SECONDS)

    def _run(self) -> None:
        while not self._closing.wait(self._every):
            self._keep_up()
        self._keep_up()

    def _keep_up(self) -> None:
        changes = self._changes()
        if changes != self._made and snapshot(self._source, self._folder):
            self._made = changes


def snapshot(source: Path, folder: Path) -> bool:
    """Put a snapshot of the database `source` into `folder` and let go of all but the newest. False where that failed."""
    copy = source.with_name("snapshot.tmp")
    arriving = folder / f"stories-{os.getpid()}.part"
    try:
        with closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as live, closing(sqlite3.connect(copy)) as target:
            live.backup(target)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(copy, arriving)
        arriving.rename(folder / f"stories-{next(map(_number, snapshots(folder)), 0) + 1:08}.db")
        for old in snapshots(folder)[KEPT:]:
            old.unlink()
        return True
    except (OSError, sqlite3.Error) as error:
        log.error("No snapshot of the stories could be made in %s: %s", folder, error)
        return False
    finally:
        for left in (copy, arriving):
            _remove(left)


def restore(folder: Path, path: Path) -> bool:
    """Put the newest snapshot that opens where the database `path` is missing. Raises OSError where `folder` cannot be read."""
    copy = path.with_name("restored.tmp")
    for candidate in snapshots(folder):
        try:
            shutil.copyfile(candidate, copy)
            _require_sound(copy)
            copy.rename(path)
            log.info("The stories were restored from the snapshot %s", candidate)
            return True
        except (OSError, sqlite3.Error) as error:
            log.error("The snapshot %s cannot be used and is skipped: %s", candidate, error)
        finally:
            _remove(copy)
    return False


def snapshots(folder: Path) -> list[Path]:
    """The snapshots in a folder, newest first; none where it does not exist."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    found = [folder / name for name in names if name.startswith("stories-") and name.endswith(".db")]
    return sorted(found, key=lambda path: (_number(path), path.name), reverse=True)


def _number(path: Path) -> int:
    """Which one it is of all that were made; 0 where it has a time in its name, as they once had."""
    found = re.fullmatch(r"stories-(\d{8,})\.db", path.name)
    return int(found[1]) if found else 0


def _require_sound(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("SELECT 1 FROM stories LIMIT 1")  # an empty file is a sound database, but not ours
        found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(found)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.error("%s could not be removed: %s", path, error)
