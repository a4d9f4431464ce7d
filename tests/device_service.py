"""Stands in for ZeroGPU's device service: lends slots, and refuses or breaks off when it is told to. Only for tests."""

import json
import os
import signal
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

REFUSALS: dict[str, tuple[int, str, dict[str, Any] | None]] = {
    "half the quota": (429, "quota-exceeded", {"left": 0, "wait": 11525}),  # `left` is filled in: half of what was asked for
    "no quota": (429, "quota-exceeded", {"left": 0, "wait": 11525}),
    "no runs": (429, "runs-exceeded", {"left": 0, "wait": 0}),
    "illegal": (429, "illegal-duration", {"left": 0, "wait": -1}),
    "expired": (401, "", None),
    "full": (503, "", None),
}


class DeviceService:
    """`next` says what happens to coming calls of /schedule, in order; without a word they get a slot at once.

    Words: those of REFUSALS, "timeout" (queued, then none came free), "queue" (queued until `let_go`).
    """

    def __init__(self) -> None:
        self.next: deque[str] = deque()
        self.asked: list[int] = []
        self.tasks: set[str] = set()
        self.lent: dict[str, int] = {}
        self.pids: dict[int, int] = {}
        self.releases: list[tuple[str, bool, float]] = []
        self.most_lent = 0
        self.let_go = threading.Event()
        self._idle: set[int] = set()
        self._lock = threading.Lock()
        self._server = Listener(self)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()

    def kill_worker(self) -> None:
        """What the platform does to a task that overstays: no warning and no clean-up."""
        with self._lock:
            os.kill(self.pids[next(iter(self.lent.values()))], signal.SIGKILL)

    def lend(self) -> dict[str, Any]:
        with self._lock:
            slot = min(set(range(8)) - set(self.lent.values()))
            token = f"allow-{len(self.asked)}-{time.monotonic_ns()}"
            self.lent[token] = slot
            self.most_lent = max(self.most_lent, len(self.lent))
            idle = slot in self._idle
            self._idle.discard(slot)
        return {"idle": idle, "nvidiaIndex": slot, "nvidiaUUID": f"gpu-{slot}", "allowToken": token}

    def take_back(self, token: str, failed: bool) -> bool:
        with self._lock:
            slot = self.lent.pop(token, None)
            if slot is not None and not failed:
                self._idle.add(slot)
            self.releases.append((token, failed, time.monotonic()))
        return slot is not None


class Listener(ThreadingHTTPServer):
    """The service at its address."""

    daemon_threads = True

    def __init__(self, service: DeviceService) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.service = service


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"
    server: "Listener"

    def do_POST(self) -> None:
        address, service = urlparse(self.path), self.server.service
        query = {key: values[0] for key, values in parse_qs(address.query).items()}
        match address.path:
            case "/startup-report":
                self.answer(200)
            case "/schedule":
                self.schedule(query)
            case "/allow":
                service.pids[service.lent[query["allowToken"]]] = int(query["pid"])
                self.answer(200)
            case "/release":
                known = service.take_back(query["allowToken"], query["fail"].lower() == "true")
                self.answer(200 if known else 404)

    def schedule(self, query: dict[str, str]) -> None:
        service, asked = self.server.service, int(query["durationSeconds"])
        service.asked.append(asked)
        service.tasks.add(query["taskId"])
        word = service.next.popleft() if service.next else ""
        if word in ("timeout", "queue"):
            self.queued(word)
        elif not word:
            self.answer(200, service.lend())
        else:
            status, result, body = REFUSALS[word]
            if word == "half the quota" and body:
                body = body | {"left": asked // 2}
            self.answer(status, body, {"X-Approve-Result": result, "X-Authenticated": "regular"} if result else {})

    def queued(self, word: str) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("X-Queuing-Reason", "node")
        self.end_headers()
        service, slot = self.server.service, None
        try:
            while word == "queue" and not service.let_go.wait(0.1):
                self.say("event: ping\n\n")
            slot = None if word == "timeout" else service.lend()
            self.say(f"event: succeeded\ndata: {json.dumps(slot)}\n\n" if slot else "event: failed\n\n")
        except OSError:  # whoever was queueing has gone
            if slot:
                service.take_back(slot["allowToken"], failed=True)

    def say(self, text: str) -> None:
        self.wfile.write(text.encode())
        self.wfile.flush()

    def answer(self, status: int, body: dict[str, Any] | None = None, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode() if body is not None else b""
        self.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        pass
