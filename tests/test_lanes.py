"""Stories that share a batch: each is the one it would be alone, whoever joins, leaves, stops or breaks beside it."""

import functools
import itertools
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import Qwen3_5ForCausalLM, Qwen3_5TextConfig
from transformers.models.qwen3_5.modeling_qwen3_5 import Qwen3_5TextRotaryEmbedding

from polaris_demo.engine.decoder import Decoder
from polaris_demo.engine.lanes import PREFILL_CHUNK, Lanes, NotFinite, Story
from polaris_demo.engine.local import LocalEngine
from polaris_demo.engine.run import Run, Stopped
from polaris_demo.jobs import rewrite
from polaris_demo.story.events import Progress
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import SamplingParams
from tools.bench_decode import FULL_SIZE

from .doubles import until
from .lane_runs import BUCKETS, LONGEST, by_itself, drained, runs
from .test_local import asked
from .tiny import tiny_model


@pytest.fixture(scope="module")
def tiny() -> Qwen3_5ForCausalLM:
    return tiny_model(96)


@pytest.fixture(scope="module")
def alone(tiny: Qwen3_5ForCausalLM) -> Callable[[int], list[int]]:
    """What the plain loop makes of one of the runs; each once, however many are held against it."""
    return functools.cache(lambda number: by_itself(tiny, runs()[number]))


@dataclass
class Visit:
    """A story of a schedule: one of the runs, joining at a turn, going on from `cut` tokens, with so many at most, stopped after some."""

    run: int
    turn: int
    cut: int
    most: int
    stop: int

    def begun(self, tokens: list[int]) -> Story:
        run = runs()[self.run]
        return Story(replace(run, output=tuple(tokens[: self.cut]), limit=min(LONGEST, self.cut + self.most)), threading.Event())


def schedule(turns: int, tokens: int) -> st.SearchStrategy[list[Visit]]:
    """Up to nine stories that join within so many turns, of up to so many tokens each."""
    stop = st.integers(1, 3 * tokens // 4) | st.just(LONGEST)
    visit = st.builds(Visit, st.integers(0, 23), st.integers(0, turns), st.integers(0, LONGEST), st.integers(0, tokens), stop)
    return st.lists(visit, min_size=1, max_size=9)


SHORT, LONG = schedule(15, 22), schedule(25, 40)  # in either, stories outgrow buckets, come late into rows that were left, and wait


def played(lanes: Lanes, visits: list[Visit], alone: Callable[[int], list[int]]) -> None:
    """Every story of a schedule, turn by turn, is what it is alone."""
    waiting = sorted(((visit, visit.begun(alone(visit.run))) for visit in visits), key=lambda pair: pair[0].turn)
    stories, told = list(waiting), {id(story): [] for _, story in waiting}
    for turn in itertools.count():
        while waiting and waiting[0][0].turn <= turn:
            lanes.join(waiting.pop(0)[1])
        lanes.turn()
        for visit, story in stories:
            told[id(story)] += drained(story)
            if sum(isinstance(event, int) for event in told[id(story)]) >= visit.stop:
                story.stop.set()
        if lanes.idle and not waiting:
            break
    for visit, story in stories:
        said = told[id(story)]
        assert story.ended and (said[-1] is None or isinstance(said[-1], Stopped))
        tokens, expected = [int(event) for event in said if isinstance(event, int)], alone(visit.run)[visit.cut : story.run.limit]
        assert tokens == expected[: len(tokens)] and len(tokens) >= min(visit.stop, len(expected))
        assert len(tokens) == len(expected) or len(tokens) <= visit.stop + 1, "it stops within the step at hand"


def schedules(examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    quiet = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    return settings(max_examples=examples, deadline=None, suppress_health_check=quiet)


@given(visits=SHORT, most=st.sampled_from([1, 2, 3, 4, 8]))
@schedules(200)
def test_every_story_of_a_full_house_is_the_one_it_is_alone(
    tiny: Qwen3_5ForCausalLM, alone: Callable[[int], list[int]], visits: list[Visit], most: int
) -> None:
    """Joins and leaves at random, stops, limits, segments, forced ends of thinking, buckets outgrown; in shapes that change."""
    played(Lanes(tiny, most, BUCKETS), visits, alone)


@pytest.mark.slow
@given(visits=LONG, most=st.sampled_from([1, 2, 3, 4, 8]), fixed=st.booleans())
@schedules(2000)
def test_two_thousand_schedules(
    tiny: Qwen3_5ForCausalLM, alone: Callable[[int], list[int]], visits: list[Visit], most: int, fixed: bool
) -> None:
    played(Lanes(tiny, most, BUCKETS, (lambda step: step) if fixed else None), visits, alone)


@given(visits=SHORT)
@schedules(30)
def test_and_so_it_is_in_a_shape_that_stays(tiny: Qwen3_5ForCausalLM, alone: Callable[[int], list[int]], visits: list[Visit]) -> None:
    """As on a GPU: captured steps, idle rows that compute for nobody."""
    played(Lanes(tiny, 4, BUCKETS, lambda step: step), visits, alone)


def test_the_miniatures_stories_at_once_are_those_it_writes_alone(miniature: LocalEngine) -> None:
    """Through the whole engine: eight threads, joining as they come, and the plain loop."""
    plain, many = (LocalEngine(miniature._model, miniature._chat, miniature._writer, plain_loop=p, lanes=8) for p in (True, False))
    requests = [replace(asked(words=60, seed=n, max_new_tokens=64), premise=f"a fox and the number {n}") for n in range(8)]

    def story(engine: LocalEngine, request: Any) -> tuple[list[int], str]:
        *_, record = rewrite.write(engine, StoryRecord("x", request))
        return record.token_ids, str(record.story)

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(functools.partial(story, many), requests))
    assert together == [story(plain, request) for request in requests] and many.status().capacity == 8


def full_size() -> Qwen3_5ForCausalLM:
    """Of the 9B's sizes in bf16, its weights views of one block of chance, which takes 2 GB in place of 18."""
    config = Qwen3_5TextConfig(**FULL_SIZE)
    with torch.device("meta"):
        model = Qwen3_5ForCausalLM(config).eval()
    largest = max(weight.numel() for weight in model.parameters())
    block = (torch.randn(largest, generator=torch.Generator().manual_seed(0)) * 0.02).bfloat16()
    for layer in model.modules():
        for name, weight in list(layer.named_parameters(recurse=False)):
            setattr(layer, name, torch.nn.Parameter(block[: weight.numel()].view(weight.shape), requires_grad=False))
    model.model.rotary_emb = Qwen3_5TextRotaryEmbedding(config)  # its frequencies are no weights
    return model


@pytest.mark.slow
def test_two_lanes_of_the_full_size_in_bf16_write_what_each_writes_alone() -> None:
    """In a shape that stays, since another one rounds otherwise."""
    decoder, length = Decoder(full_size(), (64,), plain=False, lanes=2), 6
    asked = [Run(list(range(300 + n, 312 + 3 * n)), (), SamplingParams(temperature=1.0, seed=n), n, length) for n in range(2)]

    def tokens(run: Run) -> list[int]:
        return [int(event) for event in decoder.tokens(run, threading.Event()) if isinstance(event, int)]

    alone = [tokens(run) for run in asked]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(tokens, asked)) == alone
    assert [len(told) for told in alone] == [length, length] and alone[0] != alone[1]


