"""Checkpoints of random weights in POLARIS-9B's own layout, and tokens of single bytes. Only for tests."""

import shutil
from pathlib import Path

import torch
from transformers import Qwen3_5Config, Qwen3_5ForConditionalGeneration, Qwen3_5TextConfig, Qwen3_5VisionConfig

from polaris_demo.engine.loading import PREVIEW_FOLDER
from polaris_demo.engine.tokens import BYTES, ChatTokens

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")


def published_layout(folder: Path) -> Path:
    """Random weights as Qwen3_5ForConditionalGeneration: vision tower, nested text config, sharded safetensors."""
    torch.manual_seed(0)
    text = Qwen3_5TextConfig(
        vocab_size=4096, hidden_size=128, intermediate_size=256, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
        head_dim=64, linear_num_key_heads=2, linear_num_value_heads=4, linear_key_head_dim=32, linear_value_head_dim=32,
        layer_types=["linear_attention"] * 3 + ["full_attention"], max_position_embeddings=8192, tie_word_embeddings=False,
    )  # fmt: skip
    vision = Qwen3_5VisionConfig(depth=1, hidden_size=64, intermediate_size=64, num_heads=2, out_hidden_size=128)
    config = Qwen3_5Config(text_config=text.to_dict(), vision_config=vision.to_dict())
    Qwen3_5ForConditionalGeneration(config).to(torch.bfloat16).save_pretrained(folder, max_shard_size="1MB")
    for name in TOKENIZER_FILES:
        shutil.copy(PREVIEW_FOLDER / name, folder)
    return folder


def of_bytes(chat: ChatTokens, data: bytes) -> list[int]:
    """The tokens that are these single bytes."""
    return [chat._backend.token_to_id(letter) for byte in data for letter, meant in BYTES.items() if meant == byte]
