"""What a connection is told of a story: everything once, then what changed, and what that costs on the wire."""

import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette

from polaris_demo.jobs.fair import FairUse
from polaris_demo.jobs.following import Piece
from polaris_demo.jobs.library import Library
from polaris_demo.jobs.measured import Measured
from polaris_demo.page import reading, view
from polaris_demo.page.routes import StoryRoutes
from polaris_demo.page.stream import ALIVE, SLOW, Telling, place
from polaris_demo.settings import Settings
from polaris_demo.story.events import Delta, Event, Finish, Started, TakenBack
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import StoryRequest

from .doubles import POLARIS, until
from .prose import prose

TOKENS_A_SECOND, UPDATES_A_SECOND, BYTES_A_TOKEN = 60, 10, 4.5
MOST_BYTES = 2.5  # on the wire for each byte of the story
WORDS = 2_000


class Reader:
    """A connection, and what a script makes of it: messages put together, and the text cut to `off` and grown."""

    def __init__(self) -> None:
        self.telling, self.told, self.text, self.ids = Telling(), {}, "", []

    def hears(self, record: StoryRecord, start: int, now: float) -> dict[str, Any] | None:
        text, end = record.story.since(start)
        going = reading.going(record)
        rest = reading.rest(record, view.kept("", None), reading.Repetition.of(str(record.story))) if record.rests else None
        event = self.telling.event(Piece(record, start, end, text), going, rest, now)
        self.ids += [line[3:] for line in event.splitlines() if line.startswith("id:")]
        if event in ("", ALIVE):
            return None
        (message,) = [json.loads(line[5:]) for line in event.splitlines() if line.startswith("data:")]
        self.text = self.text[: message.get("off", len(self.text))] + message.get("t", "")
        self.told |= {name: value for name, value in message.items() if name not in ("off", "t")}
        return message


def writing(*texts: str) -> StoryRecord:
    record = StoryRecord("id", StoryRequest("p", WORDS).with_seed(3), writer=POLARIS)
    for second, text in enumerate(texts):
        record.apply(Delta.of("story", text, (1,)), second / 10)
    return record


def test_the_first_message_is_the_whole_state_and_the_next_only_what_changed() -> None:
    record, reader = writing("One "), Reader()
    first = reader.hears(record, 0, 0.0)
    assert first == reading.going(record) | {"off": 0, "t": "One "}
    record.apply(Delta.of("story", "two ", (1,)), 0.1)
    assert reader.hears(record, 4, 0.1) == {"t": "two "}
    assert reader.ids == ["4.0"]


def test_slow_figures_come_once_a_second_and_end_up_right() -> None:
    record, reader, heard = writing("One "), Reader(), []
    for tenth in range(35):
        at = len(record.story)
        record.apply(Delta.of("story", "and more ", (1,)), tenth / 10)
        heard.append(reader.hears(record, at if tenth else 0, tenth / 10))
    assert 3 <= sum("words" in (message or {}) for message in heard) <= 4
    assert len(reader.ids) <= 4
    record.apply(Finish("stop"), 3.5)
    reader.hears(record, len(record.story), 3.5)
    assert {name: reader.told[name] for name in SLOW} == {name: reading.going(record)[name] for name in SLOW}  # type: ignore[literal-required]
    assert reader.text == str(record.story) and reader.ids[-1] == f"{len(record.story)}.0"


@pytest.mark.words
def test_a_change_of_state_is_told_at_once_with_all_that_goes_with_it() -> None:
    record, reader = StoryRecord("id", StoryRequest("p", WORDS).with_seed(3), writer=POLARIS), Reader()
    record.apply(Delta.of("thinking", "", (1,)), 0.0)
    reader.hears(record, 0, 0.0)
    record.apply(Delta.of("story", "Once", (1,)), 0.1)
    message = reader.hears(record, 0, 0.1)
    assert message and message["state"] == "writing" and message["far"].startswith("1 of")


