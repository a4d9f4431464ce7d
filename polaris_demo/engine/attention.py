"""How a batch's step attends: one new token a row, to as many columns as its mask lets it see.

A story has to come out bit for bit the same in any company. So what a row computes may not hang on the batch's length, which follows the
longest story in it: its columns are cut into parts of one size, and the parts that are empty add nothing. (With cuDNN's kernel for the
same one story of twelve came out otherwise in company on an H200.) It also leaves out what is not read, and copies no key for the heads
that share it. What the library has for this, transformers 5.23's packed heads, gives a GPU four blocks of work a row
however many columns there are: it is what is used where the kernels here cannot be.
"""

import logging
from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "sdpa_in_parts"
COLUMNS = 600  # that are tried
NEARLY = 0.02  # how far what comes of it in bf16 may lie from the library's, as a share of its length
log = logging.getLogger(__name__)


def use(model: PreTrainedModel) -> bool:
    """Let a model's steps attend in parts; False where that cannot be, or comes to something else than the library's way."""
    try:
        _try(model)
    except (torch.OutOfMemoryError, torch.AcceleratorError):
        raise
    except Exception as error:
        log.warning("Steps attend the library's way, which takes longer for long stories: %s: %s", type(error).__name__, error)
        return False
    AttentionInterface.register(NAME, in_parts)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    model.set_attn_implementation(NAME)
    return True


def in_parts(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """As transformers' attention functions: from (rows, heads, tokens, size), and keys of fewer heads, to (rows, tokens, heads, size).

    More tokens than one, or no mask: the library's own.
    """
    if query.shape[2] > 1 or attention_mask is None:
        attended: tuple[torch.Tensor, None] = sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **options)
        return attended
    from .attention_kernels import attend

    return attend(query, key, value, attention_mask, scaling or query.shape[-1] ** -0.5), None


@torch.no_grad()
def _try(model: PreTrainedModel) -> None:
    """Two rows of random numbers, of which one sees a part. Raises what the kernels raise, and ArithmeticError for other numbers."""
    config, chance = model.config.get_text_config(), torch.Generator(model.device).manual_seed(0)

    def numbers(heads: int, columns: int) -> torch.Tensor:
        shape = (2, heads, columns, config.head_dim)
        return torch.randn(shape, generator=chance, device=model.device, dtype=torch.float32).to(model.dtype)

    query, key, value = (numbers(config.num_attention_heads, 1), *(numbers(config.num_key_value_heads, COLUMNS) for _ in range(2)))
    mask = torch.arange(COLUMNS, device=model.device) <= torch.tensor([[COLUMNS // 3], [COLUMNS]], device=model.device)
    module = torch.nn.Module()
    module.num_key_value_groups = config.num_attention_heads // config.num_key_value_heads
    expected, _ = sdpa_attention_forward(module, query, key, value, mask[:, None, None], scaling=config.head_dim**-0.5)
    found, _ = in_parts(module, query, key, value, mask[:, None, None], scaling=config.head_dim**-0.5)
    if not float((found - expected).float().norm()) <= NEARLY * float(expected.float().norm()):
        raise ArithmeticError("other numbers than the library's")
