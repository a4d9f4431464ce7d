"""Memory that does not grow with what anybody asks for."""

from pathlib import Path

import httpx

from .conftest import serving
from .doubles import Runner, ScriptedEngine, echoes

PAGE = 4096  # bytes
LEAKED = 190_000  # bytes a call, where a session is kept for each: measured with Gradio's own capacity of 10,000


def used() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


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
