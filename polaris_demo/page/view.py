"""From values to what is shown: the JSON of the API, the messages of the page, its promises and expectations.

Knows no runner, no library, no settings and no clock: whoever asks brings what is to be shown.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .. import card
from ..engine.base import Status
from ..jobs.admission import Checked
from ..jobs.saved import Summary
from ..story import day
from ..story.advice import advice
from ..story.colophon import untitled
from ..story.events import Progress
from ..story.measures import ReaderCount
from ..story.record import UNFINISHED, StoryRecord
from ..story.request import thinking_budget
from ..story.spoken import beginning, spoken, unbroken
from . import heard, wire

MOST_VERSIONS = 4
MINIATURE = "Its stories show how the page works, not how well the model writes."
_AT_REST = {
    "stop": "Finished",
    "length": "Cut off",
    "cancelled": "Stopped",
    "loop": "Stopped",
    "pause": "Paused",
    "segment": "Paused",
    "error": "Broken off",
}
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


def answer(record: StoryRecord, offset: int = 0) -> dict[str, Any]:
    """The JSON of the API, without the key; `story` from `offset` (in characters) on."""
    read_as = record.read_as
    otherwise = {"reader_count": asdict(read_as) | {"why": as_read(read_as)}} if read_as else {}
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
        "written_on_from": _from(record),
    }


def _from(record: StoryRecord) -> dict[str, Any] | None:
    """Which story it was written on from, after which of its paragraphs, and how many of its characters are that story's."""
    parent = record.parent
    return {"id": parent.story, "paragraph": parent.paragraph, "characters": parent.place.characters} if parent else None


def as_read(count: ReaderCount) -> str:
    return f"{count.said()} as a reader counts; the paper’s pattern is made for words between spaces, so the length ratio says little here"


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
            return f"{'Next in the queue' if before == 0 else f'In the queue, {stories(before)} before this one'}{wait}"
        case "loading":
            return "Loading the model" + (f": {how_far}" if (how_far := share(progress)) else "")
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


def left(record: StoryRecord, tokens_per_second: float) -> str:
    """How long the words still asked for take at this speed, by the tokens a word that this story has shown."""
    if record.words < 50 or not tokens_per_second or record.words >= record.request.words or record.read_as:
        return ""
    tokens = record.story_tokens / record.words * (record.request.words - record.words)
    return f"about {spoken(tokens / tokens_per_second)} left"


def _left(record: StoryRecord) -> str:
    said = left(record, record.tokens_per_second)
    return f" · {said}" if said else ""


def share(progress: Progress) -> str:
    """How far loading is, where there is a measure."""
    left = f", about {spoken(progress.seconds)} left" if progress.seconds else ""
    return f"{100 * progress.done // progress.total} %{left}" if progress.total else ""


def stories(count: int) -> str:
    return "1 story" if count == 1 else f"{count} stories"


def ended(record: StoryRecord) -> str:
    if record.finish is None:
        return ""
    return record.finish.message or _ENDED.get(record.finish.reason, "The story has ended.")


def at_rest(state: str, reason: str | None) -> str:
    """What became of a story at rest, in a word or two, by its state and how it ended."""
    return "Interrupted" if state == "interrupted" else _AT_REST[reason or "cancelled"]


def kept(problem: str, expires: float | None) -> Kept:
    """Until when a story is kept: `expires`, or as long as the server runs. `problem` says why it is not."""
    if problem:
        return Kept(problem, lasting=False)
    if expires is None:
        return Kept("until this server restarts", lasting=True)
    last = day.said(expires)
    return Kept(f"until {last}" if last else "for as many days as this server keeps stories", lasting=True)


def at_once(engine: Status, lent_gpu: bool) -> int:
    """How many versions of a story one click may begin: a lent GPU is one visitor's call, and writes one story."""
    return 1 if lent_gpu else min(MOST_VERSIONS, engine.capacity)


