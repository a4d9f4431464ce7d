"""Eight visitors at once: words a second in all, and when each has a first word. Lanes, one story at a time, and the usual Space.

    python tools/bench_visitors.py                           # the miniature, on this machine, through the app's own queue
    python tools/bench_visitors.py --full-size               # decoding alone, Qwen3.5-9B's sizes and random weights, on a GPU

The usual Space answers every visitor in a thread of its own with generate() and a TextIteratorStreamer. All ways are run in turns,
since a machine's own speed drifts; figures are medians over the rounds, and ratios are within a round.
"""

import argparse
import datetime
import json
import platform
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import PreTrainedModel, TextIteratorStreamer

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
from polaris_demo.engine import compiled
from polaris_demo.engine.decoder import Decoder
from polaris_demo.engine.loading import load
from polaris_demo.engine.local import LocalEngine
from polaris_demo.engine.run import Run
from polaris_demo.jobs.runner import Runner
from polaris_demo.settings import Settings
from polaris_demo.story.measures import count_words
from polaris_demo.story.prompt import user_message
from polaris_demo.story.request import SamplingParams, StoryRequest, token_budget
from tools.bench_decode import build, librarys, speed

LANES = (1, 2, 4, 8)
LOOK_SECONDS = 0.01


@dataclass(frozen=True)
class Visits:
    """What all visitors had: words in all, seconds until the last story was over, and when each had a first word."""

    words: int
    seconds: float
    first: list[float]

    @property
    def figures(self) -> dict[str, float]:
        return {
            "words/s": round(self.words / self.seconds, 1),
            "first word, median s": round(statistics.median(self.first), 2),
            "first word, worst s": round(max(self.first), 2),
        }


def requests(visitors: int, words: int) -> list[StoryRequest]:
    return [StoryRequest(f"a fox and the number {n}", words, sampling=SamplingParams(seed=n)) for n in range(visitors)]


def through_the_app(engine: LocalEngine, asked: list[StoryRequest]) -> Visits:
    """Every story submitted at once, and looked at as a follower would."""
    runner = Runner(engine, queue_size=100, unfollowed_seconds=3600)
    began, first = time.perf_counter(), {}
    try:
        raw = [{"premise": one.premise, "words": one.words, "seed": one.sampling.seed} for one in asked]
        jobs = [runner.submit(fields, f"visitor {number}") for number, fields in enumerate(raw)]
        while not all(job.record.rests for job in jobs):
            for number, job in enumerate(jobs):
                if job.record.words and number not in first:
                    first[number] = time.perf_counter() - began
            time.sleep(LOOK_SECONDS)
        return Visits(sum(job.record.words for job in jobs), time.perf_counter() - began, list(first.values()))
    finally:
        runner.close()


def usual_space(model: PreTrainedModel, engine: LocalEngine, asked: list[StoryRequest]) -> Visits:
    """A thread a visitor, each in generate()."""
    chat, began = engine._chat, time.perf_counter()

    def visit(request: StoryRequest) -> tuple[int, float]:
        streamer = TextIteratorStreamer(chat._tokenizer, skip_prompt=True)
        ids = torch.tensor([chat.encode(user_message(request))], device=model.device)
        sampling = request.sampling
        options = {
            "max_new_tokens": token_budget(request), "do_sample": True, "temperature": sampling.temperature, "top_p": sampling.top_p,
            "top_k": sampling.top_k, "repetition_penalty": sampling.repetition_penalty, "eos_token_id": sorted(chat.ends),
            "pad_token_id": 0, "streamer": streamer, "attention_mask": torch.ones_like(ids),
        }  # fmt: skip
        writes = threading.Thread(target=lambda: model.generate(ids, **options), daemon=True)
        writes.start()
        story, first, open_ = "", 0.0, True
        for text in streamer:
            if open_:
                story += text
                open_ = "</think>" not in story
                story = story if open_ else story.partition("</think>")[2]
            else:
                story += text
            if not open_ and story.strip() and not first:
                first = time.perf_counter() - began
        writes.join()
        return count_words("" if open_ else story.partition("<|im_end|>")[0]), first or time.perf_counter() - began

    with ThreadPoolExecutor(len(asked)) as pool:
        told = list(pool.map(visit, asked))
    return Visits(sum(words for words, _ in told), time.perf_counter() - began, [first for _, first in told])


