"""Lists of prompts, the command that writes them, and what it leaves in its folder. Only for tests."""

import csv
import json
from pathlib import Path
from typing import Any

from polaris_demo.__main__ import main
from polaris_demo.engine.base import Engine


def listed(folder: Path, text: str, name: str = "prompts.txt") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def run(engine: Engine, prompts: Path, folder: Path, *options: object) -> int:
    return main(["write", "--prompts", str(prompts), "--out-dir", str(folder), *map(str, options)], lambda settings: engine)


def unloaded(settings: object) -> Engine:
    raise AssertionError("loaded")


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "table.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(folder.glob("[0-9]*.json"))]
