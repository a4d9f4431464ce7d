"""What every engine does: the same statements over the miniature, one that loads behind it, ZeroGPU's, one elsewhere, and one
without token ids."""

import itertools
import pickle
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from weakref import WeakKeyDictionary

import pytest

from polaris_demo.engine import elsewhere, zerogpu
from polaris_demo.engine.base import Allowance, BackgroundEngine, Engine, wait_until_ready
from polaris_demo.engine.connecting import connect
from polaris_demo.engine.decoder import Decoder
from polaris_demo.engine.local import LocalEngine
from polaris_demo.engine.remote import RemoteEngine
from polaris_demo.errors import EngineError
from polaris_demo.jobs import rewrite, versions
from polaris_demo.settings import Settings
from polaris_demo.story.events import Delta, Event, Finish, Progress, Resume, Started
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import SamplingParams, StoryRequest
from polaris_demo.story.version import paragraphs, written_on

from . import completions, remembering
from .doubles import TextEngine
from .remembering import Remembering

PACKAGE = Path(__file__).parent.parent / "polaris_demo"
REQUEST = StoryRequest("a robot who learns to paint", 50, sampling=SamplingParams(seed=4))
GREEDY = replace(REQUEST, sampling=replace(REQUEST.sampling, temperature=0.0))
SERVERS = ExitStack()
TALE = "# The bell\n\nIt rang once, 🌟 and then *never* again.\n\n" + "And the fox went on. " * 12


def miniature_engine(miniature: LocalEngine) -> Engine:
    return miniature


def in_company(miniature: LocalEngine) -> Engine:
    """Of lanes that another story is written in, again and again."""
    engine = LocalEngine(miniature._model, miniature._chat, miniature._writer, lanes=4)
    stop = threading.Event()

    def beside() -> None:
        while not stop.is_set():
            for _ in engine.write(replace(REQUEST, premise="a fox"), Resume(), stop):
                pass

    thread = threading.Thread(target=beside, daemon=True)
    SERVERS.callback(thread.join)
    SERVERS.callback(stop.set)
    thread.start()
    return engine


def remembered(miniature: LocalEngine) -> LocalEngine:
    """The miniature for an engine that only passes on what it draws; that it draws aright is seen of itself and of its lanes."""
    local = LocalEngine(miniature._model, miniature._chat, miniature._writer)
    local._made = Remembering(miniature._model, plain=True)
    return local


def background(miniature: LocalEngine) -> Engine:
    local = remembered(miniature)
    engine = BackgroundEngine(lambda report: local)
    wait_until_ready(engine)
    return engine


def on_zerogpu(miniature: LocalEngine) -> Engine:
    return zerogpu.ZeroGpuEngine(remembered(miniature), 80)


def without_ids(miniature: LocalEngine) -> Engine:
    return TextEngine(TALE)


def telling_ids(miniature: LocalEngine) -> Engine:
    server = SERVERS.enter_context(completions.serving(miniature))
    return connect(Settings(model="preview", engine_url=server.url), lambda loading: None)


def telling_text(miniature: LocalEngine) -> Engine:
    server = SERVERS.enter_context(completions.serving(miniature))
    return connect(Settings(model="preview", engine_url=server.url, engine_profile="sglang"), lambda loading: None)


@pytest.fixture(
    scope="module",
    params=[miniature_engine, in_company, background, on_zerogpu, telling_ids, telling_text, without_ids],
    ids=lambda make: make.__name__,
)
def engine(request: pytest.FixtureRequest, miniature: LocalEngine) -> Iterator[Engine]:
    with SERVERS:
        yield request.param(miniature)


def events(
    engine: Engine, record: StoryRecord | None = None, until: Callable[[StoryRecord], bool] | None = None
) -> tuple[StoryRecord, list[Event]]:
    """One call of `write`, folded into a record, a new one where none is given; stopped where `until` holds."""
    record, stop, said = record or StoryRecord("id", REQUEST), threading.Event(), []
    for event in engine.write(record.request, record.resume_point(), stop):
        record.apply(event, 0.0)
        said.append(event)
        if until and until(record):
            stop.set()
    return record, said


@pytest.fixture(scope="module")
def call(engine: Engine) -> tuple[StoryRecord, list[Event]]:
    """One call of `write`, for those that only look at what came."""
    return events(engine)


