"""From values to what is shown: the JSON of the API, the messages of the page, its promises and expectations.

Knows no runner, no library, no settings and no clock: whoever asks brings what is to be shown.
"""

from dataclasses import asdict, dataclass
from typing import Any

from .. import card
from ..engine.base import Status
from ..jobs.admission import Checked
from ..jobs.library import Summary
from ..jobs.lifecycle import resumable
from ..story import day, exports
from ..story.advice import advice
from ..story.citation import text_hash
from ..story.colophon import left_out, setting, stretches
from ..story.events import Progress
from ..story.length import length_in
from ..story.measures import ReaderCount, paragraph_heat
from ..story.model_info import ModelInfo
from ..story.record import StoryRecord
from ..story.request import LABELS, Finding, thinking_budget, token_budget
from ..story.spoken import spoken
from . import wire

_ENDED = {
    "stop": "The model ended the story.",
    "cancelled": "Stopped. What was written stays here.",
    "error": "The story could not be finished.",
}


@dataclass(frozen=True)
class Kept:
    """How long a story is kept. Where nothing can be kept now, `lasting` is false and `text` the sentence that says why."""

    text: str
    lasting: bool


def note(found: Finding) -> wire.Note:
    """A finding as it stands beside its field."""
    return {"level": found.level, "message": found.message}


def answer(record: StoryRecord, offset: int = 0) -> dict[str, Any]:
    """The JSON of the API, without the key; `story` from `offset` (in characters) on."""
    read_as = record.read_as
    otherwise = {"reader_count": asdict(read_as) | {"why": _as_read(read_as)}} if read_as else {}
    return otherwise | {
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
        "findings": [asdict(f) for f in (*record.findings, *advice(record))],
        "model": record.writer.badge() if record.writer else None,
    }


def _as_read(count: ReaderCount) -> str:
    return f"{count.said()} as a reader counts; the paper's pattern is made for words between spaces, so the length ratio says little here"


def checked(result: Checked) -> dict[str, Any]:
    """The JSON of /check_request."""
    return {
        "findings": [asdict(f) for f in result.findings],
        "prompt": result.prompt,
        "prompt_tokens": result.prompt_tokens,
        "token_budget": result.budget,
        "expected_words": result.words,
        "expected_seconds": result.seconds,
    }


def going(record: StoryRecord) -> wire.Going:
    """A story on its way, beside its text."""
    return {
        "state": record.state,
        "rests": record.rests,
        "again": record.finish is not None and record.finish.reason == "segment",
        "turn": len(record.resumed_at),
        "cuts": record.cuts,
        "by": record.writer.name if record.writer and record.writer.is_preview else "",
        "words": record.words,
        "stage": stage(record),
        "meter": meter(record),
        "asides": [{"at": aside.characters, "words": aside.words, "text": aside.text} for aside in record.asides],
    }


def rest(record: StoryRecord, kept: Kept, link: str = "") -> wire.Rest:
    """What is added once a story rests. `link` is its address."""
    return {
        "resumable": resumable(record),
        "folded": record.folded is not None,
        "ended": ended(record),
        "failed": record.state == "failed",
        "stamp": [*stamp(record), ["Kept", kept.text]],
        "details": details(record),
        "prompt": record.prompt,
        "cite": exports.bibtex(record, link) if len(record.story) else "",
        "map": paragraph_map(str(record.story)),
    }


def paragraph_map(text: str) -> wire.Map:
    """For each paragraph its characters and its heat."""
    return [(paragraph.end - paragraph.start, round(paragraph.heat, 3)) for paragraph in paragraph_heat(text)]


def stage(record: StoryRecord) -> str:
    """What is happening now, in one line."""
    if record.rests:
        return ended(record)
    progress = record.progress
    match record.state:
        case "queued" if progress.stage == "gpu":
            return f"Waiting for a GPU{_so_far(record)}"
        case "queued":
            before, wait = progress.done, f"; about {spoken(progress.seconds)} to wait" if progress.seconds else ""
            return f"{'Next in the queue' if before == 0 else f'In the queue, {_stories(before)} before this one'}{wait}"
        case "loading":
            return f"Loading the model{_share(progress)}"
        case "writing":
            read_as = f", {record.read_as.said()} as a reader counts" if record.read_as else ""
            return f"Writing: {record.words:,} of {record.request.words:,} words{read_as}{_speed(record)}{_left(record)}"
        case "paused":
            return f"Going on in a moment{_so_far(record)}"
    return _planning(record)


