"""The named endpoints through gradio_client and bare HTTP: answers, sentences for everything wrong, silence in the log."""

import itertools
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from polaris_demo.engine.base import BackgroundEngine, Report, wait_until_ready
from polaris_demo.page import gate
from polaris_demo.story.request import FIELDS, LIMITS, StoryRequest, token_budget

from .conftest import serving
from .doubles import MINIATURE, ScriptedEngine, echoes, endless, story_events, until

CANARY = "CANARY-9f2c"
DEFAULTS = ["a robot", 200, "short story", 0.6, 0.95, 20, 0, None, 0, 0, -1]


def script(request, stop):
    if request.premise == "endless":
        return endless(request, stop)
    if request.premise == "thinks":
        return iter(story_events(CANARY * 3, "It was quiet."))
    return echoes(request, stop)


@pytest.fixture(scope="module")
def app() -> Iterator[str]:
    from polaris_demo.jobs.runner import Runner

    with serving(Runner(ScriptedEngine(script))) as url:
        yield url


@pytest.fixture(scope="module")
def client(app: str) -> Client:
    return Client(app, verbose=False)


def post(app: str, endpoint: str, data: str) -> tuple[str, dict]:
    """Call an endpoint as curl would, with any JSON; the last event's name and data."""
    request = urllib.request.Request(f"{app}gradio_api/call/{endpoint}", data.encode(), {"Content-Type": "application/json"})
    event = json.loads(urllib.request.urlopen(request, timeout=20).read())["event_id"]
    lines = urllib.request.urlopen(f"{app}gradio_api/call/{endpoint}/{event}", timeout=20).read().decode().split("\n")
    names = [line[7:] for line in lines if line.startswith("event: ")]
    values = [line[6:] for line in lines if line.startswith("data: ")]
    return names[-1], json.loads(values[-1])


def refused(client: Client, endpoint: str = "/start_story", **values: object) -> str:
    with pytest.raises(AppError) as caught:
        client.predict(**({"premise": "a robot"} | values), api_name=endpoint)
    return str(caught.value)


def test_the_endpoints_are_the_contracts(client: Client) -> None:
    api = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(api) == {"/write_story", "/start_story", "/check_request", "/get_story", "/stop_story", "/resume_story", "/write_on"}
    for name in ("/write_story", "/start_story", "/check_request"):
        assert tuple(p["parameter_name"] for p in api[name]["parameters"]) == FIELDS
        defaults = {p["parameter_name"]: p["parameter_default"] for p in api[name]["parameters"] if p["parameter_has_default"]}
        assert {n: d for n, d in defaults.items() if n in LIMITS and n != "repetition_penalty"} == {
            n: limit.default for n, limit in LIMITS.items() if n != "repetition_penalty"
        }


def test_a_story_streams_and_each_answer_goes_on_from_the_last(client: Client) -> None:
    answers = list(client.submit(premise="a robot", words=200, api_name="/write_story"))
    last = answers[-1]
    assert last["state"] == "finished" and last["story"] == "# A story\n\nIt was about a robot."
    assert all(b["story"].startswith(a["story"]) for a, b in itertools.pairwise(answers))
    assert last["key"] and last["words"] == 7 and last["target_words"] == 200 and last["finish_reason"] == "stop"
    assert [f["field"] for f in last["findings"]] == ["words", "max_new_tokens"]  # few words were asked for, and far fewer came


def test_start_get_and_stop(client: Client) -> None:
    started = client.predict(premise="endless", api_name="/start_story")
    assert started["state"] in ("queued", "planning", "writing") and started["key"]
    read = lambda offset=0: client.predict(id=started["id"], offset=offset, api_name="/get_story")  # noqa: E731
    until(lambda: read()["words"] > 5)
    assert "key" not in read() and read(5)["story"].startswith("word")
    assert "key" in refused_stop(client, started["id"])
    client.predict(id=started["id"], key=started["key"], api_name="/stop_story")
    until(lambda: read()["state"] == "stopped")


def test_a_story_is_written_on_from_another_one(client: Client) -> None:
    parent = list(client.submit(premise="a robot", words=200, seed=4, api_name="/write_story"))[-1]
    version = client.predict(id=parent["id"], paragraph=1, temperature=1.2, api_name="/write_on")
    assert version["key"] != parent["key"] and version["story"] == parent["story"] and version["seed"] != 4
    assert version["written_on_from"] == {"id": parent["id"], "paragraph": 1, "characters": len(parent["story"])}
    assert parent["written_on_from"] is None
    for given, said in (
        ({"paragraph": 2}, "Paragraph: give a whole number from 0 to 1"),
        ({"temperature": 9}, "Temperature: 9 is outside the limits"),
    ):
        with pytest.raises(AppError, match=said):
            client.predict(**{"id": parent["id"], "paragraph": 1, **given}, api_name="/write_on")


def refused_stop(client: Client, story_id: str) -> str:
    with pytest.raises(AppError) as caught:
        client.predict(id=story_id, key="wrong", api_name="/stop_story")
    return str(caught.value)


def test_check_says_what_would_happen_and_runs_nothing(client: Client) -> None:
    found = client.predict(premise="a robot", words=9000, temperature=1.5, api_name="/check_request")
    assert found["prompt"] == "<prompt>a robot</prompt>" and found["token_budget"] == 14_772
    assert {f["field"]: f["level"] for f in found["findings"]} == {"temperature": "warning", "words": "note"}
    both = client.predict(premise="a robot", repetition_penalty=1.1, presence_penalty=1, api_name="/check_request")
    assert [f["level"] for f in both["findings"]] == ["error"] and both["token_budget"] is None


def test_a_presence_penalty_alone_is_taken(client: Client) -> None:
    assert client.predict(premise="a robot", presence_penalty=1, api_name="/check_request")["findings"] == []


