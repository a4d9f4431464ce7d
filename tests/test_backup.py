"""Snapshots: whole or not there, restored where the file is missing, and never in anybody's way."""

import os
import random
import shutil
import sqlite3
import threading
import time
from multiprocessing import get_context
from pathlib import Path

import pytest

from polaris_demo.jobs import backup
from polaris_demo.jobs.backup import KEPT, Backup, restore, snapshot, snapshots
from polaris_demo.jobs.library import Library
from polaris_demo.jobs.schema import MIGRATIONS

from .doubles import asked, followed, rests, tells, until
from .test_library import piece


def library(tmp_path: Path, **options) -> Library:
    return Library(tmp_path / "data", backup_dir=tmp_path / "bucket", **options)


def lose_the_disk(tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "data")


def test_a_lost_disk_costs_nothing_that_was_there_at_closing(tmp_path: Path) -> None:
    first = library(tmp_path)
    for n in range(20):
        first.save(piece(f"s{n}", f"text {n}", (n,), request={"premise": "p"}))
    first.remember("new stories", "paused")
    first.close()
    lose_the_disk(tmp_path)
    second = library(tmp_path)
    stories = [second.load(f"s{n}") for n in range(20)]
    assert [(s.text, s.token_ids) for s in stories if s] == [(f"text {n}", (n,)) for n in range(20)]
    assert second.remembered("new stories") == "paused"
    second.close()


def test_a_story_comes_back_from_a_snapshot_and_goes_on(run, tmp_path: Path) -> None:
    kept = library(tmp_path)
    runner = run(tells("Once upon a time."), library=kept)
    job = runner.submit(asked())
    until(lambda: rests(job))
    runner.close()
    kept.close()
    lose_the_disk(tmp_path)
    again = library(tmp_path)
    second = run(tells("unused"), library=again)
    assert second.get(job.record.id).state == "finished" and followed(second, job) == "Once upon a time."
    again.close()


def test_only_the_newest_are_kept_and_no_leftovers(tmp_path: Path) -> None:
    kept = library(tmp_path)
    for n in range(5):
        kept.save(piece("s", f"{n} "))
        assert snapshot(tmp_path / "data" / "stories.db", tmp_path / "bucket")
    names = sorted(os.listdir(tmp_path / "bucket"))
    assert len(names) == KEPT == 2 and all(name.endswith(".db") for name in names)
    assert {file.name for file in (tmp_path / "data").iterdir()} <= {"server.lock", "stories.db", "stories.db-wal", "stories.db-shm"}
    kept.close()


