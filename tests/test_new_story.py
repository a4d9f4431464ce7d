"""A new story from the command line is kept as it comes, and whoever wrote it is told where it can be read."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from polaris_demo.__main__ import FAILED, main
from polaris_demo.jobs.library import Library
from polaris_demo.jobs.runner import Runner
from polaris_demo.page.links import own_address
from polaris_demo.story.events import Finish
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import read

from .conftest import serving
from .doubles import ScriptedEngine, echoes, kept_by_another, story_events, until
from .steady import told

ROOT = Path(__file__).parent.parent
STORY = "# A story\n\nIt was about a fox."


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the page's stories."""
    monkeypatch.setenv("POLARIS_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def run(*arguments: object, script=echoes) -> int:
    return main(["write", *map(str, arguments)], lambda settings: ScriptedEngine(script))


def address_in(said: str) -> tuple[str, str]:
    """The page's address and the story's id, as the command named them."""
    found = re.search(r"`python app\.py` shows it at (http\S+/)\?story=([\w-]+), for 30 days\.", said)
    assert found, said
    return found[1], found[2]


def test_the_page_has_the_story_at_the_address_that_was_named(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_SERVER_PORT", "7999")
    assert run("a fox", "--out", tmp_path / "story.md") == 0
    shown = capsys.readouterr()
    address, story = address_in(shown.err)
    assert address == "http://127.0.0.1:7999/" and "story.md written" in shown.err
    with closing(Library(data)) as library, serving(Runner(ScriptedEngine(echoes), library=library)) as url:
        text = urllib.request.urlopen(f"{url}stories/{story}/story.txt", timeout=20).read().decode()
        assert text.startswith("A story") and "It was about a fox." in text
        assert b"It was about a fox." in urllib.request.urlopen(f"{url}stories/{story}/events?once", timeout=20).read()


@pytest.mark.parametrize(
    ("env", "root_path", "address"),
    [
        ({}, "", "http://127.0.0.1:7860/"),
        ({"GRADIO_SERVER_PORT": "80", "GRADIO_SERVER_NAME": "0.0.0.0"}, "", "http://127.0.0.1:80/"),
        ({"GRADIO_SERVER_NAME": "192.168.0.7"}, "/stories", "http://192.168.0.7:7860/stories/"),
    ],
)
def test_the_address_is_where_the_page_is_told_to_listen(env: dict[str, str], root_path: str, address: str) -> None:
    assert own_address(env, root_path) == address


def test_the_hosts_own_address_comes_first(data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLARIS_ADDRESS", "https://stories.example.org")
    assert run("a fox") == 0
    assert address_in(capsys.readouterr().err)[0] == "https://stories.example.org/"


def test_what_a_killed_command_wrote_is_there_and_two_commands_do_not_share_a_folder(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-m", "tests.steady", "write", "a fox", "--words", "400", "--seed", "7"]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        heard = process.stdout.read(200)
        until(lambda: (data / "stories.db").exists(), what="the library")
        assert run("a bell", "--out", tmp_path / "bell.txt") == 0
        said = capsys.readouterr().err
        assert f"The story is in {tmp_path / 'bell.txt'}. The page does not have it" in said
        assert f"another process ({process.pid}) keeps its stories in {data} just now" in said
        process.send_signal(signal.SIGKILL)
    request, _ = read({"premise": "a fox", "words": 400, "seed": 7})
    assert request
    with closing(Library(data)) as library:
        (story,) = library._db.execute("SELECT id FROM stories").fetchone()
        saved = library.load(story)
    assert saved and told(request).startswith(saved.text) and len(saved.text) > len(heard) - 200 and len(saved.token_ids) > 5


def test_what_a_stopped_and_what_a_failing_story_came_to_is_kept(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def fails(request, stop) -> Iterator:
        return iter([*story_events("a plan", STORY)[:6], Finish("error", "The GPU left.")])

    def interrupted(request, stop) -> Iterator:
        yield from story_events("a plan", STORY)[:6]
        raise KeyboardInterrupt

    for script, status, state in ((fails, FAILED, "failed"), (interrupted, 130, "stopped")):
        assert run("a fox", script=script) == status
        saved = kept_by_another(data, address_in(capsys.readouterr().err)[1])
        assert saved and saved.state == state and saved.text and STORY.startswith(saved.text)


def test_where_it_is_not_kept_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("a fox") == 0
    assert (
        "The story stands on standard output alone. The page does not have it, since POLARIS_DATA_DIR is empty." in capsys.readouterr().err
    )
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("POLARIS_DATA_DIR", str(tmp_path / "file" / "data"))
    out, record = tmp_path / "s.txt", tmp_path / "s.json"
    assert run("a fox", "--out", out, "--record-out", record) == 0
    assert f"The story is in {out} and {record}. The page does not have it, since" in capsys.readouterr().err


def test_a_library_that_takes_no_more_is_said(data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Library, story: object, anew: bool = False) -> bool:
        self.problem = "This server’s disk is full, so this story is not being kept."
        return False

    monkeypatch.setattr(Library, "save", full)
    assert run("a fox") == 0
    assert "stands on standard output alone. This server’s disk is full" in capsys.readouterr().err


def test_no_key_is_given_to_anybody(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("a fox") == 0
    story = address_in(capsys.readouterr().err)[1]
    saved = kept_by_another(data, story)
    assert saved and len(saved.key_hash) == 64
    record = StoryRecord.restore(story, "finished", saved.about, saved.text, saved.token_ids)
    assert str(record.story) == STORY and record.rests
