"""Measures the bundled miniature on held-out premises written by hand, at the app's default sampling.

    python tools/eval_preview.py                 # all lengths; prints one table, writes tools/results/preview.json
    python tools/eval_preview.py --stories /tmp/stories   # and keeps every story to be read

Each premise is written once at 200-1,000 words; 25 of them again at 2,000, 25 at 4,000.
"""

import argparse
import datetime
import json
import multiprocessing
import re
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent.parent))
from preview_grammar.words import MEN, WOMEN

from polaris_demo.engine.loading import load
from polaris_demo.settings import Settings
from polaris_demo.story.events import Resume
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import StoryRequest

HERE = Path(__file__).parent
SHORT = (200, 300, 400, 500, 600, 700, 800, 1000)
LITTLE = set(
    "a an the and or of in on at to from who that which whose with about by for is has not been will my her his their its "
    "one two three every what happens when named how where instead only because other people someone nobody keep keeps all "
    "last first old little small one's own left say says going would could there they them then than too much many".split()
)
# The grammar's phrases in which a name and the pronoun behind it are the same person's.
TIED = re.compile(
    rf"\b({'|'.join(WOMEN + MEN)})(?: is still an? [^.]* because| had(?= \w+ wish)| put down| put on| reached for| scratched| laced| opened"
    r"|, the [a-z ]+, went back to) (she|he|her|his)\b"
)


def content_words(premise: str) -> list[str]:
    """The premise's words that could be reused: long enough, and not mere grammar."""
    return [w for w in re.findall(r"[a-z]+", premise.lower()) if len(w) > 2 and w not in LITTLE]


def repeated_4grams(text: str) -> float:
    """Share of 4-grams of words that have occurred before."""
    words = re.findall(r"\w+", text.lower())
    grams = [tuple(words[i : i + 4]) for i in range(len(words) - 3)]
    return 1 - len(set(grams)) / max(1, len(grams))


def pronouns(story: str) -> tuple[int, int]:
    """How often a name had its own pronoun in the phrases where that can be told, of how often."""
    right = [(name in WOMEN) == (pronoun in ("she", "her")) for name, pronoun in TIED.findall(story)]
    return sum(right), len(right)


def write(engine, premise: str, words: int, seed: int) -> tuple[StoryRecord, float]:
    request = StoryRequest(premise, words)
    request = replace(request, sampling=replace(request.sampling, seed=seed))
    record, start = StoryRecord("eval", request), time.perf_counter()
    for event in engine.write(request, Resume(), threading.Event()):
        record.apply(event, time.perf_counter() - start + 1e-9)
    return record, time.perf_counter() - start


def measure(jobs: list[tuple[int, str, int]], threads: int, keep: Path | None) -> tuple[str, list[dict]]:
    """Write and measure jobs of (seed, premise, words); the weights' revision and a row for each."""
    torch.set_num_threads(threads)
    engine = load(Settings(model="preview"), lambda _: None)
    rows = []
    for seed, premise, words in jobs:
        record, seconds = write(engine, premise, words, seed)
        story = str(record.story)
        tokens = record.thinking_tokens + record.story_tokens
        rows.append({
            "premise": premise, "asked": words, "words": record.words, "ended": record.finish.reason == "stop",
            "closed": record.story_tokens > 0, "reused": any(re.search(rf"\b{w}", story.lower()) for w in content_words(premise)),
            "repeated": round(repeated_4grams(story), 3), "pronouns": pronouns(story), "tokens_per_second": round(tokens / seconds, 1),
        })  # fmt: skip
        print(
            f"{words:5d} {record.words:5d} {rows[-1]['ended']!s:5} {rows[-1]['reused']!s:5} {rows[-1]['repeated']:.3f} {premise}",
            flush=True,
        )
        if keep:
            (keep / f"{words:05d}-{seed:03d}.txt").write_text(f"{premise}\n\n{story}\n")
    return engine.status().writer.revision, rows


def share(rows: list[dict], test) -> float:
    return round(sum(map(test, rows)) / max(1, len(rows)), 3)


def summary(rows: list[dict]) -> dict:
    short = [r for r in rows if r["asked"] <= 1000]
    on_target = lambda r: abs(r["words"] / r["asked"] - 1) <= 0.2  # noqa: E731
    bars = {
        "thinking closed": (share(rows, lambda r: r["closed"]), 0.98),
        "a noun reused": (share(rows, lambda r: r["reused"]), 0.90),
        "200-1,000 words: ended by itself": (share(short, lambda r: r["ended"]), 0.90),
        "200-1,000 words: within 20 %": (share(short, on_target), 0.80),
    }
    for words in (2000, 4000):
        bars[f"{words:,} words: ended by itself"] = (share([r for r in rows if r["asked"] == words], lambda r: r["ended"]), 0.80)
    thousand = [r["repeated"] for r in rows if r["asked"] == 1000]
    bars["1,000 words: not repeated 4-grams"] = (round(1 - sum(thousand) / max(1, len(thousand)), 3), 0.85)
    bars["a name has its own pronoun"] = (
        round(sum(r["pronouns"][0] for r in short) / max(1, sum(r["pronouns"][1] for r in short)), 3), 0.95
    )  # fmt: skip
    return {name: {"measured": value, "bar": bar, "holds": value >= bar} for name, (value, bar) in bars.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stories", type=Path)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--long", type=int, default=25)
    parser.add_argument("--processes", type=int, default=2, help="each computes on one thread")
    args = parser.parse_args()
    if args.stories:
        args.stories.mkdir(parents=True, exist_ok=True)
    premises = (HERE / "preview_premises.txt").read_text().splitlines()[: args.count]
    asked = [(p, SHORT[i % len(SHORT)]) for i, p in enumerate(premises)]
    asked += [(p, 2000) for p in premises[::4][: args.long]] + [(p, 4000) for p in premises[1::4][: args.long]]
    jobs = [(seed, premise, words) for seed, (premise, words) in enumerate(asked)]
    parts = [(jobs[i :: args.processes], 1, args.stories) for i in range(args.processes)]
    with multiprocessing.get_context("spawn").Pool(args.processes) as pool:
        done = pool.starmap(measure, parts)
    rows = [row for _, part in done for row in part]
    result = summary(rows)
    speeds = sorted(r["tokens_per_second"] for r in rows)
    print(
        *(f"{name:36} {v['measured']:.3f}  bar {v['bar']:.2f}  {'holds' if v['holds'] else 'MISSED'}" for name, v in result.items()),
        sep="\n",
    )
    print(f"tokens/s on one thread, {args.processes} processes at once, median: {speeds[len(speeds) // 2]}")
    report = {
        "date": datetime.date.today().isoformat(), "weights": done[0][0], "processes": args.processes,
        "tokens_per_second_median": speeds[len(speeds) // 2], "bars": result, "stories": rows,
    }  # fmt: skip
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "preview.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
