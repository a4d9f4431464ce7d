"""A vLLM that the app starts by itself: killed under the stories it writes, it is started anew, and they are whole."""

import os
import signal
from pathlib import Path

import pytest

from polaris_demo.engine import connecting
from polaris_demo.engine.connecting import connect
from polaris_demo.engine.vllm_server import VllmServer
from polaris_demo.settings import Settings
from polaris_demo.story.events import Finish
from polaris_demo.story.record import StoryRecord
from tools import engines

from ..doubles import until
from .test_vllm import is_of_a_piece, many


@pytest.fixture
def program(environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """vLLM on one core, as a machine without a GPU needs it."""
    for name, value in engines.environment(core=1).items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "vllm"
    path.write_text(f'#!/bin/sh\nexec taskset -c 1 {engines.BIN}/vllm "$@"\n')
    path.chmod(0o755)
    return path


def test_it_is_started_anew_under_its_stories_and_ends_when_it_is_to(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[VllmServer] = []

    def kept(*arguments: object) -> VllmServer:
        started.append(VllmServer(*arguments))  # type: ignore[arg-type]
        return started[-1]

    monkeypatch.setattr(connecting, "VllmServer", kept)
    said: list[str] = []
    asked = Settings(model="preview", own_vllm=True, vllm_program=str(program), vllm_options=engines.SERVING)
    engine = connect(asked, lambda loading: said.append(loading.doing))
    (server,) = started
    try:
        assert "starting vLLM" in said and engine.status().writer

        def kill(stories: list[StoryRecord]) -> None:
            until(lambda: sum(story.story_tokens > 20 for story in stories) >= 6, 60, "the stories are being written")
            assert server._process
            os.killpg(server._process.pid, signal.SIGKILL)

        stories = many(engine, 8, 400, kill)
        assert [story.finish for story in stories] == [Finish("stop")] * 8
        assert all(is_of_a_piece(engine, story) for story in stories) and sum(len(story.taken_up) for story in stories) >= 6
    finally:
        server.close()
    assert server._process and server._process.poll() is not None
