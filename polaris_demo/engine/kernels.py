"""The optional fast kernels for Qwen3.5's linear attention: flash-linear-attention and causal-conv1d, never required.

transformers 5.23 takes them by itself where they can be imported, and its own operations where they cannot. But what
can be imported may still fail on a GPU, so a model is tried with them once, before its first story.
"""

import inspect
import logging
import sys
from importlib.util import find_spec

import torch
from transformers import DynamicCache, PreTrainedModel

PACKAGES = ("fla", "causal_conv1d")
FUNCTIONS = ("torch_chunk_gated_delta_rule", "torch_recurrent_gated_delta_rule", "causal_conv1d_fn", "causal_conv1d_update")
log = logging.getLogger(__name__)


def settle(model: PreTrainedModel) -> None:
    """Let a model use the optional kernels that are installed, or none of them where they fail on its device."""
    if not any(find_spec(name) for name in PACKAGES):
        return
    try:
        _try(model)
    except (torch.OutOfMemoryError, torch.AcceleratorError):
        raise  # another story may fit; after an accelerator's error nothing computes in this process any more
    except Exception as error:
        log.warning("The optional kernels fail here, so transformers' own operations are used: %s: %s", type(error).__name__, error)
        use_none(sys.modules[type(model).__module__])


def use_none(modeling: object) -> None:
    """Put transformers' own operations in the place of whatever wraps them in a module of model code."""
    for name in FUNCTIONS:
        setattr(modeling, name, inspect.unwrap(getattr(modeling, name)))


@torch.no_grad()
def _try(model: PreTrainedModel) -> None:
    """Read a few tokens and one more: each kernel is called. Raises what it raises, and ArithmeticError for broken values."""
    cache = DynamicCache(config=model.config.get_text_config())
    for length in (80, 1):
        ids = torch.zeros(1, length, dtype=torch.long, device=model.device)
        logits = model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1).logits
        if not bool(torch.isfinite(logits).all()):
            raise ArithmeticError("values that are not finite")
