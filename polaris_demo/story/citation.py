"""A story as a citation: the JSON record that names all it takes to write it again, and BibTeX.

No thinking is in a record, and no token: it holds what was asked, who wrote, where its thinking was closed and where it
was taken up again, the text with its hash, and what of it stands folded.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar, cast
from urllib.parse import quote

from .. import card
from ..errors import VisitorError
from . import day
from .aside import Aside
from .colophon import descent, first_seed, licence, seeds, stretches, timestamp, title, whole
from .model_info import ModelInfo
from .origin import Origin
from .record import StoryRecord
from .request import LIMITS, StoryRequest, read, thinking_budget, token_budget

FORMAT, VERSION = "polaris_demo story record", 1
_DAMAGED = "It is not whole, or was edited: {} is missing or not what it should be."
_CONTEXT = 40  # characters shown on either side of a difference
_LATEX = {"\\": r"\textbackslash{}", "{": r"\textbraceleft{}", "}": r"\textbraceright{}", "~": r"\textasciitilde{}"} | {
    "^": r"\textasciicircum{}", **{mark: f"\\{mark}" for mark in "$&#%_"},
}  # fmt: skip
T = TypeVar("T")


class UnreadableRecord(VisitorError):
    """A file that is no story's record, or one that cannot be written again as it stands."""


@dataclass(frozen=True)
class Recorded:
    """What a record says. `request` has its token budget in plain numbers; `closed_at` is where its thinking reached its budget.

    `request` has the first seed; after each loop the story went on with the next of `seeds`, `unguarded` after the last as if none was.
    `ended` is false where the writing was broken off: then `text` is the beginning of a story. What came of its `origins` was drawn
    as they were; all the rest is said of what was written on from there.
    """

    request: StoryRequest
    prompt: str
    writer: ModelInfo
    closed_at: int | None
    resumed: int
    stretches: int
    seeds: tuple[int, ...]
    ended: bool
    text: str
    characters: int
    sha256: str
    unguarded: bool = False
    origins: tuple[Origin, ...] = ()

    @property
    def intact(self) -> bool:
        return text_hash(self.text) == self.sha256


@dataclass(frozen=True)
class Difference:
    """The first word, counted from 1, in which two texts differ, and what stands around it in each."""

    word: int
    recorded: str
    written: str


def text_hash(text: str) -> str:
    """SHA-256 of the text in UTF-8, in hexadecimal."""
    return hashlib.sha256(whole(text).encode()).hexdigest()


def record_json(record: StoryRecord, link: str = "") -> str:
    """The record of invariant 10, as JSON; `read_record` takes it."""
    story, request = whole(str(record.story)), record.request
    asked = asdict(request)
    sampling = asked.pop("sampling")
    data = {
        "format": FORMAT,
        "format_version": VERSION,
        "id": record.id,
        **({"link": link} if link else {}),
        "title": title(record),
        "created": timestamp(record),
        **({"written_on_from": [_origin(origin) for origin in record.origins]} if record.origins else {}),
        "state": record.state,
        "finish_reason": record.finish.reason if record.finish else None,
        "request": asked | sampling | {"seed": first_seed(record)},
        "token_budget": token_budget(request),
        "prompt": record.prompt,
        "prompt_tokens": record.prompt_tokens,
        "writer": _writer(record.writer) if record.writer else None,
        "stretches": [{"from_token": s.tokens, "from_word": s.words, "writer": _writer(s.writer)} for s in record.stretches],
        "thinking_tokens": record.thinking_tokens,
        "thinking_closed_at": record.closed_at,
        "thinking_closed_by": record.closed_by if record.thinking_closed else None,
        "story_tokens": record.story_tokens,
        "resumed_at": record.resumed_at,
        "reseeded": record.reseeded,
        "taken_up": [{"at_token": tokens, "why": f"The engine {why}."} for tokens, why in record.taken_up],
        "redrawn_at": record.redrawn_at,
        "asides": [_aside(aside) for aside in record.asides],
        "unguarded_at": record.unguarded_at,
        "findings": [asdict(finding) for finding in record.findings],
        "words": record.words,
        "length_ratio": record.length_ratio,
        "seconds_at_work": round(record.seconds_at_work, 3),
        "characters": len(story),
        "sha256": text_hash(story),
        "story": story,
    }
    return whole(json.dumps(data, ensure_ascii=False, indent=2) + "\n")


