"""What every file of a story says and is called: title, file name, date, and the colophon that names who wrote it."""

import re
import unicodedata
from dataclasses import replace

from .. import card
from . import day, markup
from .characters import from_the_right, seen
from .measures import count_words
from .model_info import ModelInfo
from .record import StoryRecord
from .request import LABELS, LIMITS

_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]+')
_TURNS_TEXT = re.compile("[\u202a-\u202e\u2066-\u2069]")  # bidirectional embeddings: left open, they turn what follows
_RESERVED = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"} | {f"{port}{n}" for port in ("COM", "LPT") for n in "0123456789¹²³"}
_MOST_CHARACTERS, _MOST_BYTES = 80, 180  # file systems take 255 bytes, ending and browser's " (1)" included


def whole(text: str) -> str:
    """`text` as UTF-8 can hold it: halves of a character joined, a half without its other one replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def title(record: StoryRecord) -> str:
    """The story's own first heading, or the start of the premise where it has none; one line, and something to see."""
    if (own := markup.title(str(record.story))) and (name := seen(_one_line(own))):
        return name
    return untitled(record.request.premise)


def untitled(premise: str) -> str:
    """What a story without a heading of its own is called."""
    named = seen(_one_line(premise))
    return (named if len(named) <= 60 else named[:59].rstrip() + "…") or "A story"


def file_name(record: StoryRecord, ending: str) -> str:
    """A name that every file system takes: no separators, no reserved names or characters, not too long."""
    name = unicodedata.normalize("NFC", _UNSAFE.sub(" ", title(record)))
    name = "".join(c for c in name if unicodedata.category(c) not in ("Cf", "Cs", "Cc", "Co", "Cn"))
    name = " ".join(name.split()).strip(" .-")[:_MOST_CHARACTERS]
    name = name.encode()[:_MOST_BYTES].decode(errors="ignore").rstrip(" .-")
    if name.split(".")[0].strip().upper() in _RESERVED:
        name = f"The story {name}"
    return f"{name or 'story'}.{ending}"


def date(record: StoryRecord) -> day.Date:
    """When the story was asked for, in UTC: year, month, day, hour, minute, second."""
    return day.date(record.created)


def timestamp(record: StoryRecord) -> str:
    """`date` as ISO 8601."""
    return "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z".format(*date(record))


def first_seed(record: StoryRecord) -> int:
    """The seed a story was begun with; its request has the last one, since after a loop it goes on with the next."""
    if not record.reseeded:
        return record.request.sampling.seed
    return (record.reseeded[0][1] - 1) % (int(LIMITS["seed"].high) + 1)


def seeds(record: StoryRecord) -> str:
    """The seed, and those that followed it, each with the token it was used from."""
    return f"seed {first_seed(record)}" + "".join(f", from token {token} on {seed}" for token, seed in record.reseeded)


def redrawn(record: StoryRecord) -> str:
    """Where a seed alone does not give the story again: "drawn anew from token 812 on". Empty where it does."""
    return f"drawn anew from token {', '.join(map(str, record.redrawn_at))} on" if record.redrawn_at else ""


def stretches(record: StoryRecord) -> str:
    """Who wrote what, where that changed on the way: "words 1–812 in bf16 on A, the rest in 4-bit on B". Empty where it did not."""
    if len(record.stretches) < 2:
        return ""
    facets = list(zip(*(_facets(stretch.writer) for stretch in record.stretches), strict=True))
    ends = [stretch.words for stretch in record.stretches[1:]] + [record.words]
    parts = []
    for number, (stretch, end) in enumerate(zip(record.stretches, ends, strict=True)):
        words = f"words {stretch.words + 1:,}–{end:,}" if end > stretch.words else "the planning" if end == 0 else "no word"
        last = number == len(ends) - 1 and stretch.words > 0
        parts.append(" ".join(["the rest" if last else words, *(facet[number] for facet in facets if len(set(facet)) > 1)]))
    return ", ".join(parts)


def changed(record: StoryRecord) -> list[str]:
    """The settings in which a story differs from what drew its parent there: "seed 7 instead of 4"."""
    if (parent := record.parent) is None:
        return []
    then = replace(parent.sampling, seed=parent.reseeded[-1][1]) if parent.reseeded else parent.sampling
    now = replace(record.request.sampling, seed=first_seed(record))
    pairs = [(name, getattr(now, name), getattr(then, name)) for name in vars(now)]
    return [f"{LABELS[name].lower()} {setting(name, a)} instead of {setting(name, b)}" for name, a, b in pairs if a != b]


