"""For whoever runs a server: health, figures, the log, its end, and workers that die."""

import io
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import IO

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from polaris_demo.engine.base import BackgroundEngine, Loading
from polaris_demo.errors import EngineError, VisitorError, log_bug
from polaris_demo.jobs.fair import FairUse
from polaris_demo.jobs.library import Library
from polaris_demo.jobs.runner import Runner
from polaris_demo.logs import AsJson, OneLine, event
from polaris_demo.settings import Shares

from .conftest import serving
from .doubles import ScriptedEngine, asked, echoes, endless, finished, rests, until
from .stubborn import STORIES

ROOT = Path(__file__).parent.parent


def figures(url: str) -> dict[str, float]:
    """Each sample by its name, with its label where it has one."""
    answer = httpx.get(f"{url}metrics", timeout=20)
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain")
    samples = [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]
    return {" ".join([sample.name, *sample.labels.values()]): sample.value for sample in samples}


def test_health_and_figures_say_what_goes_on(tmp_path: Path) -> None:
    runner = Runner(ScriptedEngine(endless), queue_size=3, library=Library(tmp_path), fair=FairUse(Shares(starts=2)))
    with serving(runner) as url:
        before = httpx.get(f"{url}healthz", timeout=20)
        assert before.status_code == 200 and before.json()["status"] == "ok" and before.json()["disk"]["seconds_since_save"] is None
        first, second = runner.submit(asked("one"), "a visitor"), runner.submit(asked("two"), "a visitor")
        with pytest.raises(VisitorError):
            runner.submit(asked("three"), "a visitor")
        with pytest.raises(VisitorError):
            runner.submit(asked("four", words=99_999))
        until(lambda: first.record.words > 3)
        health = httpx.get(f"{url}healthz", timeout=20).json()
        assert health["engine"] == {"ready": True, "loading": "", "failure": ""}
        assert health["queue"] == {"writing": 1, "waiting": 1, "places": 3}
        assert 0 <= health["disk"]["seconds_since_save"] < 60 and health["disk"]["free_bytes"] > 0 and not health["disk"]["problem"]
        runner.stop(first.record.id, first.key)
        until(lambda: rests(first) and second.record.words > 0)
        found = figures(url)
        assert found["polaris_stories_begun_total"] == 2 and found["polaris_writing"] == 1 and found["polaris_ready"] == 1
        assert found["polaris_stories_refused_total share"] == 1 and found["polaris_stories_refused_total request"] == 1
        assert found["polaris_turns_ended_total cancelled"] == 1
        assert found["polaris_tokens_total story"] == first.record.story_tokens > 0


def test_health_says_what_is_wrong(tmp_path: Path) -> None:
    def never(report) -> ScriptedEngine:
        report(Loading("downloading POLARIS-9B", 1, 2))
        threading.Event().wait(60)
        raise AssertionError

    with serving(Runner(BackgroundEngine(never))) as url:
        until(lambda: httpx.get(f"{url}healthz", timeout=20).json()["engine"]["loading"] != "", what="loading said")
        loading = httpx.get(f"{url}healthz", timeout=20)
        assert loading.status_code == 200 and loading.json()["status"] == "loading"

    def fails(report) -> ScriptedEngine:
        raise EngineError("There is no GPU.")

    with serving(Runner(BackgroundEngine(fails))) as url:
        until(lambda: httpx.get(f"{url}healthz", timeout=20).status_code == 503, what="failed")
        assert "There is no GPU." in httpx.get(f"{url}healthz", timeout=20).json()["engine"]["failure"]
    library = Library(tmp_path)
    with serving(Runner(ScriptedEngine(echoes), library=library)) as url:
        library.problem = "This server’s disk is full."
        assert httpx.get(f"{url}healthz", timeout=20).json()["status"] == "storage"
        assert figures(url)["polaris_storage_ok"] == 0


# --- the log ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def lines():
    """What the program says, formatted, as lines."""
    stream, handler = io.StringIO(), logging.StreamHandler()
    handler.setStream(stream)
    root, level = logging.getLogger("polaris_demo"), logging.getLogger("polaris_demo").level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler, lambda: stream.getvalue().splitlines()
    root.removeHandler(handler)
    root.setLevel(level)


