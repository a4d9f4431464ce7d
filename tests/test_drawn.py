"""A drawn token leaves the device together with how sure its draw was."""

import pytest
import torch

from polaris_demo.engine.drawn import Drawn, packed, unpacked
from polaris_demo.engine.sampling import BROKEN, Sampler
from polaris_demo.story.request import SamplingParams


@pytest.mark.parametrize("token", [0, 7, 248_069])
@pytest.mark.parametrize("sureness", [0.0, 1e-5, 0.5, 1.0])
def test_both_come_out_as_they_went_in(token: int, sureness: float) -> None:
    drawn = unpacked(int(packed(torch.tensor([token]), torch.tensor([sureness]))))
    assert isinstance(drawn, Drawn) and drawn == token and drawn.sureness == pytest.approx(sureness, abs=1e-6)


def test_a_broken_draw_stays_one() -> None:
    assert unpacked(int(packed(torch.tensor([BROKEN]), torch.tensor([float("nan")])))) == BROKEN


@pytest.mark.parametrize("temperature", [0.3, 1.0])
def test_sureness_is_the_probability_at_the_storys_temperature_whatever_penalties_make_of_it(temperature: float) -> None:
    logits = torch.tensor([2.0, 1.0, 0.5, -1.0])
    expected = (logits / temperature).softmax(-1)
    sampler = Sampler(4)
    sampler.start(SamplingParams(temperature=temperature, top_k=1, repetition_penalty=2.0), 1, [0], (0,))
    for token in range(4):
        assert float(sampler.sureness(logits, torch.tensor([[token]]))) == pytest.approx(float(expected[token]), abs=1e-6)


def test_where_the_likeliest_is_always_taken_nothing_is_in_doubt() -> None:
    sampler = Sampler(3)
    sampler.start(SamplingParams(temperature=0), 1, [0])
    logits = torch.tensor([0.1, 0.2, 0.15])
    assert [float(sampler.sureness(logits, torch.tensor([[token]]))) for token in range(3)] == [0.0, 1.0, 0.0]
