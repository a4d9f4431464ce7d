"""Loading from the hub, which a local server plays; huggingface_hub itself is real."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

import pytest
from huggingface_hub import constants

from polaris_demo import card
from polaris_demo.engine import progress
from polaris_demo.engine.base import Loading
from polaris_demo.engine.loading import load_model
from polaris_demo.errors import EngineError
from polaris_demo.settings import Settings

from .checkpoints import published_layout

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class _Hub(BaseHTTPRequestHandler):
    """Every model has the files of one folder; with a `refusal` (status, code) it has nothing for anybody."""

    protocol_version = "HTTP/1.1"
    files: ClassVar[dict[str, bytes]] = {}
    refusal: ClassVar[tuple[int, str] | None] = None
    sent: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if self.refusal:
            status, code = self.refusal
            self._answer(b"", status, {"X-Error-Code": code, "X-Error-Message": "said by the test"})
        elif "/tree/" in path:
            listed = [{"type": "file", "path": name, "size": len(content), "oid": _hash(content)} for name, content in self.files.items()]
            self._json(listed)
        elif path.startswith("/api/"):
            self._json({"id": "a/b", "sha": COMMIT, "siblings": [{"rfilename": name} for name in self.files]})
        else:
            name = path.rpartition("/")[2]
            headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{_hash(self.files[name])}"'}
            self._answer(self.files[name], 200, headers)
            if self.command == "GET":
                self.sent.append(name)

    do_HEAD = do_GET

    def _json(self, value: object) -> None:
        self._answer(json.dumps(value).encode(), 200, {"Content-Type": "application/json"})

    def _answer(self, content: bytes, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(content))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


def _hash(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = published_layout(tmp_path_factory.mktemp("models") / "POLARIS-tiny")
    _Hub.files = {file.name: file.read_bytes() for file in sorted(folder.iterdir())} | {"optimizer.bin": bytes(10**6)}
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    server.daemon_threads = True  # they keep connections open
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def hub(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """huggingface_hub 2.4 reads these once, when it is imported."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 50_000)
    monkeypatch.setattr(_Hub, "refusal", None)
    monkeypatch.setattr(progress, "REPORT_SECONDS", 0)
    at(address, monkeypatch)
    _Hub.sent.clear()


def at(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")


def loaded(model: str = "someone/POLARIS-9B"):
    said: list[Loading] = []
    return load_model(model, Settings(precision="fp32"), said.append).status().writer, said


def refusal(status: int, code: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(_Hub, "refusal", (status, code))
    with pytest.raises(EngineError) as caught:
        loaded()
    return str(caught.value)


def test_a_download_says_how_far_it_is() -> None:
    writer, said = loaded()
    assert (writer.name, writer.model, writer.revision) == ("someone/POLARIS-9B", "someone/POLARIS-9B", COMMIT)
    came = [one for one in said if one.doing == "downloading someone/POLARIS-9B"]
    assert {one.total for one in came} == {sum(len(content) for name, content in _Hub.files.items() if name != "optimizer.bin")}
    done = [one.done for one in came]
    assert set(_Hub.sent) == _Hub.files.keys() - {"optimizer.bin"}
    assert done == sorted(done) and len(set(done)) > 20 and done[0] < done[-1] == came[0].total


def test_what_is_in_the_cache_is_not_downloaded_nor_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded()
    _Hub.sent.clear()
    for offline in (False, True):
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
        writer, said = loaded()
        assert writer.revision == COMMIT and not _Hub.sent
        assert [one.doing for one in said if "loading" not in one.doing and "checking" not in one.doing] == [
            "asking the hub for someone/POLARIS-9B"
        ]
        assert not [one for one in said if one.doing.startswith("downloading")]


def test_only_what_is_missing_is_counted(tmp_path: Path) -> None:
    loaded()
    there = tmp_path / "cache" / "models--someone--POLARIS-9B" / "snapshots" / COMMIT
    largest = max(there.glob("*.safetensors"), key=lambda file: file.stat().st_size)
    size = largest.stat().st_size
    largest.resolve().unlink()
    largest.unlink()
    _, said = loaded()
    came = [one for one in said if one.doing.startswith("downloading")]
    assert {one.total for one in came} == {size} and came[-1].done == size


def test_where_the_hub_does_not_say_how_much_it_sends_there_is_no_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    real = progress.snapshot_download

    def without_dry_runs(*args: object, dry_run: bool = False, **options: object) -> str:
        if dry_run:
            raise TypeError("dry_run")
        return real(*args, **options)

    monkeypatch.setattr(progress, "snapshot_download", without_dry_runs)
    _, said = loaded()
    assert {one for one in said if one.doing.startswith("downloading")} == {Loading("downloading someone/POLARIS-9B")}


@pytest.mark.parametrize(("model", "name"), [(card.MODEL.hub_id, "POLARIS-9B"), (card.MODEL.ablation, "POLARIS-no-HRI-9B")])
def test_only_the_cards_own_models_have_its_names(model: str, name: str) -> None:
    writer, said = loaded(model)
    assert (writer.name, writer.model, writer.revision) == (name, model, COMMIT)
    assert f"downloading {name}" in {one.doing for one in said}


def test_a_closed_gate_says_how_to_pass_it(monkeypatch: pytest.MonkeyPatch) -> None:
    sentence = refusal(403, "GatedRepo", monkeypatch)
    assert "gate" in sentence and "HF_TOKEN" in sentence and "POLARIS-no-HRI-9B" in sentence


def test_an_unknown_model(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no model someone/POLARIS-9B" in refusal(404, "RepoNotFound", monkeypatch)


def test_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    at("http://127.0.0.1:9", monkeypatch)
    with pytest.raises(EngineError, match="cannot be reached"):
        loaded()
