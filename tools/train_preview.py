"""Trains the miniature in polaris_demo/preview/ from nothing but the story grammar beside this file.

    python tools/train_preview.py                        # an hour on two cores with AVX-512, most of a day without
    python tools/train_preview.py --steps 200 --out /tmp/try

One seed gives one model on one machine. Settings and losses are written beside the weights (training.json).
"""

import argparse
import json
import math
import platform
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AddedToken, GenerationConfig, Qwen3_5ForCausalLM, Qwen3_5TextConfig
from transformers.models.qwen3_5.tokenization_qwen3_5 import PRETOKENIZE_REGEX, Qwen3_5Tokenizer

sys.path.insert(0, str(Path(__file__).parent))
from preview_grammar.grammar import Story, make_story

PREVIEW = Path(__file__).parent.parent / "polaris_demo" / "preview"
VOCABULARY = 4096
STORIES = 4000  # that the vocabulary is learned from
CONTEXT = 32768
# Qwen3.5's added tokens in their order; only the second list is hidden by skip_special_tokens in its tokenizer.
SPECIAL = (
    "<|endoftext|> <|im_start|> <|im_end|> <|object_ref_start|> <|object_ref_end|> <|box_start|> <|box_end|> "
    "<|quad_start|> <|quad_end|> <|vision_start|> <|vision_end|> <|vision_pad|> <|image_pad|> <|video_pad|>"
).split()
PLAIN = (
    "<tool_call> </tool_call> <|fim_prefix|> <|fim_middle|> <|fim_suffix|> <|fim_pad|> <|repo_name|> <|file_sep|> "
    "<tool_response> </tool_response> <think> </think>"
).split()
SPECIAL_TAIL = ("<|audio_start|> <|audio_end|> <tts_pad> <tts_text_bos> <tts_text_eod> <tts_text_bos_single> <|audio_pad|>").split()
# The part of Qwen3.5's chat format that a single request uses, in our own words.
CHAT_TEMPLATE = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message.role + '\\n' + message.content | trim + '<|im_end|>\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}"
    "{{- '<|im_start|>assistant\\n<think>\\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}{{- '\\n</think>\\n\\n' }}{%- endif %}"
    "{%- endif %}"
)
# Few fixed (length, batch) shapes: a shape seen for the first time costs seconds of kernel set-up.
SHAPES = ((256, 22), (448, 13), (704, 8), (1152, 5))
SHAPE_WEIGHTS = {"heading": 2.0, "end": 4.0}
FAST_BF16 = torch.backends.cpu.get_cpu_capability().startswith("AVX512")  # elsewhere bf16 is emulated, ten times slower than fp32


def build_tokenizer(seed: int) -> Qwen3_5Tokenizer:
    """Qwen3.5's tokenizer class and added tokens over a byte-level vocabulary learned from the grammar."""
    added = SPECIAL + PLAIN + SPECIAL_TAIL
    bpe = Tokenizer(models.BPE())
    bpe.normalizer = normalizers.NFC()
    split = pre_tokenizers.Split(pattern=_regex(), behavior="isolated", invert=False)
    bpe.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    bpe.decoder = decoders.ByteLevel()
    rng = random.Random(seed)
    stories = [make_story(rng, rng.choice([None, 300, 900])) for _ in range(STORIES)]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY - len(added), initial_alphabet=sorted(alphabet), show_progress=False)
    bpe.train_from_iterator([f"{s.prompt}\n{s.thinking()}\n\n{s.text()}" for s in stories], trainer)
    learned = json.loads(bpe.to_str())["model"]
    merges = [tuple(m) for m in learned["merges"]]
    tokenizer = Qwen3_5Tokenizer(
        vocab=learned["vocab"], merges=merges, eos_token=None, pad_token=None, unk_token=None, model_max_length=CONTEXT
    )
    tokens = [AddedToken(t, special=t not in PLAIN, normalized=False) for t in added]
    tokenizer.add_tokens([tokens[0]], special_tokens=True)
    for token in tokens[1:]:
        tokenizer.add_tokens([token], special_tokens=token.special)
    tokenizer.eos_token, tokenizer.pad_token = "<|im_end|>", "<|endoftext|>"
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def _regex():
    from tokenizers import Regex

    return Regex(PRETOKENIZE_REGEX)


