"""Fixtures: the miniature loaded once, and the whole app on a free port over any engine."""

import asyncio
import functools
import gc
import json
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # two processes of tests share the cores; torch's threads would wait for each other's
os.environ["POLARIS_DATA_DIR"] = ""  # what a test writes is none of the user's stories
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
# Each process has a hundred ports of its own to choose from, and so have those that it starts, which inherit what it has set.
FIRST_PORT = os.environ.setdefault("PYTEST_FIRST_PORT", os.environ.get("GRADIO_SERVER_PORT", "7860"))
os.environ["GRADIO_SERVER_PORT"] = str(int(FIRST_PORT) + 100 * WORKER)
# Each httpx.get is a client of its own, and reads the authorities' certificates for 40 ms. Nobody here speaks TLS.
setattr(ssl, "create_default_context", functools.cache(ssl.create_default_context))  # noqa: B010

import pytest

from polaris_demo.jobs.runner import Runner
from polaris_demo.settings import Settings
from tools import prepare

from .doubles import ScriptedEngine, until

if TYPE_CHECKING:  # torch takes seconds, and not every process that reads this needs it
    from gradio import Blocks

    from polaris_demo.engine.local import LocalEngine

SLOW_RESULTS = Path(__file__).parent.parent / "tools" / "results" / "slow.json"
# The longest first: two are run at a time, and one that began last would be waited for alone.
LONG_FILES = (
    "test_soak",
    "test_everyone",
    "test_place",
    "test_told",
    "test_coming_back",
    "test_crowd",
    "test_ask",
    "test_cost",
    "test_load",
    "test_page",
    "test_going_on",
    "test_memory",
    "test_kept_place",
    "test_many_tabs",
    "test_versions",
    "test_beside",
    "test_late",
    "test_canaries",
    "test_lanes",
    "test_batch",
    "test_runner_stops",
    "test_my_stories",
    "test_taken_along",
    "test_device_faults",
    "test_zerogpu",
    "test_decoder",
    "test_storage_faults",
    "test_crash",
    "test_embed",
    "test_local",
    "test_sentences",
    "test_preview",
)
LAUNCH: dict[str, Any] = {"prevent_thread_lock": True, "quiet": True, "server_name": "127.0.0.1"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {name: number for number, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))  # stable: all else stays in order


def pytest_collection_finish() -> None:
    """What all tests share, torch and Gradio above all, is garbage of none: a collection that looks through it takes 0.3 s."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Keep what a long form came to: outcome, seconds and the figures it printed."""
    report = yield
    if report.when == "call" and item.get_closest_marker("slow"):
        kept = json.loads(SLOW_RESULTS.read_text()) if SLOW_RESULTS.exists() else {}
        said = " ".join(report.capstdout.split())
        kept[item.nodeid] = {"date": f"{date.today()}", "outcome": report.outcome, "seconds": round(report.duration, 1), "said": said}
        SLOW_RESULTS.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n")
    return report


def needs(name: str) -> Any:
    """What tools/prepare.py finds under this name. Where it is missing the test is skipped, and fails where CI is set."""
    found = prepare.NEEDS[name]()
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{name} is missing, and make test could not install it")
    return found


@pytest.fixture(scope="session")
def miniature() -> "LocalEngine":
    from polaris_demo.engine.loading import load
    from polaris_demo.engine.local import LocalEngine

    engine = load(Settings(model="preview"), lambda progress: None)
    assert isinstance(engine, LocalEngine)
    return engine


@pytest.fixture
def run() -> Iterator[Callable[..., Runner]]:
    """run(engine or script, capacity, **runner options) -> a runner, closed at the end with all its threads."""
    runners: list[Runner] = []
    before = set(threading.enumerate())

    def start(script, capacity: int = 1, **options) -> Runner:
        engine = ScriptedEngine(script, capacity=capacity) if callable(script) else script
        runners.append(Runner(engine, **options))
        return runners[-1]

    yield start
    for runner in runners:
        runner.close()
    until(lambda: not [t for t in threading.enumerate() if t.name.startswith("writer-") and t not in before], what="workers ended")


CLOSED: set[str] = set()  # the addresses at which there was an app and is none any more


@functools.cache
def ends_soon() -> None:
    """uvicorn 0.54 looks every 0.1 s whether it is to end, and then waits as long for its connections: most of what an end takes."""
    import uvicorn.server

    sooner = {"sleep": lambda seconds: asyncio.sleep(seconds / 10)}
    setattr(uvicorn.server, "asyncio", SimpleNamespace(**vars(asyncio) | sooner))  # noqa: B010


def built(runner: Runner, settings: Settings) -> "Blocks":
    """The app as launch() wants it. Gradio 6.31 makes its web application three times before that, half of all that an app costs."""
    from gradio.routes import App

    from polaris_demo.page.layout import build_page

    ends_soon()
    with patch.object(App, "create_app", lambda blocks, **options: None):
        return build_page(runner, settings)


def close(page: "Blocks") -> None:
    """Until nothing of the app answers.

    uvicorn 0.54 forgets a connection that is made in the very moment it stops listening, such as one that Chromium opens in
    advance, and Gradio no longer waits after 5 s. The next app's page at this address would come from one that takes no story.
    """
    page.close(verbose=False)

    def over() -> bool:
        for late in list(page.server.server_state.connections):
            with suppress(RuntimeError):  # its loop has just ended, and the connection with it
                late.loop.call_soon_threadsafe(late.transport.abort)
        return not page.server.thread.is_alive()

    until(over, what="the app ended")


@contextmanager
def serving(runner: Runner, settings: Settings | None = None) -> Iterator[str]:
    """The app over a runner; yields its address."""
    from polaris_demo.page.layout import launch_options

    with ExitStack() as stack:
        stack.callback(runner.close)
        page = built(runner, settings := settings or Settings())
        _, url, _ = page.launch(**launch_options(runner, settings) | LAUNCH)
        stack.callback(close, page)
        CLOSED.discard(url)
        stack.callback(CLOSED.add, url)
        yield url


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """serve(engine, **runner options) -> address."""
    with ExitStack() as stack:

        def start(engine, settings: Settings | None = None, **options) -> str:
            return stack.enter_context(serving(Runner(engine, **options), settings))

        yield start


@pytest.fixture(scope="module")
def miniature_app(miniature: "LocalEngine") -> Iterator[str]:
    with serving(Runner(miniature)) as url:
        yield url
