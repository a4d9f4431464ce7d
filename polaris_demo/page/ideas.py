"""Premises to start from, written for this project (examples/premises.json)."""

import json
from pathlib import Path

_FILE = Path(__file__).parent.parent.parent / "examples" / "premises.json"
IDEAS: tuple[str, ...] = tuple(example["premise"] for example in json.loads(_FILE.read_text("utf-8"))["premises"])