@pytest.mark.parametrize("field", LIMITS)
@pytest.mark.parametrize("value", ["abc", "", True, [1], {"a": 1}, 1e12], ids=repr)
def test_a_wrong_value_gets_its_sentence(client: Client, field: str, value: object) -> None:
    message = refused(client, **{field: value})
    assert LIMITS[field].label in message and LIMITS[field].sentence() in message


def with_json(field: str, value: str) -> str:
    """A request whose `field` is any JSON, or none."""
    values = [json.dumps(v) for v in DEFAULTS]
    values[FIELDS.index(field)] = value
    return f'{{"data": [{", ".join(values)}]}}'


@pytest.mark.parametrize("field", [field for field in LIMITS if field != "repetition_penalty"])  # null is how that one says: not given
def test_null_gets_its_fields_sentence(app: str, field: str) -> None:
    event, data = post(app, "start_story", with_json(field, "null"))
    assert event == "error" and LIMITS[field].sentence() in str(data)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_no_json_number_can_be_is_refused_before_anything_reads_it(app: str, value: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        post(app, "start_story", with_json("temperature", value))
    assert caught.value.code == 400 and json.loads(caught.value.read()) == {"refused": gate.NO_NUMBER}


@pytest.mark.parametrize("premise", ["", "   ", None, 7, "x" * 4001, "a\x00b"], ids=["empty", "blank", "null", "number", "long", "nul"])
def test_a_bad_premise_gets_its_sentence(client: Client, premise: object) -> None:
    assert "Premise: " in refused(client, premise=premise)


def test_values_left_out_take_their_defaults_or_are_asked_for(app: str) -> None:
    event, data = post(app, "check_request", '{"data": ["a robot"]}')
    assert event == "complete" and data[0]["token_budget"] == 5672
    event, data = post(app, "check_request", '{"data": []}')
    assert data[0]["findings"][0]["message"].startswith("Premise: nothing was given")


def test_a_length_left_out_is_the_usual_one_of_who_writes_also_where_that_was_unknown_at_the_start(serve) -> None:
    gate = threading.Event()

    def load(report: Report) -> ScriptedEngine:
        gate.wait(20)
        return ScriptedEngine(echoes, MINIATURE)

    engine = BackgroundEngine(load)
    loading, ready = serve(engine), serve(ScriptedEngine(echoes, MINIATURE))
    gate.set()
    wait_until_ready(engine)
    for url in (loading, ready):
        _, (found,) = post(url, "check_request", '{"data": ["a robot"]}')
        assert found["token_budget"] == token_budget(StoryRequest("a robot", 600)) and found["findings"] == []
        _, (found,) = post(url, "check_request", '{"data": ["a robot", 2000]}')
        assert [(f["field"], f["level"]) for f in found["findings"]] == [("words", "warning")]


@pytest.mark.parametrize("offset", [-1, "abc", None, 1.5, [], True])
def test_a_bad_offset_gets_a_sentence(client: Client, offset: object) -> None:
    with pytest.raises(AppError, match="Offset: give a whole number"):
        client.predict(id="x", offset=offset, api_name="/get_story")


@pytest.mark.parametrize("story_id", ["nothing", None, 5, ["a"], {"a": 1}])
def test_an_unknown_story_gets_a_sentence(client: Client, story_id: object) -> None:
    with pytest.raises(AppError, match="no story with this id"):
        client.predict(id=story_id, offset=0, api_name="/get_story")


def test_thinking_reaches_no_client_and_no_log(app: str, client: Client, caplog: pytest.LogCaptureFixture, capfd) -> None:
    wire = json.dumps(list(client.submit(premise="thinks", api_name="/write_story")))
    assert "It was quiet." in wire and CANARY not in wire
    body = urllib.request.urlopen(f"{app}config", timeout=20).read().decode()
    out = capfd.readouterr()
    assert CANARY not in body + caplog.text + out.out + out.err


def test_refusals_leave_no_traceback_and_no_visitor_text_in_the_log(app: str, client: Client, caplog, capfd) -> None:
    refused(client, premise=f"{CANARY}\x00")
    refused(client, temperature=CANARY)
    refused(client, form=CANARY)
    post(app, "start_story", json.dumps({"data": [CANARY, CANARY]}))
    post(app, "get_story", json.dumps({"data": [CANARY]}))
    out = capfd.readouterr()
    said = caplog.text + out.out + out.err
    assert "Traceback" not in said and CANARY not in said


@pytest.mark.parametrize("path", ["gradio_api/file=/etc/passwd", "gradio_api/file=app.py", "monitoring", "docs"])
def test_nothing_else_is_served(app: str, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(app + path, timeout=20)
    assert caught.value.code in (403, 404)


@pytest.mark.parametrize("size", [10, 5000])
def test_uploads_are_closed(app: str, size: int) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.html"\r\n\r\n' + b"a" * size + b"\r\n--x--\r\n"
    request = urllib.request.Request(f"{app}gradio_api/upload", body, {"Content-Type": "multipart/form-data; boundary=x"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=20)
    assert caught.value.code == 404


def test_two_visitors_at_once_get_their_own_story(app: str) -> None:
    got: dict[str, str] = {}

    def visit(premise: str) -> None:
        client = Client(app, verbose=False, headers={"x-forwarded-for": f"10.0.0.{premise[-1]}"})
        got[premise] = list(client.submit(premise=premise, words=200, api_name="/write_story"))[-1]["story"]

    visitors = [threading.Thread(target=visit, args=(f"wish number {i}",)) for i in range(6)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join(timeout=30)
    assert all(story.endswith(f"It was about {premise}.") for premise, story in got.items()) and len(got) == 6