@pytest.mark.parametrize("damage", ["garbage", "truncated", "empty", "a hole"])
def test_a_damaged_snapshot_is_skipped_and_named(tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    source, bucket = tmp_path / "data" / "stories.db", tmp_path / "bucket"
    kept = library(tmp_path)
    for n in range(2):
        kept.save(piece("s", f"{n} " * 50_000))
        snapshot(source, bucket)
    kept.close()
    newest, older = snapshots(bucket)[:2]
    data = newest.read_bytes()
    newest.write_bytes(
        {
            "garbage": b"no database" * 99,
            "truncated": data[: len(data) // 2],
            "empty": b"",
            "a hole": data[:8192] + bytes(8192) + data[16384:],
        }[damage]
    )
    lose_the_disk(tmp_path)
    second = library(tmp_path)
    story = second.load("s")
    assert story and story.text.startswith("0 0 ") and newest.name in caplog.text and older.name not in caplog.text.split("skipped")[0]
    second.close()
    assert not list((tmp_path / "data").glob("restored*"))


def test_a_damaged_file_is_replaced_by_the_snapshot_and_its_log_is_not_played_into_it(tmp_path: Path) -> None:
    first = library(tmp_path)
    for n in range(300):
        first.save(piece(f"s{n}", "from the snapshot", request={"premise": "p" * 200}))
    first.close()
    file = tmp_path / "data" / "stories.db"
    lost = Library(tmp_path / "data")
    lost.save(piece("t", "in the log"))
    log = (tmp_path / "data" / "stories.db-wal").read_bytes()
    lost.close()
    file.write_bytes(b"no database" * 999)
    Path(f"{file}-wal").write_bytes(log)
    second = library(tmp_path)
    assert second.lasting and second.load("s299") and not second.load("t")
    assert {p.name.partition(".damaged-")[2].strip("0123456789") for p in (tmp_path / "data").glob("*.damaged-*")} >= {"", "-wal"}
    second.close()


def test_a_file_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    first = library(tmp_path)
    first.save(piece("s", "old "))
    first.close()
    Library(tmp_path / "data").save(piece("s", "new"))
    second = library(tmp_path)
    story = second.load("s")
    assert story and story.text == "old new"
    second.close()


def test_a_snapshot_of_a_newer_version_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = library(tmp_path)
    first._db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    first.save(piece("s", "text"))
    first.close()
    [newer] = snapshots(tmp_path / "bucket")
    before = newer.read_bytes()
    lose_the_disk(tmp_path)
    second = library(tmp_path)
    assert not second.lasting and "start the newer app" in caplog.text
    second.save(piece("t", "text"))
    second.close()
    assert [newer] == snapshots(tmp_path / "bucket") and newer.read_bytes() == before


def test_a_folder_that_cannot_be_read_is_said_and_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "bucket").write_text("in the way")
    kept = library(tmp_path)
    assert kept.lasting and kept.save(piece("s", "text"))
    kept.close()
    assert "no snapshot was restored" in caplog.text and (tmp_path / "bucket").read_text() == "in the way"


def test_a_folder_that_goes_away_is_said_and_the_next_snapshot_is_made(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept = Library(tmp_path / "data")
    kept.save(piece("s", "text"))
    blocked = tmp_path / "bucket"
    blocked.write_text("in the way")
    going = Backup(tmp_path / "data" / "stories.db", blocked, lambda: kept.changes, made=0, every=0.02)
    until(lambda: "No snapshot of the stories could be made" in caplog.text)
    blocked.unlink()
    until(lambda: blocked.exists() and bool(snapshots(blocked)))
    going.close()
    kept.close()


def test_nothing_is_made_where_nothing_changed(tmp_path: Path) -> None:
    kept = Library(tmp_path / "data")
    kept.save(piece("s", "text"))
    going = Backup(tmp_path / "data" / "stories.db", tmp_path / "bucket", lambda: kept.changes, made=0, every=0.02)
    until(lambda: going._made == kept.changes)
    [only] = snapshots(tmp_path / "bucket")
    rounds = []
    going._changes = lambda: rounds.append(1) or kept.changes  # type: ignore[assignment,func-returns-value]
    until(lambda: len(rounds) > 20)
    assert snapshots(tmp_path / "bucket") == [only]
    going.close()
    kept.close()


def test_a_slow_folder_holds_up_no_save_and_no_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Saves and loads beside a snapshot that hangs for as long as the test likes, and a closing that does not wait for it."""
    gate, arrived = threading.Event(), threading.Event()
    copy = shutil.copyfile

    def slow(source: Path, target: Path) -> None:
        arrived.set()
        gate.wait(20)
        copy(source, target)

    monkeypatch.setattr(backup, "EVERY_SECONDS", 0.01)
    monkeypatch.setattr(backup, "CLOSING_SECONDS", 0.1)
    monkeypatch.setattr(backup.shutil, "copyfile", slow)
    kept = Library(tmp_path / "data")
    going = Backup(tmp_path / "data" / "stories.db", tmp_path / "bucket", lambda: kept.changes, made=-1, every=0.01)
    assert arrived.wait(20)
    slowest = 0.0
    for n in range(200):
        start = time.monotonic()
        assert kept.save(piece("s", f"{n} ", (n,))) and kept.load("s")
        slowest = max(slowest, time.monotonic() - start)
    print(f"\nslowest of 200 saves beside a snapshot that hangs: {slowest * 1000:.1f} ms")
    assert slowest < 1.0
    start = time.monotonic()
    going.close()
    assert time.monotonic() - start < 5
    gate.set()
    until(lambda: not going._thread.is_alive())
    kept.close()
    assert restore(tmp_path / "bucket", tmp_path / "restored.db")


def test_a_kill_while_snapshots_are_made_leaves_only_whole_ones(tmp_path: Path) -> None:
    """Ten kills of a child that saves and makes snapshots without a pause."""

    def child() -> None:
        kept = Library(tmp_path / "data")
        n = len(story.token_ids) if (story := kept.load("s")) else 0
        while True:
            kept.save(piece("s", f"{n} " * 200, (n,)))
            snapshot(tmp_path / "data" / "stories.db", tmp_path / "bucket")
            n += 1

    chance, made = random.Random(3), 0
    for _ in range(10):
        process = get_context("fork").Process(target=child, daemon=True)
        process.start()
        before = set(snapshots(tmp_path / "bucket"))
        until(lambda before=before: set(snapshots(tmp_path / "bucket")) != before, what="a snapshot")
        time.sleep(chance.random() / 20)
        process.kill()
        process.join()
        for found in snapshots(tmp_path / "bucket"):
            copy = tmp_path / "copy.db"
            shutil.copyfile(found, copy)
            with sqlite3.connect(copy) as db:
                assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            db.close()
            made += 1
    print(f"\n{made} snapshots looked at after 10 kills, all whole")


def test_forks_while_snapshots_are_made_harm_nothing(tmp_path: Path) -> None:
    kept = Library(tmp_path / "data")
    going = Backup(tmp_path / "data" / "stories.db", tmp_path / "bucket", lambda: kept.changes, made=0, every=0.001)
    saved = []
    for n in range(30):
        saved.append(f"{n} ")
        assert kept.save(piece("s", saved[-1], (n,)))
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
    until(lambda: going._made == kept.changes)
    going.close()
    kept.close()
    assert restore(tmp_path / "bucket", tmp_path / "data" / "restored.db")
    (tmp_path / "data" / "restored.db").rename(tmp_path / "data" / "stories.db")
    story = Library(tmp_path / "data").load("s")
    assert story and story.text == "".join(saved)
