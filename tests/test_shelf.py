"""Stories found by their id: in lists, after being forgotten, and never again once deleted."""

import asyncio
import json
import sqlite3
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from polaris_demo.errors import CannotDelete, UnknownStory
from polaris_demo.jobs import clock
from polaris_demo.jobs.clock import Moment
from polaris_demo.jobs.library import DAY, UNWRITABLE, Library
from polaris_demo.jobs.lifecycle import Phase
from polaris_demo.jobs.saved import Summary, hash_key
from polaris_demo.jobs.schema import MIGRATIONS
from polaris_demo.jobs.shelf import MOST_SUMMARIES, UNKNOWN
from polaris_demo.page import view
from polaris_demo.story.events import Delta, Finish
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import StoryRequest

from .doubles import asked, echoes, endless, finished, followed, rests, story_events, tells, until

HOST = "the host's own secret"
NOW = 1_790_000_000.0  # 21 September 2026


def test_old_stories_are_forgotten_but_never_running_ones(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polaris_demo.jobs.shelf.KEPT", 3)

    def script(request, stop):
        return endless(request, stop) if request.premise == "endless" else tells("Hi.")(request, stop)

    runner = run(script, capacity=2)
    running, jobs = runner.submit(asked("endless")), []
    for _ in range(6):
        jobs.append(runner.submit(asked()))
        until(lambda: rests(jobs[-1]))
    assert runner._shelf.jobs() == [running, *jobs[-3:]]
    assert runner._shelf.find(jobs[-1].record.id) is jobs[-1]
    assert str(runner.get(jobs[0].record.id).story) == "Hi."  # from the library
    assert len(runner._shelf.jobs()) == 4


def test_a_list_says_of_every_story_what_it_is_and_until_when(run, tmp_path: Path) -> None:
    library = Library(tmp_path, keep_days=10)
    runner = run(tells("# The Bell\n\nIt rang."), library=library)
    job = runner.submit(asked("a bell"))
    until(lambda: rests(job))
    planned = run(endless, library=library).submit(asked("a potter  who waits"))
    in_memory = runner.summaries([job.record.id])
    [line] = in_memory
    assert (line.title, line.words, line.state) == ("The Bell", 4, "finished")
    assert line.created == job.record.created and line.expires == job.saved.at + 10 * DAY == runner.expires(job.record)
    again = run(echoes, library=library)
    assert again.summaries([job.record.id]) == in_memory and not again._shelf.jobs()
    assert again.summaries([planned.record.id])[0].title == "a potter who waits"


@pytest.mark.parametrize("reason", ["stop", "length", "cancelled", "loop", "pause", "segment", "error"])
@pytest.mark.parametrize("text", ["# The Bell\n\nIt rang.", "It rang.", ""])
def test_a_list_says_the_same_of_a_story_in_memory_and_in_the_library(run, tmp_path: Path, reason: str, text: str) -> None:
    library = Library(tmp_path)
    runner = run(lambda request, stop: iter([*story_events("a plan", text)[:-1], Finish(reason)]), library=library)  # type: ignore[arg-type]
    job = runner.submit(asked("a bell under water"))
    until(lambda: job.record.finish is not None and not job.owed and job.phase is not Phase.WORKING)
    runner.stop(job.record.id, job.key) if reason == "segment" else None
    [in_memory] = runner.summaries([job.record.id])
    runner._shelf._drop([job.record.id])
    [in_library] = runner.summaries([job.record.id])
    assert in_library == in_memory and view.summary(in_library) == view.summary(in_memory)


def test_a_row_says_how_far_a_story_is_and_what_became_of_it() -> None:
    story = Summary("id", "The Bell", 985, "finished", NOW, NOW + DAY, "a bell", 1000, True, False, "stop")
    cut = replace(story, state="paused", resumable=True, reason="length")
    live = replace(story, state="writing", rests=False, reason=None)
    nothing = replace(cut, words=0, resumable=False, reason="error")
    rows = {
        "985 of 1,000 · 4 min": story, "Cut off at 985 of 1,000": cut, "Paused at 985 of 1,000": replace(cut, reason="pause"),
        "Stopped at 985 of 1,000": replace(cut, reason="cancelled"), "Interrupted at 985 of 1,000": replace(cut, state="interrupted", reason=None),
        "Writing: 985 of 1,000": live, "Planning": replace(live, words=0, state="planning"), "Waiting": replace(live, words=0, state="queued"),
        "Broken off before its first word": nothing,
    }  # fmt: skip
    assert [view.summary(row)["said"] for row in rows.values()] == list(rows)
    assert [view.summary(row)["live"] for row in rows.values()] == [False] * 5 + [True] * 3 + [False]
    assert (view.summary(story)["title"], view.summary(replace(story, title="a bell"))["title"]) == ("The Bell", "")


@pytest.mark.parametrize(
    ("expires", "problem", "sentence"),
    [
        ([NOW + DAY], "", "kept on this server until 22\u00a0September 2026."),
        ([NOW + 9 * DAY, NOW + DAY], "", "kept on this server until 22\u00a0September 2026 or longer."),
        ([NOW + DAY, None], "", "kept until this server restarts."),
        ([7.0], "", "kept on this server for as many days as this server keeps stories."),
        ([NOW + DAY], UNWRITABLE, "This server cannot keep stories just now: download those that matter to you."),
    ],
)
def test_what_is_said_of_how_long_stories_are_kept_holds_for_each_of_them(expires, problem: str, sentence: str) -> None:
    assert view.all_kept(expires, problem).startswith("Begun in this browser") and view.all_kept(expires, problem).endswith(sentence)


def test_a_list_takes_anything_and_leaves_out_what_is_no_story(run) -> None:
    runner = run(tells("Hi."))
    jobs = [runner.submit(asked()) for _ in range(3)]
    until(lambda: all(map(rests, jobs)))
    ids = [job.record.id for job in jobs]
    assert [s.id for s in runner.summaries([ids[1], None, 7, [], "\udcff", "кириллица", "nothing", *ids, ids[0]])] == [
        ids[1],
        ids[0],
        ids[2],
    ]
    for nothing in (None, 5, "", {}, ids[0]):
        assert runner.summaries(nothing) == []
    assert len(runner.summaries([f"no-{n}" for n in range(100_000)] + ids)) == 0 < MOST_SUMMARIES


def test_a_list_holds_stories_of_the_first_schema(run, tmp_path: Path) -> None:
    record, yesterday = StoryRecord("old", StoryRequest("an old premise", 100).with_seed(1), created=3.0), time.time() - DAY
    record.apply(Delta.of("story", "# Old\n\nTwo words", (1, 2)), 4.0)
    record.apply(Finish("stop"), 5.0)
    with sqlite3.connect(tmp_path / "stories.db") as db:
        db.executescript(f"{MIGRATIONS[0]} PRAGMA user_version = 1;")
        db.execute("INSERT INTO stories VALUES ('old', 'k', 'finished', ?, ?, 20)", (yesterday, json.dumps(record.about())))
        db.execute("INSERT INTO pieces VALUES ('old', 1, ?, x'0100000002000000')", (str(record.story),))
    db.close()
    [line] = run(echoes, library=Library(tmp_path)).summaries(["old"])
    assert (line.title, line.words, line.created, line.expires) == ("Old", 3, 3.0, yesterday + 30 * DAY)


def test_where_nothing_lasts_nothing_has_a_date(run) -> None:
    runner = run(tells("Hi."))
    job = runner.submit(asked())
    assert runner.expires(job.record) is None and runner.summaries([job.record.id])[0].expires is None


def test_its_owner_and_the_host_can_delete_a_story_and_nobody_else(run, tmp_path: Path) -> None:
    library = Library(tmp_path)
    runner = run(tells("A secret word."), library=library, admin_key=HOST)
    jobs = [runner.submit(asked("a hidden premise")) for _ in range(2)]
    until(lambda: all(map(rests, jobs)))
    for key in ("", "wrong", None, 7, jobs[1].key, HOST + "x"):
        with pytest.raises(UnknownStory):
            runner.delete(jobs[0].record.id, key)
    for job, key in zip(jobs, (jobs[0].key, HOST), strict=True):
        runner.delete(job.record.id, key)
        for gone in (runner.get, runner._shelf.find, lambda i, key=key: runner.delete(i, key)):
            with pytest.raises(UnknownStory):
                gone(job.record.id)
    assert runner.summaries([job.record.id for job in jobs]) == []
    runner.close()
    library.close()
    assert b"secret word" not in (data := (tmp_path / "stories.db").read_bytes()) and b"hidden premise" not in data


@pytest.mark.parametrize("stage", ["queued", "writing"])
def test_a_story_is_deleted_while_it_waits_or_is_written_and_its_followers_are_told(run, tmp_path: Path, stage: str) -> None:
    library = Library(tmp_path)
    runner = run(endless, library=library)
    first = runner.submit(asked())
    until(lambda: first.record.state == "writing")
    job = first if stage == "writing" else runner.submit(asked())

    async def read() -> None:
        async for _ in runner.follow(job.record.id):
            pass

    with pytest.raises(UnknownStory) as told:

        async def both() -> None:
            reading = asyncio.create_task(read())
            await asyncio.sleep(0)
            await asyncio.to_thread(runner.delete, job.record.id, job.key)
            await reading

        asyncio.run(both())
    assert str(told.value) == UNKNOWN
    assert library.load(job.record.id) is None
    until(lambda: job.phase is not Phase.WORKING)
    assert library.load(job.record.id) is None and job not in runner._shelf.jobs()
    after = runner.submit(asked())
    if stage == "queued":
        runner.stop(first.record.id, first.key)
    until(lambda: after.record.state == "writing", what="the place to be free")


def test_whoever_follows_a_story_that_is_deleted_hears_just_that(run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The follower looks several times between the story's stop and its deletion."""
    runner, looks, moment = run(endless), [], asyncio.sleep
    runner.submit(asked("in front"))
    job = runner.submit(asked())
    delete, looked = runner.library.delete, threading.Event()

    def late(story_id: str) -> bool:
        looks.clear()
        assert looked.wait(20)
        return delete(story_id)

    async def look(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) > 3 and job.deleting:
            looked.set()
        await moment(0.01)

    monkeypatch.setattr(runner.library, "delete", late)
    monkeypatch.setattr("polaris_demo.jobs.following.asyncio.sleep", look)

    async def both() -> None:
        deleting = asyncio.create_task(asyncio.to_thread(runner.delete, job.record.id, job.key))
        with pytest.raises(UnknownStory):
            async for piece in runner.follow(job.record.id):
                assert not piece.record.rests
        await deleting

    asyncio.run(both())


def test_an_engine_that_does_not_let_go_keeps_no_story_from_being_deleted(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polaris_demo.jobs.turns.LET_GO_SECONDS", 0.1)
    gate = threading.Event()

    def deaf(request, stop):
        yield Delta.of("story", "word ", (1,))
        gate.wait(20)
        yield Delta.of("story", "more ", (2,))

    runner = run(deaf)
    job = runner.submit(asked())
    until(lambda: job.record.state == "writing")
    runner.delete(job.record.id, job.key)
    gate.set()
    until(lambda: job.phase is not Phase.WORKING)
    with pytest.raises(UnknownStory):
        runner.get(job.record.id)


def test_what_cannot_be_deleted_is_said_and_still_there(run, tmp_path: Path) -> None:
    library = Library(tmp_path)
    runner = run(tells("Hi."), library=library)
    job = runner.submit(asked())
    until(lambda: rests(job))
    library._db.execute("PRAGMA query_only = ON")
    with pytest.raises(CannotDelete):
        runner.delete(job.record.id, job.key)
    assert followed(runner, job) == "Hi."
    library._db.execute("PRAGMA query_only = OFF")
    runner.delete(job.record.id, job.key)


def test_a_story_that_is_read_while_it_is_deleted_does_not_come_back(run) -> None:
    """The deletion falls between reading from the library and putting into memory, fifty times."""
    runner = run(tells("Hi."))
    load = runner.library.load
    for _ in range(50):
        job = runner.submit(asked())
        until(lambda job=job: rests(job))
        runner._shelf._drop([job.record.id])  # forgotten, as old stories are

        def slow(story_id, job=job):
            found = load(story_id)
            runner.library.load = load
            runner.delete(job.record.id, job.key)
            return found

        runner.library.load = slow
        with pytest.raises(UnknownStory):
            runner.get(job.record.id)
        assert not runner._shelf.jobs() and load(job.record.id) is None


def test_what_has_expired_is_gone_from_memory_too(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = Library(tmp_path)
    runner = run(tells("Hi."), library=library)
    job = runner.submit(asked())
    until(lambda: rests(job))
    later = Moment(time.time(), time.monotonic() + 31 * DAY)
    monkeypatch.setattr(clock, "now", lambda: later)
    runner._shelf.expire()
    with pytest.raises(UnknownStory):
        runner.get(job.record.id)


def test_a_story_on_a_disk_that_cannot_be_written_is_kept_once_it_can(run, tmp_path: Path) -> None:
    library = Library(tmp_path)
    library._db.execute("PRAGMA query_only = ON")
    runner = run(tells("done."), library=library)
    job = runner.submit(asked())
    until(lambda: finished(job) and job.phase is not Phase.WORKING)
    assert followed(runner, job) == "done." and library.problem == UNWRITABLE and job.owed
    library._db.execute("PRAGMA query_only = OFF")
    until(lambda: not job.owed, what="the story is kept by itself")
    saved = library.load(job.record.id)
    assert saved and (saved.text, saved.state) == ("done.", "finished") and not library.problem


def test_a_key_of_any_shape_is_judged(run) -> None:
    runner = run(tells("Hi."))
    job = runner.submit(asked())
    assert job.owned_by(job.key) and job.key_hash == hash_key(job.key)
    assert not any(job.owned_by(key) for key in ("", None, 7, [], b"", "\udcff", job.key + " "))