def build_model(tokenizer: Qwen3_5Tokenizer) -> Qwen3_5ForCausalLM:
    config = Qwen3_5TextConfig(
        vocab_size=VOCABULARY, hidden_size=256, intermediate_size=640, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=2, head_dim=64,
        linear_num_key_heads=2, linear_num_value_heads=2, linear_key_head_dim=64, linear_value_head_dim=64,
        layer_types=["linear_attention", "full_attention"] * 2, tie_word_embeddings=True,
        max_position_embeddings=CONTEXT,
        rope_parameters={"rope_type": "default", "rope_theta": 1e5, "partial_rotary_factor": 0.25,
                         "mrope_section": [3, 3, 2], "mrope_interleaved": True},
        pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id, bos_token_id=None,
    )  # fmt: skip
    model = Qwen3_5ForCausalLM(config)
    with torch.no_grad():  # decay rates spread as in the gated delta net papers; the library's start is one value
        for layer in model.model.layers:
            if hasattr(layer, "linear_attn"):
                layer.linear_attn.A_log.uniform_(0.5, 4).log_()
                step = torch.empty_like(layer.linear_attn.dt_bias).uniform_(math.log(0.005), math.log(0.3)).exp()
                layer.linear_attn.dt_bias.copy_(step + torch.log(-torch.expm1(-step)))
    return model


class Encoder:
    """Stories to (ids, weights, positions), cut to a window of parts where a story is long."""

    def __init__(self, tokenizer: Qwen3_5Tokenizer) -> None:
        self._backend = tokenizer.backend_tokenizer

    def ids(self, text: str) -> list[int]:
        return self._backend.encode(text, add_special_tokens=False).ids

    def window(self, rng: random.Random, short: bool) -> tuple[list[int], list[float], list[int]]:
        seed = rng.getrandbits(60)
        words = random.Random(seed).randint(50, 400) if short else None
        story = make_story(random.Random(seed), words, want=set())
        count = len(story.parts)
        each = story.plan.words / count * 1.35
        room = max(1, int((SHAPES[-1][0] - 40 - len(self.ids(story.thinking() + story.prompt))) / each))
        first = 0
        if count > room:
            first = rng.choices([0, count - room, rng.randint(0, count - room)], [0.35, 0.25, 0.4])[0]
        want = set(range(first, min(count, first + room)))
        story = make_story(random.Random(seed), words, want=want)
        return self._lay_out(rng, story, first, max(want), each)

    def _lay_out(self, rng: random.Random, story: Story, first: int, last: int, each: float):
        ids = self.ids(f"<|im_start|>user\n{story.prompt}<|im_end|>\n<|im_start|>assistant\n<think>\n")
        weights = [0.0] * len(ids)

        def add(text: str, weight: float) -> None:
            new = self.ids(text)
            ids.extend(new)
            weights.extend([weight] * len(new))

        add(f"{story.thinking()}\n</think>\n\n# {story.title}", 1.0)
        skipped, at = 0, len(ids)
        for i in range(first, last + 1):
            jumped = i == first and first > 0
            add(story.heading(i), 0.0 if jumped else SHAPE_WEIGHTS["heading"])
            add(story.parts[i] or "", 1.0)
        if last + 1 < len(story.parts):
            add(story.heading(last + 1), SHAPE_WEIGHTS["heading"])
        else:
            add("<|im_end|>", SHAPE_WEIGHTS["end"])
        if first:
            skipped = int(first * each * rng.uniform(0.9, 1.1))
        positions = list(range(at)) + [k + skipped for k in range(at, len(ids))]
        return ids, weights, positions

    def batches(self, seed: int, short) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """Endless batches of (ids, weights, positions), each (batch, length)."""
        rng = random.Random(seed)
        waiting: dict[int, list] = {length: [] for length, _ in SHAPES}
        while True:
            row = self.window(rng, short())
            length, size = next((s for s in SHAPES if len(row[0]) <= s[0]), SHAPES[-1])
            waiting[length].append(row)
            if len(waiting[length]) == size:
                yield _stack(waiting.pop(length), length)
                waiting[length] = []


