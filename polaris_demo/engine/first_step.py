"""The first step of a model that was just loaded: it tells whether its weights are numbers to compute with.

Where weights are mapped into memory it is also what reads them from the disk, so it is measured like reading.
"""

from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from ..errors import EngineError
from .base import Report
from .progress import Measure


def require_sound(model: PreTrainedModel, called: str, doing: str, report: Report) -> None:
    """Raises EngineError where two tokens give numbers that are not finite, or the embedding of any other token holds one."""
    with torch.no_grad():
        sound = bool(torch.isfinite(_logits(model, Measure(doing, report, _bytes(model, recurse=True)))).all())
        embedding: Any = model.get_input_embeddings()
        sound = sound and bool(torch.isfinite(embedding.weight.sum()))
    if not sound:
        raise EngineError(
            f"The weights of {called} give numbers that are not finite, so no word can be drawn from them. "
            "Download it again, or name another model with POLARIS_MODEL."
        )


def _logits(model: PreTrainedModel, measure: Measure) -> torch.Tensor:
    """The logits of two tokens; the measure hears of every part of the model that has been through."""
    done = 0

    def through(module: nn.Module, *_: object) -> None:
        nonlocal done
        done += _bytes(module, recurse=False)
        measure.to(done)

    hooks = [module.register_forward_hook(through) for module in model.modules() if _bytes(module, recurse=False)]
    try:
        ids = torch.tensor([[0, 1]], device=model.device)
        logits: torch.Tensor = model(input_ids=ids, use_cache=False).logits
    finally:
        for hook in hooks:
            hook.remove()
    measure.end()
    return logits


def _bytes(module: nn.Module, recurse: bool) -> int:
    return sum(parameter.nbytes for parameter in module.parameters(recurse))
