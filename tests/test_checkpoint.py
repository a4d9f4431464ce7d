"""A folder's fingerprint: it follows every byte that decides what is written, and nothing else."""

import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from polaris_demo.engine import checkpoint
from polaris_demo.engine.checkpoint import fingerprint, tensor_bytes

from .checkpoints import published_layout


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published_layout(tmp_path_factory.mktemp("models") / "POLARIS-tiny")


@pytest.fixture
def copy(published: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(published, tmp_path / "copy"))


def flipped(file: Path, at: int) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)


def test_it_changes_with_any_byte_of_any_file_that_decides(published: Path, copy: Path) -> None:
    own, files = fingerprint(published), sorted(file.name for file in copy.iterdir())
    assert len(own) == 12 and {"config.json", "tokenizer.json", "chat_template.jinja", "generation_config.json"} <= set(files)
    for name in files:
        size = (copy / name).stat().st_size
        for at in (0, size // 3, size - 1):
            flipped(copy / name, at)
            assert fingerprint(copy) != own, f"byte {at} of {name}"
            flipped(copy / name, at)
    assert fingerprint(copy) == own


def test_it_changes_when_a_file_is_gone_added_or_called_otherwise(published: Path, copy: Path) -> None:
    own = fingerprint(published)
    (copy / "generation_config.json").rename(copy / "merges.txt")  # in the same place of their order
    renamed = fingerprint(copy)
    (copy / "merges.txt").unlink()
    assert len({own, renamed, fingerprint(copy)}) == 3


def test_it_does_not_depend_on_place_name_times_or_other_files(published: Path, copy: Path) -> None:
    for number, file in enumerate(sorted(copy.iterdir(), reverse=True)):
        os.utime(file, (number, number))
    (copy / "README.md").write_text("Read me.")
    (copy / "optimizer.pt").write_bytes(b"123")
    assert fingerprint(copy.rename(copy.parent / "POLARIS-9B")) == fingerprint(published)


@pytest.fixture
def in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small files read as large ones are, in proportion."""
    monkeypatch.setattr(checkpoint, "READ_WHOLE", 1000)
    monkeypatch.setattr(checkpoint, "BLOCK", 64)
    monkeypatch.setattr(checkpoint, "EVERY", 4096)


def test_of_a_large_file_every_tensor_is_looked_at(in_blocks: None, published: Path, copy: Path) -> None:
    own = fingerprint(published)
    for shard in copy.glob("*.safetensors"):
        weights = load_file(shard)
        for name, tensor in weights.items():
            save_file(weights | {name: tensor + torch.ones_like(tensor)}, shard, metadata={"format": "pt"})
            assert fingerprint(copy) != own, name
        save_file(weights, shard, metadata={"format": "np"})
        assert fingerprint(copy) != own, "the header"
        save_file(weights, shard, metadata={"format": "pt"})
    assert fingerprint(copy) == own


def test_of_a_large_file_the_last_of_many_rows_is_looked_at_and_little_read(in_blocks: None, tmp_path: Path) -> None:
    """A part of a tensor as long as the distance of two blocks always shows; a single weight between them does not."""
    weights = torch.zeros(64, 1024, dtype=torch.bfloat16)
    save_file({"w": weights}, tmp_path / "model.safetensors")
    own, header = fingerprint(tmp_path), (tmp_path / "model.safetensors").stat().st_size - weights.nbytes
    for row in range(0, 64, 2):
        changed = weights.clone()
        changed[row : row + 2] = 1
        save_file({"w": changed}, tmp_path / "model.safetensors")
        assert fingerprint(tmp_path) != own
    save_file({"w": weights}, tmp_path / "model.safetensors")
    flipped(tmp_path / "model.safetensors", header + 2048)
    assert fingerprint(tmp_path) == own


@pytest.mark.parametrize(
    "content", [b"", b"1234567", b"\xff" * 2000, b"\x02" + bytes(7) + b"[]" + bytes(2000), b"\x02" + bytes(7) + b"{}" + bytes(2000)]
)
def test_a_damaged_file_has_a_fingerprint_too(in_blocks: None, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    assert len(fingerprint(tmp_path)) == 12 and tensor_bytes(tmp_path) == {}
