"""What this app is made of: the tested set, each file with its hash; the model's revision; weights that hold no code."""

import re
from pathlib import Path

import pytest

from polaris_demo.engine import progress
from polaris_demo.engine.loading import load_model
from polaris_demo.errors import EngineError
from polaris_demo.settings import Settings, SettingsError, read_settings

ROOT = Path(__file__).parent.parent
PINNED = re.compile(r"^([\w.-]+)==([\w.]+)$", re.MULTILINE)
LOCKED = re.compile(r"^([\w.-]+)==([\w.]+)((?: --hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE)


def known(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_lock_is_the_tested_set_each_file_with_its_hash() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    locked = {known(name): version for name, version, _ in LOCKED.findall(lock)}
    pinned = {known(name): version for name, version in PINNED.findall((ROOT / "constraints.txt").read_text())}
    assert len(locked) == len([line for line in lock.splitlines() if line and not line.startswith("#")]), "a line without a hash"
    assert {name: version for name, version in locked.items() if pinned.get(name) != version} == {}
    asked = (ROOT / "requirements.txt").read_text().split()
    assert {known(name.partition("[")[0]) for name in asked} <= set(locked)


def test_the_revision_that_is_asked_for_is_the_one_that_is_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[dict] = []

    def snapshot_download(hub_id: str, **options):
        asked.append(options)
        if options.get("dry_run"):
            return []
        raise RuntimeError("far enough")

    monkeypatch.setattr(progress, "snapshot_download", snapshot_download)
    commit = "0123456789abcdef0123456789abcdef01234567"
    for settings, revision in ((Settings(model="someone/model", revision=commit), commit), (Settings(model="someone/model"), None)):
        asked.clear()
        with pytest.raises(RuntimeError):
            load_model("someone/model", settings, lambda _: None)
        assert [one["revision"] for one in asked] == [revision] * 2
        wanted = asked[-1]["allow_patterns"]
        assert "*.safetensors" in wanted and not any(re.search(r"\.(bin|pth?|pkl|ckpt|py)$", pattern) for pattern in wanted)


@pytest.mark.parametrize("revision", ["main", "v1.0", "0123456789abcdef0123456789abcdef01234567"])
def test_a_revision_is_a_branch_a_tag_or_a_commit(revision: str) -> None:
    assert read_settings({"POLARIS_REVISION": revision}).revision == revision


@pytest.mark.parametrize("revision", ["a b", "../x", "x" * 200])
def test_what_no_revision_can_be_stops_the_start(revision: str) -> None:
    with pytest.raises(SettingsError, match="POLARIS_REVISION"):
        read_settings({"POLARIS_REVISION": revision})


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.ckpt", "model.pkl"])
def test_weights_that_may_hold_code_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "qwen3_5_text"}')
    (tmp_path / name).write_bytes(b"cos\nsystem\n(S'touch /tmp/owned'\ntR.")
    with pytest.raises(EngineError, match=rf"only as {re.escape(name)}.*safetensors"):
        load_model(str(tmp_path), Settings(model=str(tmp_path)), lambda _: None)
