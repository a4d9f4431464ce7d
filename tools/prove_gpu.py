"""What only a GPU shows, in one run: that stories are the same in company, how fast, how faults end, and the app at full size.

    python tools/prove_gpu.py                                # everything; 18 GB of disk
    python tools/prove_gpu.py same faults                    # these parts

Each part runs in a process of its own, since one that breaks the GPU is done for. Full size is Qwen3.5-9B's sizes with random weights.
Without a GPU the parts that the miniature can show run on it, and what was not measured is named.
"""

import argparse
import datetime
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
import transformers
from gradio_client import Client

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
from polaris_demo.engine import compiled
from polaris_demo.engine.base import GpuBroken
from polaris_demo.engine.decoder import Decoder
from polaris_demo.engine.loading import PREVIEW_FOLDER, load_model
from polaris_demo.engine.local import LocalEngine
from polaris_demo.engine.run import Run
from polaris_demo.settings import Settings
from polaris_demo.story.events import Delta, Finish, Resume
from polaris_demo.story.request import SamplingParams, StoryRequest
from tools import bench_decode, full_size
from tools.bench_visitors import LANES, in_lanes

OUT = ROOT / "tools" / "results" / "proof.json"
PART_SECONDS = 600
TOKENS, ROUNDS = 48, 1  # for each way and context
CONTEXTS = {"bf16": [512, 4096, 16_384], "4bit": [512]}
COUNTS = {"bf16": LANES, "4bit": (1, 8)}
CUDA = torch.cuda.is_available()


def miniature(**settings: Any) -> LocalEngine:
    """The miniature as a checkpoint like any other: on the GPU where there is one, compiled and captured."""
    return load_model(str(PREVIEW_FOLDER), Settings(model=str(PREVIEW_FOLDER), **settings), lambda _: None)


# --- the same story in company ---------------------------------------------------------------------------------------


def same() -> dict[str, Any]:
    """Twelve stories of eight lanes, joining one after the other: each beside the others, by itself, and by the plain loop."""
    return {precision: _same(miniature(precision=precision, lanes=8)) for precision in ("fp32", "bf16")}


def _same(engine: LocalEngine) -> dict[str, Any]:
    chance = torch.Generator().manual_seed(3)
    runs = [_run(number, int(length), chance) for number, length in enumerate(torch.randint(20, 1500, (12,), generator=chance))]
    lanes, plain = engine._decoder, Decoder(engine._model, plain=True)
    alone = [_tokens(lanes, run) for run in runs]
    with ThreadPoolExecutor(len(runs)) as pool:
        beside = list(pool.map(lambda number: _tokens(lanes, runs[number], wait=0.03 * number), range(len(runs))))
    return {
        "captured as a graph": CUDA and not lanes.plain,
        "the same in company as alone": f"{sum(a == b for a, b in zip(alone, beside, strict=True))} of {len(runs)}",
        "the same by the plain loop": f"{sum(a == _tokens(plain, run) for a, run in zip(alone[:4], runs[:4], strict=True))} of 4",
    }


def _run(number: int, length: int, chance: torch.Generator) -> Run:
    params = SamplingParams(temperature=0 if number == 5 else 0.8, presence_penalty=0.5 * (number % 2))
    return Run(torch.randint(300, 4000, (length,), generator=chance).tolist(), (), params, number, 400 if CUDA else 100)


def _tokens(decoder: Decoder, run: Run, wait: float = 0) -> list[int]:
    time.sleep(wait)
    return [int(event) for event in decoder.tokens(run, threading.Event()) if isinstance(event, int)]


# --- faults ----------------------------------------------------------------------------------------------------------


