"""A model of POLARIS-9B's architecture that takes half the miniature's time: what it says means nothing. Only for tests."""

import torch
from transformers import Qwen3_5ForCausalLM, Qwen3_5TextConfig

OF_THE_MINIATURE = 4096  # ids of its vocabulary


def tiny_model(vocabulary: int = OF_THE_MINIATURE) -> Qwen3_5ForCausalLM:
    """A layer of either kind with random weights, the same ones each time, in fp32."""
    torch.manual_seed(5)
    config = Qwen3_5TextConfig(
        vocab_size=vocabulary, hidden_size=32, intermediate_size=48, num_hidden_layers=2, layer_types=["linear_attention", "full_attention"],
        num_attention_heads=2, num_key_value_heads=1, head_dim=16, linear_num_key_heads=1, linear_num_value_heads=2,
        linear_key_head_dim=16, linear_value_head_dim=16, max_position_embeddings=32_768, tie_word_embeddings=False,
        initializer_range=0.2,  # ten times the usual: every layer has its say in what comes next
    )  # fmt: skip
    model = Qwen3_5ForCausalLM(config).eval()
    with torch.no_grad():
        model.lm_head.weight.mul_(3)  # likelihoods far enough from even to be a model's
    return model
