"""Stories that share a batch: each is the one it would be alone, whoever joins, leaves, stops or breaks beside it."""

import functools
import itertools
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import Qwen3_5ForCausalLM, Qwen3_5TextConfig
from transformers.models.qwen3_5.modeling_qwen3_5 import Qwen3_5TextRotaryEmbedding

from polaris_demo.engine import lanes as module
from polaris_demo.engine.batch import Batch
from polaris_demo.engine.closing import Closing
from polaris_demo.engine.decoder import Decoder
from polaris_demo.engine.lanes import PREFILL_CHUNK, Lanes, NoRoom, NotFinite, Story
from polaris_demo.engine.loading import SMALL_BYTES, choose_lanes, lane_bytes
from polaris_demo.engine.local import NO_ROOM, LocalEngine
from polaris_demo.engine.run import Run, Stopped
from polaris_demo.jobs import rewrite
from polaris_demo.settings import Settings, SettingsError, read_settings
from polaris_demo.story.events import Delta, Finish, Progress, Resume
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import SamplingParams
from tools.bench_decode import FULL_SIZE

from .doubles import until
from .test_local import asked
from .tiny import tiny_model

BUCKETS = (32, 48, 96, 256, 8192)  # small enough to be outgrown in a test
LONGEST = 60  # tokens of a story
CLOSING = Closing(9, (7, 3, 8), 2, 3, frozenset({7, 8}))


@pytest.fixture(scope="module")
def tiny() -> Qwen3_5ForCausalLM:
    return tiny_model(96)


@functools.cache
def runs() -> tuple[Run, ...]:
    """Short and long prompts, every sampling setting at work in some, with a thinking to be closed and without."""
    chance = random.Random(1)
    pool = []
    for number in range(24):
        params = SamplingParams(
            temperature=chance.choice([0.0, 0.7, 1.3]), top_p=chance.choice([0.8, 1.0]), top_k=chance.choice([3, 20, 64]),
            min_p=chance.choice([0.0, 0.1]), repetition_penalty=chance.choice([1.0, 1.3]),
        )  # fmt: skip
        params = replace(params, presence_penalty=0.0 if params.repetition_penalty > 1 else 0.8)
        prompt = [chance.randrange(10, 96) for _ in range(chance.choice([1, 2, 15, 31, 40, 70]))]
        pool.append(Run(prompt, (), params, number, LONGEST, CLOSING if number % 2 else None))
    return tuple(pool)


def by_itself(model: Any, run: Run) -> list[int]:
    return [int(event) for event in Decoder(model, plain=True).tokens(run, threading.Event()) if isinstance(event, int)]


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


def drained(story: Story) -> list[Any]:
    return [story.told.get() for _ in range(story.told.qsize())]


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


# --- memory ----------------------------------------------------------------------------------------------------------


class Small:
    """A memory that holds so many columns of all rows of one batch."""

    def __init__(self, columns: int) -> None:
        self.columns = columns

    def __call__(self, model: Any, sampler: Any, rows: int, length: int, capture: Any = None) -> Batch:
        if rows * length > self.columns:
            raise torch.OutOfMemoryError(f"no room for {rows} times {length}")
        return Batch(model, sampler, rows, length, capture)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[Small]:
    memory = Small(4 * 96)
    monkeypatch.setattr(module, "Batch", memory)
    monkeypatch.setattr(module.torch.cuda, "empty_cache", lambda: None)
    yield memory


def test_where_a_longer_batch_does_not_fit_the_youngest_rest_and_the_others_go_on(
    tiny: Qwen3_5ForCausalLM, alone: Callable[[int], list[int]], small: Small
) -> None:
    lanes = Lanes(tiny, 4, BUCKETS, lambda step: step)
    numbers = [n for n, run in enumerate(runs()) if len(run.prompt) == 70][:1] + [
        n for n, run in enumerate(runs()) if len(run.prompt) < 20
    ][:3]
    stories = [Story(runs()[n], threading.Event()) for n in numbers]  # the first outgrows 96 columns
    for story in stories:
        lanes.join(story)
    while not lanes.idle:
        lanes.turn()
    ends, tokens = [], []
    for story in stories:
        *said, last = drained(story)
        ends.append(type(last))
        tokens.append([int(event) for event in said if isinstance(event, int)])
    assert ends[0] is type(None) and Counter(ends)[NoRoom] >= 2 and lanes.most < 4
    for number, told, end in zip(numbers, tokens, ends, strict=True):
        assert told == alone(number)[: len(told)] and (end is NoRoom or told == alone(number))


