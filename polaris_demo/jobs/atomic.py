"""Writes files whole or not at all: what a kill leaves is the file as it was before."""

import os
from pathlib import Path

PART = ".part"


def write(path: Path, text: str) -> None:
    """Put `text` where `path` is, through a file beside it. Raises OSError."""
    part = path.with_name(path.name + PART)
    with part.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
