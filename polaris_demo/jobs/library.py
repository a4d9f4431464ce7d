"""Every story, saved as it is written: one SQLite file on local disk. Knows no engine and no page.

Saves are appended, so that one costs the same at any length. Whatever fails here is a sentence in `problem`: a story
that cannot be kept is still written and shown.
"""

import gc
import hashlib
import json
import logging
import os
import sqlite3
import threading
import time
from array import array
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DAY = 86_400
FULL = "This server's disk is full, so this story is not being kept: copy or download it before you leave."
UNWRITABLE = "This server cannot keep stories just now: copy or download this one before you leave."
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
)
log = logging.getLogger(__name__)
# A forked child must not tidy up what it inherits: closing a connection there could wait for a lock nobody holds any more.
os.register_at_fork(after_in_child=gc.freeze)


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


def hash_key(key: str) -> str:
    """What is kept of an owner's key: who reads the library cannot act as the owner."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


class Library:
    """The stories of one server. Without a folder they last as long as the process.

    One connection, behind a lock. The process may fork at any moment: a child never touches it, and the locks that
    SQLite holds on the file belong to this process alone. A save is on its way to the disk when it returns: killing
    the process loses none.
    """

    def __init__(self, folder: Path | None, keep_days: float = 30, most_bytes: int = 2**30, lasts: bool = True) -> None:
        self.keep_days, self._most_bytes, self._lasts, self.problem = keep_days, most_bytes, lasts, ""
        self._lock = threading.RLock()
        self._owed: dict[str, tuple[str, list[int]]] = {}
        self._db = self._open(folder)

    @property
    def lasting(self) -> bool:
        """Stories outlive a restart of the server: they are in a file, and its disk is said to last."""
        return self._lasts and bool(self._db.execute("PRAGMA database_list").fetchone()[2])

    def save(self, story: SavedStory) -> bool:
        """Keep a story's new `text` and `token_ids` (what came since the last save), its state and what is known about it.

        False where that failed; `problem` then says why, and the next save makes up for it.
        """
        with self._lock:
            text, tokens = self._owed.pop(story.id, ("", []))
            text, tokens = text + story.text, [*tokens, *story.token_ids]
            try:
                with self._db:
                    self._append(story, text, tokens)
            except sqlite3.Error as error:
                self._owed[story.id] = (text, tokens)
                self._fail(error)
                return False
            self.problem = ""
            return True

    def load(self, story_id: str) -> SavedStory | None:
        with self._lock:
            row = self._db.execute("SELECT key_hash, state, updated, about FROM stories WHERE id = ?", (story_id,)).fetchone()
            pieces = self._db.execute("SELECT text, tokens FROM pieces WHERE story = ? ORDER BY number", (story_id,)).fetchall()
        if row is None:
            return None
        tokens = array("I", b"".join(piece[1] for piece in pieces))
        return SavedStory(story_id, row[0], row[1], row[2], json.loads(row[3]), "".join(piece[0] for piece in pieces), tuple(tokens))

    def delete(self, story_id: str) -> None:
        with self._lock:
            self._owed.pop(story_id, None)
            with self._db:
                self._db.execute("DELETE FROM stories WHERE id = ?", (story_id,))
            self._db.executescript("PRAGMA incremental_vacuum")  # execute() would free one page and leave it there

    def interrupt(self, unfinished: Collection[str], now: float) -> int:
        """At start: stories left in one of the `unfinished` states were interrupted. How many there were."""
        marks = ",".join("?" * len(unfinished))
        change = f"UPDATE stories SET state = 'interrupted', updated = ? WHERE state IN ({marks})"
        with self._lock:
            try:
                with self._db:
                    return self._db.execute(change, (now, *unfinished)).rowcount
            except sqlite3.Error as error:
                self._fail(error)
                return 0

    def expire(self, now: float, in_use: Collection[str] = ()) -> None:
        """Delete what is past its days, and the oldest beyond the size limit; never a story `in_use`."""
        with self._lock:
            rows = self._db.execute("SELECT id, updated, bytes FROM stories ORDER BY updated DESC").fetchall()
            kept = 0
            for story_id, updated, size in rows:
                kept += size
                if story_id not in in_use and (updated < now - self.keep_days * DAY or kept > self._most_bytes):
                    try:
                        self.delete(story_id)
                    except sqlite3.Error as error:
                        self._fail(error)
                    kept -= size

    def close(self) -> None:
        with self._lock:
            self._db.close()

    # --- the file ----------------------------------------------------------------------------------------------------

    def _append(self, story: SavedStory, text: str, tokens: list[int]) -> None:
        blob, about = array("I", tokens).tobytes(), json.dumps(story.about)
        self._db.execute(
            "INSERT INTO stories (id, key_hash, state, updated, about, bytes) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE "
            "SET state = excluded.state, updated = excluded.updated, about = excluded.about, bytes = bytes + excluded.bytes",
            (story.id, story.key_hash, story.state, story.updated, about, len(blob) + len(text.encode())),
        )
        if text or tokens:
            self._db.execute(
                "INSERT INTO pieces SELECT ?, 1 + coalesce(max(number), 0), ?, ? FROM pieces WHERE story = ?",
                (story.id, text, blob, story.id),
            )

    def _open(self, folder: Path | None) -> sqlite3.Connection:
        if folder is None:
            return _connect(":memory:")
        path = folder / "stories.db"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            try:
                return _connect(str(path))
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                damaged = path.with_name(f"stories.db.damaged-{int(time.time())}")
                path.rename(damaged)
                log.error("%s is damaged (%s); it is set aside as %s and a new one begun", path, error, damaged.name)
                return _connect(str(path))
        except (OSError, sqlite3.Error, NewerLibrary) as error:
            log.error("Stories cannot be kept in %s and last until this server restarts: %s", folder, error)
            return _connect(":memory:")

    def _fail(self, error: sqlite3.Error) -> None:
        problem = FULL if "full" in str(error) else UNWRITABLE
        if problem != self.problem:
            log.error("A story could not be saved: %s", error)
        self.problem = problem


class NewerLibrary(Exception):
    """The file was written by a newer version of this app."""


def _connect(path: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=5, check_same_thread=False)
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("PRAGMA foreign_keys = ON")
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        db.close()
        raise NewerLibrary(f"it has version {version}, and this app knows {len(MIGRATIONS)}; start the newer app")
    for number, migration in enumerate(MIGRATIONS[version:], version + 1):
        db.executescript(f"BEGIN; {migration} PRAGMA user_version = {number}; COMMIT;")
    return db
