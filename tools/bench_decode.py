"""Decode speed of our loop against the library's generate(), alone and with TextIteratorStreamer, in one run.

    python tools/bench_decode.py                             # the miniature, on this machine
    python tools/bench_decode.py --full-size                 # Qwen3.5-9B's sizes, random weights, on a GPU
    python tools/bench_decode.py --full-size --precision 4bit --plain

The three are interleaved, since a machine's own speed drifts; the table gives medians and ratios. On a GPU the share of
the bandwidth ceiling is given too: the bytes a token must read, over what this GPU copies in the same run. Speed does
not depend on what the weights are, so random ones will do.
"""

import argparse
import datetime
import json
import platform
import statistics
import sys
import threading
import time
from pathlib import Path

import torch
import transformers
from transformers import AutoTokenizer, Qwen3_5ForCausalLM, Qwen3_5TextConfig, StoppingCriteria, StoppingCriteriaList, TextIteratorStreamer

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
from polaris_demo.engine import compiled, kernels
from polaris_demo.engine.decoder import Decoder
from polaris_demo.engine.loading import KEPT_IN_BF16, PREVIEW_FOLDER
from polaris_demo.engine.run import Run
from polaris_demo.story.request import SamplingParams

PARAMS = SamplingParams(seed=1)
# Qwen3.5-9B's text model, as published; the library's defaults differ in context length and rope base.
FULL_SIZE = {
    "vocab_size": 248320, "hidden_size": 4096, "intermediate_size": 12288, "num_hidden_layers": 32, "num_attention_heads": 16,
    "num_key_value_heads": 4, "head_dim": 256, "linear_num_key_heads": 16, "linear_num_value_heads": 32, "linear_key_head_dim": 128,
    "linear_value_head_dim": 128, "linear_conv_kernel_dim": 4, "max_position_embeddings": 262144, "tie_word_embeddings": False,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e7, "partial_rotary_factor": 0.25,
                     "mrope_section": [11, 11, 10], "mrope_interleaved": True},
}  # fmt: skip


class Clock(StoppingCriteria):
    """Notes when each token of a generate() call was there."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def __call__(self, input_ids, scores, **kwargs):
        self.times.append(time.perf_counter())
        return torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)


def build(full_size: bool, precision: str, device: str):
    if not full_size:
        model = Qwen3_5ForCausalLM.from_pretrained(PREVIEW_FOLDER, dtype=torch.float32)
        return model.to(device).eval()
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(device):
        model = Qwen3_5ForCausalLM(Qwen3_5TextConfig(**FULL_SIZE)).eval()
    torch.set_default_dtype(torch.float32)
    kernels.use_own(model)
    return in_4bit(model) if precision == "4bit" else model


def in_4bit(model):
    """The model's linear layers in NF4, but for those the app keeps in bf16."""
    import bitsandbytes as bnb

    for module in list(model.modules()):
        for child, layer in list(module.named_children()):
            if isinstance(layer, torch.nn.Linear) and child not in KEPT_IN_BF16:
                small = bnb.nn.Linear4bit(layer.in_features, layer.out_features, bias=layer.bias is not None,
                                          compute_dtype=torch.bfloat16, quant_type="nf4", device="meta")  # fmt: skip
                small.weight = bnb.nn.Params4bit(layer.weight.data.cpu(), requires_grad=False, quant_type="nf4", compress_statistics=True)
                setattr(module, child, small.to(layer.weight.device))
    torch.cuda.empty_cache()
    return model


def ours(decoder: Decoder, prompt: list[int], count: int) -> list[float]:
    run = Run(prompt, (), PARAMS, PARAMS.seed, count)
    return [time.perf_counter() for event in decoder.tokens(run, threading.Event()) if isinstance(event, int)]


def librarys(model, prompt: list[int], count: int, streamer: TextIteratorStreamer | None = None) -> list[float]:
    clock, ids = Clock(), torch.tensor([prompt], device=model.device)
    options = {
        "max_new_tokens": count, "do_sample": True, "temperature": PARAMS.temperature, "top_p": PARAMS.top_p, "top_k": PARAMS.top_k,
        "repetition_penalty": PARAMS.repetition_penalty, "eos_token_id": None, "pad_token_id": 0, "streamer": streamer,
        "attention_mask": torch.ones_like(ids), "stopping_criteria": StoppingCriteriaList([clock]),
    }  # fmt: skip
    reader = threading.Thread(target=lambda: list(streamer or ()), daemon=True)
    reader.start()
    model.generate(ids, **options)
    reader.join()
    return clock.times


def speed(times: list[float]) -> float:
    return (len(times) - 1) / (times[-1] - times[0])


def bytes_of(weight) -> int:
    """A parameter's bytes; with its scales where it is in NF4."""
    state = getattr(weight, "quant_state", None)
    scales = [state.absmax, *([state.state2.absmax] if state.nested else [])] if state else []
    return sum(t.numel() * t.element_size() for t in (weight, *scales))


