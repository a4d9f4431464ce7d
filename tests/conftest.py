"""Fixtures: the miniature loaded once, and the whole app on a free port over any engine."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pytest

from polaris_demo.engine.local import LocalEngine
from polaris_demo.jobs.runner import Runner
from polaris_demo.settings import Settings


@pytest.fixture(scope="session")
def miniature() -> LocalEngine:
    from polaris_demo.engine.loading import load

    engine = load(Settings(model="preview"), lambda progress: None)
    assert isinstance(engine, LocalEngine)
    return engine


@contextmanager
def serving(runner: Runner, settings: Settings | None = None) -> Iterator[str]:
    """The app over a runner; yields its address."""
    from polaris_demo.page.layout import build_page, launch_options

    page = build_page(runner, settings or Settings())
    options = launch_options() | {"mcp_server": False}
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", **options)
    try:
        yield url
    finally:
        page.close(verbose=False)
        runner.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """serve(engine, **runner options) -> address."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def start(engine, settings: Settings | None = None, **options) -> str:
            return stack.enter_context(serving(Runner(engine, **options), settings))

        yield start


@pytest.fixture(scope="module")
def miniature_app(miniature: LocalEngine) -> Iterator[str]:
    with serving(Runner(miniature)) as url:
        yield url
