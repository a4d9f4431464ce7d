"""Engines that follow a script, for what the miniature cannot be made to do. Only for tests."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from polaris_demo import card
from polaris_demo.engine.base import Allowance, Status, another_model
from polaris_demo.jobs.job import Job
from polaris_demo.jobs.library import Library
from polaris_demo.jobs.lifecycle import Phase
from polaris_demo.jobs.runner import Runner
from polaris_demo.jobs.saved import SavedStory
from polaris_demo.story.events import Delta, Event, Finish, Progress, Resume, Started
from polaris_demo.story.model_info import LOCAL, ModelInfo, folder_name, hub_name
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.recording import Watch, recording_json
from polaris_demo.story.request import StoryRequest, read

POLARIS = ModelInfo(
    name="POLARIS-9B", model=card.MODEL.hub_id, revision="abc", precision="bf16", device="test GPU", engine="scripted",
    context=262_144, is_preview=False, why="a test",
)  # fmt: skip
MINIATURE = replace(POLARIS, name="preview model, not POLARIS-9B", model="bundled miniature", is_preview=True)
IMPOSTORS = (  # a folder and another account's model that are called as POLARIS-9B is; none of the card's figures is theirs
    replace(POLARIS, name=folder_name("/srv/models/POLARIS-9B"), model=LOCAL, revision="0123456789ab"),
    replace(POLARIS, name=hub_name("someone/POLARIS-9B"), model="someone/POLARIS-9B"),
)
Script = Callable[[StoryRequest, threading.Event], Iterator[Event]]


class ScriptedEngine:
    """Writes what its script yields; a stop event ends it at the next event, as an engine must."""

    def __init__(self, script: Script, writer: ModelInfo | None = POLARIS, capacity: int = 1, words_at_once: int | None = None) -> None:
        self._script, self._status = script, Status(writer, capacity=capacity, words_at_once=words_at_once)
        self.running = self.most_running = 0
        self.resumes: list[Resume] = []

    def status(self) -> Status:
        return self._status

    def prompt(self, request: StoryRequest) -> tuple[str, int]:
        return f"<prompt>{request.premise}</prompt>", 60

    def allowance(self, request: StoryRequest) -> Allowance | None:
        return None

    def place(self, request: StoryRequest, resume: Resume, characters: int) -> None:
        return None

    def write(self, request: StoryRequest, resume: Resume, stop: threading.Event) -> Generator[Event, None, None]:
        self.resumes.append(resume)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            for event in self._script(request, stop):
                yield replace(event, writer=self._status.writer) if isinstance(event, Started) and self._status.writer else event
                if stop.is_set():
                    yield Finish("cancelled")
                    return
                if isinstance(event, Finish):
                    return
            if stop.is_set():
                yield Finish("cancelled")
        finally:
            self.running -= 1


class TextEngine:
    """An engine without token ids: tells a text a few characters at a time, and goes on from texts."""

    def __init__(self, story: str, thinking: str = "First a bell, then a fox.", writer: ModelInfo = POLARIS) -> None:
        self._thinking, self._story, self._writer = thinking, story, writer
        self.fails_at: int | None = None  # characters of the story

    def status(self) -> Status:
        return Status(self._writer)

    def prompt(self, request: StoryRequest) -> tuple[str, int]:
        return request.premise, len(request.premise.split())

    def allowance(self, request: StoryRequest) -> Allowance | None:
        return None

    def place(self, request: StoryRequest, resume: Resume, characters: int) -> None:
        return None

    def write(self, request: StoryRequest, resume: Resume, stop: threading.Event) -> Generator[Event, None, None]:
        if another := another_model(resume, self._writer):
            yield Finish("pause", another)
            return
        yield Started(*self.prompt(request), self._writer)
        thought = self._thinking if resume.story else resume.thinking
        for kind, text, at in (("thinking", self._thinking, len(thought)), ("story", self._story, len(resume.story))):
            while at < len(text):
                if stop.is_set():
                    yield Finish("cancelled")
                    return
                if kind == "story" and self.fails_at is not None and at >= self.fails_at:
                    yield Finish("error", "The engine does not answer.")
                    return
                yield Delta(kind, text[at : at + 5], 1)
                at += 5
        yield Finish("cancelled") if stop.is_set() else Finish("stop")


def story_events(thinking: str, story: str, piece: int = 7, writer: ModelInfo = POLARIS) -> list[Event]:
    """A whole story as events: the prompt read, thought about, written in small pieces, and ended."""
    cut = [story[i : i + piece] for i in range(0, len(story), piece)]
    return [
        Progress("reading", 0, 60),
        Started("<prompt>", 60, writer),
        Delta.of("thinking", thinking, tuple(range(len(thinking.split())))),
        *(Delta.of("story", text, (i,)) for i, text in enumerate(cut)),
        Finish("stop"),
    ]


def tells(story: str, thinking: str = "a plan") -> Script:
    """A script that tells one story at once."""
    return lambda request, stop: iter(story_events(thinking, story))


def echoes(request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
    """Tells a story that holds the premise, so that two visitors' stories can be told apart."""
    return iter(story_events("a plan", f"# A story\n\nIt was about {request.premise}."))


