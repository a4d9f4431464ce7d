"""A folder with a checkpoint, looked at without loading it: its configuration, its sizes, and a fingerprint of its files."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import EngineError

ARCHITECTURES = {"qwen3_5", "qwen3_5_text"}
SPELLING = (  # the files that decide what tokens are, and of how many
    "config.json", "generation_config.json", "tokenizer*", "vocab.json", "merges.txt", "special_tokens_map.json", "added_tokens.json",
    "chat_template*",
)  # fmt: skip
DECIDING = (*SPELLING, "*.safetensors", "*.safetensors.index.json")  # those that decide what is written
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")
READ_WHOLE = 256 * 2**20  # bytes; a larger file is read in blocks
BLOCK, EVERY = 8 * 2**10, 2**20  # bytes: a block, and from one block's beginning to the next one's
MOST_HEADER = 100 * 2**20  # safetensors' own limit
FINGERPRINT_LETTERS = 12


def config(folder: Path, called: str) -> dict[str, Any]:
    """The checkpoint's config.json. Raises EngineError where there is none that this app can run."""
    try:
        read: dict[str, Any] = json.loads((folder / "config.json").read_text())
        kind = read.get("model_type")
    except FileNotFoundError:
        raise EngineError(f"There is no checkpoint in {called}: config.json is missing. Name the folder that holds it.") from None
    except (ValueError, AttributeError):
        raise EngineError(f"The config.json of {called} cannot be read. Download it again.") from None
    if kind not in ARCHITECTURES:
        raise EngineError(
            f"The checkpoint of {called} is of the architecture {kind}, and this app runs Qwen3.5’s (qwen3_5). Name another model."
        )
    return read


def require_safetensors(folder: Path, called: str) -> None:
    """Raises EngineError where the weights are there only in files that run code when they are read."""
    found = sorted(file.name for file in folder.iterdir() if file.suffix in PICKLES)
    if found and not any(folder.glob("*.safetensors")):
        raise EngineError(
            f"The weights of {called} are there only as {found[0]}, which can hold code that runs when it is read. "
            "This app reads safetensors alone: convert them, or name a checkpoint that has them."
        )


def weight_bytes(folder: Path) -> int:
    """The size of its weights' files."""
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def tensor_bytes(folder: Path) -> dict[str, int]:
    """Bytes of each tensor, by the name its parameter has in a model of text alone."""
    sizes = {}
    for file in folder.glob("*.safetensors"):
        for name, (start, end) in _tensors(file)[1].items():
            sizes[name.replace("language_model.", "")] = end - start
    return sizes


def fingerprint(folder: Path) -> str:
    """A hash over the names and contents of the files that decide what is written; where they lie does not matter.

    Of a file over 256 MiB it reads the size, the header, and 8 KiB at each tensor's beginning and after every MiB of it: any
    training of any tensor shows. A change that lies wholly between two blocks, in less than a MiB, it cannot tell. The same
    weights in other shards are another checkpoint to it.
    """
    digest = hashlib.sha256()
    for file in sorted({file for pattern in DECIDING for file in folder.glob(pattern) if file.is_file()}, key=lambda file: file.name):
        size = file.stat().st_size
        digest.update(f"{file.name}\0{size}\0".encode())
        if size <= READ_WHOLE:
            digest.update(file.read_bytes())
        else:
            for block in _blocks(file, size):
                digest.update(block)
    return digest.hexdigest()[:FINGERPRINT_LETTERS]


def _blocks(file: Path, size: int) -> Iterator[bytes]:
    header, tensors = _tensors(file)
    parts = sorted(tensors.values()) if tensors else [(0, size)]
    with file.open("rb", buffering=0) as source:
        yield source.read(header)
        for start, end in parts:
            for at in range(start, min(end, size - header), EVERY):
                source.seek(header + at)
                yield source.read(min(BLOCK, end - at))


def _tensors(file: Path) -> tuple[int, dict[str, tuple[int, int]]]:
    """The bytes of a safetensors file's header, and where each tensor begins and ends after it; (0, {}) if it cannot be read."""
    try:
        with file.open("rb") as source:
            length = int.from_bytes(source.read(8), "little")
            if file.suffix != ".safetensors" or length > MOST_HEADER:
                return 0, {}
            listed = json.loads(source.read(length))
        offsets = {name: tuple(about["data_offsets"]) for name, about in listed.items() if name != "__metadata__"}
        return 8 + length, {name: (int(start), int(end)) for name, (start, end) in offsets.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return 0, {}  # what is wrong with it, loading says
