"""The process is killed while it writes: what is missing, and whether the stories go on to the same end."""

import json
import math
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client

from polaris_demo.engine.local import LocalEngine
from polaris_demo.jobs.backup import snapshots
from polaris_demo.jobs.library import Library
from polaris_demo.jobs.runner import Runner
from polaris_demo.jobs.saved import SavedStory
from polaris_demo.story.record import UNFINISHED

from .conftest import serving
from .doubles import until

ROOT = Path(__file__).parent.parent
ASKED = {"premise": "a potter who finds a bell", "words": 200, "seed": 7}
LONG = ASKED | {"words": 4000}
OTHER = {"premise": "a lighthouse keeper and a letter", "words": 200, "seed": 11}


class ModelInfo:
    """A program that writes stories in children, which can be killed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._hear("ready")

    def _said(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "the writer has died"
        return json.loads(line)

    def _hear(self, what: str) -> Any:
        while what not in (said := self._said()):
            pass
        return said[what]

    def start(self, folder: Path, **task: Any) -> "Run":
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"folder": str(folder), **task}) + "\n")
        self._process.stdin.flush()
        return Run(self, self._hear("child"))


class Run:
    """One child, from its start to its end or its death."""

    def __init__(self, writer: ModelInfo, child: int) -> None:
        self._writer, self._child = writer, child
        self.found: dict[str, str] = writer._hear("found")
        self.keys: list[list[str]] = writer._hear("keys")
        self.heard: list[dict[str, Any]] = []

    def until_its_end(self) -> None:
        self._writer._hear("ended")

    def killed_after(self, seconds: float) -> float:
        """The moment it was killed (monotonic clock); infinity where it ended before."""
        moment = [math.inf]

        def kill() -> None:
            moment[0] = time.monotonic()
            os.kill(self._child, signal.SIGKILL)

        timer = threading.Timer(min(seconds, 3600), kill)
        timer.start()
        while "ended" not in (said := self._writer._said()):
            if "at" in said:
                self.heard.append(said)
        timer.cancel()
        timer.join()
        return moment[0]

    def there(self, story_id: str, at: float) -> list[int]:
        """How many tokens and characters the story surely had at that moment."""
        return max((said["there"][story_id] for said in self.heard if said["at"] <= at), default=[0, 0])

    def missing(self, story: SavedStory, killed: float) -> float:
        """How long before the kill a story had what the library does not have."""
        tokens, characters = len(story.token_ids), len(story.text)
        more = [said["at"] for said in self.heard if said["there"][story.id][0] > tokens or said["there"][story.id][1] > characters]
        return max(0.0, killed - min(more, default=killed))


@pytest.fixture(scope="module")
def writer() -> Iterator[ModelInfo]:
    command = [sys.executable, "-m", "tests.crashing"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        yield ModelInfo(process)
        assert process.stdin
        process.stdin.close()


def load(folder: Path, keys: list[list[str]]) -> list[SavedStory]:
    library = Library(folder)
    stories = [library.load(story_id) for story_id, _ in keys]
    library.close()
    assert all(stories)
    return [story for story in stories if story]


def kills(writer: ModelInfo, folder: Path, times: int, seed: int) -> tuple[int, float]:
    """Two stories written through `times` kills; where they end before, two more. How many stories, and the most that was missing."""
    chance, most, written, done = random.Random(seed), 0.0, 0, 0
    requests = [ASKED | {"seed": seed}, OTHER | {"seed": seed + 1}]
    undisturbed = writer.start(folder / "undisturbed", begin=requests)
    undisturbed.until_its_end()
    whole = load(folder / "undisturbed", undisturbed.keys)
    assert [story.state for story in whole] == ["finished"] * 2
    while done < times:
        here = folder / f"{done}"
        run = writer.start(here, begin=requests)
        keys = run.keys
        while True:
            killed = run.killed_after(chance.uniform(0, 2.5) if done < times else math.inf)
            stories = load(here, keys)
            for story, end in zip(stories, whole, strict=True):
                assert end.text.startswith(story.text) and end.token_ids[: len(story.token_ids)] == story.token_ids
            left = [story for story in stories if story.state != "finished"]
            if not left:
                assert [(s.token_ids, s.text) for s in stories] == [(s.token_ids, s.text) for s in whole]
                break
            # Killed before the first save of its next turn, a story is still what the last start made of it.
            assert killed < math.inf
            assert all(story.state in (*UNFINISHED, "interrupted") for story in left), [(s.state, s.about.get("finish")) for s in left]
            done += 1
            for story in left:
                tokens, characters = run.there(story.id, killed - 1)
                assert len(story.token_ids) >= tokens and len(story.text) >= characters
                most = max(most, run.missing(story, killed))
            run = writer.start(here, resume=[key for key in keys if key[0] in {story.id for story in left}])
            assert set(run.found.values()) == {"interrupted"}
        written += 2
    return written, most


def test_ten_kills_while_two_stories_are_written(writer: ModelInfo, tmp_path: Path) -> None:
    written, most = kills(writer, tmp_path, 10, seed=7)
    print(f"\n10 kills, {written} stories, at most {most:.2f} s missing, all ended in the tokens of the undisturbed")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_a_hundred_kills(writer: ModelInfo, tmp_path: Path, seed: int) -> None:
    written, most = kills(writer, tmp_path, 10, seed=100 + seed)
    print(f"\n10 kills, {written} stories, at most {most:.2f} s missing")


@contextmanager
def app(folder: Path) -> Iterator[tuple[subprocess.Popen[str], Client]]:
    env = os.environ | {"POLARIS_MODEL": "preview", "POLARIS_DATA_DIR": f"{folder}/data", "PYTHONUNBUFFERED": "1"}
    env |= {"POLARIS_BACKUP_DIR": f"{folder}/bucket"}
    command = [sys.executable, "app.py"]
    with (
        open(folder / "log", "a") as log,
        subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        assert process.stdout
        address = next(found[0] for line in process.stdout if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
        try:
            yield process, Client(address, verbose=False)
        finally:
            process.kill()


def test_an_app_ended_by_its_host_loses_nothing_even_with_its_disk(tmp_path: Path, miniature: LocalEngine) -> None:
    """As a Space is ended when it sleeps or is built anew: its story is paused, its reader told, and a snapshot made.

    The app is a process of its own; what comes after it starts in this one, from the snapshot.
    """
    with app(tmp_path) as (process, client):
        reader = client.submit(**LONG, api_name="/write_story")
        for answer in reader:
            if answer["thinking_tokens"] > 20:
                break
        process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        until(lambda: reader.outputs()[-1]["state"] == "paused", 20, "the reader told")
        process.wait(timeout=30)
        print(f"\nended by its host within {time.monotonic() - started:.1f} s")
    assert snapshots(tmp_path / "bucket")
    shutil.rmtree(tmp_path / "data")

    library = Library(tmp_path / "data", backup_dir=tmp_path / "bucket")
    with closing(library), serving(Runner(miniature, library=library)) as url:
        client = Client(url, verbose=False)

        def found() -> dict[str, Any]:
            return client.predict(answer["id"], 0, api_name="/get_story")

        before = found()
        assert before["state"] == "paused" and "Continue" in before["stage"]
        assert before["thinking_tokens"] >= answer["thinking_tokens"] and before["story"].startswith(answer["story"])
        client.predict(answer["id"], answer["key"], api_name="/resume_story")
        until(lambda: found()["thinking_tokens"] + found()["story_tokens"] > before["thinking_tokens"] + before["story_tokens"] + 20, 120)
        assert found()["story"].startswith(before["story"])