def _planning(record: StoryRecord) -> str:
    """The thinking clock: how far the planning is, and when the story starts at the latest."""
    if record.thinking_tokens == 0:
        return "Reading the prompt"
    speed, most = record.tokens_per_second, thinking_budget(record.request)
    if record.writer and record.writer.is_preview:
        return f"Planning: {record.thinking_tokens:,} tokens{_speed(record)}"
    usual = min(card.THINKING_SOFT_CAP, most)
    if record.thinking_tokens > usual:
        return f"Planning: {record.thinking_tokens:,} tokens, more than usual; it is closed at {most:,}{_speed(record)}"
    within = f"; the story starts within about {spoken((usual - record.thinking_tokens) / speed)}" if speed else ""
    return f"Planning: {record.thinking_tokens:,} tokens of about {usual:,} at most{within}"


def _left(record: StoryRecord) -> str:
    """How long the words still asked for take, at the speed and the tokens a word that this story has shown."""
    if record.words < 50 or not record.tokens_per_second or record.words >= record.request.words or record.read_as:
        return ""
    tokens = record.story_tokens / record.words * (record.request.words - record.words)
    return f" · about {spoken(tokens / record.tokens_per_second)} left"


def _share(progress: Progress) -> str:
    """How far loading is, where there is a measure."""
    left = f", about {spoken(progress.seconds)} left" if progress.seconds else ""
    return f": {100 * progress.done // progress.total} %{left}" if progress.total else ""


def _stories(count: int) -> str:
    return "1 story" if count == 1 else f"{count} stories"


def meter(record: StoryRecord) -> float | None:
    """How full the meter is, 0 to 1 in hundredths; None where there is no honest measure."""
    if record.rests:
        return None
    if record.state == "writing":
        return round(min(1.0, record.words / record.request.words), 2)
    if record.thinking_tokens and record.writer and not record.writer.is_preview:
        return round(min(1.0, record.thinking_tokens / card.THINKING_SOFT_CAP), 2)
    return None


def ended(record: StoryRecord) -> str:
    if record.finish is None:
        return ""
    return record.finish.message or _ENDED.get(record.finish.reason, "The story has ended.")


def stamp(record: StoryRecord) -> list[list[str]]:
    """Rows of label and value: what was asked, what came of it, and how."""
    asked, low_high = record.request.words, card.EVALUATION_BAND.around(record.request.words)
    rows = [["Asked", f"{asked:,} words"], ["Written", f"{record.words:,} words"]]
    rows += [["Read as", _as_read(record.read_as)]] if record.read_as else []
    rows += [["Length ratio", f"{record.length_ratio:.2f}{_beside(record)}"]]
    if not _is_preview(record):
        rows += [["Full marks", f"{low_high[0]:,}–{low_high[1]:,} words, in the paper's evaluation of length"]]
    rows += [["Tokens", f"{record.story_tokens:,} story, {record.thinking_tokens:,} thinking"]]
    if record.thinking_closed:
        why = "went round in circles, and was ended" if record.closed_by == "loop" else "closed by its budget"
        rows += [["Planning", f"{why} after {record.thinking_tokens:,} tokens"]]
    if record.tokens_per_second:
        rows += [["Speed", f"{record.tokens_per_second:g} tokens/s"]]
    rows += [["Seed", str(record.request.sampling.seed)], ["Finish reason", record.finish.reason if record.finish else ""]]
    if record.writer:
        rows.append(["Model", record.writer.badge()])
    if parts := stretches(record):
        rows.append(["Written", parts])
    rows += [["Warning", f.message] for f in record.findings if f.level == "warning"]
    return rows + [["Advice", f.message] for f in advice(record)]


def _beside(record: StoryRecord) -> str:
    """What the model that wrote averages at this length, where the card has measured it."""
    bucket = card.bucket(record.request.words)
    if record.writer is None or bucket is None or record.writer.on_the_card not in bucket.ratios:
        return ""
    return f"; {record.writer.name} averages {bucket.ratios[record.writer.on_the_card]:.2f} at {bucket.label()} words"


def _is_preview(record: StoryRecord) -> bool:
    return record.writer is not None and record.writer.is_preview


