"""A checkpoint of Qwen3.5-9B's sizes with random weights in bf16 (17 GiB, five files), to see how a machine loads and writes at full size.

    python tools/full_size.py FOLDER

Its tokenizer is the miniature's, so most of what it writes has no text. Speed and memory do not depend on what weights are.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import Qwen3_5ForCausalLM, Qwen3_5TextConfig

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
from polaris_demo.engine.loading import PREVIEW_FOLDER
from tools.bench_decode import FULL_SIZE

FILE_BYTES = 4 * 10**9
COPIED = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json")


def write(folder: Path) -> None:
    """Write the checkpoint; weights of equal shape differ."""
    folder.mkdir(parents=True, exist_ok=True)
    config = Qwen3_5TextConfig(**FULL_SIZE)
    described = config.to_dict() | {"architectures": ["Qwen3_5ForCausalLM"], "dtype": "bfloat16"}
    (folder / "config.json").write_text(json.dumps(described, indent=1))
    for name in COPIED:
        shutil.copy(PREVIEW_FOLDER / name, folder / name)
    with torch.device("meta"):
        shapes = {name: weight.shape for name, weight in Qwen3_5ForCausalLM(config).state_dict().items()}
    device = "cuda" if torch.cuda.is_available() else "cpu"
    generator, index = torch.Generator(device).manual_seed(0), {}
    for number, names in enumerate(_files(shapes), 1):
        file = f"model-{number:05d}.safetensors"
        save_file({name: _weight(name, shapes[name], generator) for name in names}, folder / file, metadata={"format": "pt"})
        index |= dict.fromkeys(names, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))


def _files(shapes: dict[str, torch.Size]) -> list[list[str]]:
    """The weights' names, file by file."""
    files, size = [[]], 0
    for name, shape in shapes.items():
        size += 2 * shape.numel()
        files[-1].append(name)
        if size >= FILE_BYTES:
            files.append([])
            size = 0
    return [names for names in files if names]


def _weight(name: str, shape: torch.Size, generator: torch.Generator) -> torch.Tensor:
    """As a model begins: norms that change nothing, decays of every speed, matrices around 0."""
    if name.endswith("norm.weight"):
        return torch.full(shape, float("linear_attn" in name), dtype=torch.bfloat16)
    if name.endswith(("A_log", "dt_bias")):
        return torch.rand(shape, generator=generator, device=generator.device).to(torch.bfloat16).cpu()
    return (torch.randn(shape, generator=generator, device=generator.device, dtype=torch.bfloat16) * 0.02).cpu()


if __name__ == "__main__":
    write(Path(sys.argv[1])) if len(sys.argv) == 2 else sys.exit(__doc__)