@pytest.fixture(scope="module")
def whole(engine: Engine) -> StoryRecord:
    """A whole story, in as many calls as the engine takes for it."""
    *_, record = rewrite.write(engine, StoryRecord("id", REQUEST))
    assert record.finish == Finish("stop") and record.words > 20
    return record


def test_it_says_who_it_is(engine: Engine) -> None:
    status = engine.status()
    assert status.writer and status.capacity >= 1 and not status.failure and not status.loading
    prompt, tokens = engine.prompt(REQUEST) or ("", 0)
    assert "robot" in prompt and tokens > 3
    assert engine.allowance(REQUEST) is None or isinstance(engine.allowance(REQUEST), Allowance)


def test_it_starts_by_saying_who_writes_and_ends_with_one_finish(engine: Engine, call: tuple[StoryRecord, list[Event]]) -> None:
    _, said = call
    kinds = [type(event) for event in said if not isinstance(event, Progress)]
    assert kinds[0] is Started and kinds.count(Started) == 1 and kinds.index(Delta) == 1
    assert isinstance(said[-1], Finish) and kinds.count(Finish) == 1
    (started,) = [event for event in said if isinstance(event, Started)]
    assert started.writer == engine.status().writer and (started.prompt, started.prompt_tokens) == engine.prompt(REQUEST)


def test_it_says_something_at_least_every_second(engine: Engine) -> None:
    """By the best of three: a machine that is busy may keep anybody silent once."""

    def longest_silence() -> float:
        times = [time.monotonic()]
        for _ in engine.write(REQUEST, Resume(), threading.Event()):
            times.append(time.monotonic())
        return max(b - a for a, b in itertools.pairwise(times))

    assert any(longest_silence() < 1.0 for _ in range(3))


def test_what_it_says_can_be_sent_from_process_to_process(call: tuple[StoryRecord, list[Event]]) -> None:
    _, said = call
    assert pickle.loads(pickle.dumps(said)) == said
    assert {type(token) for event in said if isinstance(event, Delta) for token in event.token_ids} <= {int}


def test_all_text_comes_with_the_tokens_it_takes(call: tuple[StoryRecord, list[Event]], whole: StoryRecord) -> None:
    record, said = call
    deltas = [event for event in said if isinstance(event, Delta)]
    assert "".join(delta.text for delta in deltas if delta.kind == "story") == str(record.story) == str(whole.story)[: len(record.story)]
    assert all(delta.tokens for delta in deltas if delta.text) and sum(delta.tokens for delta in deltas) == record.tokens
    assert not record.token_ids or len(record.token_ids) == record.tokens


def draw_anew(patch: pytest.MonkeyPatch) -> None:
    """Nothing is remembered, for a stop that has to come between two tokens: those take the model's own time."""
    patch.setattr(remembering, "DRAWN", WeakKeyDictionary())