def details(record: StoryRecord) -> list[list[str]]:
    """Rows of everything else that a record names: all it takes to write the story again."""
    request, writer = record.request, record.writer
    rows = [["Premise", request.premise], ["Form", request.form]]
    rows += [[LABELS[name], setting(name, value)] for name, value in vars(request.sampling).items()]
    if writer:
        rows += [["Model", writer.model], ["Revision", writer.revision], ["Precision", writer.precision]]
        rows += [["Engine", f"{writer.engine} on {writer.device}"]]
        rows += [["Versions", ", ".join(f"{name} {version}" for name, version in writer.versions.items())]] if writer.versions else []
    if record.resumed_at:
        rows.append(["Gone on with", "after token " + ", ".join(f"{n:,}" for n in record.resumed_at)])
    rows += [["Left out", line] for line in left_out(record)]
    if record.unguarded_at is not None:
        rows.append(["Loop guard", f"off from token {record.unguarded_at:,} on, as was asked"])
    rows.append(["Begun", day.minute(record.created)])
    return [*rows, ["SHA-256 of the text", text_hash(str(record.story))]] if len(record.story) else rows


def kept(problem: str, expires: float | None) -> Kept:
    """Until when a story is kept: `expires`, or as long as the server runs. `problem` says why it is not."""
    if problem:
        return Kept(problem, lasting=False)
    if expires is None:
        return Kept("until this server restarts", lasting=True)
    last = day.said(expires)
    return Kept(f"until {last}" if last else "for as many days as this server keeps stories", lasting=True)


def status(engine: Status, home: str, words: int) -> wire.Status:
    """Who writes here, why nobody does, or what loading is doing and how far it is; and the length to begin with."""
    if writer := engine.writer:
        return {"badge": writer.badge(), "preview": writer.is_preview, "why": writer.why, "ready": True, "home": home, "words": words}
    if engine.failure:
        return {"badge": "no model", "preview": True, "why": engine.failure, "ready": True, "home": home, "words": words}
    return {
        "badge": f"{engine.loading.sentence() if engine.loading else 'Loading'} …",
        "preview": False,
        "why": "",
        "ready": False,
        "home": home,
        "words": words,
    }


def promise(kept: Kept, unfollowed_seconds: float, lent_gpu: bool) -> str:
    """What holds for a story begun here, said beside the button: where it is kept, what happens when one leaves, whose it is."""
    paused = f"If you leave, it goes on being written and is paused after {spoken(unfollowed_seconds)}."
    if lent_gpu:
        paused = "If you leave, it is paused at the end of its GPU time and goes on when you come back."
    place = f"Your story is kept on this server {kept.text}; whoever has its link can read it." if kept.lasting else kept.text
    return f"{place} {paused} Fiction written by a language model; {card.MODEL.name}'s {card.NON_COMMERCIAL}."


def expectation(result: Checked, writer: ModelInfo | None) -> list[str]:
    """What the length dial says below itself, for the model that is loaded: words, tokens, time."""
    request = result.request
    if request is None:
        return []
    lines = []
    if length_in(request.premise) == request.words:
        lines.append("The length is the one your premise names.")
    if result.words:
        lines.append(f"{writer.name if writer else ''} asked for {request.words:,} words writes about {result.words:,} on average.")
    time_it_takes = ""
    if result.seconds:
        first = f"the first word after about {spoken(result.first_word)}, " if result.first_word else ""
        time_it_takes = f"; {first}the last after about {spoken(result.seconds)}, at the speed last measured here"
    lines.append(f"At most {token_budget(request):,} tokens, planning included{time_it_takes}.")
    if result.allowance:
        *days, most = (f"{spoken(day.seconds)} {day.who}" for day in result.allowance.days)
        lines.append(
            f"About {spoken(result.allowance.seconds)} of GPU time, an estimate. A day on ZeroGPU has {', '.join(days)} and {most}; "
            "what you used elsewhere is unknown here."
        )
    return lines


def fits(result: Checked, max_words: int) -> list[wire.Fit]:
    """The longest story that fits the day of each kind of visitor, where GPUs are lent by the day and not every length fits."""
    days = result.allowance.days if result.allowance else ()
    return [{"who": day.who, "words": day.words} for day in days if day.words < max_words]


def summary(found: Summary) -> wire.Summary:
    """A story in the list of a browser's stories."""
    begun, last = day.said(found.created), day.said(found.expires or 0)
    parts = [f"{found.words:,} words", found.state, begun, f"kept until {last}" if last else ""]
    return {"id": found.id, "title": found.title, "about": " · ".join(filter(None, parts))}


def _so_far(record: StoryRecord) -> str:
    return f" · {record.words:,} words so far" if record.words else ""


def _speed(record: StoryRecord) -> str:
    return f" · {record.tokens_per_second:g} tokens/s" if record.tokens_per_second else ""
