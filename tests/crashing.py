"""Writes stories with the miniature in forked children, each of which can be killed at any moment. Only for tests.

    python -m tests.crashing

Takes lines of JSON: {"folder", "begin": [requests]} or {"folder", "resume": [[id, key], …]}. For each a child writes the
stories, two at a time, and reports what there is of them every few milliseconds; the last line says that it has ended.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}

import torch

from polaris_demo.engine.loading import load
from polaris_demo.engine.local import LocalEngine
from polaris_demo.jobs.library import Library
from polaris_demo.jobs.runner import Runner
from polaris_demo.settings import Settings


def say(**what: Any) -> None:
    os.write(1, f"{json.dumps(what)}\n".encode())  # whole lines, and no lock that a fork could leave held


def write(engine: LocalEngine, folder: str, begin: list[dict[str, Any]], resume: list[list[str]]) -> None:
    library = Library(Path(folder))
    runner = Runner(engine, library=library)
    say(found={story_id: runner.get(story_id).state for story_id, _ in resume})
    jobs = [runner.submit(raw) for raw in begin]
    keys = [[job.record.id, job.key] for job in jobs] + resume
    for key in resume:
        runner.resume(*key)
    say(keys=keys)
    while True:
        records = [runner.get(story_id) for story_id, _ in keys]
        if all(record.rests for record in records):
            break
        say(at=time.monotonic(), there={record.id: [record.tokens, len(record.story)] for record in records})
        time.sleep(0.02)
    runner.close()
    library.close()


def main() -> None:
    torch.set_num_threads(1)
    local = load(Settings(model="preview"), lambda progress: None)
    assert isinstance(local, LocalEngine)
    say(ready=True)
    for line in sys.stdin:
        task = json.loads(line)
        child = os.fork()
        if child == 0:
            try:
                write(
                    LocalEngine(local._model, local._chat, local._writer, lanes=2),
                    task["folder"],
                    task.get("begin", []),
                    task.get("resume", []),
                )
            finally:
                os._exit(0)
        say(child=child)
        os.waitpid(child, 0)
        say(ended=True)


if __name__ == "__main__":
    main()
