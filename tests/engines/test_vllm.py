"""Stories by a real vLLM: the same as it would write them to anybody, kept through breaks, and nothing of them left behind."""

import asyncio
import copy
import itertools
import json
import os
import statistics
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import openai
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from polaris_demo.engine.local import LocalEngine
from polaris_demo.engine.remote import RemoteEngine
from polaris_demo.engine.run import Run
from polaris_demo.engine.sampling import Sampler
from polaris_demo.engine.vllm import body
from polaris_demo.jobs import rewrite
from polaris_demo.story.events import Delta, Finish
from polaris_demo.story.prompt import user_message
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import LIMITS, SamplingParams, StoryRequest, token_budget
from tools import engines

from ..doubles import until
from .conftest import Server, connected

REQUEST = StoryRequest("a robot who learns to paint", 200, sampling=SamplingParams(seed=4))
RUNNING = "vllm:num_requests_running"


def written(engine: RemoteEngine, record: StoryRecord, enough: Callable[[StoryRecord], bool] | None = None) -> StoryRecord:
    """One call of `write`, stopped where there is enough."""
    stop = threading.Event()
    for event in engine.write(record.request, record.resume_point(), stop):
        record.apply(event, time.time(), time.monotonic())
        if enough and enough(record):
            stop.set()
    return record


def whole(engine: RemoteEngine, request: StoryRequest = REQUEST) -> StoryRecord:
    record = written(engine, StoryRecord("id", request))
    assert record.finish == Finish("stop"), record.finish
    return record


def is_of_a_piece(engine: RemoteEngine, record: StoryRecord) -> bool:
    """The text is what its tokens spell, in one go: nothing lost, doubled or cut where it was taken up."""
    decoder, chat = engine._writing._chat.decoder(), engine._writing._chat
    story = record.token_ids[record.thinking_tokens :]
    return "".join(decoder.step(token) for token in story if token not in chat.ends).strip() == str(record.story).strip()


def test_the_same_seed_gives_the_same_story_and_another_another(engine: RemoteEngine) -> None:
    one, again, other = whole(engine), whole(engine), whole(engine, REQUEST.with_seed(5))
    assert one.token_ids == again.token_ids and str(one.story) == str(again.story) and one.token_ids != other.token_ids
    assert is_of_a_piece(engine, one)


def test_its_thinking_is_in_no_story(engine: RemoteEngine) -> None:
    """The premise asks for a canary in the plan; whatever of the thinking is in the story, its tags and words are not."""
    record = whole(engine)
    chat = engine._writing._chat
    thinking = chat._backend.decode(record.token_ids[: record.thinking_tokens], skip_special_tokens=True)
    assert record.thinking_tokens > 20 and record.token_ids[record.thinking_tokens - 1] == chat.think_end
    assert not any(line and line in str(record.story) for line in thinking.splitlines() if len(line) > 20)
    assert "think>" not in str(record.story)


def test_a_stop_and_a_follower_that_has_gone_end_the_engines_work(engine: RemoteEngine, replicas: list[Server]) -> None:
    tokens = lambda: replicas[0].figure("vllm:generation_tokens_total")  # noqa: E731
    written(engine, StoryRecord("id", replace(REQUEST, words=600)), lambda record: record.tokens > 60)
    stopped = until(lambda: replicas[0].figure(RUNNING) == 0)
    events = engine.write(replace(REQUEST, words=600), StoryRecord("id", REQUEST).resume_point(), threading.Event())
    next(event for event in events if isinstance(event, Delta))
    events.close()
    left = until(lambda: replicas[0].figure(RUNNING) == 0)
    print(f"\nthe engine is idle {stopped:.2f} s after a stop, {left:.2f} s after its follower has gone")
    assert stopped < 1 and left < 1
    had = tokens()
    assert had == tokens()


