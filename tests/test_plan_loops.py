"""Thinking that goes round in circles is ended early, at the same token however it was cut, and the record says so."""

import json
import threading
from collections.abc import Iterator, Sequence

import pytest

from polaris_demo.engine import zerogpu
from polaris_demo.engine.base import Engine
from polaris_demo.engine.deltas import Deltas
from polaris_demo.engine.local import LocalEngine
from polaris_demo.engine.run import Run
from polaris_demo.page import reading
from polaris_demo.story import exports
from polaris_demo.story.citation import read_record
from polaris_demo.story.events import Delta, Event, Finish, Progress, Resume, ThinkingClosed
from polaris_demo.story.loops import SPAN
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import StoryRequest, thinking_budget

REQUEST = StoryRequest("a bell", 300).with_seed(4)
PLAN, ROUND = "First the bell is rung, CANARY.\n", "Then she thinks of the keeper and of the bell again.\n"
STORY = "Once there was a bell.\n\nIt rang."


def plan(miniature: LocalEngine) -> list[int]:
    return miniature._chat._plain(PLAN + ROUND * 100)


def events(engine: Engine, output: Sequence[int] = ()) -> list[Event]:
    return list(engine.write(REQUEST, Resume(tuple(output)), threading.Event()))


def told(said: Sequence[Event], record: StoryRecord | None = None) -> StoryRecord:
    record = record or StoryRecord("id", REQUEST)
    for event in said:
        record.apply(event, 0.0)
    return record


@pytest.fixture
def rounds(miniature: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """Lets the decoder plan in circles for ever, and tell STORY once its thinking is ended; the runs that it was asked for."""
    runs, chat, planned = [], miniature._chat, plan(miniature)

    def tokens(run: Run, stop: threading.Event) -> Iterator[Progress | int]:
        runs.append(run)
        written = list(run.output)
        yield Progress("reading", 0, 1)
        for token in planned[len(written) :]:
            if run.closing and len(written) >= run.closing.at:
                break
            written.append(token)
            yield token
        at = run.closing.at if run.closing else 0
        closing = chat.closing[1:] if written[at - 1] in chat.line_breaks else chat.closing
        yield from [*closing, *chat._plain(STORY), min(chat.ends)][len(written) - at :]

    monkeypatch.setattr(miniature._decoder, "tokens", tokens)
    return runs


def early(engine: Engine, rounds: list[Run]) -> StoryRecord:
    record = told(events(engine))
    assert record.finish == Finish("stop") and str(record.story) == STORY
    assert record.closed_by == "loop" and record.closed_at is not None
    return record


def on_zerogpu(miniature: LocalEngine) -> Engine:
    return zerogpu.ZeroGpuEngine(miniature, 80)


@pytest.mark.parametrize("make", [lambda miniature: miniature, on_zerogpu], ids=["local", "on ZeroGPU"])
def test_it_is_ended_long_before_its_budget_and_on_the_record(miniature: LocalEngine, rounds: list[Run], make) -> None:
    record = early(make(miniature), rounds)
    words = len(miniature._chat._backend.decode(record.token_ids[: record.closed_at], skip_special_tokens=True).split())
    print(f"\nended after {record.closed_at} tokens, {words} words; its budget is {thinking_budget(REQUEST):,}")
    assert SPAN < words < SPAN + 60 and record.closed_at < thinking_budget(REQUEST) / 3 and len(rounds) == 2
    assert ["Planning", f"went round in circles, and was ended after {record.thinking_tokens:,} tokens"] in reading.stamp(record)
    kept = json.loads(exports.record_json(record))
    assert (kept["thinking_closed_at"], kept["thinking_closed_by"]) == (record.closed_at, "loop")
    assert read_record(json.dumps(kept)).closed_at is None, "its budget did not close it"
    assert "CANARY" not in "".join(made.make(record, "") for ending, made in exports.FILES.items() if ending != "epub")  # type: ignore[misc]


def test_cut_anywhere_it_is_ended_at_the_same_token(miniature: LocalEngine, rounds: list[Run]) -> None:
    whole = early(miniature, rounds)
    assert whole.closed_at
    for cut in (1, whole.closed_at // 2, *range(whole.closed_at - 3, len(whole.token_ids))):
        record = told([Delta.of("thinking", "", tuple(whole.token_ids[:cut]))]) if cut < whole.thinking_tokens else None
        said = events(miniature, whole.token_ids[:cut])
        ids = [token for event in said if isinstance(event, Delta) for token in event.token_ids]
        assert [*whole.token_ids[:cut], *ids] == whole.token_ids, f"cut after {cut} tokens"
        if record:
            parts = told(said, record)
            assert str(parts.story) == STORY and (parts.closed_at or whole.closed_at) == whole.closed_at


def test_the_real_decoder_ends_it_where_it_was_noticed(miniature: LocalEngine) -> None:
    deltas, planned = Deltas(miniature._chat, close_at=10**6), plan(miniature)
    at = next(n for n, token in enumerate(planned, 1) if list(deltas.add(token)) is None or deltas.close_at < 10**6)
    for cut in (at, at + 1):
        closing = miniature._chat.closing[1:] if planned[at - 1] in miniature._chat.line_breaks else miniature._chat.closing
        output = [*planned[:at], *closing][:cut]
        ids = list(output)
        for event in miniature.write(REQUEST, Resume(tuple(output)), threading.Event()):
            ids += event.token_ids if isinstance(event, Delta) else ()
            if len(ids) >= at + len(closing):
                break
        assert ids[at : at + len(closing)] == list(closing)


def test_planning_that_is_taken_up_again_is_ended_at_once(miniature: LocalEngine) -> None:
    chat = miniature._chat
    deltas, said = Deltas(chat, close_at=10**6), []
    planned = plan(miniature)
    for token in planned:
        said += deltas.add(token)
        if deltas.close_at < 10**6:
            break
    closing = chat.closing[1:] if token in chat.line_breaks else chat.closing
    for token in (*closing, *chat._plain(STORY), chat.think_start, *chat.closing[1:2]):
        said += deltas.add(token)
    closed = [event for event in said if isinstance(event, ThinkingClosed)]
    assert [event.why for event in closed] == ["loop", "loop"] and closed[1].tokens > closed[0].tokens


def test_a_plan_with_lists_is_left_alone(miniature: LocalEngine) -> None:
    listed = "".join(
        f"Part {n}: Ann meets the {thing}, and something is lost.\n" for n, thing in enumerate(["fox", "owl", "ram", "cat"] * 5)
    )
    deltas = Deltas(miniature._chat, close_at=10**6)
    for token in miniature._chat._plain(listed):
        list(deltas.add(token))
    assert deltas.close_at == 10**6
