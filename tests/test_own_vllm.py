"""A vLLM of the app's own, by a program that only pretends: started, watched, started anew, and ended with whoever started it."""

import logging
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from polaris_demo import card
from polaris_demo.engine import connecting, vllm_server
from polaris_demo.engine.connecting import connect
from polaris_demo.engine.loading import PREVIEW_FOLDER
from polaris_demo.engine.vllm_server import VllmServer
from polaris_demo.errors import EngineError
from polaris_demo.settings import Settings, SettingsError, read_settings

from .doubles import until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm_server, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(connecting, "ASK_AGAIN_SECONDS", 0.05)


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """program(what it does) -> a program; what it is called with, its key and its process stand in files beside it."""

    def make(does: str) -> Path:
        path = tmp_path / "vllm"
        path.write_text(f"""#!{sys.executable}
import os, pathlib, sys, time
here = pathlib.Path({str(tmp_path)!r})
(here / "called").write_text(" ".join(sys.argv[1:]))
(here / "key").write_text(os.environ["VLLM_API_KEY"])
with (here / "processes").open("a") as file: print(os.getpid(), file=file)
{does}
""")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    yield make


def processes(folder: Path) -> list[int]:
    file = folder / "processes"
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def runs(process: int) -> bool:
    """Also a process that has ended and is not yet taken note of does not run."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


WAITS = "time.sleep(600)"


def test_it_is_started_for_this_machine_alone_with_a_key_that_nobody_sees(program: Callable[[str], Path], tmp_path: Path) -> None:
    server = VllmServer(str(program(WAITS)), "some/model", ("--seed", "3"))
    with closing(server):
        server.start()
        until(lambda: bool(processes(tmp_path)))
        called = (tmp_path / "called").read_text()
        assert called == f"serve some/model --host 127.0.0.1 --port {server.port} --seed 3"
        assert (tmp_path / "key").read_text() == server.key and len(server.key) > 30
        assert server.url == f"http://127.0.0.1:{server.port}/v1"
    until(lambda: not runs(processes(tmp_path)[0]))


def test_how_far_its_start_is_shows(program: Callable[[str], Path]) -> None:
    server = VllmServer(str(program(f'print("Loading shards:  40% Completed | 2/5", flush=True)\n{WAITS}')), "m")
    with closing(server):
        server.start()
        until(lambda: server.doing == "starting vLLM, which has loaded 40 % of the weights")


def test_one_that_dies_is_started_anew_and_one_that_never_answers_is_given_up(
    program: Callable[[str], Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = VllmServer(str(program(WAITS)), "m")
    with closing(server):
        server.start()
        server.keep()
        for times in range(1, 6):
            until(lambda times=times: len(processes(tmp_path)) == times)
            os.killpg(processes(tmp_path)[-1], signal.SIGKILL)
        until(lambda: len(processes(tmp_path)) == 6)
        assert not server.failure
    failing = VllmServer(str(program('print("out of memory, key", os.environ["VLLM_API_KEY"])\nsys.exit(1)')), "m")
    with closing(failing), caplog.at_level(logging.ERROR):
        failing.start()
        until(lambda: bool(failing.failure))
    assert "ended 3 times while it was starting" in failing.failure
    assert "out of memory" in caplog.text and failing.key not in caplog.text


@pytest.mark.parametrize(
    ("model", "served"), [("auto", card.MODEL.hub_id), ("someone/Fables", "someone/Fables"), ("preview", str(PREVIEW_FOLDER)), (".", ".")]
)
def test_it_serves_what_was_asked_for(model: str, served: str) -> None:
    server = connecting._own(Settings(own_vllm=True, vllm_program=sys.executable, model=model, engine_capacity=7))
    assert server._command[1:3] == ["serve", served] and server._command[-2:] == ["--max-num-seqs", "7"]


def test_one_that_cannot_be_started_is_a_sentence() -> None:
    with pytest.raises(EngineError, match="no program /nowhere/vllm here"):
        connect(Settings(own_vllm=True, vllm_program="/nowhere/vllm", model="preview"), lambda loading: None)


def test_whoever_waits_for_one_that_never_starts_hears_why(program: Callable[[str], Path]) -> None:
    said: list[str] = []
    with pytest.raises(EngineError, match="ended 3 times"):
        connect(
            Settings(own_vllm=True, vllm_program=str(program("sys.exit(1)")), model="preview"), lambda loading: said.append(loading.doing)
        )
    assert "starting vLLM" in said


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux's kernel ends a child with its parent")
def test_it_does_not_outlive_an_app_that_is_killed(program: Callable[[str], Path], tmp_path: Path) -> None:
    script = f"from polaris_demo.engine.vllm_server import VllmServer\nimport time\nVllmServer({str(program(WAITS))!r}, 'm').start()\ntime.sleep(600)"
    app = subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parent.parent)
    try:
        until(lambda: bool(processes(tmp_path)))
        app.kill()
        until(lambda: not runs(processes(tmp_path)[0]), what="the child ended")
    finally:
        app.kill()
        app.wait()


def test_it_ends_with_an_app_that_ends(program: Callable[[str], Path], tmp_path: Path) -> None:
    """Also one that does not heed being asked to."""
    deaf = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('ready', flush=True)\n{WAITS}"
    server = VllmServer(str(program(deaf)), "m")
    server.start()
    until(lambda: "ready" in server._lines)
    begun = time.monotonic()
    vllm_server.END_SECONDS, before = 0.2, vllm_server.END_SECONDS
    try:
        server.close()
    finally:
        vllm_server.END_SECONDS = before
    assert not runs(processes(tmp_path)[0]) and time.monotonic() - begun < 10


def test_its_settings() -> None:
    read = read_settings({"POLARIS_ENGINE": "vllm", "POLARIS_VLLM_OPTIONS": "--dtype 'bfloat16' --seed 1"})
    assert read.own_vllm and read.vllm_options == ("--dtype", "bfloat16", "--seed", "1") and read.vllm_program == "vllm"
    for wrong in ({"POLARIS_ENGINE": "vllm", "POLARIS_ENGINE_URL": "http://host"}, {"POLARIS_VLLM_OPTIONS": "--a 'b"}):
        with pytest.raises(SettingsError, match=next(name for name in wrong)):
            read_settings(wrong)
