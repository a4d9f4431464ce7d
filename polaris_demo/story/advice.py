"""What the model card advises for a story that came out short, said with whether it can help: a budget that was never reached cannot.

The card: if the stories are very short, raise max_new_tokens first. Thinking counts towards it.
"""

from dataclasses import replace

from .. import card
from .record import StoryRecord
from .request import LIMITS, Finding, SamplingParams, expected_words, token_budget

_CARDS = "The model card’s first advice for very short stories, a larger token budget,"


def advice(record: StoryRecord) -> tuple[Finding, ...]:
    """A note once a story of one of the card's models has ended far too short; nothing else."""
    ended = record.finish is not None and record.finish.reason in ("stop", "length")
    said = _said(record) if ended and _short(record) else ""
    return (Finding("note", "max_new_tokens", said),) if said else ()


def _said(record: StoryRecord) -> str:
    budget, automatic = token_budget(record.request), token_budget(replace(record.request, sampling=SamplingParams()))
    if record.finish and record.finish.reason == "stop" and not record.thinking_closed:
        left = max(0, budget - record.tokens)
        return f"{_CARDS} would change nothing here: the model ended it with {left:,} tokens to spare. Another seed may come out longer."
    if budget >= LIMITS["max_new_tokens"].high:
        return ""
    return f"{_CARDS} can help here: {f'automatic would be {automatic:,}' if budget < automatic else f'it was {budget:,}'}."


def _short(record: StoryRecord) -> bool:
    """Below what the model averages at this length by more than twice what full marks allow. Unknown where the words say little."""
    if record.writer is None or not record.writer.on_the_card or record.read_as:
        return False
    expected = expected_words(record.request, record.writer) or record.request.words
    return record.words < 2 * card.EVALUATION_BAND.around(expected)[0] - expected
