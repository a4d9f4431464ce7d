"""The examples run as they stand against the served app: the notebook, and the scripts for gradio_client and curl."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from polaris_demo import card
from polaris_demo.jobs.runner import Runner
from polaris_demo.story.events import Event
from polaris_demo.story.request import StoryRequest

from .conftest import needs, serving
from .doubles import MINIATURE, POLARIS, ScriptedEngine, endless, story_events, tells, until

EXAMPLES = Path(__file__).parent.parent / "examples"
NOTEBOOK = EXAMPLES / "lengths.ipynb"
HERE = "http://127.0.0.1:7860"  # where the examples look for the app
SHORT = 0.8  # of the words asked for
HOSTILE = "a \"fox\" and\na \\bell\\ $(touch x) `id` 'it' 🌟 שלום\tend"


def script(request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
    if request.premise == "endless":
        return endless(request, stop)
    if request.premise == "short":
        return tells("It was quiet.")(request, stop)
    words = " ".join(f"w{n}" for n in range(round(request.words * SHORT)))
    return iter(story_events("CANARY", f"It was told.\n\n{words}", 700))


@pytest.fixture(scope="module")
def app() -> Iterator[tuple[str, Runner]]:
    runner = Runner(ScriptedEngine(script))
    with serving(runner) as url:
        yield url, runner


# The notebook.


def executed(url: str, lengths: str = "") -> tuple[str, list[Any]]:
    """What the notebook prints, and the pictures it shows, against the app at this address."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    (settings,) = [cell for cell in notebook.cells if f'ADDRESS = "{HERE}"' in cell.source]
    settings.source = settings.source.replace(HERE, url.rstrip("/")) + (f"\nLENGTHS = {lengths}" if lengths else "")
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(EXAMPLES)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    said = "".join(output.text for output in outputs if output.output_type == "stream")
    return said, [output.data["image/png"] for output in outputs if "image/png" in output.get("data", {})]


def lines(said: str) -> list[list[str]]:
    """The notebook's table."""
    return [line.split()[:4] for line in said.split("ended by\n")[1].splitlines()]


def test_the_notebook_plots_five_lengths_beside_what_the_card_says_and_beside_nothing_for_the_miniature(serve, app) -> None:
    said, pictures = executed(app[0])
    asked = (1000, 2000, 4000, 8000, 12_000)
    ratios = [next(f"{b.ratios[POLARIS.name]:.2f}" for b in reversed(card.LENGTH_BUCKETS) if words >= b.low) for words in asked]
    assert len(pictures) == 1 and "CANARY" not in said and len(set(ratios)) == 3
    found = lines(said)
    assert [line[0] for line in found] == [f"{words:,}" for words in asked] and [line[3] for line in found] == ratios
    assert {line[2] for line in found} <= {"0.80", "0.81"} and all(int(line[1].replace(",", "")) > 800 for line in found)
    assert len(re.findall(rf"{app[0]}\?story=\S+\n  The model ended the story\.", said)) == 5
    said, pictures = executed(serve(ScriptedEngine(script, MINIATURE)), "(300,)")
    assert len(pictures) == 1 and {line[3] for line in lines(said)} == {"–"} and not any(ratio in said for ratio in set(ratios))


def test_the_notebook_is_kept_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert not [cell for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")]


def test_no_example_has_a_figure_of_the_cards() -> None:
    figures = {f"{ratio:g}" for bucket in card.LENGTH_BUCKETS for ratio in bucket.ratios.values()}
    for path in (NOTEBOOK, EXAMPLES / "write_story.py", EXAMPLES / "write_story.sh"):
        assert not set(re.findall(r"\b\d\.\d+\b", path.read_text())) & figures, path


# The scripts.


def python(url: str, premise: str, words: object = 200, seed: object = 7) -> list[str]:
    options = ["--words", str(words), "--seed", str(seed), "--server", url]
    return [sys.executable, str(EXAMPLES / "write_story.py"), premise, *options]


def curl(url: str, premise: str, words: object = 200, seed: object = 7) -> list[str]:
    needs("curl")
    return ["env", f"SERVER={url}", "sh", str(EXAMPLES / "write_story.sh"), premise, str(words), str(seed)]


Command = Callable[..., list[str]]
BOTH = pytest.mark.parametrize("command", [python, curl])


def begun(command: list[str], folder: Path) -> "subprocess.Popen[str]":
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=folder, env=os.environ | {"PYTHONUNBUFFERED": "1"}, **pipes)


@BOTH
def test_a_script_writes_the_story_that_was_asked_for(command: Command, app: tuple[str, Runner], tmp_path: Path) -> None:
    url, runner = app
    with begun(command(url, HOSTILE), tmp_path) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    named = re.search(rf"{url}\?story=(\S+)", err)
    assert named and not list(tmp_path.iterdir())
    record = runner.get(named[1])
    assert (record.request.premise, record.request.words, record.request.sampling.seed) == (HOSTILE, 200, 7)
    assert str(record.story).split() == out.split("\n\n--\n")[0].split() and "CANARY" not in out + err
    assert f"{record.words} of 200 words" in err


@BOTH
def test_ctrl_c_stops_the_story(command: Command, app: tuple[str, Runner], tmp_path: Path) -> None:
    url, runner = app
    with begun(command(url, "endless"), tmp_path) as process:
        assert process.stderr
        story = process.stderr.readline().strip().partition("?story=")[2]
        until(lambda: runner.get(story).words > 3, what="some words")
        if command is python:
            assert process.stdout and process.stdout.read(5) == "word ", "it is not printed as it comes"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in err and "Stopped. What was written" in err
    until(lambda: runner.get(story).state == "stopped", what="the story stopped")


@BOTH
def test_what_the_server_refuses_is_its_sentence(command: Command, app: tuple[str, Runner], tmp_path: Path) -> None:
    with begun(command(app[0], "a fox", words=49), tmp_path) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode and not out
    assert err.strip() == "Words: 49 is outside the limits. Give a whole number from 50 to 12,000."


@BOTH
def test_where_no_app_answers_that_is_said(command: Command, tmp_path: Path) -> None:
    with begun(command("http://127.0.0.1:9", "a fox"), tmp_path) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode and not out and "127.0.0.1" in err and "Traceback" not in err