def faults() -> dict[str, Any]:
    """Memory that is really full, twice; then a kernel that the GPU refuses in the middle of a story."""
    engine = miniature(lanes=4)
    right, _ = _written(engine)
    engine._decoder.free()
    torch.cuda.empty_cache()
    held, whole = torch.cuda.memory_reserved(), torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((held + 8 * 2**20) / whole)
    full = [str(_written(engine)[1]) for _ in range(2)]
    torch.cuda.set_per_process_memory_fraction(1.0)
    after, _ = _written(engine)
    engine._decoder.free()
    torch.cuda.empty_cache()
    found = {"memory full": full, "the next story is right": after == right, "bytes kept": torch.cuda.memory_reserved() - held}
    try:
        _, said = _written(engine, then=lambda: torch.zeros(4, device="cuda").index_fill_(0, torch.tensor([99], device="cuda"), 1))
        return found | {"a kernel that fails": f"no GpuBroken: {said}"}
    except GpuBroken as error:
        return found | {"a kernel that fails": f"GpuBroken after: {error.__context__ or 'its sentence'}"}


def _written(engine: LocalEngine, then: Callable[[], object] | None = None) -> tuple[list[int], Finish | None]:
    """A story's ids and its end; `then` happens in the middle of it."""
    ids: list[int] = []
    end = None
    for event in engine.write(StoryRequest("a fox", 200, sampling=SamplingParams(seed=5)), Resume(), threading.Event()):
        ids += event.token_ids if isinstance(event, Delta) else ()
        end = event if isinstance(event, Finish) else end
        if then and len(ids) > 100:
            then()
            then = None
    return ids, end


# --- speed -----------------------------------------------------------------------------------------------------------


def speed(precision: str) -> dict[str, Any]:
    """Tokens a second: one lane beside generate(), and several lanes with what memory they took."""
    bandwidth = bench_decode.copy_bandwidth("cuda")  # before the model takes the memory
    model = bench_decode.build(True, precision, "cuda")
    began = time.monotonic()
    compiled.settle(model, 1)
    took = time.monotonic() - began
    rows = bench_decode.contexts(model, Decoder(model), CONTEXTS[precision], TOKENS, ROUNDS, bandwidth)
    lanes = in_lanes(model, COUNTS[precision], ROUNDS)
    return {"compiling for one lane, s": round(took, 1), "bytes/s of a copy": bandwidth, "one lane, tokens/s": rows, "lanes": lanes}


# --- the app ---------------------------------------------------------------------------------------------------------


def app() -> dict[str, Any]:
    """The miniature through the whole app: until it is ready, one story, eight visitors, a stop, an end."""
    return App(str(PREVIEW_FOLDER), 300).visited()


def app_at_full_size() -> dict[str, Any]:
    """The same at full size, in bf16 and in NF4. Stories of 300 tokens: most of them have no text."""
    with tempfile.TemporaryDirectory() as folder:
        full_size.write(Path(folder))
        return {precision: App(folder, 100, precision, max_new_tokens=300).visited() for precision in ("bf16", "4bit")}


