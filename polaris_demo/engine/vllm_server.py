"""A vLLM of this app's own: started on a free port of this machine, watched, started anew when it dies, and ended with the app."""

import atexit
import ctypes
import logging
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from ..errors import EngineError

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds before it is started anew, doubled each time until it has lived as long
MOST_FAILURES = 3  # times that it may end before it has ever answered
END_SECONDS = 20.0
KEPT_LINES = 20
PR_SET_PDEATHSIG = 1
PERCENT = re.compile(r"(\d{1,3})% Completed")
NO_PROGRAM = (
    "POLARIS_ENGINE is vllm, and there is no program {program} here. Install vLLM in an environment of its own, "
    "and name its program with POLARIS_VLLM."
)
NEVER_READY = (
    "vLLM ended {times} times while it was starting; this server’s log has its last lines. Correct POLARIS_VLLM_OPTIONS, or the model."
)
log = logging.getLogger(__name__)


class VllmServer:
    """`vllm serve` of one model. `key` is its own, made at random: nobody else on this machine is to use it."""

    def __init__(self, program: str, model: str, options: Sequence[str] = ()) -> None:
        found = shutil.which(program)
        if found is None:
            raise EngineError(NO_PROGRAM.format(program=program))
        self.port, self.key = _free_port(), secrets.token_urlsafe(32)
        self._command = [found, "serve", model, "--host", "127.0.0.1", "--port", str(self.port), *options]
        self.doing, self.failure = "starting vLLM", ""
        self._kept = False
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._process: subprocess.Popen[str] | None = None
        self._closing = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="vllm", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        atexit.register(self.close)
        self._watcher.start()

    def keep(self) -> None:
        """It has answered: from here on it is started anew however often it dies."""
        self._kept = True

    def close(self) -> None:
        """End it, and wait until it has."""
        self._closing.set()
        atexit.unregister(self.close)
        process = self._process
        if process is None or process.poll() is not None:
            return
        _signal(process, signal.SIGTERM)
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            log.warning("vLLM does not end, so it is killed")
        _signal(process, signal.SIGKILL)  # and whatever of it is left
        self._watcher.join(END_SECONDS)

    def _watch(self) -> None:
        """In a thread that lives as long as the app: the kernel ends a child together with the thread that started it."""
        ended, pause = 0, FIRST_PAUSE
        while not self._closing.is_set():
            self.doing, begun = "starting vLLM", time.monotonic()
            self._once()
            if self._closing.is_set():
                return
            ended += 1
            log.error("vLLM has ended. Its last lines: %s", " | ".join(self._lines))
            if ended >= MOST_FAILURES and not self._kept:
                self.failure = NEVER_READY.format(times=ended)
                return
            pause = FIRST_PAUSE if time.monotonic() - begun > LONGEST_PAUSE else pause
            self._closing.wait(pause)
            pause = min(LONGEST_PAUSE, 2 * pause)

    def _once(self) -> None:
        """From its start to its end, its output read."""
        environment = os.environ | {"VLLM_API_KEY": self.key}  # a key among the arguments could be seen by others
        self._process = subprocess.Popen(
            self._command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", start_new_session=True, preexec_fn=_ends_with_its_parent if sys.platform == "linux" else None,
        )  # fmt: skip
        assert self._process.stdout
        with self._process.stdout as lines:
            for line in lines:
                self._lines.append(line.rstrip().replace(self.key, "…"))
                if percent := PERCENT.search(line):
                    self.doing = f"starting vLLM, which has loaded {percent[1]} % of the weights"
        self._process.wait()
        _signal(self._process, signal.SIGKILL)  # its workers do not outlive it


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _ends_with_its_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _signal(process: "subprocess.Popen[str]", number: signal.Signals) -> None:
    """To it and all that it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
