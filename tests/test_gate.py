"""The gate: which routes there are, and what no body may hold."""

import json
import logging
from collections.abc import Iterator

import httpx
import pytest
from gradio_client import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from polaris_demo.page import calls, gate

from .conftest import serving
from .doubles import Runner, ScriptedEngine, echoes, endless, until

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(), max_size=8) | st.sampled_from(["meta", "_type", "data", "event_data"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(Runner(ScriptedEngine(echoes))) as address:
        yield address


# Every kind of route there is in Gradio and here, and what it answers; 200 where the page or a client needs it.
ROUTES = [
    ("GET", "/", 200), ("GET", "/config", 200), ("GET", "/theme.css", 200), ("GET", "/robots.txt", 200), ("GET", "/gradio_api/info", 200),
    ("GET", "/recordings", 200), ("GET", "/stories/status", 200), ("GET", "/stories/beside?first=a&second=a", 400), ("POST", "/stories/a/choose", 400), ("GET", "/gradio_api/openapi.json", 200),
    ("POST", "/recordings/x/delete", 403), ("POST", "/recordings/x", 404), ("POST", "/recordings/x/y/delete", 404),
    ("POST", "/gradio_api/upload", 404), ("GET", "/gradio_api/upload_progress?upload_id=a", 404), ("GET", "/gradio_api/file=/etc/passwd", 404),
    ("GET", "/gradio_api/file/etc/passwd", 404), ("GET", "/gradio_api/proxy=http://127.0.0.1:1/", 404), ("POST", "/gradio_api/component_server", 404),
    ("POST", "/gradio_api/component_server/", 404), ("GET", "/gradio_api/stream/a/b/c/playlist.m3u8", 404), ("POST", "/gradio_api/stream/a", 404),
    ("GET", "/gradio_api/heartbeat/a", 404), ("GET", "/gradio_api/dev/reload", 404), ("GET", "/gradio_api/mcp/sse", 404),
    ("GET", "/monitoring", 404), ("GET", "/monitoring/summary", 404), ("GET", "/gradio_api/deep_link?session_hash=a", 404),
    ("GET", "/gradio_api/custom_component/a/b/c/d.js", 404), ("POST", "/login", 404), ("GET", "/gradio_api/user", 404),
    ("GET", "/gradio_api/token", 404), ("GET", "/gradio_api/runs", 404), ("POST", "/gradio_api/vibe-edit", 404), ("POST", "/gradio_api/process_recording", 404),
    ("GET", "/svelte/x.js", 404), ("GET", "/docs", 404), ("GET", "/anything", 404), ("PUT", "/", 404), ("TRACE", "/", 404),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "status"), ROUTES, ids=lambda value: str(value))
def test_what_the_app_does_not_use_is_closed(url: str, method: str, path: str, status: int) -> None:
    answer = httpx.request(method, url.rstrip("/") + path, timeout=20)
    assert answer.status_code == status
    if status == 404:
        assert answer.json()["refused"] == gate.CLOSED


@pytest.mark.parametrize(
    "path", ["/gradio_api/queue/join", "/gradio_api/call/check_request", "/gradio_api/run/predict", "/stories/summaries"]
)
@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b"x" * (gate.MOST_BYTES + 1), 413, gate.TOO_LONG),
        (b"not json", 400, gate.NO_JSON),
        (b"[1]", 400, gate.NO_JSON),
        (b"\xff\xfe", 400, gate.NO_JSON),
        (b"[" * 60_000, 400, gate.NO_JSON),
        (b'{"data": {"premise": "LEAK", "temperature": NaN}}', 400, gate.NO_NUMBER),
        (b'{"data": ["LEAK", -Infinity]}', 400, gate.NO_NUMBER),
        (b'{"data": [1e999]}', 400, gate.NO_NUMBER),
        (b'{"data": ["LEAK \\ud800"]}', 400, gate.HALF),
        (b'{"data": [{"path": "/LEAK", "meta": {"_type": "gradio.FileData"}}]}', 400, gate.A_FILE),
        (b'{"data": [], "session_hash": ["LEAK"]}', 400, gate.WRONG_SHAPE.format("session_hash", "text")),
        (b'{"data": "LEAK"}', 400, gate.WRONG_SHAPE.format("data", "a list of values")),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_body_that_nothing_can_be_made_of_is_a_sentence_and_in_no_log(
    url: str, path: str, body: bytes, status: int, sentence: str, caplog
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = httpx.post(url.rstrip("/") + path, content=body, headers={"content-type": "application/json"}, timeout=20)
    assert (answer.status_code, answer.json()) == (status, {"refused": sentence})
    assert "LEAK" not in caplog.text and "Traceback" not in caplog.text


@pytest.mark.parametrize(
    "said", ["LEAK", 7, [1], True, None, {"premise": ["LEAK"]}, {"id": {"a": 1}}, "a" * 9000], ids=lambda said: repr(said)[:30]
)
def test_event_data_of_any_type_is_no_traceback(url: str, said: object, caplog) -> None:
    """The page's own components send text, objects and nothing; a script may send anything."""
    config = httpx.get(f"{url}config").json()
    for number, listener in enumerate(config["dependencies"]):
        values = [None] * len(listener["inputs"])
        body = {"data": values, "event_data": said, "fn_index": listener.get("id", number), "session_hash": "a"}
        with caplog.at_level(logging.DEBUG):
            answer = httpx.post(f"{url}gradio_api/queue/join", json=body, timeout=20)
        assert answer.status_code < 500
    assert "LEAK" not in caplog.text and "Traceback" not in caplog.text


def test_a_body_without_a_length_is_read_no_further_than_its_limit(url: str) -> None:
    sent = 0

    def endless():
        nonlocal sent
        for _ in range(10_000):
            sent += 65_536
            yield b" " * 65_536

    try:
        answer = httpx.post(f"{url}stories/summaries", content=endless(), timeout=20)
        assert answer.status_code == 413
    except httpx.TransportError:
        pass  # the server has hung up while the body was on its way
    assert sent < 10_000 * 65_536 / 4


@settings(max_examples=3000, deadline=None)
@given(ANY)
def test_whatever_is_sent_passes_only_if_it_can_be_written_as_json_again(value: object) -> None:
    body = json.dumps(value).encode()
    if gate.parsed(body)[1] == "":
        assert isinstance(value, dict)
        json.dumps(json.loads(body), allow_nan=False, ensure_ascii=False).encode()


def test_every_answer_says_how_it_may_be_used(url: str) -> None:
    page, embed, story = httpx.get(url), httpx.get(f"{url}?view=embed"), httpx.get(f"{url}stories/status")
    for answer in (page, embed, story, httpx.get(f"{url}nowhere")):
        assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["referrer-policy"] == "strict-origin"
    assert page.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'self' https://huggingface.co" in page.headers["content-security-policy"]
    assert embed.headers["content-security-policy"].endswith("frame-ancestors *")


def test_nobodys_event_is_cancelled_or_begun_anew_by_another_session() -> None:
    runner = Runner(ScriptedEngine(endless, capacity=2))
    with serving(runner) as url:
        client = Client(url, verbose=False)
        job = client.submit(premise="a bell", words=300, api_name="/write_story")
        until(lambda: len(job.outputs()) > 1, what="a stream")
        event, function = job.communicator.event_id, client.endpoints[0].fn_index  # type: ignore[union-attr]
        asks = {"fn_index": function, "event_id": event}
        for session in ("another", "", client.session_hash[::-1]):
            refused = httpx.post(f"{url}gradio_api/cancel", json=asks | {"session_hash": session}, timeout=20)
            assert refused.status_code == 403 and refused.json()["refused"] == calls.NOT_THEIRS
        had = len(job.outputs())
        until(lambda: len(job.outputs()) > had + 3, what="more of the stream")
        assert len({answer["id"] for answer in job.outputs()}) == 1 and len(runner._shelf.jobs()) == 1
        own = httpx.post(f"{url}gradio_api/cancel", json=asks | {"session_hash": client.session_hash}, timeout=20)
        assert own.status_code == 200
        until(job.done, what="its own session cancels it")


def test_another_sites_script_gets_no_answer_about_stories_and_its_links_work(url: str) -> None:
    for site, mode, status in (
        ("cross-site", "cors", 403),
        ("same-origin", "cors", 200),
        ("cross-site", "navigate", 200),
        ("none", "navigate", 200),
    ):
        headers = {"sec-fetch-site": site, "sec-fetch-mode": mode}
        assert httpx.get(f"{url}stories/status", headers=headers, timeout=20).status_code == status
        removed = httpx.post(f"{url}recordings/x/delete", json={"key": "x"}, headers=headers, timeout=20)
        assert (removed.json()["refused"] == gate.ANOTHER_SITE) == (status == 403)


def test_a_foreign_name_for_this_server_is_in_no_file_and_no_page_a_cache_could_keep() -> None:
    runner = Runner(ScriptedEngine(echoes))
    with serving(runner) as address:
        job = runner.submit({"premise": "a bell", "words": 300})
        until(lambda: not job.active)
        forged = {
            "host": "evil.example",
            "x-forwarded-host": "evil.example",
            "x-gradio-server": "https://evil.example",
            "forwarded": "host=evil.example",
        }
        for ending in ("md", "txt", "json", "bib"):
            assert "evil.example" not in httpx.get(f"{address}stories/{job.record.id}/story.{ending}", headers=forged, timeout=20).text
        assert "evil.example" not in httpx.get(f"{address}stories/{job.record.id}/events?once", headers=forged, timeout=20).text
        page = httpx.get(f"{address}?story={job.record.id}", headers=forged, timeout=20)
        assert page.headers["cache-control"] == "no-store" and 'og:url" content="http://127.0.0.1' in page.text
