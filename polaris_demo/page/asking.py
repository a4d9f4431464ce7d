"""What the ask says of a request before it is written: what to expect, what differs from the usual, and what to mend.

Knows no runner, no settings and no clock: whoever asks brings what was checked.
"""

from collections.abc import Mapping, Sequence

from .. import card
from ..jobs.admission import Checked
from ..story.length import length_in
from ..story.model_info import ModelInfo
from ..story.request import LABELS, LIMITS, Finding, StoryRequest
from ..story.spoken import spoken
from . import wire
from .view import minutes_to_read

ZONES = ("Short", "At home", "A stretch", "Far out")
UNKNOWN = "–"
_REPETITION, _PRESENCE = "repetition_penalty", "presence_penalty"


def dial(result: Checked, raw: Mapping[str, object], writer: ModelInfo | None, max_words: int) -> wire.Dial:
    """Everything the ask says of a request. `raw` is the form as it stands, which may not be one."""
    zone, says = _zone(result, writer)
    return {
        "facts": facts(result, writer),
        "zone": zone,
        "says": says,
        "go": go(result, writer),
        "fits": fits(result, max_words),
        "differs": differs(raw),
    }


def facts(result: Checked, writer: ModelInfo | None) -> wire.Rows:
    """Words to get, minutes to read, and what it takes: of a day's GPU time where that is lent, else of time."""
    label, takes = _takes(result, writer)
    if result.request is None:
        return [["You get", UNKNOWN], ["To read", UNKNOWN], [label, UNKNOWN]]
    get = f"about {round(result.words, -1):,} words" if result.words else "not measured"
    return [["You get", get], ["To read", f"{minutes_to_read(result.words or result.request.words)} min"], [label, takes]]


def _takes(result: Checked, writer: ModelInfo | None) -> tuple[str, str]:
    if result.allowance:
        first = result.allowance.days[0]
        return f"Of {first.seconds // 60} free minutes", f"about {spoken(result.allowance.seconds)}"
    if result.seconds:
        return "To write", f"about {spoken(result.seconds)}"
    return ("It costs", "nothing") if writer and writer.is_preview else ("To write", "not measured yet")


def _zone(result: Checked, writer: ModelInfo | None) -> tuple[str, str]:
    """The name of a length's zone, and a sentence that goes on from it."""
    request = result.request
    if request is None:
        return "", ""
    bucket = card.bucket(request.words)
    number = card.LENGTH_BUCKETS.index(bucket) + 1 if bucket else 0
    if writer and not writer.on_the_card:
        whose = f" is {card.MODEL.name}’s range;" if number == 1 else f" of what {card.MODEL.name} was trained for;"
        who = "the miniature" if writer.is_preview else writer.name
        return ZONES[number], f"{whose} {who} was not measured.{' It knows one kind of tale.' if writer.is_preview else ''}"
    low, high = card.TRAINED_WORDS
    if number == 0:
        return "Short:", f" below its training of {low:,} to {high:,} words, and not measured."
    measured = card.STORY_QUALITY[0]
    wrote = f"it wrote {measured.ratios[number - 1]:.0%} of the words".replace("%", " %")
    if number == 1:
        return "At home:", f" the lengths it was trained on. In the paper’s tests {wrote} asked for."
    longer = "longer than its training" if number == 2 else f"up to {card.LENGTH_BUCKETS[-1].high // high} times its training"
    return f"{ZONES[number]}:", f" {longer}. In tests {wrote} and scored {measured.scores[number - 1]:.0f}, not {measured.scores[0]:.0f}."


def go(result: Checked, writer: ModelInfo | None) -> str:
    """What stands beside the button: what happens next, or what has to be seen to first."""
    wrong = list(dict.fromkeys(f.field for f in result.findings if f.level == "error"))
    if wrong:
        named = [f"the {LABELS.get(name, name).lower()}" for name in wrong]
        listed = " and ".join((", ".join(named[:-1]), named[-1])) if len(named) > 1 else named[0]
        return f"{_count(len(named))} {'field wants' if len(named) == 1 else 'fields want'} a look: {listed}."
    if result.allowance and result.allowance.seconds > result.allowance.days[0].seconds:
        return "It pauses when your free minutes are over. Continue tomorrow, or signed in."
    if result.first_word and result.first_word > 1:
        return f"It plans for about {spoken(result.first_word)}, then you read along. Nothing is lost if you leave."
    if writer and writer.is_preview:
        return "It begins at once, and you read along. Nothing is lost if you leave."
    return "It plans first, then you read along. Nothing is lost if you leave."


