"""Memory that does not grow with what anybody asks for."""

from contextlib import closing

import httpx
import pytest
from gradio.blocks import BlocksConfig
from gradio.queueing import Queue

from polaris_demo.jobs.runner import Runner
from polaris_demo.page import sessions
from polaris_demo.page.layout import build_page, launch_options
from polaris_demo.settings import Settings

from .conftest import LAUNCH, serving
from .doubles import ScriptedEngine, echoes, until
from .server import Server


def test_for_a_call_gradio_describes_no_component_and_makes_no_table_of_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """Either was most of a call's time, on the loop or under the lock that every story's writer needs."""
    with serving(Runner(ScriptedEngine(echoes))) as url:
        made: list[str] = []
        monkeypatch.setattr(BlocksConfig, "config_for_block", lambda *of: made.append("a description") or {})
        monkeypatch.setattr(Queue, "_get_df", lambda *of: made.append("a table"))
        event = httpx.post(f"{url}gradio_api/call/check_request", json={"data": ["nobody"]}).json()["event_id"]
        assert "event: complete" in httpx.get(f"{url}gradio_api/call/check_request/{event}").text
    assert made == []


def test_an_answer_is_kept_for_whoever_asked_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    runner = Runner(ScriptedEngine(echoes))
    page = build_page(runner, Settings())
    _, url, _ = page.launch(**launch_options(runner, Settings()) | LAUNCH)
    queue, call = page._queue, f"{url}gradio_api/call/check_request"
    with closing(runner), httpx.Client(timeout=30) as client:
        first, *_ = [client.post(call, json={"data": ["a fox"]}).json()["event_id"] for _ in range(3)]
        until(lambda: not queue.event_ids_to_events, what="all are answered")
        for _ in range(2 * sessions.EVERY):
            client.get(f"{url}stories/status")
        assert "event: complete" in client.get(f"{call}/{first}").text and len(queue.pending_messages_per_session) >= 2
        monkeypatch.setattr(sessions, "MOST_UNREAD", 1)
        for _ in range(sessions.EVERY):
            client.get(f"{url}stories/status")
        assert len(queue.pending_event_ids_session) == len(queue.pending_messages_per_session) == 1
        monkeypatch.setattr(sessions, "UNREAD_SECONDS", -1)
        for _ in range(sessions.EVERY):
            client.get(f"{url}stories/status")
    assert not queue.pending_event_ids_session and not queue.pending_messages_per_session
    page.close(verbose=False)


def test_two_thousand_calls_without_a_session_and_two_hundred_large_bodies_take_twenty_megabytes_at_most() -> None:
    server = Server(4, 20)
    try:
        with httpx.Client(base_url=server.url, timeout=60) as client:

            def calls(count: int) -> None:
                for number in range(count):
                    name = ("get_story", "check_request")[number % 2]
                    event = client.post(f"gradio_api/call/{name}", json={"data": ["nobody"]}).json()["event_id"]
                    client.get(f"gradio_api/call/{name}/{event}")

            calls(200)  # until there are as many sessions as are kept
            before = server.says()["memory"]
            calls(2000)
            by_calls = server.says()["memory"] - before
            before, large = server.says()["memory"], b'{"data": ["' + b"x" * 10_000_000 + b'"]}'
            refused = 0
            for _ in range(200):
                try:
                    answer = client.post("gradio_api/queue/join", content=large, headers={"content-type": "application/json"})
                    assert answer.status_code == 413
                except httpx.TransportError:
                    pass  # the server has hung up while the body was on its way
                refused += 1
            by_bodies = server.says()["memory"] - before
    finally:
        server.close()
    print(f"\n2,000 calls without a session: {by_calls / 1e6:+.1f} MB; {refused} bodies of 10 MB: {by_bodies / 1e6:+.1f} MB")
    assert by_calls < 20e6 and by_bodies < 20e6
