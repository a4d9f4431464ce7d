"""The sampler equals vLLM's own and the library's processors in vLLM's order, and depends on nothing but its seed."""

import gzip
import itertools
import json
import timeit
from collections.abc import Callable
from dataclasses import fields, replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers.generation import logits_process as hf

from polaris_demo.engine.closing import Closing, ThinkingState
from polaris_demo.engine.sampling import BROKEN, CANDIDATES, Sampler
from polaris_demo.story.request import LIMITS, SamplingParams
from tools import vllm_sampler

V = 3000
FULL = 248_320  # entries of Qwen3.5's output
CASES = [
    SamplingParams(),
    SamplingParams(temperature=1.0, repetition_penalty=1.0),
    SamplingParams(temperature=0.05, top_k=64, top_p=1.0),
    SamplingParams(temperature=2.0, top_k=50, top_p=0.5, min_p=0.0),
    SamplingParams(temperature=1.0, top_k=30, top_p=0.9, min_p=0.2, repetition_penalty=2.0),
    SamplingParams(temperature=0.8, repetition_penalty=1.0, presence_penalty=1.5),
    SamplingParams(temperature=0.8, top_k=1),
    SamplingParams(temperature=1.5, top_p=0.05),
]


def chain(params: SamplingParams, prompt: list[int], output: list[int], logits: torch.Tensor) -> torch.Tensor:
    """Probabilities by the library's processors in vLLM's order, with the presence penalty written out naively."""
    ids, scores = torch.tensor([prompt + output]), logits[None].double()
    if params.repetition_penalty != 1:
        scores = hf.RepetitionPenaltyLogitsProcessor(params.repetition_penalty)(ids, scores)
    for token in set(output):
        scores[0, token] -= params.presence_penalty
    scores = hf.TemperatureLogitsWarper(params.temperature)(ids, scores)
    scores = hf.MinPLogitsWarper(params.min_p)(ids, scores) if params.min_p > 0 else scores
    scores = hf.TopKLogitsWarper(params.top_k)(ids, scores)
    scores = hf.TopPLogitsWarper(params.top_p)(ids, scores) if params.top_p < 1 else scores
    return scores.softmax(-1)[0]


def kept(sampler: Sampler, logits: torch.Tensor) -> dict[int, float]:
    """The tokens that may be drawn, by id, with their probabilities."""
    (values,), (tokens,) = sampler.candidates(sampler.penalised(logits))
    return {int(token): float(value.exp()) for value, token in zip(values, tokens, strict=True) if value > -torch.inf}


def started(params: SamplingParams, vocabulary: int, prompt: list[int] | None = None, output: list[int] | None = None) -> Sampler:
    sampler = Sampler(vocabulary)
    sampler.start(params, 0, prompt or [], output or [])
    return sampler


def test_it_keeps_what_vllm_keeps_with_its_probabilities() -> None:
    """Which of equal tokens top-p leaves out is chance in vLLM (its sort is not stable), so their values are compared."""
    samplers: dict[int, Sampler] = {}
    compared, full, worst = 0, 0, 0.0
    cases = itertools.chain(vllm_sampler.cases(), vllm_sampler.cases(large=True))
    answers = json.loads(gzip.decompress(vllm_sampler.ANSWERS.read_bytes()))["answers"]
    for number, (case, (likeliest, tokens, shares)) in enumerate(zip(cases, answers, strict=True)):
        if len(case.logits) not in samplers:
            samplers[len(case.logits)] = Sampler(len(case.logits))
        sampler = samplers[len(case.logits)]
        sampler.start(SamplingParams(**case.sampling), 0, case.prompt, case.output)
        if likeliest >= 0:
            assert int(sampler.draw(case.logits)) == likeliest, number
            compared += 1
            continue
        penalised = sampler.penalised(case.logits)
        (logits,), ((values,), (ours,)) = penalised, sampler.candidates(penalised)
        drawn = values > -torch.inf
        ours, theirs = logits[ours[drawn]].sort().values, logits[tokens].sort().values
        if _crowded(logits, case):
            assert set(ours.tolist()) <= set(theirs.tolist()), number
            full += 1
            continue
        assert torch.equal(ours, theirs), number
        difference = values[drawn].exp().sort().values - torch.tensor(shares).sort().values / vllm_sampler.SCALE
        worst = max(worst, float(difference.abs().max()))
        compared += 1
    print(f"\n{compared:,} cases as vLLM's, probabilities within {worst:.1e}; {full} with more equal tokens than there is room for")
    assert compared >= 6_000 and worst < 1 / vllm_sampler.SCALE


