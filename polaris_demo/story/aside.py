"""A passage that stands folded in a story: what came after its last sound place, kept for whoever had read on."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from .measures import count_words


@dataclass(frozen=True)
class Aside:
    """What came after the first `characters` of the story and `tokens` of all that was generated, drawn with `seed`.

    `token_ids` are of all its tokens, where they have ids; some of them may be thinking, of which there is no text.
    """

    characters: int
    tokens: int
    text: str
    token_ids: tuple[int, ...]
    story_tokens: int
    thinking_tokens: int
    seed: int

    @cached_property
    def words(self) -> int:
        return count_words(self.text)

    @classmethod
    def restore(cls, kept: Mapping[str, Any]) -> "Aside":
        """The aside that `asdict` made this of, through JSON."""
        return cls(**{**kept, "token_ids": tuple(kept["token_ids"])})


def kept(asides: Sequence[Aside]) -> list[dict[str, Any]]:
    """Ready for JSON."""
    return [asdict(aside) for aside in asides]


def at_most(asides: Sequence[Aside], characters: int, tokens: int) -> tuple[Aside, ...]:
    """The same, in a story that is no longer than that now."""
    return tuple(replace(a, characters=min(a.characters, characters), tokens=min(a.tokens, tokens)) for a in asides)
