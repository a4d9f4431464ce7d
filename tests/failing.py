"""The ways in which an engine elsewhere fails while it tells a story."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from . import completions
from .completions import Answer, Chunks

SECRET = "sk-canary-5f3a"
Fails = Callable[[Answer, Chunks], None]


def within(*data: object, cut: bool = True) -> Fails:
    """Says this in the place of the next chunk; after it the body is cut, or goes on."""

    def fails(answer: Answer, chunks: Chunks) -> None:
        for one in data:
            answer.raw(one) if isinstance(one, bytes) else answer.say(one)
        if cut:
            answer.cut()
        else:
            rest(answer, chunks)

    return fails


def rest(answer: Answer, chunks: Chunks) -> None:
    for chunk in chunks:
        answer.say(chunk)
    answer.end()


def changed(**fields: object) -> Fails:
    """The next chunk's choice with other values; the rest as it should be."""

    def fails(answer: Answer, chunks: Chunks) -> None:
        chunk = next(chunks)
        chunk["choices"][0] |= fields
        answer.say(chunk)
        rest(answer, chunks)

    return fails


def in_single_bytes(answer: Answer, chunks: Chunks) -> None:
    for _ in range(3):
        for byte in f"data: {json.dumps(next(chunks, {'choices': []}))}\n\n".encode():
            answer.raw(bytes([byte]))
    rest(answer, chunks)


def many_at_once(answer: Answer, chunks: Chunks) -> None:
    """All that is left, in one chunk."""
    left = [chunk["choices"][0] for chunk in chunks]
    ids = [token for choice in left for token in choice["token_ids"]]
    choice = {"index": 0, "text": "".join(choice["text"] for choice in left), "token_ids": ids, "finish_reason": "stop"}
    answer.say({"id": "x", "object": "text_completion", "created": 0, "model": completions.MODEL, "choices": [choice]})
    answer.end()


def without_done(answer: Answer, chunks: Chunks) -> None:
    for chunk in chunks:
        answer.say(chunk)
    answer.end(done=False)


def as_another(answer: Answer, chunks: Chunks) -> None:
    answer.say(next(chunks) | {"model": "another/model"})
    rest(answer, chunks)


def ends_early(reason: str | None) -> Fails:
    def fails(answer: Answer, chunks: Chunks) -> None:
        if reason:
            chunk = next(chunks)
            chunk["choices"][0] |= {"text": "", "token_ids": [], "finish_reason": reason}
            answer.say(chunk)
        answer.end()

    return fails


USAGE = {"id": "x", "object": "text_completion", "created": 0, "model": completions.MODEL, "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}}  # fmt: skip
NULL = {"id": "x", "object": "text_completion", "created": 0, "model": completions.MODEL, "choices": [{"index": 0, "text": None, "token_ids": None, "finish_reason": None}]}  # fmt: skip
OF_TEXT = {"id": "x", "object": "text_completion", "created": 0, "model": completions.MODEL, "choices": [{"index": 0, "text": "And so", "finish_reason": None}]}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """How it fails. `said` is part of the sentence where the story comes to rest; empty where it is whole all the same."""

    name: str
    fails: Fails
    said: str = ""
    seamless: bool = False  # nothing has to be taken up


IN_A_STREAM = [
    Case("cut", within()),
    Case("cut in a line", within(b'data: {"id": "x", "cho')),
    Case("stall", lambda answer, chunks: answer.stall()),
    Case("error object", within({"error": {"message": SECRET, "type": "InternalServerError", "code": 500}})),
    Case("error object without a code", within({"error": {"message": SECRET}})),
    Case("error string", within({"error": SECRET})),
    Case("error that refuses", within({"error": {"message": SECRET, "type": "BadRequestError", "code": 400}}), "stopped with an error"),
    Case("bad JSON", within(f"{{{SECRET}")),
    Case("a list", within([1, 2])),
    Case("a number", within("7")),
    Case("no end reason", ends_early(None)),
    Case("aborted", ends_early("abort")),
    Case("error as the reason", ends_early("error")),
    Case("no [DONE]", without_done, seamless=True),
    Case("comments", within(b": still here\n\n", b": and here\n\n", cut=False), seamless=True),
    Case("single bytes", in_single_bytes, seamless=True),
    Case("all at once", many_at_once, seamless=True),
    Case("usage only", within(USAGE, cut=False), seamless=True),
    Case("empty choices", within({**USAGE, "usage": None}, cut=False), seamless=True),
    Case("null content", within(NULL, cut=False), seamless=True),
    Case("text that disagrees with its ids", changed(text="something else"), seamless=True),
    Case("text without ids", within(OF_TEXT), "without the ids"),
    Case("an id beyond the vocabulary", changed(token_ids=[10**6]), "tokens of another model"),
    Case("a negative id", changed(token_ids=[-1]), "tokens of another model"),
    Case("ids that are words", changed(token_ids=["a"])),
    Case("another model's name", as_another, "another model"),
]


def after(tokens: int, fails: Fails) -> Fails:
    """As it should up to there, then as it should not; whoever asks again is answered as it should be."""

    def script(answer: Answer, chunks: Chunks) -> None:
        if answer.number > 1:
            completions.as_it_should(answer, chunks)
            return
        answer.begin()
        for _ in range(tokens):
            answer.say(next(chunks))
        fails(answer, chunks)

    return script
