"""A server over the miniature's own decoder: it speaks completions, of token ids and of text, and chat as several engines have it.

A script can make it fail in any way.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from polaris_demo.engine.loading import PREVIEW_FOLDER
from polaris_demo.engine.local import LocalEngine
from polaris_demo.engine.run import Run
from polaris_demo.story.request import SamplingParams

from .remembering import Remembering

MODEL = "polaris"
CONTEXT = 16_384
Chunks = Iterator[dict[str, Any]]


class Answer:
    """One request for tokens, and what is said to it."""

    def __init__(self, handler: BaseHTTPRequestHandler, request: dict[str, Any], number: int, closing: threading.Event) -> None:
        self.request, self.number = request, number
        self._handler, self._closing = handler, closing

    def begin(self) -> None:
        self._handler.send_response(200)
        self._handler.send_header("content-type", "text/event-stream")
        self._handler.send_header("transfer-encoding", "chunked")
        self._handler.end_headers()

    def raw(self, data: bytes) -> None:
        """Bytes of the stream, as one chunk of the transfer."""
        self._handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self._handler.wfile.flush()

    def say(self, data: object) -> None:
        self.raw(f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode())

    def end(self, done: bool = True) -> None:
        if done:
            self.say("[DONE]")
        self._handler.wfile.write(b"0\r\n\r\n")

    def cut(self) -> None:
        """Closes the connection in the middle of the body."""
        self._handler.close_connection = True

    def stall(self) -> None:
        """Says nothing more, until the server is closed or whoever asked has gone."""
        self._handler.connection.settimeout(0.05)
        while not self._closing.is_set():
            try:
                if not self._handler.connection.recv(1):
                    return
            except TimeoutError:
                continue
            except OSError:
                return

    def status(self, code: int, body: object = None, **headers: str) -> None:
        data = json.dumps(body or {"error": {"message": "no", "type": "error", "code": code}}).encode()
        self._handler.send_response(code)
        for name, value in {"content-type": "application/json", "content-length": str(len(data)), **headers}.items():
            self._handler.send_header(name.replace("_", "-"), value)
        self._handler.end_headers()
        self._handler.wfile.write(data)


Script = Callable[[Answer, Chunks], None]


def as_it_should(answer: Answer, chunks: Chunks) -> None:
    answer.begin()
    for chunk in chunks:
        answer.say(chunk)
    answer.end()


class Server(ThreadingHTTPServer):
    """`requests` are the bodies of all that were asked; `running` how many are being answered.

    `speaks` are the addresses that it knows; `thinks_in` the fields of a chat in which it thinks, none where it thinks aloud.
    """

    daemon_threads = True

    def __init__(self, local: LocalEngine, script: Script = as_it_should, about: dict[str, Any] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.local, self.script = local, script
        self.about = about or {"id": MODEL, "object": "model", "root": str(PREVIEW_FOLDER), "max_model_len": CONTEXT}
        self.requests: list[dict[str, Any]] = []
        self.running = 0
        self.speaks, self.thinks_in = ["/v1/completions", "/v1/chat/completions"], "reasoning_content"
        self.counting, self.closing = threading.Lock(), threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def chunks(self, request: dict[str, Any]) -> Chunks:
        """What the miniature says to a request, a token a chunk."""
        prompt = self.read(request)
        says = self._as_chat if "messages" in request else self._as_text
        yield from says(request, self.tokens(request, prompt), prompt)

    def tokens(self, request: dict[str, Any], prompt: list[int]) -> Iterator[tuple[int, str | None]]:
        """Token ids, each with the reason for which it is the last."""
        params = SamplingParams(**{name: request[name] for name in vars(SamplingParams()) if name in request})
        run = Run(prompt, (), params, request.get("seed") or 0, request["max_tokens"])
        ends, left = set(request.get("stop_token_ids") or self.local._chat.ends), request["max_tokens"]
        for token in Remembering(self.local._model, plain=True).tokens(run, threading.Event()):
            if isinstance(token, int):
                left -= 1
                said = "stop" if token in ends else "length" if left == 0 else None
                yield int(token), said
                if said:
                    return

    def read(self, request: dict[str, Any]) -> list[int]:
        """The prompt as ids: as they are, as a text with control tokens in it, or by the chat template, whose last message may be begun."""
        if isinstance(request.get("prompt"), list):
            return list(request["prompt"])
        tokenizer: Any = self.local._chat._tokenizer
        text = request.get("prompt")
        if text is None:
            begun = bool(request.get("continue_final_message"))
            text = tokenizer.apply_chat_template(
                request["messages"], tokenize=False, continue_final_message=begun, add_generation_prompt=not begun
            )
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])

    def _as_text(self, request: dict[str, Any], tokens: Iterator[tuple[int, str | None]], prompt: list[int]) -> Chunks:
        """Ids only to whoever asks for them; `</think>` is an ordinary token of these models, and is told."""
        chat, wants = self.local._chat, request.get("return_token_ids")
        text = chat.decoder()
        for token, said in tokens:
            end = "" if wants or token != chat.think_end else "</think>"
            choice = {"index": 0, "text": end or text.step(token), "finish_reason": said} | ({"token_ids": [token]} if wants else {})
            yield {"id": "x", "object": "text_completion", "created": 0, "model": request["model"], "choices": [choice]}

    def _as_chat(self, request: dict[str, Any], tokens: Iterator[tuple[int, str | None]], prompt: list[int]) -> Chunks:
        """The thinking in a field of its own, `thinks_in`, or within the text where that is empty."""
        chat, field = self.local._chat, self.thinks_in
        text = chat.decoder()
        yield self.chat_chunk(request, {"role": "assistant", "content": ""})
        for token, said in tokens:
            told = text.step(token)
            if token == chat.think_end:
                told, field = "" if field else "</think>", ""
            yield self.chat_chunk(request, dict.fromkeys(field.split(), told) if field else {"content": told}, said)

    def chat_chunk(self, request: dict[str, Any], delta: dict[str, object], said: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": said}
        return {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": request["model"], "choices": [choice]}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a token is a packet, and none waits for another's receipt
    server: Server

    def do_GET(self) -> None:
        told = {"/v1/models": {"object": "list", "data": [self.server.about]}, "/version": {"version": "0.0-test"}}
        found = told.get(self.path)
        Answer(self, {}, 0, self.server.closing).status(200 if found else 404, found)

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.server.counting:
            self.server.requests.append(request)
            self.server.running += 1
            number = sum(one.get("stream", False) for one in self.server.requests)
        answer = Answer(self, request, number, self.server.closing)
        try:
            if self.path not in self.server.speaks:
                answer.status(404)
            elif request.get("stream"):
                self.server.script(answer, self.server.chunks(request))
            else:
                self._at_once(answer)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            with self.server.counting:
                self.server.running -= 1

    def _at_once(self, answer: Answer) -> None:
        choices = [chunk["choices"][0] for chunk in self.server.chunks(answer.request)]
        text, ids = "".join(one["text"] for one in choices), [i for one in choices for i in one.get("token_ids", ())]
        whole = {"index": 0, "text": text, "token_ids": ids or None, "finish_reason": choices[-1]["finish_reason"]}
        usage = {"prompt_tokens": len(self.server.read(answer.request)), "completion_tokens": len(choices), "total_tokens": 0}
        answer.status(200, {"id": "x", "object": "text_completion", "created": 0, "model": MODEL, "choices": [whole], "usage": usage})

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what was asked is in `requests`."""


@contextmanager
def serving(local: LocalEngine, script: Script = as_it_should, about: dict[str, Any] | None = None) -> Iterator[Server]:
    server = Server(local, script, about)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
