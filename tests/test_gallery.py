"""The gallery fills itself while nobody asks, gives way at once, loses nothing, and writes nothing twice."""

import json
import logging
import os
import random
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from polaris_demo.engine.base import GpuBroken
from polaris_demo.engine.local import LocalEngine
from polaris_demo.errors import CannotDelete, UnknownStory
from polaris_demo.jobs import gallery_folder
from polaris_demo.jobs.gallery import Gallery
from polaris_demo.jobs.gallery_work import MOST_ATTEMPTS
from polaris_demo.jobs.rewrite import write
from polaris_demo.jobs.runner import Runner
from polaris_demo.page.recordings import Recordings
from polaris_demo.page.routes import StoryRoutes
from polaris_demo.settings import Settings
from polaris_demo.story.events import Delta, Event, Finish, Started
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.recording import Watch, read_recording, recording_json

from .doubles import POLARIS, ScriptedEngine, asked, asked_for, recording_of, rests, tells, until
from .filling import PREMISES, Counting, featuring, recorded, told

ROOT = Path(__file__).parent.parent
KEY = "the key of this server's host"
TWO = [{"premise": premise, "words": 200} for premise in PREMISES]
Begin = Callable[..., tuple[Runner, Gallery]]


@pytest.fixture
def begin(tmp_path: Path, run) -> Iterator[Begin]:
    """begin(engine, *stories) -> a runner, and its gallery in tmp_path, which is closed at the end."""
    with ExitStack() as stack:

        def start(engine, *stories, quiet: float = 0, **options) -> tuple[Runner, Gallery]:
            runner, source = run(engine), featuring(tmp_path, *(stories or TWO))
            gallery = Gallery(runner, Settings(data_dir=tmp_path), quiet, source, look_seconds=0.01, **options)
            stack.callback(gallery.close)
            return runner, gallery

        yield start


def texts(folder: Path) -> list[str]:
    return [read_recording(path.read_text()).recorded.text for path in recorded(folder)]


def ended(gallery: Gallery) -> bool:
    return not gallery._thread.is_alive()


# Written while nobody asks.


def test_what_is_featured_becomes_recordings_each_once(begin: Begin, tmp_path: Path) -> None:
    engine, ladder = Counting(pause=0), {"premise": PREMISES[1], "words": [100, 200]}
    _, gallery = begin(engine, TWO[0], ladder, TWO[0])
    until(lambda: len(recorded(tmp_path)) == 3)
    assert sorted(texts(tmp_path)) == sorted(told(premise) for premise in (PREMISES[0], PREMISES[1], PREMISES[1]))
    for path in recorded(tmp_path):
        recording = read_recording(path.read_text())
        assert recording.label == "POLARIS-9B" and recording.recorded.resumed == 0
        assert path.name.startswith("gallery-") and f"-{recording.recorded.request.words}-" in path.name
    gallery.close()
    engine = Counting(pause=0)
    begin(engine, TWO[0], ladder, {"premise": "a mill", "words": 100})  # as after a restart
    until(lambda: len(recorded(tmp_path)) == 4)
    assert [request.premise for request, _ in engine.asked] == ["a mill"]


def test_another_revision_writes_its_own_and_what_the_host_recorded_is_not_written_again(run, tmp_path: Path) -> None:
    request = asked_for(PREMISES[0], 200)
    (tmp_path / "own.json").write_text(recording_of("Text.", PREMISES[0], 200))
    known = gallery_folder.known([tmp_path])
    assert gallery_folder.key(request, POLARIS) in known
    for other in (replace(POLARIS, revision="def"), replace(POLARIS, model="someone/POLARIS-9B")):
        assert gallery_folder.key(request, other) not in known
    for another in (asked_for("a fox", 200), asked_for(PREMISES[0], 201), asked_for(PREMISES[0], 200, form="scene")):
        assert gallery_folder.key(another, POLARIS) not in known