def endless(request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
    """Writes for ever, a word about every 20 ms, until stopped."""
    yield Started("<prompt>", 60, POLARIS)
    yield Delta.of("thinking", "plan", (1,))
    while True:
        yield Delta.of("story", "word ", (2,))
        stop.wait(0.02)


def waits_for(gate: threading.Event, story: str = "done.") -> Script:
    """Says it is loading until the gate opens, then tells a story."""

    def script(request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
        while not gate.wait(0.02):
            yield Progress("loading")
        yield from story_events("plan", story)

    return script


def paced(words: int):
    """A script that takes its time: about 5 ms a piece."""

    def script(request, stop):
        for event in story_events("plan", "word " * words, piece=25):
            yield event
            stop.wait(0.005)

    return script


SEGMENT = Finish("segment")


def in_segments(texts: list[str], between: Finish = SEGMENT):
    """A script whose calls write one text each and end as told, until the last one ends the story."""
    left = iter(texts)

    def script(request, stop):
        text = next(left)
        yield Started("<prompt>", 60, POLARIS)
        yield Delta.of("story", text, (1, 2))
        yield Finish("stop") if text == texts[-1] else between

    return script


def kept_by_another(folder: Path, story_id: str) -> SavedStory | None:
    """A story as the library of a process that still runs has it; its folder is that process's alone."""
    with TemporaryDirectory() as copied:
        with closing(sqlite3.connect(folder / "stories.db")) as live, closing(sqlite3.connect(Path(copied) / "stories.db")) as copy:
            live.backup(copy)
        with closing(Library(Path(copied))) as library:
            return library.load(story_id)


def until(test: Callable[[], bool], seconds: float = 20, what: str = "") -> float:
    """Wait until `test` holds; seconds it took. Fails after `seconds`."""
    start = time.monotonic()
    while not test():
        assert time.monotonic() - start < seconds, f"still not so after {seconds} s: {what or test}"
        time.sleep(0.005)
    return time.monotonic() - start


def asked(premise: str = "a robot", **fields: object) -> dict[str, object]:
    """A request as it arrives."""
    return {"premise": premise, "words": 200, **fields}


def asked_for(premise: str, words: int, **fields: object) -> StoryRequest:
    """A request that has been read."""
    request, _ = read({"premise": premise, "words": words, "seed": 1, **fields})
    assert request is not None
    return request


def recording_of(text: str, premise: str = "a bell", words: int = 1000, writer: ModelInfo = POLARIS, a_piece: float = 0.06) -> str:
    """A recording of a story as if `writer` had written it, 38 seconds after it was asked for, a piece every few hundredths."""
    story, watch, now = StoryRecord("recorded", asked_for(premise, words), created=1_780_000_000.0, writer=writer), Watch(), 1000.0
    for event in story_events("a plan", text, writer=writer):
        now += 38 if isinstance(event, Delta) and event.kind == "thinking" else a_piece
        story.apply(event, now)
        watch.see(story)
    return recording_json(story, watch)


def finished(job: Job) -> bool:
    return job.record.rests


def rests(job: Job) -> bool:
    """Nothing more comes of it by itself, and its worker is free again."""
    return not job.active


def paused(job: Job) -> bool:
    """Between two segments or at rest, and its worker is free again."""
    return job.record.state == "paused" and job.phase is not Phase.WORKING


def followed(runner: Runner, job: Job, offset: int = 0) -> str:
    """The text of a story, followed to its end."""

    async def read() -> str:
        return "".join([piece.text async for piece in runner.follow(job.record.id, offset)])

    return asyncio.run(read())
