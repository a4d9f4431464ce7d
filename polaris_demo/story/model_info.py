"""Who writes: the facts about a loaded model that the page, the checks and the record need, and how a model is called."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, get_origin

from .. import card

LOCAL = "local folder"
PREVIEW_WANDERS = 1500  # words; its longer stories were read, and lose their way
_SHORT = {card.MODEL.hub_id: card.MODEL.name} | {hub_id: hub_id.split("/")[1] for hub_id in (card.MODEL.ablation, card.MODEL.base)}


@dataclass(frozen=True)
class ModelInfo:
    """A model as loaded. `context` is in tokens; `why` is one sentence on how it came to be chosen.

    `model` is the hub's id, and LOCAL for a folder, whose `revision` is the fingerprint of its files. `name` is made by
    `hub_name` or `folder_name`, so that what has POLARIS-9B's name is what the hub has under its id.
    `versions` are those of the software that writing depends on, by name; empty where nobody noted them. `precision` is empty
    where an engine elsewhere does not say it. One that `redraws` begins its draws anew wherever a story is gone on with. One that
    `respells` tells text alone: its tokens are those of the model's tokenizer here for that text. `ignores` are the sampling fields
    that it does not take, and "closing" where its thinking cannot be ended for it.
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
    redraws: bool = False
    respells: bool = False
    ignores: tuple[str, ...] = ()

    @classmethod
    def restore(cls, data: Mapping[str, Any]) -> "ModelInfo":
        """What was kept of a model, unknown keys left out, under the name it has today. Raises TypeError for what was no model's.

        The first records have for a folder its path, a bare name and "local folder" for its revision, and for any hub id only
        its last part as its name.
        """
        kept = {one.name: data[one.name] for one in fields(cls) if one.name in data} | {"why": data.get("why", "")}
        if isinstance(ignores := kept.get("ignores"), list) and all(isinstance(name, str) for name in ignores):
            kept["ignores"] = tuple(ignores)  # JSON knows no tuples
        for one in fields(cls):
            if one.name in kept and type(kept[one.name]) is not (get_origin(one.type) or one.type):
                raise TypeError(f"{one.name} is {kept[one.name]!r}")
        return cls(**kept | _todays_name(kept))

    @property
    def on_the_card(self) -> str:
        """The name under which the card has figures of this model; empty where it has none. The hub's id alone decides."""
        return "" if self.is_preview else _SHORT.get(self.model, "")

    @property
    def usual_words(self) -> int | None:
        """The length its stories are best begun at; None where that is the form's own."""
        return 600 if self.is_preview else None

    @property
    def wanders_above(self) -> int | None:
        """The words above which its stories lose their way, where they were read at many lengths and do."""
        return PREVIEW_WANDERS if self.is_preview else None

    def badge(self) -> str:
        """What stands beside every story: the model, how it is held, and where it runs."""
        precision = "4-bit, not measured in the paper" if self.precision == "4bit" and not self.is_preview else self.precision
        return " · ".join(part for part in (self.name, precision, self.device) if part)

    def same_model(self, other: "ModelInfo") -> bool:
        """The same weights, so that a text that one began the other may go on with; how they are held and run may differ.

        A folder whose fingerprint nobody took is not known to be the same as anything.
        """
        return (self.model, self.revision) == (other.model, other.revision) and self.revision != LOCAL


def hub_name(hub_id: str) -> str:
    """The name of a model on the hub: a short one for the card's own, the whole id for any other."""
    return _SHORT.get(hub_id, hub_id)


def folder_name(path: str) -> str:
    """The name of a model in a folder: a folder may be called anything, so it says that it is one."""
    last = path.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return f"{LOCAL} {last}".strip()


def _todays_name(kept: Mapping[str, Any]) -> dict[str, str]:
    model = kept.get("model", "")
    if kept.get("is_preview") or model == LOCAL:
        return {}
    if kept.get("revision") == LOCAL:
        return {"name": folder_name(model), "model": LOCAL}
    return {"name": hub_name(model)} if model.count("/") == 1 else {}
