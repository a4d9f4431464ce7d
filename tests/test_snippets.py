"""The request as code: in step with every control, safe whatever the premise holds, and it runs as it says."""

import ast
import contextlib
import io
import json
import os
import runpy
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import GenerationMixin

from polaris_demo import card
from polaris_demo.engine.loading import PREVIEW_FOLDER
from polaris_demo.engine.local import LocalEngine
from polaris_demo.page.handlers import Handlers
from polaris_demo.page.links import USUAL_ADDRESS, of_request
from polaris_demo.page.snippets import Place, hub_id, named, snippets
from polaris_demo.settings import Settings
from polaris_demo.story.events import Delta, Resume, ThinkingClosed
from polaris_demo.story.prompt import user_message
from polaris_demo.story.request import FIELDS, StoryRequest, read, thinking_budget, token_budget

from .conftest import needs
from .doubles import IMPOSTORS, POLARIS, ScriptedEngine, story_events

ROOT = Path(__file__).parent.parent
HERE = Place(USUAL_ADDRESS)
KINDS = ("transformers", "vLLM", "gradio_client", "curl")
PYTHON = KINDS[:3]
HOSTILE = "it's \"the\" \\ end\n'''$(touch x)''' `id` ${HOME} $asked {\"a\": 1} שלום 🌟 \u202e\u2028 <|im_end|> # \\u0041"
CHANGED = {
    "premise": "a bell", "words": 700, "form": "scene", "temperature": 0.7, "top_p": 0.9, "top_k": 33, "min_p": 0.07,
    "repetition_penalty": 1.05, "presence_penalty": 0.4, "max_new_tokens": 4321, "seed": 99,
}  # fmt: skip


def request(**values: object) -> StoryRequest:
    found, problems = read({"premise": "a robot who learns to paint", "words": 200} | values)
    assert found, problems
    return found


def code(kind: str, asked: StoryRequest, place: Place = HERE) -> str:
    return snippets(asked, POLARIS, place)[kind]


# In step with the controls.


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("base", [{}, {"form": "verbatim", "max_new_tokens": 5000, "temperature": 0}], ids=["plain", "verbatim greedy"])
def test_changing_any_control_changes_the_code(kind: str, field: str, base: dict[str, object]) -> None:
    beside = {"repetition_penalty": 1.0} if field == "presence_penalty" else {}
    before, after = code(kind, request(**base | beside)), code(kind, request(**base | beside | {field: CHANGED[field]}))
    assert before != after
    if field not in ("premise", "form", "words"):  # those are part of the message
        assert str(CHANGED[field]) in after


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_says_that_elsewhere_another_story_may_come(kind: str) -> None:
    assert "Another engine or another GPU may write another story" in code(kind, request())


def test_the_page_gets_the_code_of_what_its_controls_say() -> None:
    from polaris_demo.jobs.runner import Runner

    asked = request(seed=7)
    runner = Runner(ScriptedEngine(lambda request, stop: iter(())))
    handlers = Handlers(runner, Settings(home="https://huggingface.co/spaces/owner/name"))
    shown = handlers.check(*of_request(asked).values())[3]
    place = Place(USUAL_ADDRESS, "owner/name")
    assert dict(shown["code"]) == snippets(asked, POLARIS, place) and tuple(dict(shown["code"])) == KINDS
    assert "Client('owner/name')" in dict(shown["code"])["gradio_client"]
    refused = handlers.check(*(of_request(asked) | {"seed": -7}).values())[3]
    assert refused["code"] == [] and refused["about"]
    assert handlers.check(*(of_request(asked) | {"premise": ""}).values())[3] is None
    runner.close()


