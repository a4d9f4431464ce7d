"""What may be asked for: `read` turns raw values (from a page, a link, an API) into a StoryRequest or says what is wrong with each field.

It changes no value. What is worth knowing about a request that can run is said by checks.py.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Literal

from .. import card
from .characters import is_blank
from .model_info import ModelInfo

Level = Literal["error", "warning", "note"]
VERBATIM = "verbatim"
FORM_NAMES = (*(form.name for form in card.FORMS), VERBATIM)
MAX_PREMISE = 4000
TOKENS_PER_WORD = 1.3  # allowed for in budgets; English takes about 1.26 (measured on stories with Qwen's vocabulary)


@dataclass(frozen=True)
class Finding:
    """Something to tell the visitor about one field: an error refuses, a warning stays on record, a note informs."""

    level: Level
    field: str
    message: str


@dataclass(frozen=True)
class Limit:
    """The hard limits of a number. `also` is one value allowed outside [low, high]."""

    label: str
    low: float
    high: float
    default: float
    whole: bool = False
    also: float | None = None
    also_means: str = ""

    def allows(self, value: float) -> bool:
        return self.low <= value <= self.high or value == self.also

    def sentence(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        also = f", or {self.also:g} for {self.also_means}" if self.also is not None else ""
        return f"{kind} from {shown_number(self.low)} to {shown_number(self.high)}{also}"


LIMITS = {
    "words": Limit("Words", 50, 12_000, 2_000, whole=True),
    "temperature": Limit("Temperature", 0.05, 2, card.SETTINGS["temperature"].value, also=0, also_means="greedy"),
    "top_p": Limit("Top-p", 0.05, 1, card.SETTINGS["top_p"].value),
    "top_k": Limit("Top-k", 1, 64, card.SETTINGS["top_k"].value, whole=True),
    "min_p": Limit("Min-p", 0, 1, 0),
    "repetition_penalty": Limit("Repetition penalty", 1, 2, card.SETTINGS["repetition_penalty"].value),
    "presence_penalty": Limit("Presence penalty", 0, 2, 0),
    "max_new_tokens": Limit("Token budget", 64, 32_768, 0, whole=True, also=0, also_means="automatic"),
    "seed": Limit("Seed", 0, 4_294_967_295, -1, whole=True, also=-1, also_means="a random one"),
}


@dataclass(frozen=True)
class SamplingParams:
    """How tokens are drawn. temperature 0 is greedy; max_new_tokens 0 is automatic; seed -1 is random."""

    temperature: float = LIMITS["temperature"].default
    top_p: float = LIMITS["top_p"].default
    top_k: int = int(LIMITS["top_k"].default)
    min_p: float = LIMITS["min_p"].default
    repetition_penalty: float = LIMITS["repetition_penalty"].default
    presence_penalty: float = LIMITS["presence_penalty"].default
    max_new_tokens: int = 0
    seed: int = -1


@dataclass(frozen=True)
class StoryRequest:
    """One story to write: what it is about, how many words, in which form, and how tokens are drawn."""

    premise: str
    words: int = int(LIMITS["words"].default)
    form: str = FORM_NAMES[0]
    sampling: SamplingParams = SamplingParams()

    def with_seed(self, seed: int) -> "StoryRequest":
        return replace(self, sampling=replace(self.sampling, seed=seed))


FIELDS = ("premise", "words", "form", *(f.name for f in fields(SamplingParams)))
LABELS = {"premise": "Premise", "form": "Form"} | {name: limit.label for name, limit in LIMITS.items()}


def token_budget(request: StoryRequest) -> int:
    """Tokens that may be generated, thinking included: as asked, or enough for the words plus the usual thinking.

    From the card's first long target on the automatic budget never falls below the card's minimum.
    """
    if request.sampling.max_new_tokens:
        return request.sampling.max_new_tokens
    budget = math.ceil(TOKENS_PER_WORD * request.words) + card.THINKING_SOFT_CAP
    return max(budget, card.LONG_TARGET_MIN_TOKENS) if request.words >= card.LONG_TARGET_WORDS else budget


def thinking_budget(request: StoryRequest) -> int:
    """Tokens after which thinking is closed: what the words leave of the token budget, and at least half of it."""
    budget = token_budget(request)
    return max(budget - math.ceil(TOKENS_PER_WORD * request.words), budget // 2)


def read(raw: Mapping[str, object]) -> tuple[StoryRequest | None, tuple[Finding, ...]]:
    """A request from raw values, or None and an error for every field that cannot be used.

    A field that is absent takes its default; one that is there but empty, of the wrong type, not finite or outside
    its hard limits is an error. Unknown fields are errors too, so that a misspelt one is not ignored.
    """
    findings = [Finding("error", name, _unknown(name)) for name in raw if name not in FIELDS]
    values: dict[str, float] = {}
    for name, limit in LIMITS.items():
        value = raw.get(name, _default(name, raw))
        problem = _number_problem(value, limit)
        if problem:
            findings.append(Finding("error", name, problem))
        else:
            number = float(value)  # type: ignore[arg-type]
            values[name] = int(number) if limit.whole else number
    premise = raw.get("premise")
    premise_problem = _premise_problem(premise)
    if premise_problem:
        findings.append(Finding("error", "premise", premise_problem))
    form = raw.get("form", FORM_NAMES[0])
    if form not in FORM_NAMES:
        findings.append(Finding("error", "form", f"Form: {_shown(form)} is not one of the forms. Choose {', '.join(FORM_NAMES)}."))
    if values.get("repetition_penalty", 1) != 1 and values.get("presence_penalty", 0) != 0:
        findings.append(Finding("error", "presence_penalty", _both_penalties(values)))
    if findings:
        return None, tuple(findings)
    words = int(values.pop("words"))
    sampling = SamplingParams(**values)  # type: ignore[arg-type]
    return StoryRequest(str(premise).strip(), words, str(form), sampling), ()


def expected_words(request: StoryRequest, writer: ModelInfo | None) -> int | None:
    """Words to expect from a measured model at this length (model card); None where nothing was measured."""
    bucket = card.bucket(request.words)
    if writer is None or bucket is None or writer.on_the_card not in bucket.ratios:
        return None
    return round(request.words * bucket.ratios[writer.on_the_card])


def errors(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    return tuple(f for f in findings if f.level == "error")


# --- reading ---------------------------------------------------------------------------------------------------------


def _default(name: str, raw: Mapping[str, object]) -> float:
    if name == "repetition_penalty" and raw.get("presence_penalty") not in (None, 0, "0"):
        return 1.0
    return LIMITS[name].default


def _number_problem(value: object, limit: Limit) -> str | None:
    label, want = limit.label, limit.sentence()
    if value is None or value == "":
        return f"{label}: nothing was given. Give {want}."
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return f"{label}: {_shown(value)} is not a number. Give {want}."
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return f"{label}: {_shown(value)} is not a number. Give {want}."
    if not math.isfinite(number):
        return f"{label}: {_shown(value)} is not a finite number. Give {want}."
    if limit.whole and number != int(number):
        return f"{label}: {shown_number(number)} is not a whole number. Give {want}."
    if not limit.allows(number):
        return f"{label}: {shown_number(number)} is outside the limits. Give {want}."
    return None


def _premise_problem(premise: object) -> str | None:
    if premise is None or (isinstance(premise, str) and is_blank(premise)):
        return "Premise: nothing was given. Say in a few words what the story is about."
    if not isinstance(premise, str):
        return f"Premise: {_shown(premise)} is not text. Say in a few words what the story is about."
    if len(premise.strip()) > MAX_PREMISE:
        return f"Premise: {len(premise.strip()):,} characters are too many. Shorten it to {MAX_PREMISE:,} or fewer."
    if any((ord(c) < 32 and c not in "\n\r\t") or 0xD800 <= ord(c) <= 0xDFFF or ord(c) == 127 for c in premise):
        return "Premise: it holds control characters that are not text. Remove them, or type the premise again."
    return None


def _both_penalties(values: Mapping[str, float]) -> str:
    return (
        f"Presence penalty: {shown_number(values['presence_penalty'])} is used together with a repetition penalty of "
        f"{shown_number(values['repetition_penalty'])}, and the model card says never both. "
        "Set the presence penalty to 0 or the repetition penalty to 1."
    )


def _unknown(name: object) -> str:
    return f"{_shown(name)} is not a setting. The settings are {', '.join(FIELDS)}."


def _shown(value: object) -> str:
    text = repr(value)
    text = text if len(text) <= 40 else text[:37] + "…"
    return "".join(c if c.isprintable() else "?" for c in text)


def shown_number(value: float) -> str:
    if not float(value).is_integer():
        return f"{value:.6g}"
    return f"{int(value):,}" if abs(value) < 1e15 else f"{value:.3g}"
