"""Requests as the public internet sends them: every route, endpoint, private listener and field, seeded. Only for tests."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

ODD = [
    None, True, False, 0, -1, 1, 2.5, 1e308, -1e308, 2**63, -(2**31), "", " ", "0", "-1", "NaN", "1e999", "\x00", "a" * 5000, "🌟" * 2000, "\u202e evil",
    "<script>alert(1)</script>", "'; DROP TABLE stories; --", "../../etc/passwd", "%00", "<|im_end|>", "{{7*7}}", "${jndi:ldap://x}", [], {}, [[]], {"a": []},
    [None] * 50, {"id": None}, {"id": []}, {"id": "x", "key": {}}, {"premise": 7}, {"ids": "x"}, {"path": "/etc/passwd"}, "file:///etc/passwd",
]  # fmt: skip
RAW = [
    b"", b"{", b"[]", b"null", b"7", b'"text"', b"\xff\xfe", b'{"data": NaN}', b'{"data": [Infinity]}', b'{"data":[1e999]}', b'{"data":["\\ud800"]}',
    b"a=1&b=2", b'{"data": {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}}', b"[" * 10_000, b'{"a":' * 5000, b"\x00" * 64,
    b'{"data": [], "event_data": 7}', b'{"data": [], "event_data": []}', b'{"data": [], "event_data": "x"}', b'{"data": "text", "fn_index": "a"}',
]  # fmt: skip
NAMED = ("write_story", "start_story", "check_request", "get_story", "stop_story", "resume_story", "write_on", "nothing")
PATHS = (
    "/", "/config", "/stories/status", "/recordings", "/recordings/x", "/recordings/x/record.json", "/stories/stories.zip?ids=a,b,,", "/healthz", "/metrics",
    "/recordings?from=-1&of=x", "/stories/x/events?once", "/stories/x/events?once&from=-1.x", "/stories/%00/story.md", "/stories/x/story.exe", "/stories/../../etc/passwd", "/page/x/page.js",
    "/?story=x", "/?words=NaN&seed=1e999&premise=%ff", "/?recorded=../../x", "/static/../app.py", "/assets/%2e%2e/x", "/gradio_api/info", "/gradio_api/call/get_story/x",
    "/gradio_api/queue/data?session_hash=x", "/gradio_api/upload_progress?upload_id=x", "/gradio_api/file=/etc/passwd", "/gradio_api/proxy=http://127.0.0.1/",
    "/gradio_api/heartbeat/x", "/theme.css", "/manifest.json", "/robots.txt", "/monitoring", "/login", "/svelte/" + "x" * 3000, "/%00", "/gradio_api/deep_link",
)  # fmt: skip
POSTED = (
    "/gradio_api/queue/join", "/gradio_api/cancel", "/gradio_api/reset", "/gradio_api/upload", "/gradio_api/component_server", "/gradio_api/mcp", "/gradio_api/mcp/",
    "/stories/summaries", "/stories/host", "/stories/x/stop", "/stories/x/delete", "/stories/x/nothing", "/recordings/x/delete", "/stories/status", "/gradio_api/run/predict", "/gradio_api/api/x",
)  # fmt: skip
METHODS = ("GET", "GET", "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE")


@dataclass(frozen=True)
class Sent:
    method: str
    path: str
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def streams(self) -> bool:
        """Answered as it comes: read only as far as its first lines."""
        return "queue/data" in self.path or ("/call/" in self.path and self.method == "GET")


def attacks(seed: int, count: int, listeners: int, stories: list[tuple[str, str]]) -> Iterator[Sent]:
    """`count` requests; the private listeners are those below `listeners`, `stories` are ids and keys that there are."""
    chance = random.Random(seed)
    known = [part for story in stories for part in story]

    def value() -> object:
        return chance.choice(known) if known and chance.random() < 0.2 else chance.choice(ODD)

    def fields() -> list[object]:
        return [value() for _ in range(chance.choice((0, 1, 2, 3, 11, 11, 11, 12, 40)))]

    def body(about: dict[str, object]) -> bytes:
        if chance.random() < 0.15:
            return chance.choice(RAW)
        for name in list(about):
            if chance.random() < 0.1:
                about[name] = value()
        return json.dumps(about).encode()

    def story_path() -> str:
        return chance.choice(stories)[0] if stories and chance.random() < 0.7 else "x"

    for _ in range(count):
        headers = tuple(
            pair
            for pair in (
                ("host", "evil.example"), ("x-forwarded-for", f"10.{chance.randrange(250)}.1.1"), ("x-forwarded-host", "evil.example"),
                ("origin", "https://evil.example"), ("content-type", chance.choice(("application/json", "text/plain", "multipart/form-data"))),
                ("last-event-id", "x"), ("cookie", "a=b"),
            )
            if chance.random() < 0.1
        )  # fmt: skip
        kind = chance.random()
        if kind < 0.2:
            yield Sent(chance.choice(METHODS), chance.choice(PATHS), None, headers)
        elif kind < 0.3:
            file = chance.choice(("events?once", "story.md", "story.epub", "story.txt", "story.json", "story.bib"))
            yield Sent("GET", f"/stories/{story_path()}/{file}", None, headers)
        elif kind < 0.4:
            yield Sent(
                "POST",
                chance.choice(POSTED).replace("/x/", f"/{story_path()}/"),
                body({"key": value(), "ids": value(), "paused": value()}),
                headers,
            )
        elif kind < 0.65:
            about: dict[str, object] = {
                "data": fields(),
                "fn_index": chance.randrange(-1, listeners + 2),
                "session_hash": f"s{chance.randrange(50)}",
            }
            if chance.random() < 0.5:
                about["event_data"] = chance.choice(
                    (value(), {"id": value(), "key": value(), "premise": value(), "paragraph": value(), "settings": value()})
                )
            yield Sent("POST", chance.choice(("/gradio_api/queue/join", "/gradio_api/run/predict")), body(about), headers)
        else:
            name = chance.choice(NAMED)
            data: object = fields()
            if chance.random() < 0.3:
                data = {"premise": value(), "words": value(), "temperature": value(), "id": value(), "key": value()}
            where = chance.choice(
                (f"/gradio_api/call/{name}", f"/gradio_api/call/v2/{name}", f"/gradio_api/run/{name}", f"/gradio_api/api/{name}")
            )
            yield Sent("POST", where, body(data if "v2" in where and isinstance(data, dict) else {"data": data}), headers)
