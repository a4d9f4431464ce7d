"""The app of crowd_server.py, as a process that can be asked how it is. Only for tests."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


class Server:
    """The app in a process of its own."""

    def __init__(self, capacity: int, queue: int, followers: int = 0) -> None:
        command = [sys.executable, "-m", "tests.crowd_server", str(capacity), str(queue), str(followers)]
        env = os.environ | {"GRADIO_ANALYTICS_ENABLED": "False"}
        self._process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout and self._process.stdin
        self.url = self._process.stdout.readline().strip()

    def says(self) -> dict[str, int]:
        assert self._process.stdout and self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
