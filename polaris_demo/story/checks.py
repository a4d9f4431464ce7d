"""What is worth knowing about a request that can run: where it is outside the model card's advice, and what the engine cannot do."""

from collections.abc import Mapping
from dataclasses import replace

from .. import card
from .length import length_in, without_length
from .model_info import ModelInfo
from .request import FIELDS, LABELS, LIMITS, VERBATIM, Finding, Level, SamplingParams, StoryRequest, read, shown_number, token_budget

NO_EFFECT = {"top_p": 1.0, "min_p": 0.0, "repetition_penalty": 1.0, "presence_penalty": 0.0}


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


def beside_errors(raw: Mapping[str, object], found: tuple[Finding, ...], writer: ModelInfo | None) -> tuple[Finding, ...]:
    """What there is to say about the other fields when `found` refuses some, so that one error hides no warning."""
    refused = {finding.field for finding in found}
    others = {name: value for name, value in raw.items() if name in FIELDS and name not in refused}
    request, _ = read({"premise": "–"} | others)
    findings = check(request, writer) if request else ()
    return tuple(f for f in findings if f.field not in refused and f.level != "error")


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
        f"{LABELS[name]}: {shown_number(value)} is outside the model card’s recommended {only}, {setting.range()}{note}. "
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
        "note", "words", f"Words: your premise names {named:,}, and {request.words:,} are asked for; the premise’s number is left out."
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
        f"Premise: the prompt has {prompt_tokens:,} tokens; POLARIS-9B’s in training had at most {card.TRAINED_PROMPT_TOKENS}.",
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
    return Finding(level, name, f"{LABELS[name]}: the engine that writes here does not take it, so {shown_number(value)} has no effect.")


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"
