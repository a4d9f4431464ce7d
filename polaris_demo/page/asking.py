"""What the ask says of a request before it is written: what to expect, what differs from the usual, and what to mend.

Knows no runner, no settings and no clock: whoever asks brings what was checked.
"""

from collections.abc import Mapping, Sequence

from .. import card
from ..jobs.admission import Checked
from ..story.characters import is_blank
from ..story.length import length_in
from ..story.model_info import PREVIEW_WANDERS, ModelInfo
from ..story.request import FIELDS, FORM_NAMES, LABELS, LIMITS, MAX_PREMISE, Finding, StoryRequest, errors
from ..story.spoken import spoken
from . import heard
from .about import word
from .view import minutes_to_read

ZONES = ("Short", "At home", "A stretch", "Far out")
UNKNOWN = "–"
_REPETITION, _PRESENCE = "repetition_penalty", "presence_penalty"


def dial(result: Checked, raw: Mapping[str, object], writer: ModelInfo | None, max_words: int) -> heard.Dial:
    """Everything the ask says of a request. `raw` is the form as it stands, which may not be one."""
    zone, says = _zone(result, writer)
    return {
        "facts": facts(result, writer),
        "zone": zone,
        "says": says,
        "go": go(result, writer),
        "fits": fits(result, max_words),
        "differs": differs(raw),
        "wrong": _wrong(result),
    }


def facts(result: Checked, writer: ModelInfo | None) -> heard.Rows:
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
    if writer and writer.on_the_card != card.MODEL.name:
        return ZONES[number], _of_another(writer, number, bucket)
    low, high = card.TRAINED_WORDS
    if number == 0:
        return "Short:", f" below its training of {low:,} to {high:,} words, and not measured."
    measured = card.STORY_QUALITY[0]
    wrote = f"it wrote {_share(measured.ratios[number - 1])} of the words"
    if number == 1:
        return "At home:", f" the lengths it was trained on. In the paper’s tests {wrote} asked for."
    longer = "longer than its training" if number == 2 else f"up to {card.LENGTH_BUCKETS[-1].high // high} times its training"
    return f"{ZONES[number]}:", f" {longer}. In tests {wrote} and scored {measured.scores[number - 1]:.0f}, not {measured.scores[0]:.0f}."


def _of_another(writer: ModelInfo, number: int, bucket: card.LengthBucket | None) -> str:
    """A zone is POLARIS-9B's; of another model it says what the cards have measured of that one."""
    whose = f" is {card.MODEL.name}’s range;" if number == 1 else f" for {card.MODEL.name};"
    if writer.is_preview:
        return f"{whose} the miniature was not measured. It knows one kind of tale."
    if bucket is None or writer.on_the_card not in bucket.ratios:
        return f"{whose} {writer.name} was not measured."
    return f"{whose} in tests {writer.name} wrote {_share(bucket.ratios[writer.on_the_card])} of the words asked for."


def _share(ratio: float | None) -> str:
    return f"{ratio or 0:.0%}".replace("%", "\u00a0%")


def go(result: Checked, writer: ModelInfo | None) -> str:
    """What stands beside the button: what happens next, or what has to be seen to first."""
    if wrong := _wrong(result):
        named = [f"the {LABELS.get(name, name).lower()}" for name in wrong]
        listed = " and ".join((", ".join(named[:-1]), named[-1])) if len(named) > 1 else named[0]
        return f"{word(len(named)).capitalize()} {'field wants' if len(named) == 1 else 'fields want'} a look: {listed}."
    if result.allowance and result.allowance.seconds > result.allowance.days[0].seconds:
        return "It pauses when your free minutes are over. Continue tomorrow, or signed in."
    if result.first_word and result.first_word > 1:
        return f"It plans for about {spoken(result.first_word)}, then you read along. Nothing is lost if you leave."
    if writer and writer.is_preview:
        return "It begins at once, and you read along. Nothing is lost if you leave."
    return "It plans first, then you read along. Nothing is lost if you leave."


def _wrong(result: Checked) -> list[str]:
    """The fields that cannot be used as they are, in the form's order."""
    found = {finding.field for finding in errors(result.findings)}
    return [name for name in FIELDS if name in found]


def fits(result: Checked, max_words: int) -> list[heard.Fit]:
    """The longest story that fits the day of each kind of visitor, where GPUs are lent by the day and not every length fits."""
    days = result.allowance.days if result.allowance else ()
    return [{"who": day.who, "words": day.words} for day in days if day.words < max_words]


def differs(raw: Mapping[str, object]) -> str:
    """The settings in a line: only what is not as usual, so that a link hides nothing; and where nothing is, the usual ones."""
    parts = [str(raw.get("form", ""))] if raw.get("form") != FORM_NAMES[0] else []
    parts += _numbers(raw, "temperature")
    parts += ["two penalties"] if _both(raw) else _penalty(raw)
    parts += _numbers(raw, "top_p", "top_k", "min_p", "max_new_tokens", "seed")
    return " · ".join(parts) or f"{FORM_NAMES[0]} · temperature {LIMITS['temperature'].default:g} · any seed"


def _numbers(raw: Mapping[str, object], *names: str) -> list[str]:
    return [f"{LABELS[name].lower()} {_plain(raw.get(name))}" for name in names if _number(raw.get(name)) != LIMITS[name].default]