def read_record(source: str) -> Recorded:
    """What a record's JSON says. Raises UnreadableRecord with a sentence."""
    try:
        data = json.loads(source)
    except (ValueError, RecursionError):
        raise UnreadableRecord("It is not JSON, so it is no story’s record.") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise UnreadableRecord("It is JSON, but not the record of a story that this app wrote.")
    if data.get("format_version") != VERSION:
        raise UnreadableRecord(f"Its format is version {data.get('format_version')!r}, and this version of the app reads {VERSION}.")
    if data.get("story") == "":
        raise UnreadableRecord("It holds no text: the story was broken off before its first word.")
    return Recorded(
        request=_request(data),
        prompt=_part(data, "prompt", str),
        writer=_recorded_writer(_part(data, "writer", dict)),
        closed_at=_part(data, "thinking_closed_at", int) if _closed_by_budget(data) else None,
        resumed=len(_part(data, "resumed_at", list)),
        stretches=len(_part(data, "stretches", list)) if "stretches" in data else 1,
        seeds=tuple(_seed(change) for change in _part(data, "reseeded", list)),
        unguarded=data.get("unguarded_at") is not None,
        origins=tuple(map(_recorded_origin, _part(data, "written_on_from", list))) if "written_on_from" in data else (),
        ended=data.get("finish_reason") in ("stop", "length"),
        text=_part(data, "story", str),
        characters=_part(data, "characters", int),
        sha256=_part(data, "sha256", str),
    )


def first_request(recorded: Recorded) -> StoryRequest:
    """The request that closes the thinking where the recorded story's was closed.

    A story that used up its budget was given more, and the larger budget alone would close the thinking later. Which of
    the budgets that close it there was the first does not matter: the story goes on with the recorded one.
    """
    request, at = recorded.request, recorded.closed_at
    if at is None or thinking_budget(request) == at:
        return request
    for budget in (at + thinking_room(request), 2 * at + 1, 2 * at):
        earlier = replace(request, sampling=replace(request.sampling, max_new_tokens=budget))
        if 0 < budget < token_budget(request) and thinking_budget(earlier) == at:
            return earlier
    return request


def thinking_room(request: StoryRequest) -> int:
    """Tokens of the budget that are kept for the words."""
    huge = replace(request, sampling=replace(request.sampling, max_new_tokens=10**9))
    return 10**9 - thinking_budget(huge)


def first_difference(recorded: str, written: str) -> Difference | None:
    """Where two texts part, in words as an editor counts them: what stands between spaces. None where they do not."""
    if recorded == written:
        return None
    shorter = min(len(recorded), len(written))
    at = next((i for i in range(shorter) if recorded[i] != written[i]), shorter)
    shared = recorded[:at]
    cut_word = bool(shared.strip()) and not shared[-1].isspace() and not (_space_at(recorded, at) and _space_at(written, at))
    return Difference(len(shared.split()) + (not cut_word), _around(recorded, at), _around(written, at))


def bibtex(record: StoryRecord, link: str = "") -> str:
    """The paper's entry, and one for this story's record."""
    digest, writer = text_hash(str(record.story)), record.writer
    facts = (writer.model, f"revision {writer.revision}", writer.precision, writer.engine) if writer else ()
    model = f"{', '.join(filter(None, facts))}; " if writer else ""
    terms = f"; model licence: {licence(writer)}" if writer else ""
    parts = f"{stretches(record)}; " if stretches(record) else ""
    came = f"{descent(record)} (id {record.parent.story}); " if record.parent else ""
    note = f"Fiction written by a language model: {model}{came}{parts}{seeds(record)}; SHA-256 of the text: {digest}{terms}"
    entry = {
        "title": f"{{{_latex(title(record))}}}",
        "author": f"{{{_latex(writer.name if writer else 'a language model')}}}",
        **({"year": timestamp(record)[:4], "date": timestamp(record)[:10]} if day.known(record.created) else {}),
        "note": _latex(note),
    }
    if link:
        entry["url"] = quote(link, safe=":/?&=#%+,;@")
    lines = "".join(f"      {name}={{{value}}},\n" for name, value in entry.items())
    return f"{card.CITATION}\n\n@misc{{story{digest[:12]},\n{lines}}}\n"