# --- neighbours ------------------------------------------------------------------------------------------------------


def poisoned(forward: Callable[[torch.Tensor], torch.Tensor], poison: float) -> Callable[[torch.Tensor], torch.Tensor]:
    """A model's last layer, whose numbers are none in every row but the first."""

    def spoilt(hidden: torch.Tensor) -> torch.Tensor:
        logits = forward(hidden).clone()
        logits[1:] = poison
        return logits

    return spoilt


@pytest.mark.parametrize("poison", [torch.nan, torch.inf, -torch.inf])
def test_what_breaks_in_a_lane_stays_in_it(
    poison: float, tiny: Qwen3_5ForCausalLM, alone: Callable[[int], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    lanes = Lanes(tiny, 4, BUCKETS, lambda step: step)
    stories = [Story(runs()[number], threading.Event()) for number in range(4)]
    for story in stories:
        lanes.join(story)
    while not all(story.row >= 0 for story in stories):
        lanes.turn()
    monkeypatch.setattr(tiny.lm_head, "forward", poisoned(tiny.lm_head.forward, poison))
    lanes.turn()
    assert all(isinstance(drained(story)[-1], NotFinite) for story in stories[1:])
    monkeypatch.undo()
    later = Story(runs()[7], threading.Event())
    lanes.join(later)  # into a row that was broken
    while not lanes.idle:
        lanes.turn()
    first, last = ([int(event) for event in drained(story) if isinstance(event, int)] for story in (stories[0], later))
    assert first == alone(0)[-len(first) :] and last == alone(7)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -1e30, 0.0])
def test_settings_that_no_request_may_have_stay_in_their_lane(
    value: float, tiny: Qwen3_5ForCausalLM, alone: Callable[[int], list[int]]
) -> None:
    lanes, absurd = Lanes(tiny, 4, BUCKETS, lambda step: step), {"repetition_penalty": value, "presence_penalty": value, "min_p": value}
    stories = [Story(runs()[0], threading.Event())]
    stories += [Story(replace(run, params=replace(run.params, **absurd)), threading.Event()) for run in runs()[1:4]]
    for story in stories:
        lanes.join(story)
    while not lanes.idle:
        lanes.turn()
    assert [int(event) for event in drained(stories[0]) if isinstance(event, int)] == alone(0)


