"""Memory that does not grow with what anybody asks for."""

import httpx

from .conftest import serving
from .doubles import Runner, ScriptedEngine, echoes
from .memory import used
from .server import Server

LEAKED = 190_000  # bytes a call, where a session is kept for each: measured with Gradio's own capacity of 10,000


def test_calls_without_a_session_keep_nothing() -> None:
    with serving(Runner(ScriptedEngine(echoes))) as url, httpx.Client(timeout=30) as client:

        def calls(count: int) -> None:
            for _ in range(count):
                event = client.post(f"{url}gradio_api/call/get_story", json={"data": ["nobody", 0]}).json()["event_id"]
                client.get(f"{url}gradio_api/call/get_story/{event}")

        calls(40)  # until there are as many sessions as are kept
        before = used()
        calls(80)
        grown = used() - before
    print(f"\n80 calls without a session: {grown / 1e6:.1f} MB more")
    assert grown < 80 * LEAKED / 4


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