def test_a_stop_is_obeyed_at_once_wherever_it_comes(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_anew(monkeypatch)
    for after in (1, 3, 9):
        stop, said = threading.Event(), []
        for event in engine.write(REQUEST, Resume(), stop):
            said.append(event)
            if len(said) == after:
                stop.set()
        new = [event for event in said[after:] if isinstance(event, Delta) and event.text]
        assert said[-1] == Finish("cancelled") and len(new) <= 2


def test_it_goes_on_from_the_very_next_character(engine: Engine, whole: StoryRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    """One story, stopped four times on its way; greedy where what is drawn hangs on where it was stopped."""
    record = StoryRecord("id", REQUEST)
    if (writer := engine.status().writer) and writer.redraws:
        *_, whole = rewrite.write(engine, StoryRecord("id", GREEDY))
        record = StoryRecord("id", GREEDY)
    draw_anew(monkeypatch)
    for share in (0, 0.1, 0.4, 0.8):
        record, _ = events(engine, record, until=lambda r, share=share: r.tokens > share * whole.tokens)
        assert record.finish == Finish("cancelled") and str(whole.story).startswith(str(record.story))
    *_, record = rewrite.write(engine, record)
    assert str(record.story) == str(whole.story) and record.tokens == whole.tokens


def test_it_writes_on_from_the_end_of_every_paragraph(engine: Engine) -> None:
    """With the parent's seed and settings it is the parent; what is kept of it ends with the token that ends the paragraph."""
    asked = GREEDY if (writer := engine.status().writer) and writer.redraws else REQUEST
    *_, parent = rewrite.write(engine, StoryRecord("parent", asked))
    ends = paragraphs(str(parent.story))
    assert len(ends) > 1
    for number, end in enumerate(ends, 1):
        place = versions.place(parent.look(), number, engine)
        version = written_on(parent.look(), place, number, "version", asked)
        kept = str(version.story)
        assert kept[:end] == str(parent.story)[:end] and len(kept) == place.characters < end + 4
        assert version.token_ids == parent.token_ids[: version.tokens] and version.words <= parent.words
        *_, version = rewrite.write(engine, version)
        assert str(version.story) == str(parent.story) and version.token_ids == parent.token_ids
        assert (version.tokens, version.thinking_tokens) == (parent.tokens, parent.thinking_tokens)


def test_another_models_story_is_left_at_rest_with_a_sentence_that_names_both(engine: Engine, whole: StoryRecord) -> None:
    writer = engine.status().writer
    assert writer
    for other in (replace(writer, name="Fables-1B", model="someone/Fables-1B"), replace(writer, revision="f00df00d")):
        said = list(engine.write(REQUEST, replace(whole.resume_point(), writer=other), threading.Event()))
        assert len(said) == 1 and isinstance(said[0], Finish) and said[0].reason == "pause"
        assert other.name in said[0].message and other.revision[:12] in said[0].message and writer.name in said[0].message
    elsewhere = replace(writer, precision="4bit", device="another GPU", engine="another")
    assert isinstance(
        next(iter(engine.write(REQUEST, replace(whole.resume_point(), writer=elsewhere), threading.Event()))), Progress | Started
    )


def breaks_off(tokens: Iterator[object]) -> Iterator[object]:
    yield from itertools.islice(tokens, 40)
    raise ConnectionResetError


def break_it(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    if isinstance(engine, TextEngine):
        monkeypatch.setattr(engine, "fails_at", 20)
        return
    chunks = completions.Server.chunks
    if isinstance(engine, RemoteEngine):
        monkeypatch.setattr(elsewhere, "MOST_TAKEN_UP", 0)
        monkeypatch.setattr(completions.Server, "chunks", lambda *asked: breaks_off(chunks(*asked)))
        return
    for decoder in (Remembering, Decoder):
        tokens = decoder.tokens
        monkeypatch.setattr(decoder, "tokens", lambda *asked, tokens=tokens: breaks_off(tokens(*asked)))


def test_what_fails_is_a_finish_and_what_was_written_before_is_kept(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, whole: StoryRecord
) -> None:
    with monkeypatch.context() as patch:
        break_it(engine, patch)
        record, said = events(engine)
    assert isinstance(said[-1], Finish) and said[-1].reason == "error" and said[-1].message.endswith(".")
    assert record.tokens > 3 and str(whole.story).startswith(str(record.story))


def test_what_cannot_be_loaded_is_a_finish_and_raised_by_who_waits() -> None:
    def fails(report: object) -> Engine:
        raise EngineError("The disk is full. Make room.")

    engine = BackgroundEngine(fails)
    with pytest.raises(EngineError, match="disk is full"):
        wait_until_ready(engine)
    assert engine.status().failure == "The disk is full. Make room."
    assert list(engine.write(REQUEST, Resume(), threading.Event())) == [Finish("error", "The disk is full. Make room.")]


def test_a_story_begun_without_ids_goes_on_with_them_and_the_other_way_round(miniature: LocalEngine) -> None:
    """One model behind two engines: the text goes on at the very next character, and every stretch is on record."""
    writer = miniature.status().writer
    assert writer
    other = TextEngine(TALE, writer=replace(writer, engine="an endpoint", device="elsewhere"))
    for first, second in ((miniature, other), (other, miniature)):
        record, _ = events(first, until=lambda r: len(r.story) > 40)
        begun = str(record.story)
        record.finish = None
        *_, record = rewrite.write(second, record)
        assert str(record.story).startswith(begun) and len(record.story) > len(begun)
        assert [s.writer.engine for s in record.stretches] == [first.status().writer.engine, second.status().writer.engine]


def test_nothing_is_found_out_about_an_engine_behind_its_contract() -> None:
    """No getattr and no isinstance on an engine anywhere in the package."""
    pattern = re.compile(r"(getattr|hasattr|isinstance)\([^)]*[Ee]ngine")
    found = [
        f"{path.name}: {line.strip()}" for path in PACKAGE.rglob("*.py") for line in path.read_text().splitlines() if pattern.search(line)
    ]
    assert not found
