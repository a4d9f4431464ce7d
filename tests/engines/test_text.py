"""Stories by real engines that tell only text: `transformers serve`, and vLLM where it is spoken to as a chat."""

import itertools
import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polaris_demo.engine.chat import Manner, Texts, chat_body, text_body
from polaris_demo.engine.elsewhere import Address, RemoteTokens
from polaris_demo.engine.loading import PREVIEW_FOLDER
from polaris_demo.engine.local import LocalEngine
from polaris_demo.engine.profiles import PROFILES, VLLM
from polaris_demo.engine.relay import Loop
from polaris_demo.engine.remote import RemoteEngine
from polaris_demo.engine.run import Run
from polaris_demo.engine.writing import Writing
from polaris_demo.jobs import rewrite
from polaris_demo.story.events import Delta, Event, Finish
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import SamplingParams
from tools import engines

from ..doubles import until
from ..test_engine_contract import (  # noqa: F401
    call,
    test_a_stop_is_obeyed_at_once_wherever_it_comes,
    test_another_models_story_is_left_at_rest_with_a_sentence_that_names_both,
    test_it_says_something_at_least_every_second,
    test_it_says_who_it_is,
    test_it_starts_by_saying_who_writes_and_ends_with_one_finish,
    test_what_it_says_can_be_sent_from_process_to_process,
    whole,
)
from .conftest import Server, connected
from .test_vllm import REQUEST as LONGER
from .test_vllm import RUNNING, VALID, written

REQUEST = replace(LONGER, words=80)
GREEDY = replace(REQUEST, sampling=replace(REQUEST.sampling, temperature=0))


def served_by_transformers(asked: pytest.FixtureRequest) -> RemoteEngine:
    server: Server = asked.getfixturevalue("serve")
    return connected(server, engine_profile="transformers", engine_model=str(PREVIEW_FOLDER), engine_capacity=1)


def vllm_as_a_chat(asked: pytest.FixtureRequest) -> RemoteEngine:
    return connected(asked.getfixturevalue("replicas")[0], engine_profile="vllm")


def vllm_by_its_last_message(asked: pytest.FixtureRequest) -> RemoteEngine:
    """Goes on as engines do that take no plain text."""
    server, ids = asked.getfixturevalue("replicas")[0], vllm_as_a_chat(asked)
    chat, address = ids._writing._chat, Address(f"{server.url}/v1", "", "polaris")
    texts = Texts(address, VLLM, Manner("polaris", apart=True, goes_on="prefill"), chat)
    writer = ids.status().writer
    assert writer
    return RemoteEngine(Writing(chat, ids._writing._vocabulary), RemoteTokens(texts, chat.ends, 10**6, Loop("last message")), writer, 1)


@pytest.fixture(scope="module", params=[served_by_transformers, vllm_as_a_chat, vllm_by_its_last_message], ids=lambda make: make.__name__)
def engine(request: pytest.FixtureRequest) -> Iterator[RemoteEngine]:
    yield request.param(request)


def test_all_text_comes_with_the_tokens_that_spell_it(engine: RemoteEngine, call: tuple[StoryRecord, list[Event]]) -> None:  # noqa: F811
    record, said = call
    deltas = [event for event in said if isinstance(event, Delta) and event.kind == "story"]
    assert "".join(delta.text for delta in deltas) == str(record.story) and sum(delta.tokens for delta in deltas) == record.story_tokens
    assert engine._writing._chat.spelt(record.token_ids[record.thinking_tokens :]).strip("\n") == str(record.story) + "<|endoftext|>"


def test_the_plan_is_in_no_story_and_the_story_ends(engine: RemoteEngine) -> None:
    record = written(engine, StoryRecord("id", REQUEST))
    assert record.finish == Finish("stop") and record.words > 60 and record.thinking_tokens > 20
    assert "think>" not in str(record.story) and "Lead:" not in str(record.story)


