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
    attacker = Attacker(random.Random(seed), listeners, stories)
    return (attacker.sends() for _ in range(count))


class Attacker:
    """Draws one request after the other."""

    def __init__(self, chance: random.Random, listeners: int, stories: list[tuple[str, str]]) -> None:
        self._chance, self._listeners, self._stories = chance, listeners, stories
        self._known = [part for story in stories for part in story]

    def sends(self) -> Sent:
        choice, headers, kind = self._chance.choice, self._headers(), self._chance.random()
        if kind < 0.2:
            return Sent(choice(METHODS), choice(PATHS), None, headers)
        if kind < 0.3:
            file = choice(("events?once", "story.md", "story.epub", "story.txt", "story.json", "story.bib"))
            return Sent("GET", f"/stories/{self._story()}/{file}", None, headers)
        if kind < 0.4:
            path = choice(POSTED).replace("/x/", f"/{self._story()}/")
            return Sent("POST", path, self._body({"key": self._value(), "ids": self._value(), "paused": self._value()}), headers)
        where, body = self._to_a_listener() if kind < 0.65 else self._to_an_endpoint()
        return Sent("POST", where, body, headers)

    def _to_a_listener(self) -> tuple[str, bytes]:
        value, chance = self._value, self._chance
        about: dict[str, object] = {
            "data": self._fields(),
            "fn_index": chance.randrange(-1, self._listeners + 2),
            "session_hash": f"s{chance.randrange(50)}",
        }
        if chance.random() < 0.5:
            named = {"id": value(), "key": value(), "premise": value(), "paragraph": value(), "settings": value()}
            about["event_data"] = chance.choice((value(), named))
        return chance.choice(("/gradio_api/queue/join", "/gradio_api/run/predict")), self._body(about)

    def _to_an_endpoint(self) -> tuple[str, bytes]:
        value, name = self._value, self._chance.choice(NAMED)
        data: object = self._fields()
        if self._chance.random() < 0.3:
            data = {"premise": value(), "words": value(), "temperature": value(), "id": value(), "key": value()}
        where = self._chance.choice(tuple(f"/gradio_api/{way}/{name}" for way in ("call", "call/v2", "run", "api")))
        return where, self._body(data if "v2" in where and isinstance(data, dict) else {"data": data})

    def _headers(self) -> tuple[tuple[str, str], ...]:
        pairs = (
            ("host", "evil.example"), ("x-forwarded-for", f"10.{self._chance.randrange(250)}.1.1"), ("x-forwarded-host", "evil.example"),
            ("origin", "https://evil.example"), ("content-type", self._chance.choice(("application/json", "text/plain", "multipart/form-data"))),
            ("last-event-id", "x"), ("cookie", "a=b"),
        )  # fmt: skip
        return tuple(pair for pair in pairs if self._chance.random() < 0.1)

    def _value(self) -> object:
        return self._chance.choice(self._known if self._known and self._chance.random() < 0.2 else ODD)

    def _fields(self) -> list[object]:
        return [self._value() for _ in range(self._chance.choice((0, 1, 2, 3, 11, 11, 11, 12, 40)))]

    def _body(self, about: dict[str, object]) -> bytes:
        if self._chance.random() < 0.15:
            return self._chance.choice(RAW)
        for name in list(about):
            if self._chance.random() < 0.1:
                about[name] = self._value()
        return json.dumps(about).encode()

    def _story(self) -> str:
        return self._chance.choice(self._stories)[0] if self._stories and self._chance.random() < 0.7 else "x"
