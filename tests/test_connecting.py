"""What an engine elsewhere says it serves decides whose name stands on a story; where that is another one, nothing is written."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from polaris_demo.engine import connecting
from polaris_demo.engine.base import BackgroundEngine, Loading, wait_until_ready
from polaris_demo.engine.connecting import connect
from polaris_demo.engine.loading import PREVIEW_FOLDER
from polaris_demo.engine.local import LocalEngine
from polaris_demo.errors import EngineError
from polaris_demo.settings import Settings, SettingsError, read_settings

from . import completions
from .doubles import until

ABOUT = {"id": "polaris", "object": "model", "root": str(PREVIEW_FOLDER), "max_model_len": 4096}


@pytest.fixture
def serve(miniature: LocalEngine) -> Iterator[Callable[..., Settings]]:
    """serve(what it says of its model, settings) -> settings that lead there."""
    with completions.serving(miniature) as server:

        def start(about: dict[str, Any] | None = None, **settings: Any) -> Settings:
            server.about = ABOUT | (about or {})
            return Settings(**{"model": "preview", "engine_url": server.url} | settings)

        start.server = server  # type: ignore[attr-defined]
        yield start


def connected(settings: Settings) -> Any:
    return connect(settings, lambda loading: None)


def test_it_is_named_as_what_it_says_it_serves(serve, miniature: LocalEngine) -> None:
    local, writer = miniature.status().writer, connected(serve()).status().writer
    assert writer.same_model(local) and writer.is_preview and writer.context == 4096
    assert writer.engine == "vLLM" and writer.badge().endswith("vLLM 0.0-test") and writer.versions["vllm"] == "0.0-test"
    status = connected(serve(engine_capacity=7)).status()
    assert status.capacity == 7


def test_what_it_is_told_by_the_settings_is_said_at_the_start_without_the_key(serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "polaris_demo")
    connected(serve(engine_key="sk-canary", engine_capacity=7))
    assert f"The engine at {serve.server.url}: model the only one, profile auto, 7 stories at a time" in caplog.text
    assert "canary" not in caplog.text


def test_a_folder_there_is_a_folder_here_too_whatever_it_is_called(serve) -> None:
    writer = connected(serve({"root": "/models/POLARIS-9B"}, model=str(PREVIEW_FOLDER))).status().writer
    other = connected(serve({"root": "/models/other"}, model=str(PREVIEW_FOLDER))).status().writer
    assert writer.name == "local folder POLARIS-9B" and not writer.on_the_card and not writer.is_preview
    assert writer.same_model(writer) and not writer.same_model(other)


@pytest.mark.parametrize(
    ("about", "settings", "said"),
    [
        (
            {"root": "someone/POLARIS-9B"},
            {"model": "rishanthrajendhran/POLARIS-9B"},
            "serves someone/POLARIS-9B, and POLARIS_MODEL asks for",
        ),
        ({"root": "Qwen/Qwen3.5-9B"}, {}, "serves Qwen/Qwen3.5-9B, and POLARIS_MODEL names bundled miniature"),
        ({"root": "/srv/another"}, {}, "asks for the miniature"),
        ({"id": "fables"}, {"engine_model": "polaris"}, "POLARIS_ENGINE_MODEL is 'polaris', and the engine serves fables"),
    ],
)
def test_another_model_than_was_asked_for_writes_nothing(about: dict[str, str], settings: dict[str, str], said: str, serve) -> None:
    with pytest.raises(EngineError, match=said):
        connected(serve(about, **settings))
    assert not serve.server.requests


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"token_ids": None}, "gives no token ids"), ({"text": "other words"}, "are not those of the tokenizer")],
)
def test_tokens_that_are_not_ours_are_noticed_before_a_story(
    changes: dict[str, object], said: str, serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = completions.Answer.status

    def changed(answer: completions.Answer, code: int, body: Any = None, **headers: str) -> None:
        for choice in (body or {}).get("choices", ()):
            choice.update(changes)
        status(answer, code, body, **headers)

    monkeypatch.setattr(completions.Answer, "status", changed)
    with pytest.raises(EngineError, match=said):
        connected(serve(engine_profile="tokens"))


def test_a_wrong_key_is_said_without_it(serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completions.Handler, "do_GET", lambda handler: completions.Answer(handler, {}, 0, threading.Event()).status(401))
    with pytest.raises(EngineError, match="does not accept this server’s key") as refused:
        connected(serve(engine_key="sk-canary"))
    assert "canary" not in str(refused.value)


def test_one_that_is_not_there_yet_is_waited_for(serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "ASK_AGAIN_SECONDS", 0.02)
    answers, there = completions.Handler.do_GET, threading.Event()

    def starting(handler: completions.Handler) -> None:
        answers(handler) if there.is_set() else completions.Answer(handler, {}, 0, threading.Event()).status(503)

    monkeypatch.setattr(completions.Handler, "do_GET", starting)
    engine = BackgroundEngine(lambda report: connect(serve(), report))
    until(lambda: engine.status().loading == Loading("waiting for the engine, which is starting, or fails"))
    there.set()
    assert wait_until_ready(engine).writer


@pytest.mark.parametrize(
    "url", ["ftp://host/v1", "file:///etc/passwd", "host:8000", "http://key@host/v1", "http://host/v1?key=1", "javascript:1"]
)
def test_an_address_that_is_none_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(SettingsError, match="POLARIS_ENGINE_URL") as refused:
        read_settings({"POLARIS_ENGINE_URL": url})
    assert "key@" not in str(refused.value)


def test_the_settings_of_an_engine_elsewhere() -> None:
    read = read_settings(
        {"POLARIS_ENGINE_URL": " http://127.0.0.1:8000/ ", "POLARIS_ENGINE_KEY": "sk-canary", "POLARIS_ENGINE_CAPACITY": "64"}
    )
    assert (read.engine_url, read.engine_capacity) == ("http://127.0.0.1:8000/v1", 64) and "canary" not in repr(read)
    assert read_settings({"POLARIS_ENGINE_URL": "https://host/api/v1"}).engine_url == "https://host/api/v1"
    with pytest.raises(SettingsError, match="POLARIS_ENGINE is 'local'"):
        read_settings({"POLARIS_ENGINE": "local", "POLARIS_ENGINE_URL": "http://host"})
    with pytest.raises(SettingsError, match="it takes auto, local"):
        read_settings({"POLARIS_ENGINE": "fast"})
    assert not replace(read, engine_url="").engine_url