def status(engine: Status, home: str, words: int, lent_gpu: bool = False) -> heard.Status:
    """Who writes here, or why nobody does, or how far loading is; and the length to begin with."""
    who = lead = why = ""
    if writer := engine.writer:
        if writer.is_preview:
            who, why = f"Today a miniature writes here, not {card.MODEL.name}:", writer.why
            lead = f"{beginning(why)}. {MINIATURE}"
    elif engine.failure:
        who, lead, why = "Nothing can be written here now.", engine.failure, engine.failure
    else:
        lead = f"{unbroken(engine.loading.sentence()) if engine.loading else 'Loading'} … You can ask already."
    ready = bool(writer or engine.failure)
    preview = bool(writer and writer.is_preview)
    return {
        "who": who,
        "lead": lead,
        "why": why,
        "preview": preview,
        "ready": ready,
        "home": home,
        "words": words,
        "at_once": at_once(engine, lent_gpu),
    }


def promise(kept: Kept, unfollowed_seconds: float, lent_gpu: bool) -> str:
    """What holds for a story begun here, said beside the button: where it is kept, what happens when one leaves, whose it is."""
    paused = f"If you leave, it goes on being written and is paused after {spoken(unfollowed_seconds)}."
    if lent_gpu:
        paused = "If you leave, it is paused at the end of its GPU time and goes on when you come back."
    place = f"Your story is kept on this server {kept.text}; whoever has its link can read it." if kept.lasting else kept.text
    return f"{place} {paused} Fiction written by a language model; {card.MODEL.name}’s {card.NON_COMMERCIAL}."


def summaries(found: Sequence[Summary], problem: str) -> heard.Summaries:
    """The list of a browser's stories; `problem` says why none can be kept now."""
    return {"stories": [summary(one) for one in found], "kept": all_kept([one.expires for one in found], problem) if found else ""}


def summary(found: Summary) -> heard.Summary:
    """A story in the list of a browser's stories."""
    live = found.state in (*UNFINISHED, "paused") and not found.rests
    return {
        "id": found.id,
        "title": "" if found.title == untitled(found.premise) else found.title,
        "premise": found.premise,
        "begun": _moment(found.created),
        "live": live,
        "resumable": found.resumable and not live,
        "words": found.words,
        "asked": found.asked,
        "said": _under_way(found) if live else _came_to(found),
        "kept": _moment(found.expires or 0),
        "parent": found.parent,
        "change": found.change,
    }


def _under_way(found: Summary) -> str:
    if found.words:
        return f"Writing: {found.words:,} of {found.asked:,}"
    return "Waiting" if found.state == "queued" else "Planning"


def _came_to(found: Summary) -> str:
    if not found.words:
        return f"{at_rest(found.state, found.reason)} before its first word"
    so_far = f"{found.words:,} of {found.asked:,}"
    return f"{at_rest(found.state, found.reason)} at {so_far}" if found.resumable else f"{so_far} · {minutes_to_read(found.words)} min"


def all_kept(expires: Sequence[float | None], problem: str) -> str:
    """Until when several stories are kept, in a sentence that holds for each of them."""
    if problem:
        return "Begun in this browser. This server cannot keep stories just now: download those that matter to you."
    if None in expires:
        return "Begun in this browser, kept until this server restarts."
    dates = sorted(filter(None, expires))
    longer = " or longer" if day.said(dates[0]) != day.said(dates[-1]) else ""
    return f"Begun in this browser, kept on this server {kept('', dates[0]).text}{longer}."


def _moment(seconds: float) -> float:
    return round(seconds) if day.known(seconds) else 0


def minutes_to_read(words: int) -> int:
    """At the pace of a reader of fiction; at least one."""
    return max(1, round(words / wire.WORDS_A_MINUTE))


def _so_far(record: StoryRecord) -> str:
    return f" · {record.words:,} words so far" if record.words else ""


def _speed(record: StoryRecord) -> str:
    return f" · {record.tokens_per_second:g} tokens/s" if record.tokens_per_second else ""