def _crowded(logits: torch.Tensor, case: vllm_sampler.Case) -> bool:
    """More tokens than there is room for are as likely as the last that top-k keeps."""
    scaled, k = logits / case.sampling["temperature"], min(int(case.sampling["top_k"]), len(logits))
    return int((scaled >= scaled.topk(k).values[-1]).sum()) > CANDIDATES


def test_min_p_counts_before_top_p() -> None:
    """Top-p then takes its share of what min-p left: 0.7 of .6 and .25 is the first; of all three it would be both."""
    params = SamplingParams(temperature=1.0, top_p=0.7, min_p=0.3, repetition_penalty=1.0)
    assert kept(started(params, 3), torch.tensor([0.6, 0.25, 0.15]).log()) == {0: 1.0}


@pytest.mark.parametrize("top_k", [1, 3, 20, 64])
def test_all_that_equal_the_last_of_top_k_are_kept(top_k: int) -> None:
    logits = torch.zeros(V)
    logits[torch.arange(top_k + 40) * 20] = 1.0
    logits[20 : 20 * top_k : 20] = 2.0
    sampler = started(SamplingParams(temperature=1.0, top_k=top_k, top_p=1.0, repetition_penalty=1.0), V)
    assert sorted(kept(sampler, logits)) == (torch.arange(top_k + 40) * 20).tolist()


def test_of_more_equal_tokens_than_there_is_room_for_so_many_are_kept() -> None:
    shares = kept(started(SamplingParams(temperature=1.0, top_k=1, top_p=1.0, repetition_penalty=1.0), V), torch.zeros(V))
    assert len(shares) == CANDIDATES and all(share == pytest.approx(1 / CANDIDATES) for share in shares.values())


def test_top_p_is_reached_only_beyond_its_share() -> None:
    """Of five equal tokens four are not yet 0.8 in vLLM's rounding; those that go have the lowest ids."""
    params = SamplingParams(temperature=1.0, repetition_penalty=1.0)
    assert sorted(kept(started(replace(params, top_p=0.8), 5), torch.zeros(5))) == [0, 1, 2, 3, 4]
    assert sorted(kept(started(replace(params, top_p=0.5), 5), torch.zeros(5))) == [2, 3, 4]


def test_of_equally_likely_tokens_the_first_is_the_greedy_choice() -> None:
    greedy = SamplingParams(temperature=0, repetition_penalty=1.0)
    for first in (0, 7, 1500):
        logits = torch.zeros(V)
        logits[first::499] = 1.0
        assert int(started(greedy, V).draw(logits)) == first
    penalised = torch.tensor([0.0, 23.5, 25.0])  # a tie that the penalty makes
    assert int(started(replace(greedy, presence_penalty=1.5), 3, [], [2]).draw(penalised)) == 1


def test_no_token_of_any_seed_begins_without_a_chance() -> None:
    """Nothing is so unlikely as what comes of mixing zero."""
    sampler = Sampler(V)
    for seed in range(200):
        sampler.start(SamplingParams(), seed, [])
        for _ in range(3):
            assert torch.exp(-torch.exp(-sampler._gumbel(torch.arange(64)))).min() > 1e-9
            sampler.note(torch.tensor([[1]]))