def test_numbers_that_are_none_in_a_row_are_gone_when_the_next_story_comes(
    tiny: Qwen3_5ForCausalLM, alone: Callable[[int], list[int]]
) -> None:
    lanes = Lanes(tiny, 2, BUCKETS, lambda step: step)
    played(lanes, [Visit(1, 0, 0, 40, LONGEST), Visit(2, 0, 0, 40, LONGEST)], alone)
    for batch in lanes._batches.values():
        for layer in batch._cache.layers:
            held = [layer.keys, layer.values] if hasattr(layer, "keys") else [*layer.recurrent_states.values(), *layer.conv_states.values()]
            for tensor in held:
                tensor.fill_(torch.nan)
    played(lanes, [Visit(3, 0, 0, 40, LONGEST), Visit(4, 5, 0, 40, LONGEST)], alone)


# --- turns -----------------------------------------------------------------------------------------------------------


def test_a_stop_ends_one_lane_within_a_step_and_the_others_lose_none(tiny: Qwen3_5ForCausalLM) -> None:
    lanes = Lanes(tiny, 4, BUCKETS)
    stories = [Story(replace(runs()[2 * n], limit=50), threading.Event()) for n in range(4)]
    for story in stories:
        lanes.join(story)
    while not all(story.row >= 0 for story in stories):
        lanes.turn()
    for story in stories:
        drained(story)
    stories[2].stop.set()
    lanes.turn()
    assert [sum(isinstance(event, int) for event in drained(story)) for story in stories] == [1, 1, 0, 1]
    assert stories[2].ended and lanes._batch and lanes._batch.rows == 4


def test_whoever_listens_no_more_leaves_too(tiny: Qwen3_5ForCausalLM) -> None:
    decoder = Decoder(tiny, BUCKETS, plain=False, lanes=2)
    telling = decoder.tokens(runs()[0], threading.Event())
    next(event for event in telling if isinstance(event, int))
    telling.close()
    until(lambda: decoder._thread is None, what="nothing works for nobody")


def test_one_that_is_left_by_its_listener_as_where_it_goes_round_in_circles_changes_no_other(
    tiny: Qwen3_5ForCausalLM, alone: Callable[[int], list[int]]
) -> None:
    decoder = Decoder(tiny, BUCKETS, plain=False, lanes=3)
    with ThreadPoolExecutor(2) as pool:
        others = pool.map(lambda n: [int(e) for e in decoder.tokens(runs()[n], threading.Event()) if isinstance(e, int)], (1, 2))
        for number in (3, 4, 5):
            telling = decoder.tokens(runs()[number], threading.Event())
            next(event for event in telling if isinstance(event, int))
            telling.close()
        assert list(others) == [alone(1), alone(2)]


def test_a_process_that_ends_in_the_middle_of_a_story_ends_well() -> None:
    """Python stops its threads wherever they are, and within torch that is an abort."""
    script = """
import threading
from polaris_demo.engine.decoder import Decoder
from polaris_demo.engine.loading import preview_source
from polaris_demo.engine.run import Run
from polaris_demo.story.request import SamplingParams
from transformers import AutoModelForCausalLM
decoder = Decoder(AutoModelForCausalLM.from_pretrained(preview_source().folder).eval(), plain=False, lanes=2)
telling = decoder.tokens(Run([300, 301], (), SamplingParams(), 1, 4000), threading.Event())
print(sum(isinstance(next(telling), int) for _ in range(20)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and int(done.stdout) > 10, done.stderr[-2000:]


def test_a_long_prompt_delays_the_others_by_no_more_than_a_chunk(tiny: Qwen3_5ForCausalLM) -> None:
    lanes = Lanes(tiny, 2, BUCKETS)
    writing, reading = (
        Story(replace(runs()[0], limit=500), threading.Event()),
        Story(Run([11] * 4000, (), SamplingParams(), 1, 5), threading.Event()),
    )
    lanes.join(writing)
    while writing.row < 0:
        lanes.turn()
    drained(writing)
    lanes.join(reading)
    read = []
    while reading.row < 0:
        lanes.turn()
        assert sum(isinstance(event, int) for event in drained(writing)) == 1
        read += [event.done for event in drained(reading) if isinstance(event, Progress)]
    assert read == list(range(0, 4000, PREFILL_CHUNK))


def test_one_that_waits_for_a_lane_says_something_and_gets_the_next(tiny: Qwen3_5ForCausalLM, alone: Callable[[int], list[int]]) -> None:
    decoder = Decoder(tiny, BUCKETS, plain=False, lanes=2)
    with ThreadPoolExecutor(6) as pool:
        told = list(pool.map(lambda n: [int(e) for e in decoder.tokens(runs()[n], threading.Event()) if isinstance(e, int)], range(6)))
    assert told == [alone(n) for n in range(6)]