def in_the_app(args: argparse.Namespace) -> dict[str, Any]:
    settings = Settings(model="preview", lanes=8)
    engine = load(settings, lambda _: None)
    asked = requests(args.visitors, args.words)
    ways: dict[str, Callable[[], Visits]] = {
        f"{lanes} lanes" if lanes > 1 else "one at a time": lambda lanes=lanes: through_the_app(
            LocalEngine(engine._model, engine._chat, engine._writer, lanes=lanes), asked
        )
        for lanes in LANES
    }
    ways["usual Space"] = lambda: usual_space(engine._model, engine, asked)
    rounds = [{name: way() for name, way in ways.items()} for _ in range(args.rounds)]
    table = {name: {key: statistics.median(one[name].figures[key] for one in rounds) for key in rounds[0][name].figures} for name in ways}
    speeds = [[alone(engine, lanes, asked[0]) for lanes in (1, 8)] for _ in range(args.rounds)]
    runs = [Run(engine._chat.encode(user_message(one)), (), one.sampling, n, 400) for n, one in enumerate(asked)]
    rounds_of_tokens = [tokens_in_all(engine, runs) for _ in range(args.rounds)]
    pairs = [(one["8 lanes"], one["one at a time"]) for one in rounds]
    return {
        "visitors": args.visitors,
        "words": args.words,
        "ways": table,
        "decoding, tokens/s in all": {way: median(one[way] for one in rounds_of_tokens) for way in rounds_of_tokens[0]},
        "8 lanes / one at a time, words/s": median(a.words / a.seconds * b.seconds / b.words for a, b in pairs),
        "8 lanes / one at a time, worst first word": median(max(a.first) / max(b.first) for a, b in pairs),
        "one story alone, tokens/s: 8 lanes / plain loop": median(many / one for one, many in speeds),
    }


def alone(engine: LocalEngine, lanes: int, request: StoryRequest) -> float:
    """Tokens a second of one story with nobody beside it; by the plain loop where there is one lane."""
    decoder = Decoder(engine._model, plain=lanes == 1, lanes=lanes)
    return tokens_a_second(decoder, [Run(engine._chat.encode(user_message(request)), (), request.sampling, 1, 600)])


def tokens_in_all(engine: LocalEngine, runs: list[Run]) -> dict[str, float]:
    """Decoding alone, without the app: as many stories as there are lanes, beside one by the plain loop and one by generate()."""
    plain = {"plain loop": tokens_a_second(Decoder(engine._model, plain=True), runs[:1])}
    library = {"generate()": speed(librarys(engine._model, list(runs[0].prompt), 400))}
    lanes = {f"{count} lanes": tokens_a_second(Decoder(engine._model, plain=False, lanes=count), runs[:count]) for count in LANES}
    return plain | library | lanes


def tokens_a_second(decoder: Decoder, runs: list[Run]) -> float:
    """In all, from the first token of the last to begin to the end of the first to end."""
    times: list[list[float]] = [[] for _ in runs]

    def write(number: int) -> None:
        for event in decoder.tokens(runs[number], threading.Event()):
            if isinstance(event, int):
                times[number].append(time.perf_counter())

    with ThreadPoolExecutor(len(runs)) as pool:
        list(pool.map(write, range(len(runs))))
    begin, end = max(one[0] for one in times), min(one[-1] for one in times)
    return sum(begin < at <= end for one in times for at in one) / (end - begin)


def at_full_size(args: argparse.Namespace) -> dict[str, Any]:
    """Decoding alone: random weights tell no story."""
    if not torch.cuda.is_available():
        sys.exit("--full-size needs a GPU: 9 billion parameters in bf16 take 17 GiB and would say nothing about a GPU's speed.")
    return {"precision": args.precision, "decoding": in_lanes(build(True, args.precision, "cuda"), LANES, args.rounds)}


def in_lanes(model: PreTrainedModel, counts: Sequence[int], rounds: int) -> list[dict[str, Any]]:
    """A line for each number of lanes, all of them taken, on a GPU: tokens a second in all, and the most memory."""
    runs = [Run(torch.randint(300, 4000, (300,)).tolist(), (), SamplingParams(seed=n), n, 400) for n in range(max(counts))]
    rows = []
    for lanes in counts:
        compiled.settle(model, lanes)
        torch.cuda.reset_peak_memory_stats()
        decoder = Decoder(model, lanes=lanes)
        tokens_a_second(decoder, runs[:lanes])  # captures
        speed = statistics.median(tokens_a_second(decoder, runs[:lanes]) for _ in range(rounds))
        rows.append({"lanes": lanes, "tokens/s in all": round(speed, 1), "peak memory, bytes": torch.cuda.max_memory_allocated()})
        del decoder
        torch.cuda.empty_cache()
    return rows


def median(values: Any) -> float:
    return round(statistics.median(values), 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full-size", action="store_true")
    parser.add_argument("--precision", choices=("bf16", "4bit"), default="bf16")
    parser.add_argument("--visitors", type=int, default=8)
    parser.add_argument("--words", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=ROOT / "tools" / "results" / "visitors.json")
    args = parser.parse_args()
    transformers.logging.set_verbosity_error()
    cuda = torch.cuda.is_available()
    found = at_full_size(args) if args.full_size else in_the_app(args)
    report = {
        "date": datetime.date.today().isoformat(), "model": "Qwen3.5-9B, random weights" if args.full_size else "miniature",
        "device": torch.cuda.get_device_name() if cuda else "CPU, 1 thread", "torch": torch.__version__,
        "transformers": transformers.__version__, "python": platform.python_version(),
        "not measured": [] if args.full_size else ["any GPU figure: capture, speed and memory of lanes at full size, in bf16 and NF4"],
    } | found  # fmt: skip
    args.out.parent.mkdir(exist_ok=True)
    args.out.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
