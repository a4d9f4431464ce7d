"""The record of a story that is written on from a place in another one. Pure: whoever asks knows the place, and who may."""

from collections.abc import Callable
from dataclasses import replace

from .colophon import first_seed, setting, title
from .markup import blocks
from .measures import count_words
from .origin import Origin, Place
from .record import StoryRecord
from .request import LABELS, StoryRequest, thinking_budget, token_budget


def paragraphs(story: str) -> list[int]:
    """Where each paragraph of a story ends, in characters; headings and breaks belong to the paragraph before them."""
    return [block.end for block in blocks(story) if block.kind in ("paragraph", "code")]


def place_by_text(record: StoryRecord, characters: int) -> Place:
    """The place in a story whose tokens nobody knows: as many of them as the text's share."""
    tokens = round(record.story_tokens * characters / max(1, len(record.story)))
    return Place(record.thinking_tokens + tokens, record.thinking_tokens, characters)


def budget_too_small(record: StoryRecord, place: Place, request: StoryRequest) -> str | None:
    """Why a token budget does not hold what is kept of a story, or would have ended its planning; None where it does."""
    label, given = LABELS["max_new_tokens"], setting("max_new_tokens", request.sampling.max_new_tokens)
    was = setting("max_new_tokens", record.request.sampling.max_new_tokens)
    planned = min(place.thinking_tokens, record.closed_at or place.thinking_tokens)
    if thinking_budget(request) < planned:
        return (
            f"{label}: what is kept was planned in {planned:,} tokens, and {given} leaves {thinking_budget(request):,} for planning. "
            f"Give the one it was written with, {was}, or more."
        )
    if place.tokens >= token_budget(request):
        return f"{label}: {place.tokens:,} tokens are kept, and {given} ends the story at {token_budget(request):,}. Give more."
    return None


def written_on(record: StoryRecord, place: Place, paragraph: int, story_id: str, request: StoryRequest) -> StoryRecord:
    """A new story that begins with everything of `record`, which nothing changes meanwhile, up to `place`, the end of that paragraph.

    At the very beginning it is another version of the same request.
    """
    new = StoryRecord(story_id, request, origins=(*_before(record, place), _origin(record, place, paragraph)))
    if not place.tokens:
        return new
    new.writer, new.prompt, new.prompt_tokens = record.writer, record.prompt, record.prompt_tokens
    new.token_ids = record.token_ids[: place.tokens] if len(record.token_ids) >= record.tokens else []
    new.thinking_tokens, new.story_tokens = place.thinking_tokens, place.tokens - place.thinking_tokens
    within = _within(place)
    new.closed_at, new.closed_by = (record.closed_at, record.closed_by) if within(record.closed_at) else (None, "budget")
    new.unguarded_at = record.unguarded_at if within(record.unguarded_at) else None
    new.doubts = tuple(filter(within, record.doubts))
    new.taken_up = tuple(one for one in record.taken_up if within(one[0]))
    new.resumed_at = (*(tokens for tokens in record.resumed_at if within(tokens)), place.tokens)
    new.asides = tuple(aside for aside in record.asides if within(aside.tokens))
    new.stretches = tuple(stretch for stretch in record.stretches if within(stretch.tokens))
    new.begin_with(str(record.story)[: place.characters], str(record.thinking))
    return new


def _origin(record: StoryRecord, place: Place, paragraph: int) -> Origin:
    """The story that `record` is, up to a place. What it had of its own origins there was drawn as they were."""
    sampling, reseeded, unguarded = replace(record.request.sampling, seed=first_seed(record)), record.reseeded, record.unguarded_at
    if inside := next((origin for origin in record.origins if 0 < place.tokens <= origin.place.tokens), None):
        sampling, reseeded, unguarded = inside.sampling, inside.reseeded, inside.unguarded_at
    within, words = _within(place), count_words(str(record.story)[: place.characters])
    kept = tuple((tokens, seed) for tokens, seed in reseeded if within(tokens))
    return Origin(record.id, title(record), paragraph, words, place, sampling, kept, unguarded if within(unguarded) else None)


def _before(record: StoryRecord, place: Place) -> tuple[Origin, ...]:
    """The origins of `record` that lie before a place in it."""
    return tuple(origin for origin in record.origins if 0 < origin.place.tokens < place.tokens)


def _within(place: Place) -> Callable[[int | None], bool]:
    return lambda tokens: tokens is not None and tokens < place.tokens