def _count(number: int) -> str:
    return ("No", "One", "Two", "Three", "Four")[number] if number < 5 else str(number)


def fits(result: Checked, max_words: int) -> list[wire.Fit]:
    """The longest story that fits the day of each kind of visitor, where GPUs are lent by the day and not every length fits."""
    days = result.allowance.days if result.allowance else ()
    return [{"who": day.who, "words": day.words} for day in days if day.words < max_words]


def differs(raw: Mapping[str, object]) -> str:
    """The settings in a line: the form, the temperature, the seed, and whatever else is not as usual."""
    parts = [str(raw.get("form", "")), f"temperature {_plain(raw.get('temperature'))}"]
    penalties = [name for name in (_REPETITION, _PRESENCE) if _number(raw.get(name)) not in (_off(name), LIMITS[name].default)]
    if _both(raw):
        parts.append("two penalties")
    else:
        parts += [f"{LABELS[name].lower()} {_plain(raw.get(name))}" for name in penalties]
        if not penalties and _number(raw.get(_REPETITION)) == _off(_REPETITION):
            parts.append("no penalty")
    usual = [name for name in ("top_p", "top_k", "min_p", "max_new_tokens") if _number(raw.get(name)) != LIMITS[name].default]
    parts += [f"{LABELS[name].lower()} {_plain(raw.get(name))}" for name in usual]
    seed = raw.get("seed")
    return " · ".join([*parts, "any seed" if _number(seed) == LIMITS["seed"].default else f"seed {_plain(seed)}"])


def _both(raw: Mapping[str, object]) -> bool:
    return _number(raw.get(_REPETITION)) not in (1, None) and _number(raw.get(_PRESENCE)) not in (0, None)


def _off(name: str) -> float:
    return LIMITS[name].low


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)[:20] if value is not None else UNKNOWN


# --- beside a field --------------------------------------------------------------------------------------------------


def notes(result: Checked, raw: Mapping[str, object], names: Sequence[str], max_words: int) -> list[list[wire.Note]]:
    """For every field what there is to say of it, worst first, each with what mends it in one click.

    Of the length only what its zone does not say already.
    """
    order = ("error", "warning", "note")
    found = sorted(result.findings, key=lambda finding: order.index(finding.level))
    return [[note(f, _fixes(f, raw, max_words)) for f in _beside(name, found, result.request)] for name in names]


def _beside(name: str, findings: Sequence[Finding], request: StoryRequest | None) -> list[Finding]:
    """What stands beside a field; beside the length no note, but for the first where the premise names another one."""
    found = [f for f in findings if f.field == name]
    if name != "words" or (request and length_in(request.premise) not in (None, request.words)):
        return found[:1] if name == "words" else found
    return [f for f in found if f.level != "note"]


def note(found: Finding, fixes: Sequence[wire.Fix] = ()) -> wire.Note:
    """A finding as it stands beside its field."""
    return {"level": found.level, "message": found.message, "fixes": list(fixes)}


def _fixes(found: Finding, raw: Mapping[str, object], max_words: int) -> list[wire.Fix]:
    if found.field == _PRESENCE and found.level == "error" and _both(raw):
        repetition, presence = _plain(raw.get(_REPETITION)), _plain(raw.get(_PRESENCE))
        return [
            {"label": f"Only repetition, {repetition}", "field": _PRESENCE, "value": 0},
            {"label": f"Only presence, {presence}", "field": _REPETITION, "value": 1},
        ]
    if found.field == "words" and found.level == "error":
        words, low = _number(raw.get("words")), int(LIMITS["words"].low)
        nearest = max_words if words and words > max_words else low
        return [{"label": f"Ask for {nearest:,}", "field": "words", "value": nearest}]
    setting = card.SETTINGS.get(found.field)
    return [{"label": f"Back to {setting.value:g}", "field": found.field, "value": setting.value}] if setting else []