@pytest.mark.parametrize(("vocabulary", "seeds"), [(V, 20), (FULL, 2)])
@pytest.mark.parametrize("params", CASES, ids=range(len(CASES)))
def test_the_distribution_is_the_librarys(params: SamplingParams, vocabulary: int, seeds: int) -> None:
    for seed in range(seeds):
        torch.manual_seed(seed)
        logits = torch.randn(vocabulary) * 4
        prompt, output = torch.randint(0, vocabulary, (40,)).tolist(), torch.randint(0, vocabulary, (300,)).tolist()
        prompt += logits.topk(8).indices[::2].tolist()
        output += logits.topk(9).indices[1::2].tolist()
        sampler = Sampler(vocabulary)
        sampler.start(params, 1, prompt, output)
        (values,), (tokens,) = sampler.candidates(sampler.penalised(logits))
        support = torch.zeros(vocabulary, dtype=torch.bool).scatter(0, tokens, values > -torch.inf)
        ours = torch.zeros(vocabulary).scatter(0, tokens, values.exp())
        expected = chain(params, prompt, output, logits)
        assert torch.equal(support, expected > 0)
        assert (ours - expected).abs().max() < 1e-5


def test_after_a_long_story_a_draw_is_ten_times_faster_than_the_librarys() -> None:
    torch.manual_seed(0)
    logits, output = torch.randn(FULL) * 4, torch.randint(0, FULL, (15_000,)).tolist()
    params = SamplingParams(repetition_penalty=1.1, presence_penalty=0.5)
    sampler = Sampler(FULL)
    sampler.start(params, 1, [1, 2, 3], output)

    torch.set_num_threads(1)  # as the miniature runs; more threads only add noise to both

    def seconds(action: Callable[[], object], times: int) -> float:
        return min(timeit.repeat(action, number=1, repeat=times))

    pairs = [  # in turns, since a machine's own speed drifts
        (seconds(lambda: sampler.draw(logits), 6), seconds(lambda: torch.multinomial(chain(params, [1, 2, 3], output, logits), 1), 2))
        for _ in range(6)
    ]
    ours, theirs = min(a for a, _ in pairs), min(b for _, b in pairs)
    print(f"\na draw after 15,000 tokens: the library's chain takes {theirs / ours:.1f} times ours")
    assert theirs / ours >= 10


def test_draws_follow_the_distribution() -> None:
    torch.manual_seed(0)
    logits = torch.randn(50) * 2
    params = SamplingParams(temperature=1.0, repetition_penalty=1.0)
    expected, counts, n = chain(params, [0], [], logits), torch.zeros(50), 20_000
    rows = n // 100
    sampler = Sampler(50, rows=rows)
    for seed in range(rows):  # over seeds and positions
        sampler.part(seed, seed + 1).start(params, seed, [0])
    for _ in range(100):
        counts += sampler.draw(logits.expand(rows, -1)).flatten().bincount(minlength=50)
    error = (counts / n - expected).abs()
    assert (error <= 5 * (expected * (1 - expected) / n).sqrt()).all()


def test_a_draw_is_a_function_of_seed_position_and_logits() -> None:
    torch.manual_seed(1)
    steps = torch.randn(60, V)
    params = SamplingParams(temperature=1.0)

    def run(seed: int, cut: int) -> list[int]:
        sampler, out = Sampler(V), []
        sampler.start(params, seed, [5, 6])
        for i, logits in enumerate(steps):
            if i == cut:
                sampler = Sampler(V)
                sampler.start(params, seed, [5, 6], out)
            out.append(int(sampler.draw(logits)))
        return out

    whole = run(7, -1)
    assert all(run(7, cut) == whole for cut in (1, 13, 59))
    assert run(8, -1) != whole
    assert run(2**32 - 1, -1) != whole


def test_temperature_zero_takes_the_likeliest_after_penalties() -> None:
    logits = torch.tensor([1.0, 3.0, 2.9, -1.0])
    sampler = Sampler(4)
    sampler.start(SamplingParams(temperature=0, repetition_penalty=1.5), 0, [1])
    assert int(sampler.draw(logits)) == 2
    sampler.start(SamplingParams(temperature=0, repetition_penalty=1.0, presence_penalty=0.5), 0, [1], [])
    assert [int(sampler.draw(logits)) for _ in range(3)] == [1, 2, 1]


def test_the_random_bits_are_even() -> None:
    """Mean and variance of uniform bits over many positions, seeds and tokens."""
    sampler, sample = Sampler(V), []
    for seed in range(40):
        sampler.start(SamplingParams(), seed, [0])
        for _ in range(50):
            sample.append(torch.exp(-torch.exp(-sampler._gumbel(torch.arange(64)))))
            sampler.note(torch.tensor([[1]]))
    uniform = torch.cat(sample).flatten()
    assert abs(float(uniform.mean()) - 0.5) < 0.003
    assert abs(float(uniform.var()) - 1 / 12) < 0.001
    assert len(uniform.unique()) == len(uniform)


