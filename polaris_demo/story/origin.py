"""What a story was written on from: a place in another story, and how everything up to there was drawn."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .request import SamplingParams


@dataclass(frozen=True)
class Place:
    """A place in a story: so many generated tokens, of which so many were thinking, spell so many characters of its text."""

    tokens: int = 0
    thinking_tokens: int = 0
    characters: int = 0


@dataclass(frozen=True)
class Origin:
    """The first tokens and characters of another story, up to the end of a paragraph; none of it where only its request was taken.

    `sampling` drew them, with the seed that began; each of `reseeded` is a pair: tokens there were, and the seed from there on.
    `unguarded_at` is the token from which they might go round in circles. `paragraph` counts from 1.
    """

    story: str
    title: str
    paragraph: int
    words: int
    place: Place
    sampling: SamplingParams
    reseeded: tuple[tuple[int, int], ...] = ()
    unguarded_at: int | None = None

    @classmethod
    def restore(cls, kept: Mapping[str, Any]) -> "Origin":
        """The origin that `asdict` made this of, through JSON. Raises KeyError or TypeError for what was none."""
        parts = {"place": Place(**kept["place"]), "sampling": SamplingParams(**kept["sampling"])}
        return cls(**{**kept, **parts, "reseeded": tuple((tokens, seed) for tokens, seed in kept["reseeded"])})

    def kept(self) -> dict[str, Any]:
        """Ready for JSON; `restore` takes it."""
        return asdict(self)