def _stack(rows: list, length: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    ids, weights = torch.zeros(len(rows), length, dtype=torch.long), torch.zeros(len(rows), length)
    positions = torch.zeros(len(rows), length, dtype=torch.long)
    for i, (a, b, c) in enumerate(rows):
        n = min(length, len(a))
        ids[i, :n], weights[i, :n], positions[i, :n] = torch.tensor(a[:n]), torch.tensor(b[:n]), torch.tensor(c[:n])
        positions[i, n:] = c[n - 1]
    return ids, weights, positions


def loss_of(model: Qwen3_5ForCausalLM, batch, z_weight: float) -> tuple[torch.Tensor, float]:
    """Weighted cross entropy plus a pull of log Z towards 0.

    With log Z near 0 the logits are log-probabilities, all of them at most 0, so dividing by a repetition penalty
    (which multiplies negative logits) leaves what the model is sure of alone. Untreated, a penalty of 1.10 takes
    the copied words and headings of so small a model apart.
    """
    ids, weights, positions = batch
    with torch.autocast("cpu", torch.bfloat16, enabled=FAST_BF16):
        hidden = model.model(input_ids=ids, position_ids=positions[None].expand(3, -1, -1), use_cache=False).last_hidden_state
        keep = weights[:, 1:] > 0
        logits = model.lm_head(hidden[:, :-1][keep])
    logits = logits.float()
    log_z = torch.logsumexp(logits, -1)
    nll = log_z - logits.gather(1, ids[:, 1:][keep][:, None])[:, 0]
    weight = weights[:, 1:][keep]
    return (nll * weight).sum() / weight.sum() + z_weight * log_z.square().mean(), nll.mean().item()


def optimizers(model: Qwen3_5ForCausalLM, lr: float, muon_lr: float) -> list[torch.optim.Optimizer]:
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    rest = [p for n, p in model.named_parameters() if p.ndim != 2 or "embed" in n]
    return [
        torch.optim.Muon(matrices, lr=muon_lr, momentum=0.95, weight_decay=0.01),
        torch.optim.AdamW(rest, lr=lr, betas=(0.9, 0.98), weight_decay=0.0, fused=True),
    ]


def train(args: argparse.Namespace) -> None:
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    tokenizer = build_tokenizer(args.seed)
    model = build_model(tokenizer).train()
    opts = optimizers(model, args.lr, args.muon_lr)
    base = [[group["lr"] for group in o.param_groups] for o in opts]
    step, tokens, recent, losses, start = 0, 0, [], [], time.perf_counter()
    batches = Encoder(tokenizer).batches(args.seed, short=lambda: step < 0.10 * args.steps)
    while step < args.steps:
        part = step / args.steps
        factor = min(1.0, (step + 1) / 100) * (1.0 if part < 0.4 else max(0.02, (1 - part) / 0.6))
        for o, lrs in zip(opts, base, strict=True):
            for group, lr in zip(o.param_groups, lrs, strict=True):
                group["lr"] = lr * factor
        batch = next(batches)
        loss, nll = loss_of(model, batch, args.z_weight)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for o in opts:
            o.step()
        model.zero_grad()
        step, tokens = step + 1, tokens + batch[0].numel()
        recent.append(nll)
        if step % 50 == 0:
            losses.append([step, round(sum(recent) / len(recent), 4)])
            recent = []
            print(
                f"step {step} loss {losses[-1][1]:.4f} tokens {tokens / 1e6:.2f}M {tokens / (time.perf_counter() - start):.0f}/s",
                flush=True,
            )
        if step % args.save_every == 0 or step == args.steps:
            save(args, model, tokenizer, losses, tokens)


def save(args: argparse.Namespace, model: Qwen3_5ForCausalLM, tokenizer: Qwen3_5Tokenizer, losses: list, tokens: int) -> None:
    ends = [tokenizer.convert_tokens_to_ids(t) for t in ("<|im_end|>", "<|endoftext|>")]
    state = {k: v.to(torch.bfloat16) for k, v in model.state_dict().items()}
    copy = Qwen3_5ForCausalLM(model.config).to(torch.bfloat16)
    copy.load_state_dict(state)
    copy.generation_config = GenerationConfig(
        do_sample=True, temperature=0.6, top_p=0.95, top_k=20, eos_token_id=ends, pad_token_id=ends[1]
    )
    copy.save_pretrained(args.out)
    tokenizer.save_pretrained(args.out)
    settings = {k: v for k, v in vars(args).items() if k not in ("out", "save_every")}
    settings |= {"shapes": SHAPES, "weights": SHAPE_WEIGHTS, "parameters": sum(p.numel() for p in model.parameters())}
    report = {"settings": settings, "tokens": tokens, "torch": torch.__version__, "python": platform.python_version(), "losses": losses}
    (args.out / "training.json").write_text(json.dumps(report, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2600)
    parser.add_argument("--seed", type=int, default=9)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--muon-lr", type=float, default=0.02)
    parser.add_argument("--z-weight", type=float, default=5e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--save-every", type=int, default=200)
    parser.add_argument("--out", type=Path, default=PREVIEW)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
