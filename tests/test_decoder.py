"""The token loop against the library's generate(), and its stops."""

import threading

import pytest
import torch

from polaris_demo.engine.decoder import PREFILL_CHUNK, Stopped, decode
from polaris_demo.engine.local import LocalEngine
from polaris_demo.story.events import Progress
from polaris_demo.story.request import SamplingParams

GREEDY = SamplingParams(temperature=0, repetition_penalty=1.0)


def tokens(
    engine: LocalEngine, prompt: list[int], params: SamplingParams, limit: int, output: tuple[int, ...] = (), seed: int = 3
) -> list[int]:
    events = decode(engine._model, prompt, output, params, seed, limit, threading.Event())
    return [e for e in events if isinstance(e, int)]


@pytest.mark.parametrize("length", [1, 2, 5, 37, 64, 90, 513, 1100])
@pytest.mark.parametrize("penalty", [1.0, 1.2])
def test_greedy_is_the_librarys_token_for_token(miniature: LocalEngine, length: int, penalty: float) -> None:
    torch.manual_seed(length)
    prompt = torch.randint(300, 4000, (1, length))
    expected = miniature._model.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=24, do_sample=False, repetition_penalty=penalty,
        eos_token_id=None, pad_token_id=0, temperature=None, top_p=None, top_k=None,
    )  # fmt: skip
    params = SamplingParams(temperature=0, repetition_penalty=penalty)
    assert tokens(miniature, prompt[0].tolist(), params, 24) == expected[0, length:].tolist()


@pytest.mark.parametrize("cuts", [[40], [1, 2, 3], [11, 50, 79]])
def test_a_run_cut_anywhere_gives_the_same_tokens(miniature: LocalEngine, cuts: list[int]) -> None:
    prompt, params = list(range(300, 360)), SamplingParams(temperature=1.0)
    whole = tokens(miniature, prompt, params, 80)
    done: list[int] = []
    for until in [*cuts, 80]:
        done += tokens(miniature, prompt, params, until, tuple(done))
    assert done == whole


def test_reading_a_long_prompt_can_be_stopped(miniature: LocalEngine) -> None:
    stop, seen = threading.Event(), []
    with pytest.raises(Stopped):
        for event in decode(miniature._model, [300] * (PREFILL_CHUNK * 4), (), GREEDY, 0, 10, stop):
            seen.append(event)
            if len(seen) == 2:
                stop.set()
    assert seen == [Progress("reading", 0, PREFILL_CHUNK * 4), Progress("reading", PREFILL_CHUNK, PREFILL_CHUNK * 4)]


def test_writing_stops_after_the_token_at_hand(miniature: LocalEngine) -> None:
    stop, seen = threading.Event(), []
    for event in decode(miniature._model, [300], (), GREEDY, 0, 50, stop):
        if isinstance(event, int):
            seen.append(event)
            if len(seen) == 7:
                stop.set()
    assert len(seen) == 7
