"""What may be asked for, and what there is to say about it.

`read` turns raw values (from a page, a link, an API) into a StoryRequest or says what is wrong with each field;
`check` adds what is worth knowing about a request that can run. Neither changes a value.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Literal

from .. import card
from .characters import is_blank
from .length import length_in, without_length
from .model_info import ModelInfo

Level = Literal["error", "warning", "note"]
VERBATIM = "verbatim"
NO_EFFECT = {"top_p": 1.0, "min_p": 0.0, "repetition_penalty": 1.0, "presence_penalty": 0.0}
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
        return f"{kind} from {_number(self.low)} to {_number(self.high)}{also}"


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


def check(
    request: StoryRequest, writer: ModelInfo | None, prompt_tokens: int | None = None, max_words: int = 12_000
) -> tuple[Finding, ...]:
    """What to say about a well-formed request when `writer` is to write it.

    The context can be checked only where the writer and `prompt_tokens`, the length of the rendered prompt, are known.
    """
    found = [_context(request, writer, prompt_tokens), _too_long(request, max_words)]
    found += [_outside_range(request, name) for name in card.SETTINGS]
    found += [_budget(request), _form(request), _named_length(request), _length(request, writer), _long_prompt(prompt_tokens)]
    found += [_not_taken(request, name) for name in (writer.ignores if writer else ())]
    return tuple(f for f in found if f)


def expected_words(request: StoryRequest, writer: ModelInfo | None) -> int | None:
    """Words to expect from a measured model at this length (model card); None where nothing was measured."""
    bucket = card.bucket(request.words)
    if writer is None or bucket is None or writer.on_the_card not in bucket.ratios:
        return None
    return round(request.words * bucket.ratios[writer.on_the_card])


def beside_errors(raw: Mapping[str, object], found: tuple[Finding, ...], writer: ModelInfo | None) -> tuple[Finding, ...]:
    """What there is to say about the other fields when `found` refuses some, so that one error hides no warning."""
    refused = {finding.field for finding in found}
    others = {name: value for name, value in raw.items() if name in FIELDS and name not in refused}
    request, _ = read({"premise": "–"} | others)
    findings = check(request, writer) if request else ()
    return tuple(f for f in findings if f.field not in refused and f.level != "error")


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
        return f"{label}: {_number(number)} is not a whole number. Give {want}."
    if not limit.allows(number):
        return f"{label}: {_number(number)} is outside the limits. Give {want}."
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
        f"Presence penalty: {_number(values['presence_penalty'])} is used together with a repetition penalty of "
        f"{_number(values['repetition_penalty'])}, and the model card says never both. "
        "Set the presence penalty to 0 or the repetition penalty to 1."
    )


def _unknown(name: object) -> str:
    return f"{_shown(name)} is not a setting. The settings are {', '.join(FIELDS)}."


def _shown(value: object) -> str:
    text = repr(value)
    text = text if len(text) <= 40 else text[:37] + "…"
    return "".join(c if c.isprintable() else "?" for c in text)


def _number(value: float) -> str:
    if not float(value).is_integer():
        return f"{value:.6g}"
    return f"{int(value):,}" if abs(value) < 1e15 else f"{value:.3g}"


# --- findings --------------------------------------------------------------------------------------------------------


def _context(request: StoryRequest, writer: ModelInfo | None, prompt_tokens: int | None) -> Finding | None:
    budget = token_budget(request)
    if writer is None or prompt_tokens is None or prompt_tokens + budget <= writer.context:
        return None
    room = writer.context - prompt_tokens
    fix = f"Lower the token budget to {room:,} or less" if room >= 64 else "Shorten the premise"
    return Finding(
        "error", "max_new_tokens",
        f"Token budget: a prompt of {prompt_tokens:,} tokens and a budget of {budget:,} make {prompt_tokens + budget:,}, "
        f"more than the {writer.context:,} {writer.name} can read at once. {fix}.",
    )  # fmt: skip


def _too_long(request: StoryRequest, max_words: int) -> Finding | None:
    if request.words <= max_words:
        return None
    return Finding("error", "words", f"Words: {request.words:,} is more than this server writes. Ask for {max_words:,} or fewer.")


def _outside_range(request: StoryRequest, name: str) -> Finding | None:
    setting, value = card.SETTINGS[name], getattr(request.sampling, name)
    if setting.recommends(value):
        return None
    note = f" ({setting.note})" if setting.note else ""
    only = "value" if setting.low == setting.high else "range"
    return Finding(
        "warning", name,
        f"{LABELS[name]}: {_number(value)} is outside the model card's recommended {only}, {setting.range()}{note}. "
        "The story will be written, and its record will say so.",
    )  # fmt: skip


def _budget(request: StoryRequest) -> Finding | None:
    asked, automatic = request.sampling.max_new_tokens, token_budget(replace(request, sampling=SamplingParams()))
    if request.words >= card.LONG_TARGET_WORDS and 0 < asked < card.LONG_TARGET_MIN_TOKENS:
        return Finding(
            "warning", "max_new_tokens",
            f"Token budget: {asked:,} is less than the {card.LONG_TARGET_MIN_TOKENS:,} the model card asks for from "
            f"{card.LONG_TARGET_WORDS:,} words on. The story may be cut off; set 0 for automatic.",
        )  # fmt: skip
    if 0 < asked < automatic:
        return Finding(
            "note", "max_new_tokens",
            f"Token budget: {asked:,} may not hold the thinking and {request.words:,} words; automatic would be {automatic:,}.",
        )  # fmt: skip
    return None


def _form(request: StoryRequest) -> Finding | None:
    if request.form == VERBATIM:
        return Finding("note", "form", "Form: the premise is sent untouched; the words are only the target it is measured against.")
    if any(form.weaker for form in card.FORMS if form.name == request.form):
        return Finding(
            "note", "form", f"Form: the model card calls POLARIS-9B noticeably weaker on non-narrative writing such as {_a(request.form)}."
        )
    return None


def _named_length(request: StoryRequest) -> Finding | None:
    named = length_in(request.premise)
    if request.form == VERBATIM or named in (None, request.words) or without_length(request.premise) == request.premise:
        return None
    return Finding(
        "note", "words", f"Words: your premise names {named:,}, and {request.words:,} are asked for; the premise's number is left out."
    )


def _length(request: StoryRequest, writer: ModelInfo | None) -> Finding | None:
    if writer and writer.wanders_above:
        return _wandering(request, writer.name, writer.wanders_above)
    low, high = card.TRAINED_WORDS
    if request.words < low:
        return Finding("note", "words", f"Words: shorter than the {low:,}–{high:,} POLARIS-9B was trained on.")
    if request.words > high:
        return Finding("note", "words", f"Words: longer than the {low:,}–{high:,} POLARIS-9B was trained on.")
    return None


def _wandering(request: StoryRequest, name: str, above: int) -> Finding | None:
    if request.words <= above:
        return None
    return Finding("warning", "words", f"Words: above {above:,} the {name}, wanders from its story, repeats itself and ends too soon.")


def _long_prompt(prompt_tokens: int | None) -> Finding | None:
    if prompt_tokens is None or prompt_tokens <= card.TRAINED_PROMPT_TOKENS:
        return None
    return Finding(
        "note", "premise",
        f"Premise: the prompt has {prompt_tokens:,} tokens; POLARIS-9B's in training had at most {card.TRAINED_PROMPT_TOKENS}.",
    )  # fmt: skip


def _not_taken(request: StoryRequest, name: str) -> Finding | None:
    """What an engine elsewhere cannot do, where the request asks for it."""
    if name == "closing":
        return Finding(
            "note", "max_new_tokens", "Token budget: the engine that writes here cannot be made to end its planning; it may use all."
        )
    if name == "seed":
        return Finding("note", "seed", "Seed: the engine that writes here takes none, so it does not tell a story to be written again.")
    value = getattr(request.sampling, name, None)
    if value is None or value == NO_EFFECT.get(name):
        return None
    level: Level = "note" if value == LIMITS[name].default else "warning"
    return Finding(level, name, f"{LABELS[name]}: the engine that writes here does not take it, so {_number(value)} has no effect.")


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"
