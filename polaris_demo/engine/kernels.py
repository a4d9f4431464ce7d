"""Qwen3.5's linear attention by transformers' own operations, whatever else is installed.

transformers 5.23 takes flash-linear-attention and causal-conv1d by itself where they can be imported. The first of them compiles and
tunes its kernels for each new length: on an H200 the first prompt of 300 tokens took a minute, where transformers' own operations read
it in 0.1 s and one of 4,096 tokens in 0.9 s. In a step their place is taken by what `compiled` makes.
"""

import inspect
import sys

from transformers import PreTrainedModel

FUNCTIONS = ("torch_chunk_gated_delta_rule", "torch_recurrent_gated_delta_rule", "causal_conv1d_fn", "causal_conv1d_update")


def use_own(model: PreTrainedModel) -> None:
    """Put transformers' own operations in the place of whatever wraps them in the module of the model's code."""
    modeling = sys.modules[type(model).__module__]
    for name in FUNCTIONS:
        setattr(modeling, name, inspect.unwrap(getattr(modeling, name)))
