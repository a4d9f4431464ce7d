"""Attention of one new token a row that shares keys and values between heads without copying them.

Steps of a batch need a mask. For those transformers 5.23 packs the heads that share a key into one query, which leaves a GPU four
blocks of work a row. torch's own grouping splits the keys as well: measured on an H200 over 32,768 tokens, 0.07 ms a layer instead of
1.65. Everything else goes the library's own way.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "sdpa_grouped"
BACKENDS = [SDPBackend.CUDNN_ATTENTION, SDPBackend.MATH]  # the others take no mask with grouped heads


def use(model: PreTrainedModel) -> None:
    """Let a model's steps attend this way."""
    AttentionInterface.register(NAME, grouped)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    model.set_attn_implementation(NAME)


def grouped(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """As transformers' attention functions: from (rows, heads, tokens, size), and keys of fewer heads, to (rows, tokens, heads, size)."""
    if query.shape[2] > 1 or attention_mask is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **options)
    with sdpa_kernel(BACKENDS, set_priority=True):
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=attention_mask, scale=scaling, enable_gqa=True)
    return attended.transpose(1, 2).contiguous(), None
