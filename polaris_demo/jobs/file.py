"""The library's file, which may be locked, full, gone, replaced or damaged, at start or while the server runs. Knows no stories.

Where it cannot be opened, what is kept lies in memory until it can; where it goes away, it is written anew.
"""

import logging
import math
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from .backup import Backup, restore
from .folder import Folder, give_back, take
from .schema import NewerLibrary, connect, set_aside

RETRY_SECONDS = 2.0  # between two tries at a file that cannot be opened or written anew
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
# What the host of a server can do about what SQLite says.
TO_DO = {
    sqlite3.SQLITE_FULL: "Make room on its disk; what is owed is saved then.",
    sqlite3.SQLITE_BUSY: "Another process has the file locked: end it; what is owed is saved then.",
    sqlite3.SQLITE_READONLY: "The file or its folder cannot be written: change that; what is owed is saved then.",
    sqlite3.SQLITE_CORRUPT: "The file is damaged: it is set aside, and what is in memory is saved anew.",
    sqlite3.SQLITE_NOTADB: "The file is damaged: it is set aside, and what is in memory is saved anew.",
}
AS_SOON = "What is owed is saved as soon as that can be done."
log = logging.getLogger(__name__)


class File:
    """One connection, to the file `asked_for` or to memory.

    `generation` counts the files that were begun with nothing in them of what was kept before: it has to be saved anew. All of it
    is called with the library's lock held.
    """

    def __init__(self, asked_for: Path | None, backup_dir: Path | None, changes: Callable[[], int]) -> None:
        self._asked_for, self._backup_dir, self._changes = asked_for, backup_dir, changes
        self.path: Path | None = None
        self.generation, self.damaged = 0, False
        self._folder: Folder | None = None
        self._identity: tuple[int, int] | None = None
        self._backup: Backup | None = None
        self._tried, self._said = -math.inf, ""
        self.db = self._opened() or connect(":memory:")

    @property
    def unread(self) -> bool:
        """There is a file that was asked for, and what it holds is not known."""
        return self._asked_for is not None and self.path is None

    @property
    def lasts(self) -> bool:
        """It is there after a restart."""
        return self.path is not None and self._folder is not None and self._folder.asked

    def fell(self, error: sqlite3.Error) -> None:
        """Note what an error says of the file."""
        self.damaged |= self.path is not None and code(error) in DAMAGED

    def tend(self, carry: Callable[[sqlite3.Connection, sqlite3.Connection], None]) -> bool:
        """Once a second: open what could not be opened, write anew what is gone. Whether it is another file now.

        `carry(old, new)` takes over what lay in memory.
        """
        if self.path is not None and not self.damaged and self._is_there():
            return False
        if (self.path is None and self._asked_for is None) or time.monotonic() - self._tried < RETRY_SECONDS:
            return False
        if self.path is None:
            return self._found_again(carry)
        return self._begun_anew() if self.damaged else self._written_anew()

    def close(self) -> None:
        """Make the last snapshot, where snapshots are made, and let go of the file."""
        self._end_backup()
        self.db.close()
        self._let_go()

    # --- at start ----------------------------------------------------------------------------------------------------

    def _opened(self) -> sqlite3.Connection | None:
        self._tried = time.monotonic()
        if self._asked_for is None:
            return None
        try:
            self._folder = take(self._asked_for.parent)
            path = self._folder.path / self._asked_for.name
            new, db = self._open(path, self._backup_dir if self._folder.asked else None)
            self._identity = _identity(path)
        except (OSError, sqlite3.Error, NewerLibrary) as error:
            self._say(
                f"Stories cannot be kept in {self._asked_for.parent}; until they can they are in memory only: {error}. {to_do(error)}"
            )
            self._let_go()
            if isinstance(error, NewerLibrary):
                self._asked_for = None
            return None
        self.path, self.damaged, self._said = path, False, ""
        self._begin_backup(new)
        return db

    def _open(self, path: Path, backup_dir: Path | None) -> tuple[bool, sqlite3.Connection]:
        """The file as it is, or the newest snapshot, or a new one: a damaged file is set aside, never written over. Whether it is new."""
        if path.exists():
            try:
                return False, connect(str(path))
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                log.error("%s is damaged: %s", path, error)
        set_aside(path)
        if backup_dir:
            try:
                restore(backup_dir, path)
            except OSError as error:
                log.error("%s cannot be read, so no snapshot was restored, and none is made until the next start: %s", backup_dir, error)
                self._backup_dir = None
        return True, connect(str(path))

    def _begin_backup(self, new: bool) -> None:
        if self._backup_dir and self.path and self.lasts:
            # A file that was here before may hold more than the newest snapshot.
            self._backup = Backup(self.path, self._backup_dir, self._changes, made=0 if new else -1)

    def _end_backup(self) -> None:
        if self._backup:
            self._backup.close()
            self._backup = None

    def _let_go(self) -> None:
        if self._folder:
            give_back(self._folder)
            self._folder = None

    # --- while it runs -----------------------------------------------------------------------------------------------

    def _is_there(self) -> bool:
        """The file under this name is the one that is open."""
        try:
            return self.path is not None and _identity(self.path) == self._identity
        except OSError:
            return False

    def _found_again(self, carry: Callable[[sqlite3.Connection, sqlite3.Connection], None]) -> bool:
        db = self._opened()
        if db is None:
            return False
        try:
            carry(self.db, db)
        except sqlite3.Error as error:
            self._say(f"{self.path} could be opened and not written: {error}")
            db.close()
            self._end_backup()
            self._let_go()
            self.path = None
            return False
        self.db.close()
        self.db = db
        log.warning("Stories are kept in %s again, those too that were begun meanwhile", self.path)
        return True

    def _written_anew(self) -> bool:
        """The file is gone, or another has its name; the connection still has what it held."""
        assert self.path
        path, copy, self._tried = self.path, self.path.with_name("anew.tmp"), time.monotonic()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            copy.unlink(missing_ok=True)
            with closing(sqlite3.connect(copy)) as target:
                self.db.backup(target)
            set_aside(path)
        except (OSError, sqlite3.Error) as error:
            self._say(f"{path} was removed or replaced while this server ran, and cannot be written anew: {error}")
            with suppress(OSError):
                copy.unlink(missing_ok=True)
            return False
        log.error("%s was removed or replaced while this server ran; it is written anew, with all it held", path)
        return self._instead(lambda: copy.replace(path))

    def _begun_anew(self) -> bool:
        """The file is damaged: it is set aside, and what is in memory is saved anew."""
        assert self.path
        log.error("%s is damaged; it is set aside, and what this server still has in memory is saved anew", self.path)
        path = self.path
        self.generation += 1
        return self._instead(lambda: set_aside(path))

    def _instead(self, put_in_place: Callable[[], object]) -> bool:
        """Close what is open, and open what is there then. The old connection goes first: it removes its log by its name."""
        self._end_backup()
        self.db.close()
        self._let_go()
        self.path = None
        with suppress(OSError):
            put_in_place()
        db = self._opened()
        if db is None:
            self.generation += 1
        self.db = db or connect(":memory:")
        return True

    def _say(self, sentence: str) -> None:
        """Once, however often it is tried."""
        if sentence != self._said:
            log.error("%s", sentence)
        self._said = sentence


def code(error: Exception) -> int:
    """SQLite's own code, the plain one; -1 of an error that it did not report, such as a closed connection's."""
    found = vars(error).get("sqlite_errorcode")
    return -1 if found is None else found & 0xFF


def to_do(error: Exception) -> str:
    """What the host of a server can do about it, as a sentence."""
    return TO_DO.get(code(error), AS_SOON)


def _identity(path: Path) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino
