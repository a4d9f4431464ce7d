"""What a reading page is told of a story: its line, its title page, and what stands after its last word.

Knows no runner, no library, no settings and no clock: whoever asks brings what is to be shown.
"""

from dataclasses import dataclass

from .. import card
from ..jobs.admission import Speed
from ..jobs.lifecycle import resumable
from ..story import day, exports
from ..story.advice import advice
from ..story.citation import text_hash
from ..story.colophon import descent, left_out, redrawn, setting, stretches
from ..story.measures import paragraph_heat, self_repetition
from ..story.prompt import heading
from ..story.record import StoryRecord
from ..story.request import LABELS
from ..story.spoken import beginning, spoken, unbroken
from . import heard
from .view import Kept, as_read, at_rest, ended, left, minutes_to_read, share, stories


def going(record: StoryRecord, speed: Speed | None = None, leave: str = "") -> heard.Going:
    """A story on its way, beside its text; `speed` is how stories went here lately, `leave` what becomes of one whose owner is away."""
    kind, premise = heading(record.request)
    stage, far, remaining = line(record, speed)
    return {
        "state": record.state,
        "rests": record.rests,
        "again": record.finish is not None and record.finish.reason == "segment",
        "turn": len(record.resumed_at),
        "cuts": record.cuts,
        "asides": [{"at": aside.characters, "words": aside.words, "text": aside.text} for aside in record.asides],
        "kind": kind,
        "premise": premise,
        "asked": record.request.words,
        "sampling": dict(vars(record.request.sampling)),
        "parent": record.parent.story if record.parent else "",
        "descent": f"{descent(record)}." if record.parent else "",
        "byline": byline(record),
        "writer": writer(record),
        "how": how(record),
        "words": record.words,
        "stage": stage,
        "far": far,
        "left": remaining,
        "star": round(min(1.0, record.words / record.request.words), 3),
        "thought": record.thinking_tokens,
        "plans": plans(speed),
        "leave": leave,
    }


def line(record: StoryRecord, speed: Speed | None) -> tuple[str, str, str]:
    """The line above a story: what is happening, how far it is, and how long it may still take."""
    if record.rests:
        return _at_rest(record)
    progress, asked, so_far = record.progress, f"{record.request.words:,}", f"{record.words:,} words so far" if record.words else ""
    match record.state:
        case "queued" if progress.stage == "gpu":
            return "Waiting for a GPU", so_far, ""
        case "queued":
            before = f"{stories(progress.done)} before yours" if progress.done else "yours is next"
            return "Waiting", before, f"about {spoken(progress.seconds)}" if progress.seconds else ""
        case "loading":
            return "Loading the model", share(progress), ""
        case "paused":
            return "Going on in a moment", so_far, ""
        case "writing":
            return "Writing", f"{record.words:,} of {asked} words", left(record, speed.tokens_per_second if speed else 0)
    if not record.thinking_tokens:
        return "Reading the prompt", "", f"then {asked} words"
    return "Planning", f"{max(1, round(record.seconds_at_work))} s so far", f"then {asked} words"


def _at_rest(record: StoryRecord) -> tuple[str, str, str]:
    reason = record.finish.reason if record.finish else None
    said, words = at_rest(record.state, reason), f"{record.words:,} words"
    if reason == "stop":
        return said, f"{words} · {minutes_to_read(record.words)} min", ""
    parts = (f"at {words}" if record.words else "", unbroken(beginning(record.finish.message if record.finish else "")))
    return said, " · ".join(part for part in parts if part), ""


def plans(speed: Speed | None) -> str:
    """How long the last plans took here; empty where too few were made."""
    if speed is None or speed.plans is None:
        return ""
    low, high = (spoken(seconds) for seconds in speed.plans)
    return f"The last plans here took about {low}." if low == high else f"The last plans here took {low} to {high}."


def leave(unfollowed_seconds: float, lent_gpu: bool) -> str:
    """What becomes of a story while its owner is away."""
    how = "it is paused at the end of its GPU time" if lent_gpu else f"it goes on for {spoken(unfollowed_seconds)}"
    return unbroken(f"You may leave: {how}, and My stories finds it again.")


def writer(record: StoryRecord) -> str:
    """Who writes or wrote it, as a sentence calls it."""
    return "the miniature" if _is_preview(record) else record.writer.name if record.writer else "a language model"


def how(record: StoryRecord) -> str:
    """How it plans; what is known of POLARIS-9B's training is said of no other model."""
    if record.writer and record.writer.on_the_card != card.MODEL.name:
        return "It plans before it writes, and keeps its plan to itself."
    return (
        "POLARIS plans before it writes, and keeps its plan to itself. One star lights for about 350 words thought; it was trained to "
        "begin by the seventh."
    )


def byline(record: StoryRecord) -> str:
    """Who writes or wrote it, and when it was begun."""
    who, preview = writer(record), _is_preview(record)
    if not record.rests:
        said = f"{who}, not {card.MODEL.name}," if preview else who
        return f"{said[:1].upper()}{said[1:]} is writing it now" if record.writer else ""
    model = f", not {card.MODEL.name}" if preview else ", a language model" if record.writer else ""
    begun = day.said(record.created)
    return f"Written by {who}{model}{f', on {begun}' if begun else ''}"


@dataclass(frozen=True)
class Repetition:
    """Where a text repeats itself, and how much, in a sentence: what takes long of a long story."""

    map: heard.Map
    said: str
    ratio: float  # of its four-word phrases come again

    @classmethod
    def of(cls, text: str) -> "Repetition":
        ratio = self_repetition(text).global_ratio
        return cls(paragraph_map(text), repeats(ratio), ratio)


def rest(record: StoryRecord, kept: Kept, repetition: Repetition, link: str = "") -> heard.Rest:
    """What is added once a story rests. `link` is its address."""
    return {
        "resumable": resumable(record),
        "folded": record.folded is not None,
        "ended": unbroken(ended(record)),
        "said": said(record),
        "band": card.EVALUATION_BAND.around(record.request.words),
        "repeats": repetition.said,
        "stamp": [*stamp(record), ["Kept", kept.text]],
        "details": details(record),
        "prompt": record.prompt,
        "cite": exports.bibtex(record, link) if len(record.story) else "",
        "map": repetition.map,
    }


def said(record: StoryRecord) -> str:
    """What was asked for and what came of it, in a sentence whose first word the page has."""
    asked, words, (low, high) = record.request.words, record.words, card.EVALUATION_BAND.around(record.request.words)
    what = f"asked for {asked:,} words and got {words:,}."
    if record.read_as:
        return f"{what} That is {as_read(record.read_as)}."
    ratio = f"{what} That is {record.length_ratio:.2f} of the length,"
    if low <= words <= high:
        return f"{ratio} and on target."
    return f"{ratio} and {asked - words:,} words short of it." if words < low else f"{ratio} longer than asked by {words - asked:,} words."


def repeats(ratio: float) -> str:
    """How much of a story comes again, by the paper's measure of four-word phrases."""
    where = "Almost nowhere" if ratio < 0.01 else "Here and there" if ratio <= card.SELF_REPETITION.hinge else "Often"
    more = f", more than the {card.SELF_REPETITION.hinge:.0%} the paper’s reward allows" if ratio > card.SELF_REPETITION.hinge else ""
    return f"{where}: {ratio:.1%} of its four-word phrases come back{more}. Choose a bar to read that place.".replace("%", "\u00a0%")


def paragraph_map(text: str) -> heard.Map:
    """For each paragraph its characters and its heat."""
    return [(paragraph.end - paragraph.start, round(paragraph.heat, 3)) for paragraph in paragraph_heat(text)]


def stamp(record: StoryRecord) -> heard.Rows:
    """Rows of label and value: what was asked, what came of it, and how."""
    asked, low_high = record.request.words, card.EVALUATION_BAND.around(record.request.words)
    rows = [["Asked", f"{asked:,} words"], ["Written", f"{record.words:,} words, as the paper counts them"]]
    rows += [["Read as", as_read(record.read_as)]] if record.read_as else []
    rows += [["Length ratio", f"{record.length_ratio:.2f}{_beside(record)}"]]
    if not _is_preview(record):
        rows += [["Full marks", f"{low_high[0]:,}–{low_high[1]:,} words, in the paper’s evaluation of length"]]
    rows += [["Tokens", f"{record.story_tokens:,} story, {record.thinking_tokens:,} thinking"]]
    if record.thinking_closed:
        why = "went round in circles, and was ended" if record.closed_by == "loop" else "closed by its budget"
        rows += [["Planning", f"{why} after {record.thinking_tokens:,} tokens"]]
    if record.tokens_per_second:
        rows += [["Speed", f"{record.tokens_per_second:g} tokens/s"]]
    rows += [
        ["Seed", ", ".join(part for part in (str(record.request.sampling.seed), redrawn(record)) if part)],
        ["Finish reason", record.finish.reason if record.finish else ""],
    ]
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


def details(record: StoryRecord) -> heard.Rows:
    """Rows of everything else that a record names: all it takes to write the story again."""
    request, writer = record.request, record.writer
    rows = [["Premise", request.premise], ["Form", request.form]]
    rows += [[LABELS[name], setting(name, value)] for name, value in vars(request.sampling).items()]
    if writer:
        rows += [["Model", writer.model], ["Revision", writer.revision]]
        rows += [["Precision", writer.precision]] if writer.precision else []
        rows += [["Engine", f"{writer.engine} on {writer.device}"]]
        rows += [["Versions", ", ".join(f"{name} {version}" for name, version in writer.versions.items())]] if writer.versions else []
    if record.resumed_at:
        rows.append(["Gone on with", "after token " + ", ".join(f"{n:,}" for n in record.resumed_at)])
    rows += [["Left out", line] for line in left_out(record)]
    if record.unguarded_at is not None:
        rows.append(["Loop guard", f"off from token {record.unguarded_at:,} on, as was asked"])
    rows.append(["Begun", day.minute(record.created)])
    return [*rows, ["SHA-256 of the text", text_hash(str(record.story))]] if len(record.story) else rows
