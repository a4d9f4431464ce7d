"""The library's file: its tables, how those of older versions become today's, and what is set aside when it is damaged."""

import itertools
import logging
import sqlite3
from contextlib import suppress
from pathlib import Path

MIGRATIONS = (
    """
    CREATE TABLE stories (
        id TEXT PRIMARY KEY, key_hash TEXT NOT NULL, state TEXT NOT NULL, updated REAL NOT NULL,
        about TEXT NOT NULL, bytes INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID;
    CREATE TABLE pieces (
        story TEXT NOT NULL REFERENCES stories (id) ON DELETE CASCADE,
        number INTEGER NOT NULL, text TEXT NOT NULL, tokens BLOB NOT NULL,
        PRIMARY KEY (story, number)
    ) WITHOUT ROWID;
    CREATE INDEX by_age ON stories (updated);
    """,
    # A story saved before this has no title and no count of words until it is saved again.
    """
    ALTER TABLE stories ADD COLUMN title TEXT;
    ALTER TABLE stories ADD COLUMN words INTEGER;
    CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    """,
    # Of engines without token ids the text of the thinking is what they go on from.
    """
    ALTER TABLE pieces ADD COLUMN thinking TEXT NOT NULL DEFAULT '';
    """,
)
BUSY_SECONDS = 0.2  # that one of our statements waits for another process
log = logging.getLogger(__name__)


class NewerLibrary(Exception):
    """The file was written by a newer version of this app."""


def connect(path: str) -> sqlite3.Connection:
    """A connection to the file, or to ":memory:", with today's tables. Raises NewerLibrary, sqlite3.DatabaseError."""
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False)
    try:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):  # looked at before anything could change the file
            raise NewerLibrary(f"it has version {version}, and this app knows {len(MIGRATIONS)}; start the newer app")
        found = db.execute("PRAGMA quick_check('stories')").fetchone()[0] if version else "ok"  # texts would take too long
        if found != "ok":
            raise sqlite3.DatabaseError(found)
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA secure_delete = ON")  # what was deleted can be read nowhere in the file
        for number, migration in enumerate(MIGRATIONS[version:], version + 1):
            db.executescript(f"BEGIN; {migration} PRAGMA user_version = {number}; COMMIT;")
    except BaseException:
        db.close()
        raise
    return db


def set_aside(path: Path) -> None:
    """Rename what is left of a database, its log too: SQLite would play an old log into a new file."""
    names = (f"{path.name}.damaged-{number}" for number in itertools.count(1))
    aside = next(name for name in names if not list(path.parent.glob(f"{name}*")))
    for ending in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + ending).rename(path.with_name(aside + ending))
            log.error("%s%s is set aside as %s%s", path, ending, aside, ending)