def test_a_visitor_has_the_engine_at_once_and_the_story_goes_on_from_its_last_token(begin: Begin, tmp_path: Path) -> None:
    engine = Counting()
    engine.goes_on.clear()
    runner, _ = begin(engine, TWO[0])
    until(lambda: bool(engine.told) and engine.told[0] > 8, what="a gallery story at work")
    engine.goes_on.set()
    job = runner.submit(asked("a visitor"))
    assert until(lambda: len(job.record.story) > 0, what="the visitor's first word") < 1
    until(lambda: rests(job) and len(recorded(tmp_path)) == 1)
    assert [request.premise for request, _ in engine.asked] == [PREMISES[0], "a visitor", PREMISES[0]]
    assert engine.asked[2][1].token_ids == tuple(range(engine.told[0])) and engine.told[0] < engine.told[2]
    assert texts(tmp_path) == [told(PREMISES[0])]  # and nothing of the visitor's
    assert read_recording(recorded(tmp_path)[0].read_text()).recorded.resumed == 1


def test_its_stories_are_nobodys_and_in_no_list_share_or_figure(begin: Begin, tmp_path: Path) -> None:
    engine = Counting()
    engine.goes_on.clear()
    runner, gallery = begin(engine, TWO[0])
    until(lambda: bool(engine.told) and engine.told[0] > 8)
    health, figures = runner.health(), runner.figures.exposition(runner.health()).decode()
    assert (health.writing, health.waiting) == (0, 0) and "polaris_stories_begun_total 0.0" in figures
    task = f"{gallery_folder.key(asked_for(PREMISES[0], 200), POLARIS)}-0"
    assert runner.summaries([task]) == []
    with pytest.raises(UnknownStory):
        runner.get(task)
    gallery.close()
    figures = runner.figures.exposition(runner.health()).decode()
    assert "polaris_turns_ended_total{" not in figures and runner.measured.speed() is None


def test_a_lull_is_over_with_the_first_story_and_begins_when_it_has_been_quiet_for_so_long(run) -> None:
    engine = Counting()
    engine.goes_on.clear()
    runner = run(engine, admin_key=KEY)
    assert runner.lull(3600) is None
    quiet = runner.lull(0)
    assert quiet and not quiet.is_set()
    job = runner.submit(asked())
    assert quiet.is_set() and runner.lull(0) is None
    engine.goes_on.set()
    until(lambda: rests(job))
    assert runner.lull(3600) is None
    for over in (lambda: runner.pause_new(KEY, True), runner.close):
        quiet = runner.lull(0)
        assert quiet
        over()
        assert quiet.is_set() and runner.lull(0) is None
        runner.host_paused = False


def test_the_miniatures_lanes_let_a_visitor_in_and_the_story_is_the_one_it_would_have_been(miniature, begin: Begin, tmp_path: Path) -> None:
    """As if the miniature were no miniature. The story is long enough to be still at work when the visitor comes."""
    tokens: list[Event] = []

    class Heard(LocalEngine):
        def write(self, request, resume, stop):
            for event in super().write(request, resume, stop):
                tokens.append(event)
                yield event

    engine = Heard(miniature._model, miniature._chat, POLARIS, lanes=2)
    *_, uncut = write(engine, StoryRecord("uncut", asked_for("a robot who learns to paint", 400, seed=3)))
    tokens.clear()
    runner, _ = begin(engine, {"premise": "a robot who learns to paint", "words": 400, "seed": 3})
    until(lambda: len(tokens) > 20, what="a gallery story at work")
    job = runner.submit(asked("a lamp", words=50))
    until(lambda: rests(job))
    until(lambda: len(recorded(tmp_path)) == 1)
    assert texts(tmp_path) == [str(uncut.story)] and job.record.finish and job.record.finish.reason == "stop"
    assert read_recording(recorded(tmp_path)[0].read_text()).recorded.resumed == 1


# Whatever happens.


