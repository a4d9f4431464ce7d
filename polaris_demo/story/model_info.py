"""Who writes: the facts about a loaded model that the page, the checks and the record need."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class ModelInfo:
    """A model as loaded. `context` is in tokens; `why` is one sentence on how it came to be chosen.

    `versions` are those of the software that writing depends on, by name; empty where nobody noted them.
    """

    name: str
    model: str
    revision: str
    precision: str
    device: str
    engine: str
    context: int
    is_preview: bool
    why: str
    versions: dict[str, str] = field(default_factory=dict, hash=False)

    def badge(self) -> str:
        """What stands beside every story: the model, how it is held, and where it runs."""
        precision = "4-bit, not measured in the paper" if self.precision == "4bit" and not self.is_preview else self.precision
        return f"{self.name} · {precision} · {self.device}"

    def same_model(self, other: "ModelInfo") -> bool:
        """The other can go on with what this one wrote; precision, device and engine may differ."""
        return (self.model, self.revision) == (other.model, other.revision)

    @classmethod
    def restore(cls, data: Mapping[str, Any]) -> "ModelInfo":
        """The model that `asdict` was taken from. Raises TypeError where it is none of ours."""
        known = {f.name for f in fields(cls)}
        return cls(**{name: value for name, value in data.items() if name in known})
