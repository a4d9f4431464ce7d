"""Measures the app on the miniature: start-up, first signs of life, speed through a follower, memory.

    python tools/measure.py          # prints one table and writes tools/results/app.json

The app runs in a process of its own, as `python app.py`; the bare loop runs before and after it in another, alone, and
the speed is given as a ratio of the two, since this machine's own speed drifts.
"""

import datetime
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
PREMISE, WORDS, SEED = "a lighthouse keeper and a stolen bell", 1000, 7
BARE = f"""
import json, sys, threading, time, torch
from polaris_demo.engine.run import Run
from polaris_demo.engine.loading import load
from polaris_demo.settings import Settings
from polaris_demo.story.prompt import user_message
from polaris_demo.story.request import StoryRequest
engine = load(Settings(model="preview"), lambda progress: None)
request = StoryRequest({PREMISE!r}, {WORDS}).with_seed({SEED})
prompt = engine._chat.encode(user_message(request))
for run in range(2):
    times, ids = [], []
    for token in engine._decoder.tokens(Run(prompt, (), request.sampling, {SEED}, 4000), threading.Event()):
        if isinstance(token, int):
            times.append(time.perf_counter()); ids.append(token)
            if token in engine._chat.ends: break
print(json.dumps([len(times), (len(times) - 1) / (times[-1] - times[0])]))
"""


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextmanager
def app(env: dict[str, str]):
    """`python app.py`, and the seconds until its page answers."""
    port = free_port()
    environment = os.environ | env | {"GRADIO_SERVER_PORT": str(port), "POLARIS_MODEL": "preview", "GRADIO_ANALYTICS_ENABLED": "False"}
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read()
                break
            except OSError:
                time.sleep(0.05)
        yield process, f"http://127.0.0.1:{port}/", time.perf_counter() - start
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)


def bare_loop() -> tuple[int, float]:
    """Tokens and tokens per second of the token loop alone, in a process of its own, after one run to warm up."""
    run = subprocess.run([sys.executable, "-c", BARE], cwd=ROOT, capture_output=True, text=True, check=True)
    tokens, speed = json.loads(run.stdout.strip().splitlines()[-1])
    return tokens, speed


def through_a_follower(client) -> dict[str, float]:
    """One story through gradio_client: seconds to the first sign of life and to the first word, and its speed."""
    start, signs, first_word, steady = time.perf_counter(), None, None, []
    for answer in client.submit(premise=PREMISE, words=WORDS, seed=SEED, api_name="/write_story"):
        now, tokens = time.perf_counter() - start, answer["thinking_tokens"] + answer["story_tokens"]
        signs = now if signs is None else signs
        first_word = now if first_word is None and answer["words"] else first_word
        if tokens:
            steady.append((now, tokens))
    (t0, n0), (t1, n1) = steady[0], steady[-1]
    return {"first_sign": signs, "first_word": first_word, "tokens_per_second": (n1 - n0) / (t1 - t0), "tokens": n1}


def memory(pid: int) -> dict[str, int]:
    """Resident memory now and at its highest, in MiB (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    kb = {line.split(":")[0]: int(line.split()[1]) for line in status.splitlines() if line.startswith(("VmRSS", "VmHWM"))}
    return {"now": kb["VmRSS"] // 1024, "highest": kb["VmHWM"] // 1024}


def main() -> None:
    from gradio_client import Client

    bare = [bare_loop()]
    with app({}) as (process, url, answered):
        client = Client(url, verbose=False)
        through_a_follower(client)  # waits for loading, warms up
        runs = [through_a_follower(client) for _ in range(3)]
        used = memory(process.pid)
    bare.append(bare_loop())
    loop = sum(speed for _, speed in bare) / len(bare)
    speed = sorted(r["tokens_per_second"] for r in runs)[1]
    result = {
        "page answers after, s": round(answered, 1),
        "first sign of life after, s": round(sorted(r["first_sign"] for r in runs)[1], 2),
        "first story word after, s": round(sorted(r["first_word"] for r in runs)[1], 2),
        "tokens/s through a gradio_client follower": round(speed, 1),
        "tokens/s of the bare loop": [round(s, 1) for _, s in bare],
        "follower / bare loop": round(speed / loop, 3),
        "memory, MiB": used,
        "tokens of the story": runs[0]["tokens"],
    }
    print(*(f"{name:42} {value}" for name, value in result.items()), sep="\n")
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, no GPU used"
    report = {"date": datetime.date.today().isoformat(), "machine": machine} | result
    (ROOT / "tools" / "results").mkdir(exist_ok=True)
    (ROOT / "tools" / "results" / "app.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