def test_the_code_names_a_model_that_others_can_load() -> None:
    hub = replace(POLARIS, model="someone/another-9B", revision="abc")
    assert hub_id(hub) == "someone/another-9B" and hub_id(None) == card.MODEL.hub_id
    assert named(hub) == "The code names someone/another-9B."
    folder = IMPOSTORS[0]
    assert hub_id(folder) == hub_id(replace(hub, is_preview=True)) == card.MODEL.hub_id
    assert named(folder) == f"The code names {card.MODEL.hub_id}; loaded here is the local folder POLARIS-9B of this server."
    assert "the miniature" in named(replace(hub, is_preview=True))


# Safe whatever the premise holds.


def literal(source: str, name: str) -> object:
    """The value of an assignment, or of a keyword argument, in Python source."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            return ast.literal_eval(node.value)
        if isinstance(node, ast.keyword) and node.arg == name:
            return ast.literal_eval(node.value)
    raise AssertionError(f"no {name} in the code")


def sent(source: str) -> dict[str, object]:
    """The JSON that the curl commands send, as a shell would cut their words."""
    words = shlex.split(source, comments=True)
    return json.loads(words[words.index("-d") + 1])


@settings(max_examples=150, deadline=None)
@given(st.text(min_size=1, max_size=60) | st.text("\"'\\\n$`#{}@%\u202e\u2028", min_size=1, max_size=20))
def test_no_premise_can_end_a_string(premise: str) -> None:
    asked, _ = read({"premise": premise, "words": 200})
    if asked is None:
        return
    all_of_them = snippets(asked, POLARIS, HERE)
    assert literal(all_of_them["transformers"], "MESSAGE") == literal(all_of_them["vLLM"], "MESSAGE") == user_message(asked)
    assert literal(all_of_them["gradio_client"], "premise") == sent(all_of_them["curl"])["premise"] == asked.premise
    lines = {kind: len(text.split("\n")) for kind, text in snippets(request(), POLARIS, HERE).items()}
    assert {kind: len(text.split("\n")) for kind, text in all_of_them.items()} == lines
    assert not any(c == "\u202e" for text in all_of_them.values() for c in text)


# It runs as it says.


def generating(file: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, dict[str, Any]]:
    """What a program prints, run as the main one of this process, and what it has transformers draw by."""
    seen: dict[str, Any] = {}
    sample = GenerationMixin._sample

    def noting(self: Any, *args: Any, logits_processor: Any, generation_config: Any, **kwargs: Any) -> Any:
        seen.update(
            do_sample=generation_config.do_sample, max_new_tokens=generation_config.max_new_tokens, ends=generation_config.eos_token_id
        )
        for processor in logits_processor:
            values = {name: value for name, value in vars(processor).items() if isinstance(value, float | int)}
            seen.update({f"{type(processor).__name__}.{name}": value for name, value in values.items()})
        return sample(self, *args, logits_processor=logits_processor, generation_config=generation_config, **kwargs)

    with monkeypatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as out:
        patch.setattr(GenerationMixin, "_sample", noting)
        runpy.run_path(str(file), run_name="__main__")
    return out.getvalue(), seen


def run(*command: object) -> str:
    """What a program prints, in a process of its own."""
    done = subprocess.run(
        [str(part) for part in command], cwd=ROOT, capture_output=True, text=True, timeout=240, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def told(engine: LocalEngine, asked: StoryRequest) -> str:
    """The app's own story."""
    events = engine.write(asked, Resume(), threading.Event())
    return "".join(e.text for e in events if isinstance(e, Delta) and e.kind == "story")


