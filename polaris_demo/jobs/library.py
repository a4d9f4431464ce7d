"""Every story, saved as it is written: one SQLite file on local disk. Knows no engine and no page.

Saves are appended, so that one costs the same at any length. Whatever fails here is a sentence in `problem`: a story
that cannot be kept is still written and shown.
"""

import gc
import json
import logging
import math
import os
import sqlite3
import threading
import time
from array import array
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import CannotRead
from ..story.events import Finish
from . import clock
from .clock import Moment
from .expiry import DAY, Ages
from .file import LOCKED, File, code, to_do
from .lifecycle import can_go_on
from .saved import SavedStory, Summary, ancestry

MOST_BYTES = 2**30  # some tens of thousands of stories, and a small part of the smallest disk a Space has
MOST_IN_MEMORY = 2**28  # where there is no file, the model needs the memory more
PATIENCE = 0.2  # seconds that a save waits for others, of its worker's time
AGAIN_SECONDS = 1.0  # between two tries at what another process has locked
FULL = "This server’s disk is full, so this story is not being kept: copy or download it before you leave."
UNWRITABLE = "This server cannot keep stories just now: copy or download this one before you leave."
UNREADABLE = "This server cannot read the stories it keeps just now. Try again in a few minutes."
DOUBTS = "doubts about time"
log = logging.getLogger(__name__)
# A forked child must not tidy up what it inherits: closing a connection there could wait for a lock nobody holds any more.
os.register_at_fork(after_in_child=gc.freeze)