def test_it_goes_on_from_twenty_places_with_nothing_lost_or_doubled(engine: RemoteEngine) -> None:
    reference = whole(engine)

    def from_place(at: int) -> bool:
        """Whether the story was cut there; one that rounding in company made shorter has ended before."""
        record = written(engine, StoryRecord("id", REQUEST), lambda record: record.tokens >= at)
        cut = record.finish == Finish("cancelled")
        if cut:
            begun, tokens = str(record.story), list(record.token_ids)
            record.resume()
            record = written(engine, record)
            assert str(record.story).startswith(begun) and record.token_ids[: len(tokens)] == tokens
            assert record.redrawn_at == (len(tokens),)
        assert record.finish == Finish("stop") and is_of_a_piece(engine, record)
        return cut

    with ThreadPoolExecutor(10) as pool:
        cut = list(pool.map(from_place, [part * reference.tokens // 21 for part in range(1, 21)]))
    assert sum(cut) >= 15


def test_thinking_is_ended_where_its_budget_ends(engine: RemoteEngine) -> None:
    record = written(engine, StoryRecord("id", replace(REQUEST, sampling=replace(REQUEST.sampling, max_new_tokens=64))))
    chat, at = engine._writing._chat, 32
    closing = chat.closing[1:] if record.token_ids[at - 1] in chat.line_breaks else chat.closing
    assert record.closed_at == at and tuple(record.token_ids[at : at + len(closing)]) == closing
    assert record.tokens == 64 and record.finish and record.finish.reason == "length"


def test_greedy_it_writes_what_the_local_engine_writes_in_bf16_up_to_a_near_tie(engine: RemoteEngine, miniature: LocalEngine) -> None:
    model, chat = copy.deepcopy(miniature._model).to(torch.bfloat16), miniature._chat
    writer = miniature.status().writer
    assert writer
    local = LocalEngine(model, chat, writer)
    request = replace(REQUEST, sampling=replace(REQUEST.sampling, temperature=0))
    *_, here = rewrite.write(local, StoryRecord("id", request))
    there = whole(engine, request)
    parts = next((at for at, (a, b) in enumerate(zip(here.token_ids, there.token_ids, strict=False)) if a != b), None)
    if parts is None:
        print(f"\nequal for all {len(there.token_ids)} tokens")
        assert len(here.token_ids) == len(there.token_ids)
        return
    prompt, output = chat.encode(user_message(request)), here.token_ids[:parts]
    with torch.no_grad():
        logits = model(torch.tensor([[*prompt, *output]])).logits[0, -1]
    sampler = Sampler(len(logits))
    sampler.start(request.sampling, 0, prompt, output)
    (values,) = sampler.penalised(logits)
    gap = float(values[here.token_ids[parts]] - values[there.token_ids[parts]])
    print(f"\nequal for {parts} tokens; there the two are {gap:.3f} apart")
    assert parts > 20 and abs(gap) <= 0.25


# --- many, and engines that die --------------------------------------------------------------------------------------


def many(
    engine: RemoteEngine, count: int, words: int, meanwhile: Callable[[list[StoryRecord]], None] = lambda stories: None
) -> list[StoryRecord]:
    """So many stories at once, each with a premise of its own."""
    requests = [StoryRequest(f"a fox and the number {n}", words, sampling=SamplingParams(seed=n)) for n in range(count)]
    stories = [StoryRecord(str(n), request) for n, request in enumerate(requests)]
    with ThreadPoolExecutor(count) as pool:
        writing = [pool.submit(written, engine, story) for story in stories]
        meanwhile(stories)
        return [one.result() for one in writing]


def left_behind(engine: RemoteEngine) -> tuple[int, int, int]:
    """Threads, tasks of the loop that speaks to the engine, and open files of this process."""
    loop = engine._tokens._loop._loop
    return threading.active_count(), len(asyncio.all_tasks(loop)), len(os.listdir("/proc/self/fd"))


def test_thirty_two_at_once_do_not_mix_and_leave_nothing(engine: RemoteEngine, replicas: list[Server]) -> None:
    whole(engine)
    until(lambda: replicas[0].figure(RUNNING) == 0)
    before = left_behind(engine)
    stories = many(engine, 32, 100)
    for number, story in enumerate(stories):
        assert story.finish == Finish("stop") and is_of_a_piece(engine, story)
        assert story.prompt.count(f"number {number}") == 1
    assert len({str(story.story) for story in stories}) == 32
    until(lambda: replicas[0].figure(RUNNING) == 0)
    until(lambda: all(now <= then for now, then in zip(left_behind(engine), before, strict=True)), what="nothing left behind")
    print(f"\nafter 32 stories: threads, tasks and handles {left_behind(engine)}, before them {before}")


@pytest.mark.parametrize("dies", ["a replica", "the router"])
def test_stories_whose_engine_dies_are_whole_by_themselves(dies: str, router: Server, replicas: list[Server]) -> None:
    engine = connected(router)
    victim = replicas[1] if dies == "a replica" else router

    def kill(stories: list[StoryRecord]) -> None:
        until(lambda: sum(story.story_tokens > 20 for story in stories) >= 12, 60, "the stories are being written")
        victim.kill()
        victim.start()

    stories = many(engine, 16, 400, kill)
    victim.wait()
    assert [story.finish for story in stories] == [Finish("stop")] * 16
    assert all(is_of_a_piece(engine, story) for story in stories) and not any(story.resumed_at for story in stories)
    taken_up = [story for story in stories if story.taken_up]
    print(f"\n{len(taken_up)} of 16 were taken up, after {', '.join(str(story.taken_up[0][0]) for story in taken_up)} tokens")
    assert taken_up and all(0 < at < story.tokens and why for story in taken_up for at, why in story.taken_up)


# --- what it costs ---------------------------------------------------------------------------------------------------


async def bare(client: openai.AsyncOpenAI, engine: RemoteEngine, request: StoryRequest) -> tuple[float, int]:
    """A client that only counts: seconds to the first token, and tokens."""
    chat, begun, first, tokens = engine._writing._chat, time.perf_counter(), 0.0, 0
    run = Run(chat.encode(user_message(request)), (), request.sampling, request.sampling.seed, token_budget(request))
    async for chunk in await client.completions.create(**body("polaris", run, (), sorted(chat.ends))):
        first = first or time.perf_counter() - begun
        tokens += len(chunk.choices[0].token_ids)
    return first, tokens


def first_token(engine: RemoteEngine, request: StoryRequest) -> float:
    begun, stop = time.perf_counter(), threading.Event()
    events = engine.write(request, StoryRecord("id", request).resume_point(), stop)
    next(event for event in events if isinstance(event, Delta) and event.tokens)
    took = time.perf_counter() - begun
    events.close()
    return took


def test_what_it_costs_beside_a_client_that_only_counts(engine: RemoteEngine, replicas: list[Server]) -> None:
    request = replace(REQUEST, words=150)
    requests = [StoryRequest(f"a fox and the number {n}", 150, sampling=SamplingParams(seed=n)) for n in range(16)]

    def deltas(request: StoryRequest) -> list[Delta]:
        events = engine.write(request, StoryRecord("id", request).resume_point(), threading.Event())
        return [event for event in events if isinstance(event, Delta)]

    def ours() -> list[Delta]:
        with ThreadPoolExecutor(16) as pool:
            return [delta for told in pool.map(deltas, requests) for delta in told]

    async def theirs() -> tuple[list[float], float]:
        """The first token's times, and tokens a second of 16 at once."""
        client = openai.AsyncOpenAI(base_url=f"{replicas[0].url}/v1", api_key="none")
        firsts = [(await bare(client, engine, request))[0] for _ in range(7)]
        begun = time.perf_counter()
        tokens = sum(count for _, count in await asyncio.gather(*(bare(client, engine, one) for one in requests)))
        return firsts, tokens / (time.perf_counter() - begun)

    ratios = []
    for _ in range(5):
        first = statistics.median(first_token(engine, request) for _ in range(7))
        begun, worked = time.perf_counter(), time.process_time()
        told = ours()
        own = (time.process_time() - worked) / len(told)  # of this process, whoever else has the machine
        here = sum(delta.tokens for delta in told) / (time.perf_counter() - begun)
        firsts, there = asyncio.run(theirs())
        ratios.append((here / there, first - statistics.median(firsts), own))
        print(
            f"\nfirst token {1000 * first:.0f} ms, a bare client's {1000 * statistics.median(firsts):.0f} ms; "
            f"16 at once {here:.0f} tokens/s, bare {there:.0f}: {here / there:.2f}; {1000 * own:.1f} ms of our own an update"
        )
        if here / there >= 0.95:
            break
    assert any(ratio >= 0.95 and later < 0.1 and own < 0.005 for ratio, later, own in ratios), ratios


# --- what is asked ---------------------------------------------------------------------------------------------------

VALID = st.builds(
    SamplingParams,
    **{
        name: st.integers(int(limit.low), int(limit.high)) if limit.whole else st.floats(limit.low, limit.high)
        for name, limit in LIMITS.items()
        if name not in ("words", "max_new_tokens")
    },
    max_new_tokens=st.integers(64, 32_768),
)
ACCEPTS = """
import json, sys
from vllm.entrypoints.openai.completion.protocol import CompletionRequest
for line in sys.stdin:
    request = CompletionRequest.model_validate(json.loads(line))
    unknown = set(request.model_extra or ())
    request.to_sampling_params(1000, {})
    print(json.dumps(sorted(unknown)))
"""


def test_every_valid_request_is_one_of_vllms(environment: None) -> None:
    """By its own class, which knows every field that is sent."""
    bodies: list[str] = []

    @settings(max_examples=300, deadline=None, database=None)
    @given(VALID, st.lists(st.integers(0, 4000), min_size=1, max_size=50), st.integers(0, 40))
    def collects(params: SamplingParams, prompt: list[int], written: int) -> None:
        asked = body("polaris", Run(prompt, (), params, params.seed, params.max_new_tokens), [7] * written, (1, 2))
        bodies.append(json.dumps(asked.pop("extra_body") | asked))

    collects()
    python = [engines.BIN / "python", "-c", ACCEPTS]
    told = subprocess.run(python, input="\n".join(bodies), capture_output=True, text=True, timeout=300)
    assert told.returncode == 0, told.stderr[-2000:]
    assert [json.loads(line) for line in told.stdout.splitlines() if line.startswith("[")] == list(itertools.repeat([], len(bodies)))