def test_a_story_is_lines_of_json_with_ids_counts_times_and_outcomes(run, lines) -> None:
    handler, said = lines
    handler.setFormatter(AsJson())
    runner = run(echoes)
    job = runner.submit(asked("CANARY"))
    until(lambda: finished(job) and not job.active)
    until(lambda: any("turn ended" in line for line in said()), what="its last line")
    told = [json.loads(line) for line in said()]
    queued, ended = (next(line for line in told if line["event"] == what) for what in ("story queued", "turn ended"))
    assert queued["story"] == ended["story"] == job.record.id and queued["words"] == job.record.request.words
    assert ended["reason"] == "stop" and ended["words"] == job.record.words and ended["seconds"] >= 0 and ended["level"] == "info"
    assert "CANARY" not in "".join(said())


@pytest.mark.parametrize("formatter", [AsJson(), OneLine("%(levelname)s %(message)s")], ids=["json", "text"])
def test_whatever_happens_is_one_line(lines, formatter: logging.Formatter) -> None:
    handler, said = lines
    handler.setFormatter(formatter)
    log = logging.getLogger("polaris_demo.test")
    log.info("of\ntwo lines")
    event(log, "counted", count=3)
    try:
        json.loads("CANARY")
    except ValueError as error:
        log_bug(log, "It failed", error)
        log.exception("with its trace")
    assert len(said()) == 4 and "CANARY" not in said()[2] and "test_operations.py" in said()[2]
    assert "count" in said()[1] and "3" in said()[1]


# --- workers, and the end -----------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_lives_through_whatever_an_engine_raises_and_one_that_dies_is_replaced(run, monkeypatch: pytest.MonkeyPatch) -> None:
    def script(request, stop):
        if request.premise == "exit":
            raise SystemExit
        yield from echoes(request, stop)

    runner = run(script)
    failed = runner.submit(asked("exit"))
    until(lambda: rests(failed) and not failed.active)
    assert failed.record.state == "failed" and "nobody foresaw" in failed.record.finish.message
    worker = runner._workers.threads[0]
    real, dies = runner._turns.take, threading.Event()

    def dying():
        if not dies.is_set():
            dies.set()
            raise SystemExit
        return real()

    monkeypatch.setattr(runner._turns, "take", dying)
    last = runner.submit(asked("the worker's last"))  # after it the worker asks for the next, and dies
    until(lambda: finished(last))
    until(lambda: not worker.is_alive(), what="the worker dead")
    after = runner.submit(asked("after it"))
    until(lambda: finished(after), what="another worker's story")


def ended_by(which: signal.Signals, folder: Path, *how: str, stderr: IO[str] | None = None) -> float:
    """Seconds until a server with ten stories, over an engine that obeys nobody, has ended; each story is there afterwards."""
    env = os.environ | {"GRADIO_ANALYTICS_ENABLED": "False"}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.stubborn", str(folder), *how], cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=stderr, text=True
    ) as process:
        assert process.stdout
        url, *ids = process.stdout.readline().split()
        read = {name: httpx.get(f"{url}stories/{name}/story.txt", timeout=20).text for name in ids}
        begun = time.monotonic()
        process.send_signal(which)
        try:
            process.wait(timeout=60)
        finally:
            process.kill()
        took = time.monotonic() - begun
    with closing(Library(folder)) as library:
        kept = {name: saved.text for name in ids if (saved := library.load(name))}
    assert len(ids) == STORIES and all(kept[name].split() for name in ids)
    behind = max(len(read[name].split()) - len(kept[name].split()) for name in ids)
    assert behind < 100, "more than a second was lost"
    return took


def most_seconds(pairs: list[float]) -> float:
    print(f"\nended within {min(pairs):.1f} to {max(pairs):.1f} s")
    return max(pairs)


@pytest.mark.parametrize(("which", "how"), [(signal.SIGINT, ()), (signal.SIGTERM, ("deaf",))], ids=["Ctrl-C", "another thread hears it"])
def test_a_server_that_is_ended_keeps_its_stories_and_goes_whatever_its_engine_does(
    which: signal.Signals, how: tuple[str, ...], tmp_path: Path
) -> None:
    most_seconds([ended_by(which, tmp_path, *how)])


def test_an_end_that_gets_stuck_says_where_and_ends_all_the_same(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log:
        ended_by(signal.SIGTERM, tmp_path / "data", "stuck", stderr=log)
    said = (tmp_path / "log").read_text()
    assert "has not ended within" in said and "stubborn.py" in said and "in close" in said


@pytest.mark.slow
@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)
def test_ten_times_a_server_ends_within_five_seconds(which: signal.Signals, tmp_path: Path) -> None:
    assert most_seconds([ended_by(which, tmp_path / str(n)) for n in range(10)]) <= 5