# --- reading ---------------------------------------------------------------------------------------------------------


def _request(data: Mapping[str, Any]) -> StoryRequest:
    request, findings = read(_part(data, "request", dict))
    if request is None:
        said = " ".join(finding.message for finding in findings)
        raise UnreadableRecord(f"Its request is outside the limits. {said}")
    budget = _part(data, "token_budget", int)
    if request.sampling.seed < 0:
        raise UnreadableRecord("Its request names no seed, so nothing says how its words were drawn.")
    if budget == 0 or not LIMITS["max_new_tokens"].allows(budget):
        raise UnreadableRecord(f"Its token budget is outside the limits. Give {LIMITS['max_new_tokens'].sentence()}.")
    return replace(request, sampling=replace(request.sampling, max_new_tokens=budget))


def _closed_by_budget(data: Mapping[str, Any]) -> bool:
    """Thinking that went round in circles does so again, and is closed there by itself."""
    return data.get("thinking_closed_at") is not None and data.get("thinking_closed_by") != "loop"


def _seed(change: object) -> int:
    match change:
        case [_, int() as seed] if LIMITS["seed"].low <= seed <= LIMITS["seed"].high:
            return seed
    raise UnreadableRecord(_DAMAGED.format("reseeded"))


def _writer(writer: ModelInfo) -> dict[str, Any]:
    return {name: value for name, value in asdict(writer).items() if name != "why"}


def _origin(origin: Origin) -> dict[str, Any]:
    """A part of a story that is another's, with what drew it."""
    kept, place = origin.kept(), origin.place
    return {name: kept[name] for name in ("story", "title", "paragraph", "words")} | {
        "tokens": place.tokens,
        "thinking_tokens": place.thinking_tokens,
        "characters": place.characters,
        "sampling": kept["sampling"],
        "reseeded": kept["reseeded"],
        "unguarded_at": kept["unguarded_at"],
    }


def _aside(aside: Aside) -> dict[str, Any]:
    return {"after_token": aside.tokens, "after_character": aside.characters, "words": aside.words, "text": whole(aside.text)}


def _recorded_writer(data: dict[str, Any]) -> ModelInfo:
    try:
        return replace(ModelInfo.restore(data), why="")
    except TypeError:
        raise UnreadableRecord(_DAMAGED.format("writer")) from None


def _recorded_origin(data: object) -> Origin:
    try:
        kept = dict(cast(dict[str, Any], data))
        place = {name: kept.pop(name) for name in ("tokens", "thinking_tokens", "characters")}
        origin = Origin.restore({**kept, "place": place})
        sampling, counts = asdict(origin.sampling), (*place.values(), origin.words, origin.paragraph)
        sound = read({"premise": "…", **sampling})[0] is not None and sampling["seed"] >= 0 and all(type(one) is int for one in counts)
    except (KeyError, TypeError, ValueError):
        sound = False
    if not sound:
        raise UnreadableRecord(_DAMAGED.format("written_on_from"))
    return origin


def _part(data: Mapping[str, Any], name: str, kind: type[T]) -> T:
    value = data.get(name)
    if type(value) is not kind:
        raise UnreadableRecord(_DAMAGED.format(name))
    return value


# --- writing ---------------------------------------------------------------------------------------------------------


def _space_at(text: str, at: int) -> bool:
    return at >= len(text) or text[at].isspace()


def _around(text: str, at: int) -> str:
    start, end = max(0, at - _CONTEXT), at + _CONTEXT
    shown = " ".join(text[start:end].split())
    return ("… " if start else "") + shown + (" …" if end < len(text) else "")


def _latex(text: str) -> str:
    """`text` inside a BibTeX field: braces balance, nothing is a command."""
    return re.sub(r"[\\{}~^$&#%_]", lambda found: _LATEX[found[0]], " ".join(whole(text).split()))