def test_it_is_gone_on_with_after_a_restart(begin: Begin, tmp_path: Path) -> None:
    engine = Counting()
    engine.goes_on.clear()
    _, gallery = begin(engine, TWO[0])
    until(lambda: bool(engine.told) and engine.told[0] > 8)
    gallery.close()
    assert ended(gallery) and not recorded(tmp_path)
    engine.goes_on.set()
    begin(engine, TWO[0])
    until(lambda: len(recorded(tmp_path)) == 1)
    assert engine.asked[1][1].token_ids == tuple(range(engine.told[0])) and texts(tmp_path) == [told(PREMISES[0])]


def test_killed_at_any_moment_nothing_is_recorded_half_or_twice(tmp_path: Path) -> None:
    featuring(tmp_path, *TWO)
    command, chance, kills = [sys.executable, "-m", "tests.filling", str(tmp_path), "2"], random.Random(7), 0
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
    ) as process:
        assert process.stdin and process.stdout
        while len(recorded(tmp_path)) < 2:
            process.stdin.write(b"begin\n")
            child = int(process.stdout.readline())
            select.select([process.stdout], [], [], chance.uniform(0.1, 0.6))  # it may end before
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            assert process.stdout.readline() == b"ended\n"
            assert all(text in map(told, PREMISES) for text in texts(tmp_path))
            kills += 1
        process.stdin.write(b"begin\n")
        process.stdout.readline(), process.stdout.readline()
        process.stdin.close()
    assert sorted(texts(tmp_path)) == sorted(map(told, PREMISES)) and kills > 2
    assert sum(read_recording(path.read_text()).recorded.resumed for path in recorded(tmp_path)) > 1


def test_a_story_that_does_not_end_by_itself_has_other_seeds_and_is_then_left_out(begin: Begin, tmp_path: Path, caplog) -> None:
    engine = Counting(pause=0, end="length")
    with caplog.at_level(logging.WARNING):
        _, gallery = begin(engine, TWO[0] | {"seed": 4_294_967_295}, quiet=0)
        until(lambda: "is left out" in caplog.text)
    gallery.close()
    assert [request.sampling.seed for request, _ in engine.asked] == [4_294_967_295, 0, 1][:MOST_ATTEMPTS] and not recorded(tmp_path)
    assert all(resume.token_ids == () for _, resume in engine.asked) and caplog.text.count("with another seed") == 2
    engine = Counting(pause=0)
    begin(engine, TWO[0] | {"seed": 4_294_967_295}, TWO[1])  # as after a restart
    until(lambda: len(recorded(tmp_path)) == 1)
    assert [request.premise for request, _ in engine.asked] == [PREMISES[1]]


def test_what_cannot_go_on_now_is_tried_again_after_the_others(begin: Begin, tmp_path: Path) -> None:
    failing = [True]

    def script(request, stop):
        if request.premise == PREMISES[0] and failing:
            failing.clear()
            return iter([Started("<prompt>", 60, POLARIS), Finish("error", "The engine does not answer.")])
        return tells(told(request.premise))(request, stop)

    begin(ScriptedEngine(script))
    until(lambda: len(recorded(tmp_path)) == 2)
    first, last = sorted(recorded(tmp_path), key=lambda path: path.stat().st_mtime_ns)
    assert [PREMISES.index(read_recording(path.read_text()).recorded.request.premise) for path in (first, last)] == [1, 0]


def test_a_whole_story_that_could_not_be_kept_is_kept_later_and_not_written_again(run, tmp_path: Path, caplog) -> None:
    folder, engine = tmp_path / "named", Counting(pause=0)
    folder.write_text("a file where the folder of recordings is to be")
    settings, source = Settings(data_dir=tmp_path, recordings_dir=folder), featuring(tmp_path, TWO[0])
    begin = lambda: Gallery(run(engine), settings, 0, source, look_seconds=0.01)  # noqa: E731
    gallery = begin()
    until(lambda: caplog.text.count("recording cannot be written") > 2)
    gallery.close()
    folder.unlink()
    gallery = begin()  # as after a restart
    until(lambda: len(list(folder.glob("*.json"))) == 1)
    gallery.close()
    assert len(engine.asked) == 1 and read_recording(next(folder.glob("*.json")).read_text()).recorded.text == told(PREMISES[0])