class Library:
    """The stories of one server. Without a folder they last as long as the process.

    One connection, behind a lock. The process may fork at any moment: a child never touches it, and the locks that
    SQLite holds on the file belong to this process alone. A save that returns True is on its way to the disk: killing
    the process loses none. One that cannot be made at once is owed, and whoever saves goes on.
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
        self._lock, self._owing = threading.RLock(), threading.Lock()
        self._owed: dict[str, _Owed] = {}
        self._file = File(folder / "stories.db" if folder else None, backup_dir, lambda: self.changes)
        self._most, self._unfinished = most_bytes, tuple[str, ...]()
        self._again, self._untidy = -math.inf, False
        self.saved_at: float | None = None  # by the steady clock
        self._ages = Ages(self.remembered(DOUBTS))

    @property
    def _db(self) -> sqlite3.Connection:
        return self._file.db

    @property
    def lasting(self) -> bool:
        """Stories outlive a restart of the server: they are in a file, and its disk is said to last."""
        return self._lasts and self._file.lasts

    @property
    def folder(self) -> Path | None:
        """Where the file is, while there is one."""
        return self._file.path.parent if self._file.path else None

    @property
    def generation(self) -> int:
        """Counts the files that were begun while this ran with nothing in them: what was kept before has to be saved anew."""
        return self._file.generation

    def tend(self) -> None:
        """Once a second: find a file again that was locked, gone, replaced or damaged, and finish what a deletion left to do."""
        with self._lock:
            if self._file.tend(self._carry):
                self.problem, self._again = "", -math.inf
                self._ages = Ages(self.remembered(DOUBTS))
            if self._untidy:
                self._tidy()

    def expires(self, story_id: str = "", updated: float | None = None) -> float | None:
        """When a story last saved at `updated` is let go of, or one that is saved now; None where nothing lasts."""
        now = clock.now()
        noted = now.wall if updated is None else updated
        return self._ages.expires(story_id, noted, now, self.keep_days * DAY) if self.lasting else None

    def save(self, story: SavedStory, anew: bool = False) -> bool:
        """Keep a story's new `text` and `token_ids` (what came since the last save), its state and what is known about it.

        With `anew` they are all there is of it, and what was kept of them goes. False where that could not be done at once;
        where it failed `problem` says why. The next save makes up for it. The saves of one story come one after another.
        """
        with self._owing:
            before = self._owed.get(story.id)
            owed = _Owed(story.text, story.thinking, story.token_ids, anew)
            owed = self._owed[story.id] = owed if anew or before is None else before.with_more(owed)
        if time.monotonic() < self._again or not self._lock.acquire(timeout=PATIENCE):
            return False
        try:
            with self._db:
                if owed.anew:
                    self._db.execute("DELETE FROM pieces WHERE story = ?", (story.id,))
                    self._db.execute("UPDATE stories SET bytes = 0 WHERE id = ?", (story.id,))
                self._append(story, owed)
            self.problem, self.changes, self.saved_at = "", self.changes + 1, time.monotonic()
            if story.steady is not None:
                self._ages.saved(story.id, story.steady)
        except sqlite3.Error as error:
            self._fail(error)
            return False
        finally:
            self._lock.release()
        with self._owing:
            self._owed.pop(story.id, None)
        return True

    def load(self, story_id: str) -> SavedStory | None:
        """A story as it was saved last; None where it is not here. Raises CannotRead where nobody knows."""
        try:
            with self._lock:
                row = self._db.execute("SELECT key_hash, state, updated, about FROM stories WHERE id = ?", (story_id,)).fetchone()
                pieces = self._db.execute(
                    "SELECT text, tokens, thinking FROM pieces WHERE story = ? ORDER BY number", (story_id,)
                ).fetchall()
        except sqlite3.Error as error:
            self._fail(error, "read")
            raise CannotRead(UNREADABLE) from None
        if row is None:
            if self._file.unread:
                raise CannotRead(UNREADABLE)
            return None
        text, thinking = "".join(piece[0] for piece in pieces), "".join(piece[2] for piece in pieces)
        tokens = tuple(array("I", b"".join(piece[1] for piece in pieces)))
        return SavedStory(story_id, row[0], row[1], row[2], json.loads(row[3]), text, tokens, thinking=thinking)

    def summaries(self, ids: Sequence[str]) -> dict[str, Summary]:
        """What a list shows of the stories with these ids, as far as they are here and have been counted. Raises CannotRead."""
        marks = ",".join("?" * len(ids))
        query = f"SELECT id, title, words, state, about, updated FROM stories WHERE id IN ({marks}) AND words IS NOT NULL"
        try:
            with self._lock:
                rows = self._db.execute(query, tuple(ids)).fetchall()
        except sqlite3.Error as error:
            self._fail(error, "read")
            raise CannotRead(UNREADABLE) from None
        return {row[0]: self._summary(*row) for row in rows}

    def _summary(self, story_id: str, heading: str, words: int, state: str, about: str, updated: float) -> Summary:
        kept = json.loads(about)
        request, finish = kept.get("request", {}), Finish(**kept["finish"]) if kept.get("finish") else None
        when, what = (kept.get("created", 0.0), self.expires(story_id, updated)), (request.get("premise", ""), request.get("words", 0))
        goes_on, reason = can_go_on(finish, words > 0), finish.reason if finish else None
        how: dict[str, Any] = {"rests": True, "resumable": goes_on, "reason": reason} | (ancestry(kept) if kept.get("origins") else {})
        return Summary(story_id, heading, words, state, *when, *what, **how)

    def delete(self, story_id: str) -> bool:
        """Let go of a story and of the room it took. False where that failed."""
        with self._lock:
            try:
                with self._db:
                    self._db.execute("DELETE FROM stories WHERE id = ?", (story_id,))
                self._tidy()
            except sqlite3.Error as error:
                self._fail(error, "deleted")
                return False
            with self._owing:
                self._owed.pop(story_id, None)
            self._ages.forget(story_id)
            self.changes += 1
            return True

    def _tidy(self) -> None:
        """Give back the room of what was deleted, also in the log beside the file, where its text stands until then."""
        self._db.executescript("PRAGMA incremental_vacuum")  # execute() would free one page
        busy = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        self._untidy = bool(busy)  # somebody reads, such as whoever makes a snapshot

    def interrupt(self, unfinished: Collection[str]) -> int:
        """At start: stories left in one of the `unfinished` states were interrupted. How many there were."""
        self._unfinished = tuple(unfinished)
        with self._lock:
            try:
                with self._db:
                    found = self._db.execute(_interrupt(self._unfinished), self._unfinished).rowcount
            except sqlite3.Error as error:
                self._fail(error, "marked as interrupted")
                return 0
            self.changes += found > 0
            return found

    def _carry(self, old: sqlite3.Connection, new: sqlite3.Connection) -> None:
        """What was kept in memory meanwhile goes into the file; what the file has of a server before this one was interrupted."""
        with new:
            new.execute(_interrupt(self._unfinished), self._unfinished)
            for table in ("stories", "pieces", "settings"):
                rows = old.execute(f"SELECT * FROM {table}").fetchall()
                if rows:
                    new.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({','.join('?' * len(rows[0]))})", rows)
        self.changes += 1

    def expire(self, now: Moment, in_use: Collection[str] = ()) -> list[str]:
        """Delete what is past its days, and the oldest beyond the size limit; never a story `in_use`. The ids that went."""
        past = self._past(now)
        with self._lock:
            rows = self._db.execute("SELECT id, bytes FROM stories ORDER BY updated DESC").fetchall()
        kept, gone, most = 0, list[str](), self._most if self._file.path else min(self._most, MOST_IN_MEMORY)
        for story_id, size in rows:
            kept += size
            if story_id not in in_use and (story_id in past or kept > most):
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
        with self._lock:
            self._file.close()

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

    def _fail(self, error: sqlite3.Error, what: str = "saved") -> None:
        problem = FULL if code(error) == sqlite3.SQLITE_FULL else UNWRITABLE
        if problem != self.problem:
            log.error("A story could not be %s: %s. %s", what, str(error).rstrip("."), to_do(error))
        self.problem = problem
        self._file.fell(error)
        if code(error) in LOCKED:
            self._again = time.monotonic() + AGAIN_SECONDS


@dataclass(frozen=True)
class _Owed:
    """What of a story has still to be saved; with `anew` it is all there is of it."""

    text: str
    thinking: str
    token_ids: tuple[int, ...]
    anew: bool

    def with_more(self, more: "_Owed") -> "_Owed":
        return _Owed(self.text + more.text, self.thinking + more.thinking, self.token_ids + more.token_ids, self.anew)


def _interrupt(unfinished: Collection[str]) -> str:
    return f"UPDATE stories SET state = 'interrupted' WHERE state IN ({','.join('?' * len(unfinished))})"


def _text(text: str) -> str:
    """What SQLite takes: a half of a surrogate pair, which no character is, becomes a question mark."""
    return text.encode("utf-8", "replace").decode()