def bytes_a_token(model, context: int) -> int:
    """What decoding one token must read: all weights but the embedding table, keys and values, recurrent states twice."""
    config, embedding = model.config, model.get_input_embeddings().weight
    weights = sum(bytes_of(p) for p in model.parameters())
    weights -= 0 if config.tie_word_embeddings else embedding.numel() * embedding.element_size()
    size = 4 if model.dtype == torch.float32 else 2
    full = sum(kind == "full_attention" for kind in config.layer_types)
    states = config.linear_num_value_heads * config.linear_key_head_dim * config.linear_value_head_dim * 4
    return (
        weights + full * 2 * config.num_key_value_heads * config.head_dim * size * context + (len(config.layer_types) - full) * 2 * states
    )


def copy_bandwidth(device: str) -> float | None:
    """Bytes per second a large copy reads and writes on the GPU."""
    if device != "cuda":
        return None
    a = torch.empty(2**31, dtype=torch.uint8, device=device)
    b = torch.empty_like(a)
    seconds = []
    for _ in range(5):
        torch.cuda.synchronize()
        start = time.perf_counter()
        b.copy_(a)
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    moved = 2 * a.numel()
    del a, b
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    return moved / min(seconds)


def bench(model, decoder: Decoder, context: int, count: int, rounds: int) -> dict[str, float]:
    torch.manual_seed(context)
    prompt = torch.randint(300, min(4000, model.config.vocab_size), (context,)).tolist()
    tokenizer = AutoTokenizer.from_pretrained(PREVIEW_FOLDER)
    ways = {
        "ours": lambda n: ours(decoder, prompt, n),
        "generate": lambda n: librarys(model, prompt, n),
        "streamer": lambda n: librarys(model, prompt, n, TextIteratorStreamer(tokenizer)),
    }
    for way in ways.values():
        way(4)
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            speeds[name].append(speed(way(count)))
    ratio = {name: statistics.median(a / b for a, b in zip(speeds["ours"], speeds[name], strict=True)) for name in ("generate", "streamer")}
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    return medians | {"ours/generate": ratio["generate"], "ours/streamer": ratio["streamer"]}


def contexts(model, decoder: Decoder, lengths: list[int], count: int, rounds: int, bandwidth: float | None) -> list[dict]:
    """A line for each context: tokens a second of the three ways, their ratios, and ours as a share of the ceiling where there is one."""
    print(f"{'context':>8} {'ours':>8} {'generate':>9} {'streamer':>9} {'ours/gen':>9} {'ours/str':>9} {'ceiling':>8}")
    rows = []
    for context in lengths:
        row = {"context": context} | bench(model, decoder, context, count, rounds)
        row["share of ceiling"] = row["ours"] * bytes_a_token(model, context) / bandwidth if bandwidth else None
        rows.append({k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()})
        share = f"{row['share of ceiling']:.0%}" if bandwidth else "–"
        figures = (
            f"{row['ours']:8.1f} {row['generate']:9.1f} {row['streamer']:9.1f} {row['ours/generate']:9.2f} {row['ours/streamer']:9.2f}"
        )
        print(f"{context:8d} {figures} {share:>8}", flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full-size", action="store_true")
    parser.add_argument("--precision", choices=("bf16", "4bit"), default="bf16")
    parser.add_argument("--plain", action="store_true", help="our plain loop, not the fixed buffers and graphs")
    parser.add_argument("--contexts", type=int, nargs="+", default=[512, 4096, 16384])
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=ROOT / "tools" / "results" / "decode.json")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    transformers.logging.set_verbosity_error()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if args.full_size and device == "cpu":
        sys.exit("--full-size needs a GPU: 9 billion parameters in bf16 take 17 GiB and would say nothing about a GPU's speed.")
    bandwidth = copy_bandwidth(device)  # before the model takes the memory
    model = build(args.full_size, args.precision, device)
    if device == "cuda" and not args.plain:
        compiled.settle(model, 1)
    decoder = Decoder(model, plain=args.plain or None)
    rows = contexts(model, decoder, args.contexts, args.tokens, args.rounds, bandwidth)
    report = {
        "date": datetime.date.today().isoformat(), "model": "Qwen3.5-9B, random weights" if args.full_size else "miniature",
        "precision": args.precision if args.full_size else "fp32", "loop": "plain" if decoder.plain else "compiled and captured",
        "device": torch.cuda.get_device_name() if device == "cuda" else f"CPU, {args.threads} thread(s)",
        "torch": torch.__version__, "transformers": transformers.__version__, "python": platform.python_version(),
        "copy bandwidth, bytes/s": bandwidth, "peak memory, bytes": torch.cuda.max_memory_allocated() if device == "cuda" else None,
        "not measured": [] if device == "cuda" else ["any GPU figure: full-size speed, graph capture, share of the bandwidth ceiling, NF4 on CUDA"],
        "tokens per second": rows,
    }  # fmt: skip
    args.out.parent.mkdir(exist_ok=True)
    args.out.write_text(json.dumps(report, indent=1) + "\n")
    print(*(f"not measured: {line}" for line in report["not measured"]), sep="\n")


if __name__ == "__main__":
    main()