def test_a_broken_gpu_starts_the_process_anew(begin: Begin) -> None:
    anew: list[bool] = []

    class Broken(ScriptedEngine):
        def write(self, request, resume, stop):
            yield Finish("error", "The GPU failed.")
            raise GpuBroken

    begin(Broken(tells("x")), start_anew=lambda: anew.append(True))
    until(lambda: anew == [True])


def test_the_pace_goes_on_without_its_pauses_in_another_process() -> None:
    def tokens(record: StoryRecord, watch: Watch, begin: int, end: int, at: float) -> None:
        for token in range(begin, end):
            at += 1
            record.apply(Delta("story", "word ", 1, (token,)) if token >= 10 else Delta("thinking", "", 1, (token,)), at)
            watch.see(record)

    record, watch = StoryRecord("x", asked_for("a bell", 200), created=1_780_000_000.0, writer=POLARIS), Watch()
    record.apply(Started("<prompt>", 60, POLARIS), 1000)
    tokens(record, watch, 0, 20, 1000)
    kept = watch.kept()
    record = StoryRecord.restore("x", "stopped", json.loads(json.dumps(record.about())), str(record.story)[:-10], record.token_ids[:-2])
    watch = Watch.restore(kept, record)
    assert all(characters <= len(record.story) for _, characters in watch._pace)
    record.resume()
    record.apply(Started("<prompt>", 60, POLARIS), 90_000)
    tokens(record, watch, 18, 30, 90_000)
    record.apply(Finish("stop"), 90_020)
    recording = read_recording(recording_json(record, watch))
    assert recording.planning_seconds == 10 and recording.pace[0] == (0.0, 5) and recording.pace[-1][0] < 25


# Taken away.


def test_the_host_takes_one_away_for_good_and_nobody_else_does(begin: Begin, run, tmp_path: Path) -> None:
    _, gallery = begin(Counting(pause=0))
    until(lambda: len(recorded(tmp_path)) == 2)
    gallery.close()
    settings, host = Settings(data_dir=tmp_path), run(tells("x"), admin_key=KEY)
    routes = StoryRoutes(host, settings, Recordings(tmp_path / "recordings")).routes()
    client, gone = TestClient(Starlette(routes=routes)), recorded(tmp_path)[0]
    remove = lambda name, key: client.post(f"/recordings/{name}/delete", json={"key": key})  # noqa: E731
    assert remove(gone.stem, "another key, as long").status_code == 403 and gone.exists()
    assert remove("nobody-recorded-this", KEY).status_code == 403
    assert remove(gone.stem, KEY).json() == {"done": True}
    assert not gone.exists() and client.get(f"/recordings/{gone.stem}").status_code == 404
    assert len(client.get("/recordings").json()["recordings"]) == 1
    answers = [remove(recorded(tmp_path)[0].stem, "another key, as long").status_code for _ in range(5)]
    assert answers == [403, 403, 403, 403, 429] and len(recorded(tmp_path)) == 1
    engine = Counting(pause=0)
    begin(engine, *TWO, {"premise": "a mill", "words": 100})
    until(lambda: len(recorded(tmp_path)) == 2)
    assert [request.premise for request, _ in engine.asked] == ["a mill"]


def test_what_the_host_recorded_is_the_hosts_to_take_away(tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text(recording_of("Text."))
    with pytest.raises(CannotDelete, match="not made by the gallery"):
        gallery_folder.remove(tmp_path, "own")
    for other in ("../own", "", "own.json"):
        with pytest.raises(UnknownStory):
            gallery_folder.remove(tmp_path, other)
    with pytest.raises(UnknownStory):
        gallery_folder.remove(None, "own")
    assert (tmp_path / "own.json").exists()
