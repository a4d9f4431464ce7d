"""What passes between an engine and a story's record: what an engine says while it writes, and what it is told to go on from."""

from dataclasses import dataclass
from typing import Literal

from .model_info import ModelInfo

Stage = Literal["queued", "loading", "gpu", "reading"]
Kind = Literal["thinking", "story"]
Reason = Literal["stop", "length", "cancelled", "segment", "pause", "loop", "error"]


@dataclass(frozen=True)
class Progress:
    """Work before the next token: `done` of `total` (both 0 where no measure exists). "gpu" waits for a lent GPU.

    `seconds` is how long the rest is expected to take; None where no speed has been measured.
    """

    stage: Stage
    done: int = 0
    total: int = 0
    seconds: float | None = None


@dataclass(frozen=True)
class Started:
    """The prompt as rendered, its length in tokens, and who writes from here on; said once before the first token."""

    prompt: str
    prompt_tokens: int
    writer: ModelInfo


@dataclass(frozen=True)
class ThinkingClosed:
    """The thinking reached its budget, or went round in circles: after `tokens` generated tokens its end is put in for the model."""

    tokens: int
    why: Literal["budget", "loop"] = "budget"


@dataclass(frozen=True)
class Delta:
    """`tokens` newly generated tokens of one kind, with their ids where the engine has any.

    `text` may be empty: a character can span tokens. Without tokens it is a sign of life. `doubts` are the tokens, counted from the
    first that was generated, at which the model weighed another way out of text that copies itself.
    """

    kind: Kind
    text: str
    tokens: int = 0
    token_ids: tuple[int, ...] = ()
    doubts: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.token_ids and len(self.token_ids) != self.tokens:
            raise ValueError(f"{self.tokens} tokens with {len(self.token_ids)} ids")
        if self.text and not self.tokens:
            raise ValueError("text without tokens")

    @classmethod
    def of(cls, kind: Kind, text: str, token_ids: tuple[int, ...], doubts: tuple[int, ...] = ()) -> "Delta":
        """The delta of tokens whose ids are known."""
        return cls(kind, text, len(token_ids), token_ids, doubts)


@dataclass(frozen=True)
class TakenUp:
    """An engine elsewhere broke off after `tokens` generated tokens, and the story is gone on with from the last of them.

    `why` is said of the engine: "did not answer in time".
    """

    tokens: int
    why: str


@dataclass(frozen=True)
class TakenBack:
    """The last `tokens` story tokens were thinking after all: of the story only the first `characters` stand."""

    tokens: int
    characters: int


@dataclass(frozen=True)
class Finish:
    """The last event. "segment": more comes by itself. "pause": at rest until somebody goes on with it.

    `message` is a sentence for the visitor where the reason alone does not explain the end; nothing hangs on it. With `tokens`
    and `characters` only so many of all generated tokens and of the story's characters stand, and whoever goes on from there
    draws with another seed: the same one would come to the same end. What came after them in a "loop" is kept as an aside.
    """

    reason: Reason
    message: str = ""
    tokens: int | None = None
    characters: int | None = None


@dataclass(frozen=True)
class Resume:
    """What an engine needs to go on: the ids of all tokens so far or, where they are not all known, the texts; and who wrote it.

    Empty for a new story. Without `guard` a story that goes round in circles goes on; with it the `doubts` there were count.
    """

    token_ids: tuple[int, ...] = ()
    thinking: str = ""
    story: str = ""
    writer: ModelInfo | None = None
    guard: bool = True
    doubts: tuple[int, ...] = ()


Event = Progress | Started | ThinkingClosed | Delta | TakenBack | TakenUp | Finish