@pytest.mark.parametrize("grown_again", [False, True])
def test_text_that_was_taken_back_goes_from_every_page(grown_again: bool) -> None:
    record, reader = writing("Once upon a time "), Reader()
    reader.hears(record, 0, 0.0)
    record.apply(TakenBack(0, 5), 0.1)
    if grown_again:
        record.apply(Delta.of("story", "there was a bell, and it rang. ", (1,)), 0.1)
    message = reader.hears(record, 5, 0.1)
    assert message and (message["off"], message["cuts"]) == (5, 1)
    assert reader.text == str(record.story)
    record.apply(Delta.of("story", "End.", (1,)), 0.2)
    assert reader.hears(record, len(record.story) - 4, 0.2) == {"t": "End."}


def test_where_nothing_happens_a_sign_of_life_is_all_that_is_sent() -> None:
    record, telling = writing("One "), Telling()
    going = reading.going(record)
    said = [
        telling.event(Piece(record, 0 if now == 0 else 4, 4, "One " if now == 0 else ""), going, None, now) for now in (0, 0.5, 1.5, 2.5)
    ]
    assert said[1:] == ["", ALIVE, ALIVE]


@pytest.mark.parametrize(
    ("mark", "where"),
    [("1234", (1234, 0)), ("1234.2", (1234, 2)), ("", (0, 0)), ("-1", (0, 0)), ("abc.3", (0, 3)), ("9" * 30, (0, 0)), ("5.x", (5, 0))],
)
def test_where_a_reader_is_whatever_it_says(mark: str, where: tuple[int, int]) -> None:
    assert place(mark) == where


# The cost.


class Written:
    """Follows a story that is written in no time, by a clock of its own: what a follower of the runner would yield."""

    def __init__(self, story: str) -> None:
        self.story, self.now, self.library, self.measured, self.fair = story, 0.0, Library(None), Measured(), FairUse()

    def expires(self, record: StoryRecord) -> None:
        return None

    async def follow(self, story_id: str, offset: int = 0, cuts: int = 0) -> AsyncIterator[Piece]:
        record = StoryRecord(story_id, StoryRequest("a lamp", WORDS).with_seed(3), created=1e9, writer=POLARIS)
        for event in self._events():
            self.now += 1 / UPDATES_A_SECOND
            record.apply(event, self.now)
            text, end = record.story.since(offset)
            yield Piece(record, offset, end, text)
            offset = end

    def _events(self) -> Iterator[Event]:
        tokens = TOKENS_A_SECOND // UPDATES_A_SECOND
        size = round(tokens * BYTES_A_TOKEN)
        yield Started("<prompt>a lamp</prompt>", 60, POLARIS)
        yield from (Delta.of("thinking", "", (1,) * tokens) for _ in range(100))
        yield from (Delta.of("story", self.story[at : at + size], (1,) * tokens) for at in range(0, len(self.story), size))
        yield Finish("stop")


@contextmanager
def answering(routes: StoryRoutes) -> Iterator[int]:
    """A server of these routes alone; its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes.routes()), log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    until(lambda: server.started)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def body(port: int, path: str) -> bytes:
    """The body of an answer as it goes over the wire, sizes of its chunks included."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n".encode())
        got = b"".join(iter(lambda: line.recv(65_536), b""))
    head, _, rest = got.partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head.lower()
    return rest


def test_a_story_costs_little_more_than_its_own_bytes_on_the_wire() -> None:
    text = prose(5 * WORDS + 1_500)
    written: Any = Written(text)
    with answering(StoryRoutes(written, Settings(), clock=lambda: written.now)) as port:
        sent = body(port, "/stories/id/events")
    messages = [json.loads(line[5:]) for line in sent.decode().splitlines() if line.startswith("data:")]
    assert "".join(message.get("t", "") for message in messages) == text and messages[-1]["rests"]
    size, growing = len(text.encode()), [m for m in messages if "t" in m]
    figure = len(sent) / size
    print(f"\n{size:,} bytes of story in {len(growing)} updates: {len(sent):,} bytes on the wire, {figure:.2f} for each")
    assert size / len(growing) < 30, "larger updates than ten a second give"
    assert figure <= MOST_BYTES
