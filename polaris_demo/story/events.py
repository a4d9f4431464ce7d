"""What an engine may say while it writes."""

import math
from dataclasses import dataclass, field
from typing import Literal

Stage = Literal["queued", "loading", "gpu", "reading"]
Kind = Literal["thinking", "story"]
Reason = Literal["stop", "length", "cancelled", "segment", "loop", "error"]


@dataclass(frozen=True)
class Progress:
    """Work before the next token: `done` of `total` (both 0 where no measure exists). "gpu" waits for a lent GPU.

    `seconds` is how long the rest is expected to take; None where no pace has been measured.
    """

    stage: Stage
    done: int = 0
    total: int = 0
    seconds: int | None = None


@dataclass(frozen=True)
class Delta:
    """Newly generated tokens of one kind. `text` may be empty: a character can span tokens. Without tokens, a sign of life."""

    kind: Kind
    text: str
    token_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Finish:
    """The last event. `message` is a sentence for the visitor where the reason alone does not explain the end.

    After a "loop" only the first `tokens` of all that were generated are kept, and the first `characters` of the story.
    """

    reason: Reason
    message: str = ""
    tokens: int | None = None
    characters: int | None = None


@dataclass(frozen=True)
class Started:
    """The prompt as rendered and its length in tokens, said once before the first token."""

    prompt: str
    prompt_tokens: int = field(default=0)


@dataclass(frozen=True)
class ThinkingClosed:
    """The thinking reached its budget of `tokens` and was closed for the model."""

    tokens: int


Event = Progress | Started | ThinkingClosed | Delta | Finish


def spoken(seconds: float) -> str:
    """A length of time as one says it, rounded up."""
    if seconds < 55:
        return f"{max(1, math.ceil(seconds / 5) * 5) if seconds > 10 else max(1, math.ceil(seconds))} s"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