def _penalty(raw: Mapping[str, object]) -> list[str]:
    """The one at work, where it is not the usual one at its usual strength."""
    at_work = [name for name in (_REPETITION, _PRESENCE) if _number(raw.get(name)) != LIMITS[name].low]
    return [said for name in at_work for said in _numbers(raw, name)] if at_work else ["no penalty"]


def _both(raw: Mapping[str, object]) -> bool:
    return all(_at_work(name, _number(raw.get(name))) for name in (_REPETITION, _PRESENCE))


def _at_work(name: str, value: float | None) -> bool:
    return value is not None and value != LIMITS[name].low and LIMITS[name].allows(value)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _plain(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)[:20] if value is not None else UNKNOWN


# --- beside a field --------------------------------------------------------------------------------------------------


def notes(result: Checked, raw: Mapping[str, object], names: Sequence[str], max_words: int) -> list[list[heard.Note]]:
    """For every field what there is to say of it, worst first, each with what mends it in one click.

    Of the length only what its zone does not say already.
    """
    order = ("error", "warning", "note")
    found = sorted(result.findings, key=lambda finding: order.index(finding.level))
    return [[note(f, raw, max_words) for f in _beside(name, found, result.request)] for name in names]


def _beside(name: str, findings: Sequence[Finding], request: StoryRequest | None) -> list[Finding]:
    """What stands beside a field; beside the length no note, but for the first where the premise names another one."""
    found = [f for f in findings if f.field == name]
    if name != "words" or (request and length_in(request.premise) not in (None, request.words)):
        return found[:1] if name == "words" else found
    return [f for f in found if f.level != "note"]


def note(found: Finding, raw: Mapping[str, object], max_words: int) -> heard.Note:
    """A finding as it stands beside its field: shorter than to a script, since the field and what mends it stand there too."""
    wrong, value = found.level == "error", raw.get(found.field)
    said, fixes = _as_found(found), _usual(found.field)
    match found.field:
        case "premise" if wrong and (value is None or isinstance(value, str)):
            said, fixes = _premise(str(value or ""), said), []
        case "words" if wrong:
            said, fixes = _words(_number(value), said, max_words)
        case "words" if found.level == "warning":
            said, fixes = f"The miniature wanders above {PREVIEW_WANDERS:,} words, and ends too soon.", [_ask_for(PREVIEW_WANDERS)]
        case "words" if found.level == "note":
            named = length_in(str(raw.get("premise"))) or 0
            said, fixes = f"Your premise names {named:,} words.", [_ask_for(named)] if named <= max_words else []
        case "presence_penalty" if wrong and _both(raw):
            said, fixes = "Both penalties are on, and the card says never both. Keep one:", _one_penalty(raw)
        case name if name in card.SETTINGS and found.level == "warning":
            said = _outside(card.SETTINGS[name], _number(value), said)
    return {"level": found.level, "message": said, "fixes": fixes}


def as_found(found: Finding) -> heard.Note:
    """A finding of what a link says, which has no field of its own to stand beside."""
    return {"level": found.level, "message": found.message, "fixes": []}


def _as_found(found: Finding) -> str:
    """Without its field's name, beside which it stands."""
    message = found.message.removeprefix(f"{LABELS.get(found.field, '')}: ")
    return message[:1].upper() + message[1:]


def _premise(premise: str, said: str) -> str:
    if is_blank(premise):
        return "First say what it is about." if premise else "First say what it is about, or:"  # an idea
    length = len(premise.strip())
    return f"{length:,} of {MAX_PREMISE:,} characters. Shorten it." if length > MAX_PREMISE else said


def _words(words: float | None, said: str, max_words: int) -> tuple[str, list[heard.Fix]]:
    low = int(LIMITS["words"].low)
    if words is not None and words > max_words:
        return f"This server writes at most {max_words:,} words.", [_ask_for(max_words)]
    if words is not None and words < low:
        return f"The shortest story is {low:,} words.", [_ask_for(low)]
    return said, [_ask_for(min(max_words, int(LIMITS["words"].default)))]


def _ask_for(words: int) -> heard.Fix:
    return {"label": f"Ask for {words:,}", "field": "words", "value": words}


def _one_penalty(raw: Mapping[str, object]) -> list[heard.Fix]:
    repetition, presence = _number(raw.get(_REPETITION)) or 1, _number(raw.get(_PRESENCE)) or 0
    return [
        {"label": f"Only repetition, {repetition:.2f}", "field": _PRESENCE, "value": 0},
        {"label": f"Only presence, {presence:.1f}", "field": _REPETITION, "value": 1},
    ]


def _outside(setting: card.Setting, value: float | None, said: str) -> str:
    if value is None:
        return said
    where = "not" if setting.low == setting.high else "above" if value > setting.high else "below"
    note = f" ({setting.note})" if setting.note else ""
    outside = f"{value:g} is {where} the {setting.range()} the model card recommends{note}."
    return f"{outside} The story will be written, and its record will say so."


def _usual(name: str) -> list[heard.Fix]:
    """Back to what a number is where nobody has touched it."""
    if name not in LIMITS:
        return []
    usual, means = LIMITS[name].default, LIMITS[name].also_means if LIMITS[name].also == LIMITS[name].default else ""
    return [{"label": f"Back to {means or f'{usual:g}'}", "field": name, "value": usual}]