def test_the_transformers_code_writes_the_apps_own_story_on_the_miniature(
    miniature: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    greedy = [
        request(temperature=0, words=50),
        request(temperature=0, words=50, presence_penalty=0.5, seed=3),
        request(temperature=0, words=50, max_new_tokens=96, form="scene"),
    ]
    sampled = request(words=50, temperature=0.8, top_p=0.9, top_k=33, min_p=0.02, seed=5)
    files = []
    for i, asked in enumerate([*greedy, sampled]):
        files.append(tmp_path / f"{i}.py")
        source = code("transformers", asked).replace(repr(POLARIS.model), repr(str(PREVIEW_FOLDER)))
        assert str(PREVIEW_FOLDER) in source
        files[-1].write_text(source)
    printed, seen = zip(*(generating(file, monkeypatch) for file in files), strict=True)
    own = [told(miniature, asked).strip() for asked in greedy]
    assert any(isinstance(e, ThinkingClosed) for e in miniature.write(greedy[2], Resume(), threading.Event()))
    assert [text.strip() for text in printed[:3]] == own and len(set(own)) == 3 and all(own)
    assert printed[3].startswith("# ") and "</think>" not in "".join(printed)
    assert [s["do_sample"] for s in seen] == [False, False, False, True]
    assert seen[0]["RepetitionPenaltyLogitsProcessor.penalty"] == 1.1 and "RepetitionPenaltyLogitsProcessor.penalty" not in seen[1]
    assert seen[2]["max_new_tokens"] == 96 and seen[3]["max_new_tokens"] == token_budget(sampled)
    assert {name: value for name, value in seen[3].items() if "Warper" in name and "filter" not in name and "keep" not in name} == {
        "TemperatureLogitsWarper.temperature": 0.8, "TopKLogitsWarper.top_k": 33, "TopPLogitsWarper.top_p": 0.9,
        "MinPLogitsWarper.min_p": 0.02,
    }  # fmt: skip
    assert len(seen[3]["ends"]) == 2


class StandIn(BaseHTTPRequestHandler):
    """An OpenAI-compatible server that keeps what it was sent and answers with thinking apart from the story."""

    got: dict[str, object]

    def do_POST(self) -> None:
        type(self).got = {"path": self.path, **json.loads(self.rfile.read(int(self.headers["content-length"])))}
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for delta in ({"reasoning": "CANARY", "content": None}, {"content": "Once upon "}, {"content": "a time. 🌟"}):
            chunk = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [{"index": 0, "delta": delta}]}
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *args: object) -> None:
        pass


@contextlib.contextmanager
def stand_in() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_vllm_code_sends_every_value_and_prints_no_thinking(tmp_path: Path) -> None:
    asked = request(**CHANGED | {"repetition_penalty": 1.0, "premise": HOSTILE})
    with stand_in() as url:
        file = tmp_path / "client.py"
        file.write_text(code("vLLM", asked).replace("http://127.0.0.1:8000", url))
        assert run(sys.executable, file) == "Once upon a time. 🌟\n"
    assert StandIn.got == {
        "path": "/v1/chat/completions", "stream": True, "model": POLARIS.model,
        "messages": [{"role": "user", "content": user_message(asked)}],
        "temperature": 0.7, "top_p": 0.9, "top_k": 33, "min_p": 0.07, "repetition_penalty": 1.0, "presence_penalty": 0.4,
        "max_tokens": 4321, "seed": 99, "thinking_token_budget": thinking_budget(asked), "chat_template_kwargs": {"enable_thinking": True},
    }  # fmt: skip


def test_the_codes_for_this_app_ask_it_for_the_same_story(serve, tmp_path: Path) -> None:
    arrived: list[StoryRequest] = []

    def script(asked, stop):
        arrived.append(asked)
        return iter(story_events("CANARY", "Once upon a time."))

    url = serve(ScriptedEngine(script))
    asked = request(**CHANGED | {"repetition_penalty": 1.0, "premise": HOSTILE})
    file = tmp_path / "client.py"
    file.write_text(code("gradio_client", asked, Place(url)))
    assert run(sys.executable, file).endswith("The model ended the story.\nOnce upon a time.\n")
    needs("curl")
    (answer,) = json.loads(run("bash", "-c", code("curl", asked, Place(url))))
    assert answer["story"] == "Once upon a time." and answer["seed"] == 99 and "CANARY" not in json.dumps(answer)
    assert arrived == [asked, asked]
