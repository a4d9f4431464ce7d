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
from array import array
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..story.events import Finish
from . import clock
from .backup import Backup, restore
from .clock import Moment
from .expiry import DAY, Ages
from .folder import Folder, give_back, take
from .lifecycle import can_go_on
from .schema import NewerLibrary, connect, set_aside

MOST_BYTES = 2**30  # some tens of thousands of stories, and a small part of the smallest disk a Space has
MOST_IN_MEMORY = 2**28  # where there is no file, the model needs the memory more
FULL = "This server's disk is full, so this story is not being kept: copy or download it before you leave."
UNWRITABLE = "This server cannot keep stories just now: copy or download this one before you leave."
DOUBTS = "doubts about time"
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
    title: str | None = None
    words: int | None = None
    thinking: str = ""
    steady: float | None = None  # when it is saved, by the steady clock of the process that saves it


@dataclass(frozen=True)
class Summary:
    """A story in a list of stories; `asked` counts words, `reason` is its last finish's.

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


def hash_key(key: str) -> str:
    """What is kept of an owner's key: who reads the library cannot act as the owner."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


class Library:
    """The stories of one server. Without a folder they last as long as the process.

    One connection, behind a lock. The process may fork at any moment: a child never touches it, and the locks that
    SQLite holds on the file belong to this process alone. A save is on its way to the disk when it returns: killing
    the process loses none.
    """

    def __init__(
        self,
        folder: Path | None,
        keep_days: float = 30,
        most_bytes: int = MOST_BYTES,
        lasts: bool = True,
        backup_dir: Path | None = None,
    ) -> None:
        self.keep_days, self._lasts, self.problem = keep_days, lasts, ""
        self.changes = 0  # made by this process; snapshots go by it
        self._lock = threading.RLock()
        self._owed: dict[str, _Owed] = {}
        self._file: Path | None = folder / "stories.db" if folder else None
        self._backup_dir, self._new = backup_dir, True
        self._folder: Folder | None = None
        self._db = self._open()
        self._ages = Ages(self.remembered(DOUBTS))
        self._most_bytes = most_bytes if self._file else min(most_bytes, MOST_IN_MEMORY)
        self._backup = self._begin_backup()

    @property
    def lasting(self) -> bool:
        """Stories outlive a restart of the server: they are in a file, and its disk is said to last."""
        return self._lasts and self._file is not None

    def expires(self, story_id: str = "", updated: float | None = None) -> float | None:
        """When a story last saved at `updated` is let go of, or one that is saved now; None where nothing lasts."""
        now = clock.now()
        noted = now.wall if updated is None else updated
        return self._ages.expires(story_id, noted, now, self.keep_days * DAY) if self.lasting else None

    def save(self, story: SavedStory, anew: bool = False) -> bool:
        """Keep a story's new `text` and `token_ids` (what came since the last save), its state and what is known about it.

        With `anew` they are all there is of it, and what was kept of them goes. False where that failed; `problem` then says
        why, and the next save makes up for it.
        """
        with self._lock:
            before = self._owed.pop(story.id, None)
            owed = _Owed(story.text, story.thinking, story.token_ids, anew)
            owed = owed if anew or before is None else before.with_more(owed)
            try:
                with self._db:
                    if owed.anew:
                        self._db.execute("DELETE FROM pieces WHERE story = ?", (story.id,))
                        self._db.execute("UPDATE stories SET bytes = 0 WHERE id = ?", (story.id,))
                    self._append(story, owed)
            except sqlite3.Error as error:
                self._owed[story.id] = owed
                self._fail(error)
                return False
            self.problem, self.changes = "", self.changes + 1
            if story.steady is not None:
                self._ages.saved(story.id, story.steady)
            return True

    def load(self, story_id: str) -> SavedStory | None:
        with self._lock:
            row = self._db.execute("SELECT key_hash, state, updated, about FROM stories WHERE id = ?", (story_id,)).fetchone()
            pieces = self._db.execute("SELECT text, tokens, thinking FROM pieces WHERE story = ? ORDER BY number", (story_id,)).fetchall()
        if row is None:
            return None
        text, thinking = "".join(piece[0] for piece in pieces), "".join(piece[2] for piece in pieces)
        tokens = tuple(array("I", b"".join(piece[1] for piece in pieces)))
        return SavedStory(story_id, row[0], row[1], row[2], json.loads(row[3]), text, tokens, thinking=thinking)

    def summaries(self, ids: Sequence[str]) -> dict[str, Summary]:
        """What a list shows of the stories with these ids, as far as they are here and have been counted."""
        marks = ",".join("?" * len(ids))
        query = f"SELECT id, title, words, state, about, updated FROM stories WHERE id IN ({marks}) AND words IS NOT NULL"
        with self._lock:
            rows = self._db.execute(query, tuple(ids)).fetchall()
        return {row[0]: self._summary(*row) for row in rows}

    def _summary(self, story_id: str, heading: str, words: int, state: str, about: str, updated: float) -> Summary:
        kept = json.loads(about)
        request, finish = kept.get("request", {}), Finish(**kept["finish"]) if kept.get("finish") else None
        when, what = (kept.get("created", 0.0), self.expires(story_id, updated)), (request.get("premise", ""), request.get("words", 0))
        reason = finish.reason if finish else None
        return Summary(story_id, heading, words, state, *when, *what, rests=True, resumable=can_go_on(finish, words > 0), reason=reason)

    def delete(self, story_id: str) -> bool:
        """Let go of a story and of the room it took. False where that failed."""
        with self._lock:
            try:
                with self._db:
                    self._db.execute("DELETE FROM stories WHERE id = ?", (story_id,))
                # execute() would free one page and leave it there; and until a checkpoint the text stands in the log beside the file.
                self._db.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.Error as error:
                self._fail(error, "deleted")
                return False
            self._owed.pop(story_id, None)
            self._ages.forget(story_id)
            self.changes += 1
            return True

    def interrupt(self, unfinished: Collection[str]) -> int:
        """At start: stories left in one of the `unfinished` states were interrupted. How many there were."""
        marks = ",".join("?" * len(unfinished))
        change = f"UPDATE stories SET state = 'interrupted' WHERE state IN ({marks})"
        with self._lock:
            try:
                with self._db:
                    found = self._db.execute(change, tuple(unfinished)).rowcount
            except sqlite3.Error as error:
                self._fail(error, "marked as interrupted")
                return 0
            self.changes += found > 0
            return found

    def expire(self, now: Moment, in_use: Collection[str] = ()) -> list[str]:
        """Delete what is past its days, and the oldest beyond the size limit; never a story `in_use`. The ids that went."""
        past = self._past(now)
        with self._lock:
            rows = self._db.execute("SELECT id, bytes FROM stories ORDER BY updated DESC").fetchall()
        kept, gone = 0, []
        for story_id, size in rows:
            kept += size
            if story_id not in in_use and (story_id in past or kept > self._most_bytes):
                kept -= size
                if self.delete(story_id):
                    gone.append(story_id)
        return gone

    def _past(self, now: Moment) -> set[str]:
        """What is past its days; times that a wrong clock gave are put right."""
        before = self._ages.doubts()
        with self._lock:
            look = self._ages.look(self._db.execute("SELECT id, updated FROM stories"), now, self.keep_days * DAY)
            try:
                with self._db:
                    self._db.executemany("UPDATE stories SET updated = ? WHERE id = ?", [(at, name) for name, at in look.saved.items()])
                    if self._ages.doubts() != before:
                        self._db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (DOUBTS, self._ages.doubts()))
            except sqlite3.Error as error:
                self._fail(error, "put right in time")
        return set(look.past)

    def remembered(self, name: str) -> str:
        """What was kept under this name; empty where nothing was."""
        with self._lock:
            row = self._db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def remember(self, name: str, value: str) -> None:
        """Keep a setting of the host over restarts."""
        with self._lock:
            try:
                with self._db:
                    self._db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))
            except sqlite3.Error as error:
                self._fail(error, "changed in its settings")
            self.changes += 1

    def close(self) -> None:
        """Make the last snapshot, where snapshots are made, and let go of the file."""
        if self._backup:
            self._backup.close()
        with self._lock:
            self._db.close()
        self._let_go()

    # --- the file ----------------------------------------------------------------------------------------------------

    def _append(self, story: SavedStory, owed: "_Owed") -> None:
        text, thinking, heading = _text(owed.text), _text(owed.thinking), _text(story.title) if story.title else None
        blob, about = array("I", owed.token_ids).tobytes(), json.dumps(story.about)
        size = len(blob) + len(text.encode()) + len(thinking.encode())
        self._db.execute(
            "INSERT INTO stories (id, key_hash, state, updated, about, title, words, bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET state = excluded.state, updated = excluded.updated, about = excluded.about, "
            "title = coalesce(excluded.title, title), words = excluded.words, bytes = bytes + excluded.bytes",
            (story.id, story.key_hash, story.state, story.updated, about, heading, story.words, size),
        )
        if text or blob or thinking:
            self._db.execute(
                "INSERT INTO pieces SELECT ?, 1 + coalesce(max(number), 0), ?, ?, ? FROM pieces WHERE story = ?",
                (story.id, text, blob, thinking, story.id),
            )

    def _open(self) -> sqlite3.Connection:
        if self._file is None:
            return connect(":memory:")
        try:
            self._folder = take(self._file.parent)
            self._file = self._folder.path / self._file.name
            if not self._folder.asked:  # the snapshots are the other server's too, and nothing brings this one back here
                self._lasts, self._backup_dir = False, None
            return self._open_file(self._file)
        except (OSError, sqlite3.Error, NewerLibrary) as error:
            log.error("Stories cannot be kept in %s and last until this server restarts: %s", self._file.parent, error)
            self._file = None
            self._let_go()
            return connect(":memory:")

    def _let_go(self) -> None:
        if self._folder:
            give_back(self._folder)
            self._folder = None

    def _open_file(self, path: Path) -> sqlite3.Connection:
        """The file as it is, or the newest snapshot, or a new one: a damaged file is set aside, never written over."""
        if path.exists():
            try:
                db = connect(str(path))
                self._new = False
                return db
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                log.error("%s is damaged: %s", path, error)
        set_aside(path)
        if self._backup_dir:
            try:
                restore(self._backup_dir, path)
            except OSError as error:
                log.error(
                    "%s cannot be read, so no snapshot was restored, and none is made until the next start: %s", self._backup_dir, error
                )
                self._backup_dir = None
        return connect(str(path))

    def _begin_backup(self) -> Backup | None:
        if self._backup_dir is None or self._file is None:
            return None
        # A file that was here before may hold more than the newest snapshot.
        return Backup(self._file, self._backup_dir, lambda: self.changes, made=0 if self._new else -1)

    def _fail(self, error: sqlite3.Error, what: str = "saved") -> None:
        # An error that SQLite itself did not report, such as a closed connection's, has no code.
        problem = FULL if vars(error).get("sqlite_errorcode") == sqlite3.SQLITE_FULL else UNWRITABLE
        if problem != self.problem:
            log.error("A story could not be %s: %s", what, error)
        self.problem = problem


@dataclass(frozen=True)
class _Owed:
    """What of a story has still to be saved; with `anew` it is all there is of it."""

    text: str
    thinking: str
    token_ids: tuple[int, ...]
    anew: bool

    def with_more(self, more: "_Owed") -> "_Owed":
        return _Owed(self.text + more.text, self.thinking + more.thinking, self.token_ids + more.token_ids, self.anew)


def _text(text: str) -> str:
    """What SQLite takes: a half of a surrogate pair, which no character is, becomes a question mark."""
    return text.encode("utf-8", "replace").decode()
