"""The process is killed while it writes: what is missing, and whether the story goes on."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gradio_client import Client

from polaris_demo.engine.local import LocalEngine
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import read

from .doubles import until

ROOT = Path(__file__).parent.parent
ASKED = {"premise": "a potter who finds a bell", "words": 1000, "seed": 7}


@contextmanager
def app(folder: Path) -> Iterator[tuple[subprocess.Popen[str], Client]]:
    env = os.environ | {"POLARIS_MODEL": "preview", "POLARIS_DATA_DIR": str(folder), "GRADIO_SERVER_PORT": "", "PYTHONUNBUFFERED": "1"}
    del env["GRADIO_SERVER_PORT"]
    command = [sys.executable, "app.py"]
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        address = next(found[0] for line in process.stdout if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
        try:
            yield process, Client(address, verbose=False)
        finally:
            process.kill()


def test_a_kill_loses_at_most_the_last_second_and_the_story_goes_on_to_the_same_end(tmp_path: Path, miniature: LocalEngine) -> None:
    request, _ = read(ASKED)
    assert request
    uncut = StoryRecord("uncut", request)
    for event in miniature.write(request, (), threading.Event()):
        uncut.apply(event, 0.0)

    heard: list[tuple[float, str]] = []
    with app(tmp_path) as (process, client):
        job = client.submit(**ASKED, api_name="/write_story")
        for answer in job:
            heard.append((time.monotonic(), answer["story"]))
            if answer["words"] > 250:
                break
        process.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        process.wait(timeout=10)

    with app(tmp_path) as (_, client):
        found = client.predict(answer["id"], 0, api_name="/get_story")
        before = [text for at, text in heard if at <= killed - 1]
        assert found["state"] == "interrupted" and "Continue" in found["stage"]
        assert uncut.story.since(0)[0].startswith(found["story"]) and len(found["story"]) >= len(before[-1])
        print(f"\n{len(heard[-1][1])} characters heard, {len(found['story'])} kept")
        client.predict(answer["id"], answer["key"], api_name="/resume_story")
        until(lambda: client.predict(answer["id"], 0, api_name="/get_story")["state"] == "finished", 60, "the end of the story")
        assert client.predict(answer["id"], 0, api_name="/get_story")["story"] == str(uncut.story)
