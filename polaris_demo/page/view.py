"""From a record to what is shown: the JSON of the API and the update of the page. Pure."""

import datetime
from dataclasses import asdict
from typing import Any

from .. import card
from ..jobs.library import DAY, Library
from ..jobs.runner import Checked, Piece
from ..story import exports
from ..story.record import StoryRecord
from ..story.request import Finding

_ENDED = {
    "stop": "The model ended the story.",
    "cancelled": "Stopped. What was written stays here.",
    "error": "The story could not be finished.",
}


def finding(found: Finding) -> dict[str, str]:
    return asdict(found)


def answer(record: StoryRecord, offset: int = 0) -> dict[str, Any]:
    """The JSON of the API, without the key; `story` from `offset` (in characters) on."""
    return {
        "id": record.id,
        "state": record.state,
        "story": record.story.since(offset)[0],
        "words": record.words,
        "target_words": record.request.words,
        "length_ratio": record.length_ratio,
        "stage": stage(record),
        "thinking_tokens": record.thinking_tokens,
        "story_tokens": record.story_tokens,
        "tokens_per_second": record.tokens_per_second,
        "seed": record.request.sampling.seed,
        "finish_reason": record.finish.reason if record.finish else None,
        "findings": [finding(f) for f in record.findings],
        "model": record.writer.badge() if record.writer else None,
    }


def checked(result: Checked) -> dict[str, Any]:
    """The JSON of /check_request."""
    return {
        "findings": [finding(f) for f in result.findings],
        "prompt": result.prompt,
        "prompt_tokens": result.prompt_tokens,
        "token_budget": result.budget,
        "expected_words": result.words,
        "expected_seconds": result.seconds,
    }


def update(piece: Piece, kept: str = "") -> dict[str, Any]:
    """What the reading pane gets: the new text with its place, and everything around it. `kept` is how long the story is."""
    record = piece.record
    return {
        "id": record.id,
        "off": piece.offset,
        "end": piece.end,
        "t": piece.text,
        "state": record.state,
        "over": record.resting,
        "again": record.state == "paused" and not record.resting,
        "resumable": record.resting and record.resumable,
        "turn": len(record.resumed_at),
        "stage": stage(record),
        "meter": meter(record),
        "ended": ended(record),
        "failed": record.state == "failed",
        "stamp": stamp(record) + ([["Kept", kept]] if kept else []) if record.resting else None,
        "prompt": record.prompt if record.resting else None,
        "files": files(record) if record.resting and len(record.story) else None,
    }


def stage(record: StoryRecord) -> str:
    """What is happening now, in one line."""
    if record.resting:
        return ended(record)
    progress = record.progress
    match record.state:
        case "queued" if progress.stage == "gpu":
            return f"Waiting for a GPU{_so_far(record)}"
        case "queued":
            before = progress.done
            return "Next in the queue" if before == 0 else f"In the queue, {before} {'story' if before == 1 else 'stories'} before this one"
        case "loading":
            return "Loading the model"
        case "writing":
            return f"Writing: {record.words:,} of {record.request.words:,} words{_speed(record)}"
        case "paused":
            return f"Going on in a moment{_so_far(record)}"
    if record.thinking_tokens == 0:
        return "Reading the prompt"
    if record.writer and record.writer.is_preview:
        return f"Planning: {record.thinking_tokens:,} tokens{_speed(record)}"
    return f"Planning: {record.thinking_tokens:,} tokens of about {card.THINKING_SOFT_CAP:,} at most{_speed(record)}"


def meter(record: StoryRecord) -> float | None:
    """How full the meter is, 0 to 1; None where there is no honest measure."""
    if record.over:
        return None
    if record.state == "writing":
        return min(1.0, record.words / record.request.words)
    if record.thinking_tokens and record.writer and not record.writer.is_preview:
        return min(1.0, record.thinking_tokens / card.THINKING_SOFT_CAP)
    return None


def ended(record: StoryRecord) -> str:
    if record.finish is None:
        return ""
    return record.finish.message or _ENDED.get(record.finish.reason, "The story has ended.")


def stamp(record: StoryRecord) -> list[list[str]]:
    """Rows of label and value: what was asked, what came of it, and how."""
    rows = [
        ["Asked", f"{record.request.words:,} words"],
        ["Written", f"{record.words:,} words"],
        ["Length ratio", f"{record.length_ratio:.2f}"],
        ["Tokens", f"{record.story_tokens:,} story, {record.thinking_tokens:,} thinking"],
        ["Seed", str(record.request.sampling.seed)],
        ["Finish reason", record.finish.reason if record.finish else ""],
    ]
    if record.tokens_per_second:
        rows.insert(4, ["Speed", f"{record.tokens_per_second:g} tokens/s"])
    if record.thinking_closed:
        rows.insert(4, ["Planning", f"closed by its budget after {record.thinking_tokens:,} tokens"])
    if record.writer:
        rows.append(["Model", record.writer.badge()])
    rows += [["Warning", f.message] for f in record.findings if f.level == "warning"]
    return rows


def kept(library: Library, now: float) -> str:
    """Until when a story that ends now is kept here."""
    if library.problem:
        return library.problem
    if not library.lasting:
        return "until this server restarts"
    until = datetime.datetime.fromtimestamp(now + library.keep_days * DAY, datetime.UTC)
    return f"until {until.day} {until:%B %Y}"


def files(record: StoryRecord) -> dict[str, dict[str, str]]:
    """For each download its name and what follows the story in it; the page already has the story."""
    story = str(record.story)
    return {
        "md": {"name": exports.file_name(record, "md"), "after": exports.markdown(record)[len(story) :]},
        "txt": {"name": exports.file_name(record, "txt"), "after": exports.text(record)[len(story) :]},
    }


def _so_far(record: StoryRecord) -> str:
    return f" · {record.words:,} words so far" if record.words else ""


def _speed(record: StoryRecord) -> str:
    return f" · {record.tokens_per_second:g} tokens/s" if record.tokens_per_second else ""