def test_it_goes_on_with_nothing_lost_or_doubled(engine: RemoteEngine) -> None:
    """From the planning and from within the story. Greedy, it comes to the same words up to a near-tie; but not where white space that
    was one token with a full stop is said again by itself, nor after the last word, where only the end was still to come.
    """
    reference = written(engine, StoryRecord("id", GREEDY))
    for share in (0.2, 0.5, 0.7, 0.9):
        record = written(engine, StoryRecord("id", GREEDY), lambda record, at=share * reference.tokens: record.tokens >= at)
        begun, tokens, last = str(record.story), record.tokens, engine._writing._chat.spelt(record.token_ids)[-1]
        assert str(reference.story).startswith(begun)
        record.resume()
        record = written(engine, record)
        seam = str(record.story)[max(0, len(begun) - 30) : len(begun) + 1]  # the next word may be a near-tie
        assert record.finish == Finish("stop") and str(record.story).startswith(begun) and record.redrawn_at == (tokens,)
        assert "\n\n\n" not in str(record.story) and "  " not in str(record.story)
        assert not begun or last.isspace() or begun == str(reference.story) or seam in str(reference.story), (begun[-40:], seam)


def test_thinking_is_ended_where_its_budget_ends(engine: RemoteEngine) -> None:
    record = written(engine, StoryRecord("id", replace(REQUEST, sampling=replace(REQUEST.sampling, max_new_tokens=64))))
    assert record.closed_at == 32 and record.words > 5 and record.finish and record.finish.reason == "length" and record.tokens <= 64


def test_a_stop_ends_vllms_work(replicas: list[Server], request: pytest.FixtureRequest) -> None:
    written(vllm_as_a_chat(request), StoryRecord("id", replace(REQUEST, words=600)), lambda record: record.tokens > 60)
    assert until(lambda: replicas[0].figure(RUNNING) == 0) < 1


def test_greedy_transformers_writes_what_the_local_engine_writes(
    serve: Server, miniature: LocalEngine, request: pytest.FixtureRequest
) -> None:
    *_, local = rewrite.write(miniature, StoryRecord("id", GREEDY))
    other = written(served_by_transformers(request), StoryRecord("id", GREEDY))
    same = len(list(itertools.takewhile(lambda pair: pair[0] == pair[1], zip(str(local.story), str(other.story), strict=False))))
    print(f"\n{same} of {len(local.story)} characters are those of the local engine")
    assert str(other.story) == str(local.story)


ACCEPTS = """
import json, sys
from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.entrypoints.openai.completion.protocol import CompletionRequest
for line in sys.stdin:
    asked = json.loads(line)
    request = (ChatCompletionRequest if "messages" in asked else CompletionRequest).model_validate(asked)
    unknown = set(request.model_extra or ())
    request.to_sampling_params(1000, {})
    print(json.dumps(sorted(unknown)))
"""


def test_every_valid_request_is_one_of_vllms(environment: None, miniature: LocalEngine) -> None:
    """By its own classes, of a chat and of plain text, which know every field that is sent."""
    bodies: list[str] = []

    @settings(max_examples=150, deadline=None, database=None)
    @given(VALID, st.text(max_size=40), st.integers(0, 40), st.booleans())
    def collects(params: SamplingParams, premise: str, written: int, begun: bool) -> None:
        chat, profile = miniature._chat, PROFILES["vllm"]
        run = Run(chat.encode(premise), (), params, params.seed, params.max_new_tokens)
        for asked in (
            chat_body(profile, "m", chat, run, written, "a\n</think>\n\nb" * begun),
            text_body(profile, "m", chat, run, written, "a"),
        ):
            bodies.append(json.dumps(asked.pop("extra_body") | asked))

    collects()
    python = [engines.BIN / "python", "-c", ACCEPTS]
    told = subprocess.run(python, input="\n".join(bodies), capture_output=True, text=True, timeout=300)
    assert told.returncode == 0, told.stderr[-2000:]
    assert [json.loads(line) for line in told.stdout.splitlines() if line.startswith("[")] == list(itertools.repeat([], len(bodies)))