def test_a_prompt_that_does_not_fit_fails_alone(
    tiny: Qwen3_5ForCausalLM, alone: Callable[[int], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = module.forward

    def full(model: Any, ids: torch.Tensor, cache: Any) -> torch.Tensor:
        if int(ids[0, 0]) == 95:
            raise torch.OutOfMemoryError("no room for this prompt")
        return forward(model, ids, cache)

    monkeypatch.setattr(module, "forward", full)
    decoder = Decoder(tiny, BUCKETS, plain=False, lanes=4)
    with ThreadPoolExecutor(4) as pool:
        fails = pool.submit(lambda: list(decoder.tokens(Run([95, 11], (), SamplingParams(), 1, 9), threading.Event())))
        others = list(pool.map(lambda n: [int(e) for e in decoder.tokens(runs()[n], threading.Event()) if isinstance(e, int)], range(3)))
    assert isinstance(fails.exception(), torch.OutOfMemoryError) and others == [alone(n) for n in range(3)]


def test_a_story_that_gives_way_rests_and_can_be_gone_on_with(miniature: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = LocalEngine(miniature._model, miniature._chat, miniature._writer, lanes=2)

    def tokens(run: Run, stop: threading.Event) -> Iterator[Any]:
        yield 300
        raise NoRoom

    monkeypatch.setattr(engine._decoder, "tokens", tokens)
    *said, last = engine.write(asked(), Resume(), threading.Event())
    assert engine.status().capacity == 2
    engine._decoder._lanes.most = 1
    assert engine.status().capacity == 1  # so that who comes next waits where it is told of
    assert last == Finish("pause", NO_ROOM) and any(isinstance(event, Delta) for event in said)


# --- how many --------------------------------------------------------------------------------------------------------

LANE, FREE = 1_260_000_000, 60 * 2**30


@pytest.mark.parametrize(
    ("settings", "precision", "free", "count", "why"),
    [
        (Settings(), "bf16", FREE, 8, "60 GiB of GPU memory are left"), (Settings(), "bf16", 6 * 2**30, 2, "the longest story takes 1.2"),
        (Settings(), "bf16", 2**30, 1, "1 GiB"), (Settings(), "4bit", FREE, 1, "one at a time"), (Settings(lanes=3), "4bit", FREE, 3, "POLARIS_LANES"),
        (Settings(zerogpu=True, lanes=4), "4bit", 0, 1, "ZeroGPU"), (Settings(plain_loop=True), "bf16", FREE, 1, "plain"),
        (Settings(), "bf16", 0, 2, "CPU"),
    ],
)  # fmt: skip
def test_how_many_and_why(settings: Settings, precision: str, free: int, count: int, why: str) -> None:
    found, reason = choose_lanes(settings, precision, LANE, free)
    assert found == count and why in reason


def test_a_lane_of_the_full_size_takes_what_was_measured(miniature: LocalEngine) -> None:
    full = Qwen3_5TextConfig(num_key_value_heads=4, head_dim=256, num_hidden_layers=32)
    assert lane_bytes(full, 2) == pytest.approx(1.2e9, rel=0.08)
    assert 8 * lane_bytes(miniature._model.config, 4) < SMALL_BYTES


def test_the_setting_is_read() -> None:
    assert (
        read_settings({}).lanes == read_settings({"POLARIS_LANES": "auto"}).lanes == 0 and read_settings({"POLARIS_LANES": "4"}).lanes == 4
    )
    for wrong in ("0", "9", "many"):
        with pytest.raises(SettingsError, match="it takes auto, 1, 2, 3, 4, 5, 6, 7, 8"):
            read_settings({"POLARIS_LANES": wrong})
