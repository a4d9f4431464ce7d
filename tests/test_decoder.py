"""The token loop against the library's generate(): both its ways, its stops, its cuts, and what a CUDA graph needs."""

import threading
from collections.abc import Callable

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from polaris_demo.engine.decoder import PREFILL_CHUNK, Decoder, Run, StaticLoop, Stopped
from polaris_demo.engine.local import LocalEngine
from polaris_demo.engine.sampling import Sampler
from polaris_demo.story.events import Progress
from polaris_demo.story.request import SamplingParams

GREEDY = SamplingParams(temperature=0, repetition_penalty=1.0)
SMALL = (64, 128, 1024, 2048)  # buckets small enough to be outgrown in a test


@pytest.fixture(scope="module", params=["growing", "fixed"])
def decoder(request: pytest.FixtureRequest, miniature: LocalEngine) -> Decoder:
    made = Decoder(miniature._model, SMALL)
    made.plain = request.param == "growing"
    return made


def tokens(decoder: Decoder, run: Run) -> list[int]:
    return [e for e in decoder.tokens(run, threading.Event()) if isinstance(e, int)]


@pytest.mark.parametrize("length", [1, 2, 5, 37, 64, 90, 513, 1100])
@pytest.mark.parametrize("penalty", [1.0, 1.2])
def test_greedy_is_the_librarys_token_for_token(decoder: Decoder, miniature: LocalEngine, length: int, penalty: float) -> None:
    torch.manual_seed(length)
    prompt = torch.randint(300, 4000, (1, length))
    expected = miniature._model.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=24, do_sample=False, repetition_penalty=penalty,
        eos_token_id=None, pad_token_id=0, temperature=None, top_p=None, top_k=None,
    )  # fmt: skip
    run = Run(prompt[0].tolist(), (), SamplingParams(temperature=0, repetition_penalty=penalty), 0, 24)
    assert tokens(decoder, run) == expected[0, length:].tolist()


@pytest.mark.parametrize("segments", [2, 7, 50])
def test_a_run_cut_into_segments_draws_the_same_tokens(decoder: Decoder, segments: int) -> None:
    prompt, params = list(range(300, 340)), SamplingParams(temperature=1.0)
    whole = tokens(decoder, Run(prompt, (), params, 3, 150))
    done: list[int] = []
    for i in range(segments):
        done += tokens(decoder, Run(prompt, tuple(done), params, 3, 150 * (i + 1) // segments))
    assert done == whole and len(whole) == 150


def test_both_ways_draw_the_same_tokens_across_buckets(miniature: LocalEngine) -> None:
    growing, fixed = Decoder(miniature._model, SMALL), Decoder(miniature._model, SMALL)
    fixed.plain = False
    for seed in range(4):
        run = Run(list(range(300, 340)), (), SamplingParams(temperature=0.8), seed, 140)
        assert tokens(growing, run) == tokens(fixed, run)


def test_thinking_is_closed_at_its_budget_and_only_there(decoder: Decoder) -> None:
    closing, params = 4088, SamplingParams(temperature=1.0)
    free = tokens(decoder, Run([300, 301], (), params, 1, 30))
    assert closing not in free
    closed = tokens(decoder, Run([300, 301], (), params, 1, 30, (closing, 12)))
    assert closed[:12] == free[:12] and closed[12] == closing and closing not in closed[13:]
    resumed = tokens(decoder, Run([300, 301], tuple(closed[:20]), params, 1, 30, (closing, 12)))
    assert closed[:20] + resumed == closed
    early = tokens(decoder, Run([300, 301], (*free[:5], closing), params, 1, 30, (closing, 12)))
    assert closing not in early


def test_reading_a_long_prompt_can_be_stopped(decoder: Decoder) -> None:
    stop, seen, total = threading.Event(), [], PREFILL_CHUNK * 3
    with pytest.raises(Stopped):
        for event in decoder.tokens(Run([300] * total, (), GREEDY, 0, 10), stop):
            seen.append(event)
            if event == Progress("reading", PREFILL_CHUNK, total):
                stop.set()
    assert seen[0] == Progress("reading", 0, total) and seen[-1] == Progress("reading", PREFILL_CHUNK, total)


def test_writing_stops_after_the_token_at_hand(decoder: Decoder) -> None:
    for after in (1, 7, 30):
        stop, seen = threading.Event(), []
        for event in decoder.tokens(Run([300] * 40, (), GREEDY, 0, 100), stop):
            if isinstance(event, int):
                seen.append(event)
                if len(seen) == after:
                    stop.set()
        assert len(seen) == after


class _Watch(TorchDispatchMode):
    """Notes every operation that would make a GPU wait for the host or whose result's shape depends on values."""

    SYNC = ("_local_scalar_dense", "nonzero", "unique", "masked_select", "item", "is_nonzero", "equal")

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []
        self.calls = 0

    def __torch_dispatch__(self, func: Callable, types: object, args: tuple = (), kwargs: dict | None = None):
        self.calls += 1
        if any(name in str(func) for name in self.SYNC):
            self.waits.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.fixture(scope="module")
def loop(miniature: LocalEngine) -> StaticLoop:
    return StaticLoop(miniature._model, Sampler(4096), 64)


def test_the_step_a_graph_captures_waits_for_no_value(loop: StaticLoop) -> None:
    loop._sampler.start(SamplingParams(presence_penalty=1, repetition_penalty=1), 1, [300], (), (4088, 5))
    loop.begin(torch.tensor([300]), 2)
    with _Watch() as watch:
        loop.step()
    assert watch.calls > 100 and not watch.waits


def test_the_watch_would_see_a_wait() -> None:
    with _Watch() as watch:
        torch.arange(3)[torch.tensor(1)]
        int(torch.tensor(1))
    assert watch.waits


def test_buffers_keep_their_addresses_over_stories(loop: StaticLoop) -> None:
    def addresses() -> list[int]:
        tensors = [loop._token, loop._position, loop._ring, loop._slot, *loop._sampler._tensors()]
        for layer in loop._cache.layers:
            keys = ("keys", "values", "cumulative_length")
            held = (
                [getattr(layer, k) for k in keys]
                if hasattr(layer, "keys")
                else [*layer.recurrent_states.values(), *layer.conv_states.values()]
            )
            tensors += held
        return [tensor.data_ptr() for tensor in tensors]

    before = addresses()
    for seed in range(3):
        loop._sampler.start(SamplingParams(temperature=1.0 + seed / 10), seed, [300, 301 + seed])
        loop.reset()
        loop.read(torch.tensor([[300, 301 + seed]]))
        loop.begin(torch.tensor([5]), 2)
        list(loop.run(20, threading.Event()))
    assert addresses() == before


def test_a_stopped_loop_issues_no_more_steps(loop: StaticLoop) -> None:
    loop.begin(torch.tensor([300]), 2)
    stop = threading.Event()
    got = []
    for token in loop.run(20, stop):
        got.append(token)
        stop.set()
    assert len(got) == 1 and int(loop._position) == 3
