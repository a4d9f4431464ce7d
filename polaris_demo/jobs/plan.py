"""What a batch is to write, decided once and kept in its folder: for each prompt an id, a seed, a length and a file."""

import json
import re
import secrets
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import RequestRefused
from ..story.model_info import ModelInfo
from ..story.prompts import Prompt
from ..story.request import FIELDS, LABELS, StoryRequest, read
from . import atomic

FORMAT, VERSION, NAME = "polaris_demo batch", 1, "plan.json"
OTHER = (
    "{} holds the stories of another list or of other settings: {}. Name another folder, or give the list and the settings it began with."
)
DAMAGED = "{} is not the plan of a batch that this version of the app wrote. Name another folder."
LONGEST_SLUG = 40  # characters


@dataclass(frozen=True)
class Task:
    """One story of a batch. `asked` is what was asked for, a length or a seed that nobody gave being None; `request` has both."""

    number: int
    id: str
    name: str
    record: str
    asked: dict[str, Any]
    request: StoryRequest


@dataclass(frozen=True)
class Plan:
    tasks: tuple[Task, ...]
    writer: ModelInfo


def new_plan(prompts: Sequence[Prompt], writer: ModelInfo, usual_words: int) -> Plan:
    """The plan of a batch that begins now."""
    width = max(3, len(str(len(prompts))))
    return Plan(tuple(_task(number, prompt, usual_words, width) for number, prompt in enumerate(prompts, 1)), writer)


def _task(number: int, prompt: Prompt, usual_words: int, width: int) -> Task:
    request, asked = prompt.request, _asked(prompt)
    request = replace(request, words=usual_words) if asked["words"] is None else request
    request = request.with_seed(secrets.randbelow(2**32)) if asked["seed"] is None else request
    named = slug(prompt.name or request.premise)
    name = f"{number:0{width}}{'-' if named else ''}{named}.json"
    return Task(number, secrets.token_urlsafe(12), prompt.name, name, asked, request)


def _asked(prompt: Prompt) -> dict[str, Any]:
    values = _values(prompt.request)
    unsaid = {"words": "words" not in prompt.given, "seed": values["seed"] < 0}
    return {name: None if unsaid.get(name) else value for name, value in values.items()}


def _values(request: StoryRequest) -> dict[str, Any]:
    values = asdict(request)
    sampling: dict[str, Any] = values.pop("sampling")
    return values | sampling


def slug(text: str) -> str:
    """A few words of `text` as a part of a file's name."""
    words = re.sub(r"[\W_]+", "-", unicodedata.normalize("NFC", text).lower())
    return words[:LONGEST_SLUG].strip("-")


# --- the file ----------------------------------------------------------------------------------------------------------


def write_plan(folder: Path, plan: Plan) -> None:
    """Raises OSError."""
    tasks = [vars(task) | {"request": _values(task.request)} for task in plan.tasks]
    data = {"format": FORMAT, "format_version": VERSION, "writer": asdict(plan.writer), "stories": tasks}
    atomic.write(folder / NAME, json.dumps(data, ensure_ascii=False, indent=1) + "\n")


def read_plan(folder: Path) -> Plan | None:
    """The plan of the batch that was begun in a folder; None where none was. Raises RequestRefused and OSError."""
    try:
        data = json.loads((folder / NAME).read_text("utf-8"))
        if (data["format"], data["format_version"]) != (FORMAT, VERSION):
            raise ValueError("another format")
        return Plan(tuple(_restored(task) for task in data["stories"]), ModelInfo.restore(data["writer"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise RequestRefused(DAMAGED.format(folder / NAME)) from None


def _restored(task: Mapping[str, Any]) -> Task:
    request, _ = read(task["request"])
    if request is None or Path(task["record"]).name != task["record"]:
        raise ValueError("no request")
    return Task(**{**task, "request": request})


def require_same(folder: Path, plan: Plan, prompts: Sequence[Prompt]) -> None:
    """Raises RequestRefused where a folder's batch is not of these prompts."""
    if len(plan.tasks) != len(prompts):
        raise RequestRefused(OTHER.format(folder, f"it is of {len(plan.tasks):,} prompts, and here are {len(prompts):,}"))
    for task, prompt in zip(plan.tasks, prompts, strict=True):
        was, now = task.asked | {"id": task.name}, _asked(prompt) | {"id": prompt.name}
        if other := next((name for name in (*FIELDS, "id") if was[name] != now[name]), ""):
            what = LABELS.get(other, "Id")
            known = "" if other == "premise" else f" was {_said(was[other])} and here is {_said(now[other])}"
            raise RequestRefused(OTHER.format(folder, f"{prompt.place}: {what}{known or ' is another one'}"))


def _said(value: object) -> str:
    return "not given" if value in (None, "") else str(value)


def require_writer(folder: Path, plan: Plan, writer: ModelInfo) -> None:
    """Raises RequestRefused where another model began a folder's batch."""
    if not plan.writer.same_model(writer):
        was, now = (f"{one.model} (revision {one.revision[:12]})" for one in (plan.writer, writer))
        raise RequestRefused(f"{folder} holds stories by {was}, and here {now} writes. Name another folder, or set POLARIS_MODEL.")