class App:
    """The app in a process of its own, its stories asked for with gradio_client."""

    def __init__(self, model: str, words: int, precision: str = "auto", **asked: int) -> None:
        self._asked, self._began = {"words": words} | asked, time.monotonic()
        self._data, self._log = tempfile.TemporaryDirectory(), tempfile.TemporaryFile("w+")  # noqa: SIM115
        settings = {
            "POLARIS_MODEL": model, "POLARIS_PRECISION": precision, "POLARIS_DATA_DIR": self._data.name, "POLARIS_GALLERY": "off",
            "POLARIS_VISITOR_STORIES": "20", "GRADIO_SERVER_PORT": "7861", "PYTHONFAULTHANDLER": "1",
        }  # fmt: skip
        self._process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=ROOT, env=os.environ | settings, stdout=self._log, stderr=self._log
        )

    def visited(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        try:
            self._visit(found)
        except Exception as error:
            found["error"] = f"{error!r}: {traceback.format_exc()[-600:]}"
        found["ends after, s"] = self._ended()
        self._log.seek(0)
        said = self._log.read().splitlines()
        found["log"] = [line[:300] for line in said if "Captured" in line or "WARN" in line or "ERROR" in line]
        if found["ends after, s"] is None:
            found["where it hangs"] = [
                line for line in said if line.startswith(("Thread", "Current")) or "polaris_demo" in line or "app.py" in line
            ]
        return found

    def _visit(self, found: dict[str, Any]) -> None:
        while not self._health().get("engine", {}).get("ready"):
            assert self._process.poll() is None and time.monotonic() - self._began < 150, self._health()
            time.sleep(0.1)
        found["ready after, s"] = round(time.monotonic() - self._began, 1)
        client = Client("http://127.0.0.1:7861", verbose=False)
        began = time.monotonic()
        alone = self._rested(client, [self._started(client, 10)])[0]
        found["one story, s"], found["its tokens/s"] = round(time.monotonic() - began, 2), alone["tokens_per_second"]
        found["model"], began = alone["model"], time.monotonic()
        eight = self._rested(client, [self._started(client, 10 + number) for number in range(8)])
        found["eight stories, s"], found["their ends"] = round(time.monotonic() - began, 2), sorted({one["finish_reason"] for one in eight})
        found["the first is the one alone"] = eight[0]["story"] == alone["story"]
        story = self._started(client, 99, max_new_tokens=8000)
        time.sleep(2)
        began = time.monotonic()
        client.predict(id=story["id"], key=story["key"], api_name="/stop_story")
        self._rested(client, [story])
        found["stop, s"] = round(time.monotonic() - began, 2)

    def _started(self, client: Any, seed: int, **asked: int) -> dict[str, Any]:
        story: dict[str, Any] = client.predict(premise="a fox", seed=seed, **(self._asked | asked), api_name="/start_story")
        return story

    def _rested(self, client: Any, stories: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Each as it is once it rests."""
        until = time.monotonic() + 60
        while True:
            looks = [client.predict(id=one["id"], api_name="/get_story") for one in stories]
            if all(one["finish_reason"] for one in looks):
                return looks
            assert time.monotonic() < until, looks
            time.sleep(0.02)

    def _health(self) -> dict[str, Any]:
        try:
            with urllib.request.urlopen("http://127.0.0.1:7861/healthz", timeout=5) as answer:
                health: dict[str, Any] = json.load(answer)
                return health
        except OSError:
            return {}

    def _ended(self) -> float | None:
        """Seconds from SIGTERM to the end; None where it does not end, and then it says where each thread is."""
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(8)
            return round(time.monotonic() - began, 2)
        except subprocess.TimeoutExpired:
            self._log.write("\n" + Path(f"/proc/{self._process.pid}/status").read_text().replace("Sig", "Thread Sig"))
            self._log.flush()
            self._process.send_signal(signal.SIGABRT)
            self._process.wait()
            return None


PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "same": same, "faults": faults, "bf16": lambda: speed("bf16"), "4bit": lambda: speed("4bit"), "app": app,
    "app-full-size": app_at_full_size,
}  # fmt: skip
ON_A_CPU = ("same", "app")


def run(part: str) -> dict[str, Any]:
    """A part, in a process of its own; where it fails, what it said last."""
    began = time.monotonic()
    with tempfile.NamedTemporaryFile("r") as found:
        command = [sys.executable, __file__, "--part", part, "--out", found.name]
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=PART_SECONDS, errors="replace")
            written = found.read()
            result = json.loads(written) if written else {"failed": ended.stderr[-3000:], "status": ended.returncode}
        except subprocess.TimeoutExpired:
            result = {"failed": f"not over after {PART_SECONDS} s"}
    return result | {"seconds": round(time.monotonic() - began, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=f"any of {', '.join(PARTS)}")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    transformers.logging.set_verbosity_error()
    if args.part:
        args.out.write_text(json.dumps(PARTS[args.part]()))
        return
    report: dict[str, Any] = {
        "date": datetime.date.today().isoformat(), "device": torch.cuda.get_device_name() if CUDA else "CPU",
        "torch": torch.__version__, "transformers": transformers.__version__, "python": platform.python_version(),
        "not measured": [part for part in args.parts if not CUDA and part not in ON_A_CPU],
    }  # fmt: skip
    for part in args.parts:
        if part not in report["not measured"]:
            report[part] = run(part)
            print(part, json.dumps(report[part], indent=1), flush=True)
            args.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