def change(record: StoryRecord) -> str:
    """Where a version parts from its parent, and with what: "after paragraph 12, seed 7 instead of 4". Empty where there is no parent."""
    if (parent := record.parent) is None:
        return ""
    return ", ".join(([f"after paragraph {parent.paragraph:,}"] if parent.place.tokens else []) + changed(record))


def descent(record: StoryRecord) -> str:
    """The same with the parent's title: "Written on from “The bell” after its paragraph 12, with seed 7 instead of 4"."""
    if (parent := record.parent) is None:
        return ""
    how = ", ".join(changed(record)) or "nothing changed"
    if not parent.place.tokens:
        return f"Another version of “{parent.title}”, with {how}"
    return f"Written on from “{parent.title}” after its paragraph {parent.paragraph:,}, with {how}"


def left_out(record: StoryRecord) -> list[str]:
    """What stands folded in the story and in none of its files, a line each."""
    places = [(count_words(str(record.story)[: aside.characters]), aside.words) for aside in record.asides]
    return [f"after word {place:,}: {words:,} words that went round in circles; they are in the record" for place, words in places]


def _facets(writer: ModelInfo) -> tuple[str, ...]:
    """What may change while a story is written, each as it is said."""
    precision = "4-bit" if writer.precision == "4bit" else writer.precision
    versions = ", ".join(f"{name} {version}" for name, version in writer.versions.items())
    return f"in {precision}" if precision else "", f"on {writer.device}", f"with {writer.engine}", f"({versions})"


def setting(name: str, value: float) -> str:
    """The value of a sampling setting, as it is said beside its label."""
    if name == "seed":
        return str(value)
    if name == "max_new_tokens" and value == 0:
        return "automatic"
    return f"{value:g}" if isinstance(value, float) else f"{value:,}"


def licence(writer: ModelInfo) -> str:
    """What is known of the terms a model comes under."""
    if writer.is_preview:
        return "MIT, like the app"
    if writer.model == card.MODEL.hub_id:
        return card.MODEL.licence
    return f"see huggingface.co/{writer.model}" if writer.model.count("/") == 1 else "see where its weights come from"


def colophon(record: StoryRecord, link: str = "") -> list[str]:
    """What the reader of a file should know: who wrote it, from what, with which settings. Each item is one line."""
    writer, sampling = record.writer, vars(record.request.sampling)
    named = [f"{LABELS[name].lower()} {setting(name, value)}" for name, value in sampling.items() if name != "seed"]
    lines = ["Fiction written by a language model."]
    if writer:
        label = "the preview model, not POLARIS-9B; " if writer.is_preview else ""
        origin = ", ".join(fact for fact in (writer.model, f"revision {writer.revision}", writer.precision) if fact)
        lines.append(_one_line(f"Model: {writer.name} ({origin}); {label}licence: {licence(writer)}."))
    if parts := stretches(record):
        lines.append(_one_line(f"Written in stretches: {parts}."))
    if record.parent:
        lines.append(_one_line(f"{descent(record)}; that story’s id: {record.parent.story}, tokens kept: {record.inherited.tokens:,}."))
    ended = f"; finish reason: {record.finish.reason}" if record.finish else ""
    lines += [
        f"Date: {f'{timestamp(record)[:10]} (UTC)' if day.known(record.created) else day.UNKNOWN}",
        f"Premise: {_fenced(_one_line(record.request.premise))}",
        f"Asked for {record.request.words} words, wrote {record.words} (length ratio {record.length_ratio}){ended}.",
        f"Settings: form {record.request.form}, {', '.join(named)}, {seeds(record)}.",
    ]
    if anew := redrawn(record):
        lines.append(f"The engine was asked again on the way: {anew}, so its seed alone does not give this story again.")
    if writer and writer.respells:
        lines.append("Its engine tells text alone: tokens are counted as the model’s tokenizer spells that text.")
    lines += [f"Left out {line}." for line in left_out(record)]
    if record.unguarded_at is not None:
        lines.append(f"From token {record.unguarded_at} on it was let go round in circles, as was asked.")
    return [*lines, f"Link: {_one_line(link)}"] if link else lines


def _fenced(text: str) -> str:
    """A text from the right inside a line from the left: isolated, so that its marks stay on its side."""
    return f"\u2068{text}\u2069" if from_the_right(text) else text


def _one_line(text: str) -> str:
    text = _TURNS_TEXT.sub("", whole(text))
    return " ".join("".join(" " if unicodedata.category(c) == "Cc" else c for c in text).split())