@given(st.lists(st.integers(0, 5), max_size=24), st.integers(0, 10))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure
def test_host_and_device_agree_on_what_is_forced(wanted: list[int], at: int) -> None:
    """Tokens 0 and 1 open and close thinking, 2 and 3 end in a line break; each is the likeliest in its turn."""
    closing = Closing(at, (2, 1, 3), 0, 1, frozenset({2, 3}))
    sampler, state = Sampler(8), ThinkingState(closing)
    sampler.start(SamplingParams(temperature=0), 1, [7], (), closing)
    drawn: list[int] = []
    for token in wanted:
        logits = torch.zeros(8)
        logits[token] = 9.0
        expected = state.forced or (1 + state.after_break if state.open and len(drawn) >= at else 0)
        drawn.append(int(sampler.draw(logits)))
        assert drawn[-1] == (closing.tokens[expected - 1] if expected else token)
        state.feed(drawn[-1])
        resumed = Sampler(8)
        resumed.start(SamplingParams(temperature=0), 1, [7], drawn, closing)
        assert (bool(resumed._open), int(resumed._forced)) == (bool(sampler._open), int(sampler._forced)) == (state.open, state.forced)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_numbers_that_are_not_finite_draw_nothing(bad: float) -> None:
    sampler = Sampler(V)
    sampler.start(SamplingParams(), 1, [1])
    logits = torch.randn(V)
    assert int(sampler.draw(logits)) != BROKEN
    logits[V // 2] = bad
    assert int(sampler.draw(logits)) == BROKEN


NO_DRAW = {"max_new_tokens"}  # ends a story, and changes none of its tokens


@pytest.mark.parametrize("field", [field.name for field in fields(SamplingParams) if field.name not in NO_DRAW])
def test_no_setting_is_ignored(field: str) -> None:
    """Its lowest and its highest value lead to other candidates or other draws; a penalty alone, since never both are set."""
    torch.manual_seed(2)
    logits, read, written = torch.randn(V) * 2, [1, 2, 3], list(range(0, V, 2))

    def drawn(value: float) -> tuple[list[float], list[int], list[int]]:
        others = SamplingParams(temperature=1.0, top_p=1.0, top_k=64, repetition_penalty=1.0)
        params = replace(others, **{field: int(value) if LIMITS[field].whole else value})
        sampler = Sampler(V)
        sampler.start(params, max(0, params.seed), read, written)
        values, tokens = sampler.candidates(sampler.penalised(logits))
        return values.tolist(), tokens.tolist(), [int(sampler.draw(logits)) for _ in range(20)]

    assert drawn(LIMITS[field].low) != drawn(LIMITS[field].high)


def test_a_row_draws_what_it_draws_alone_whatever_its_neighbours_are() -> None:
    """Among rows with other settings and histories, with numbers that are none, and after it was moved to another row."""
    torch.manual_seed(3)
    params = [SamplingParams(temperature=0.4 + n / 5, top_k=1 + 9 * n, top_p=0.7 + n / 20, repetition_penalty=1.1) for n in range(4)]
    closings = [Closing(3 * n, (2, 1, 3), 0, 1, frozenset({2, 3})) for n in range(4)]
    alone, together, steps = [Sampler(V) for _ in range(4)], Sampler(V, rows=8), torch.randn(30, 4, V) * 3
    for n, sampler in enumerate(alone):
        for one in (sampler, together.part(n, n + 1)):
            one.start(params[n], n, [n, 5], [7, 8][:n], closings[n])
    for at, logits in enumerate(steps):
        beside = torch.cat([logits, torch.full((4, V), (torch.nan, torch.inf, 1e30)[at % 3])])
        expected = [int(sampler.draw(logits[n])) for n, sampler in enumerate(alone)]
        assert together.draw(beside)[:4, 0].tolist() == expected
        if at == 15:
            together.move(1, 6)
            together.move(6, 1)
