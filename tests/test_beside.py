"""Two stories over HTTP: side by side, and read blind by a name that says nothing."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from polaris_demo.errors import CannotRead
from polaris_demo.jobs.job import Job
from polaris_demo.jobs.runner import Runner
from polaris_demo.page import beside, blind, reading
from polaris_demo.page.blind import Pairs
from polaris_demo.page.routes import StoryRoutes
from polaris_demo.settings import Settings
from polaris_demo.story.record import StoryRecord

from .conftest import serving
from .doubles import MINIATURE, ScriptedEngine, asked, endless, rests, story_events, until

Served = tuple[Runner, TestClient]


def script(request, stop):
    seed = request.sampling.seed
    yield from endless(request, stop) if seed == 99 else story_events("a plan", f"# Bell {seed}\n\n" + f"It rang {seed} times. " * 30)


@pytest.fixture
def served() -> Iterator[Served]:
    runner = Runner(ScriptedEngine(script, capacity=2))
    yield runner, TestClient(Starlette(routes=StoryRoutes(runner, Settings()).routes()))
    runner.close()


def written(runner: Runner, *seeds: int, **fields: object) -> list[Job]:
    jobs = [runner.submit(asked("a bell", seed=seed, **fields)) for seed in seeds]
    until(lambda: all(map(rests, jobs)))
    return jobs


def contrast(client: TestClient, first: str, second: str) -> httpx.Response:
    return client.get("/stories/beside", params={"first": first, "second": second})


# Side by side.


def test_what_differs_and_what_came_of_both_is_told(served: Served) -> None:
    runner, client = served
    one, other = written(runner, 42, 7)
    told = contrast(client, one.record.id, other.record.id).json()
    assert (told["kind"], told["premise"], told["common"], told["begins"]) == ("A story about", "a bell", 0, "")
    assert (told["first"]["label"], told["second"]["label"]) == ("seed 42", "seed 7, all else the same")
    figures = dict(told["first"]["figures"])
    assert figures["Length ratio"] == "0.61, short of 150–250 words" and figures["Repeats itself"].endswith("% of its four-word phrases")
    assert told["first"]["band"] == [150, 250] and len(told["first"]["map"]) == 2 and told["first"]["premise"] == ""


def test_a_story_that_is_still_written_has_as_many_rows_as_it_will_have(served: Served) -> None:
    runner, client = served
    (done,), live = written(runner, 42), runner.submit(asked("a bell", seed=99))
    until(lambda: live.record.words > 3)
    told = contrast(client, done.record.id, live.record.id).json()
    assert [row[0] for row in told["first"]["figures"]] == [row[0] for row in told["second"]["figures"]]
    assert {row[1] for row in told["second"]["figures"]} == {beside.LATER} and told["second"]["map"] == []
    runner.stop(live.record.id, live.key)


@pytest.mark.words
def test_of_the_miniature_nothing_is_on_target() -> None:
    record = StoryRecord("a", Runner(ScriptedEngine(script)).check(asked("a bell")).request or pytest.fail(), writer=MINIATURE)
    record.story.append("It rang. ")
    told = beside.compared(record, "", reading.Repetition.of(str(record.story)), named=False)
    assert told["band"] is None and "target" not in str(told["figures"]) and "short" not in str(told["figures"])


@pytest.mark.words
def test_two_that_cannot_stand_beside_each_other_are_a_sentence(served: Served) -> None:
    runner, client = served
    one, other = written(runner, 42, 7)

    def refused(first: str, second: str) -> tuple[int, str]:
        answer = contrast(client, first, second)
        return answer.status_code, answer.json()["refused"]

    assert refused(one.record.id, one.record.id) == (400, beside.THE_SAME)
    status, sentence = refused(one.record.id, "gone")
    assert status == 404 and sentence.startswith("The second of the two stories cannot be shown.") and "expired or was deleted" in sentence
    runner.delete(other.record.id, other.key)
    assert refused(other.record.id, one.record.id)[1].startswith("The first of the two stories")
    assert client.get("/stories/beside").json()["refused"].startswith("The first of the two stories")


# Blind.


def pair_of(client: TestClient, *jobs: Job) -> str:
    first, second = (job.record.id for job in jobs)
    return str(client.post("/stories/blind", json={"first": first, "second": second}).json()["name"])


def sides(client: TestClient, pair: str, reader: str = "r") -> dict[str, Any]:
    return dict(client.get(f"/stories/{pair}/sides", params={"reader": reader}).json())


def test_the_two_texts_are_told_and_nothing_that_is_not_the_same_of_both(served: Served) -> None:
    runner, client = served
    one, other = written(runner, 42, 7)
    answer = client.get(f"/stories/{pair_of(client, one, other)}/sides", params={"reader": "r"})
    told = answer.json()
    texts = {str(one.record.story), str(other.record.story)}
    assert {told.pop("left"), told.pop("right")} == texts and told == {"kind": "A story about", "premise": "a bell"}
    assert answer.headers["cache-control"] == "no-store"


def test_an_answer_is_the_same_but_for_where_the_texts_stand(served: Served) -> None:
    """Whatever else an answer held that hung on a side would differ between two readers who have them the other way round."""
    runner, client = served
    one, other = written(runner, 42, 7)
    pair, a, b = pair_of(client, one, other), str(one.record.story), str(other.record.story)

    def masked(reader: str) -> tuple[bool, str, list[tuple[str, str]]]:
        answer = client.get(f"/stories/{pair}/sides", params={"reader": reader})
        told = answer.json()
        turned = told["left"] == b
        hidden = answer.text.replace(told["left"].replace("\n", "\\n"), "L").replace(told["right"].replace("\n", "\\n"), "R")
        assert "rang" not in hidden and {told["left"], told["right"]} == {a, b}
        return turned, hidden, sorted(answer.headers.items())

    seen = [masked(f"reader {n}") for n in range(20)]
    assert {turned for turned, _, _ in seen} == {False, True}
    assert len({(hidden, str(headers)) for _, hidden, headers in seen}) == 1


def test_where_each_stands_is_drawn_for_every_reader_and_stays_so(served: Served) -> None:
    runner, client = served
    one, other = written(runner, 42, 7)
    pair, text = pair_of(client, one, other), str(one.record.story)
    left = [sides(client, pair, f"reader {n}")["left"] == text for n in range(200)]
    assert 60 < sum(left) < 140
    assert [sides(client, pair, f"reader {n}")["left"] == text for n in range(20)] == left[:20]
    drawn_anew = [sides(client, pair_of(client, one, other), "reader 0")["left"] == text for _ in range(40)]
    assert len(set(drawn_anew)) == 2, "another pair of the same two is drawn anew"


@pytest.mark.words
def test_what_each_was_is_told_once_one_was_chosen_and_not_before(served: Served) -> None:
    runner, client = served
    jobs = written(runner, 42, 7)
    pair, by_text = pair_of(client, *jobs), {str(job.record.story): job.record for job in jobs}
    for said in ({}, {"choice": "both"}, {"choice": ["left"]}, {"choice": None}):
        answer = client.post(f"/stories/{pair}/choose", json=said | {"reader": "r"})
        assert (answer.status_code, answer.json()) == (400, {"refused": blind.CHOOSE})
    for reader in ("r", "s", "t", "u"):
        there = sides(client, pair, reader)
        for choice in blind.CHOICES:
            told = client.post(f"/stories/{pair}/choose", json={"choice": choice, "reader": reader}).json()
            left, right = (by_text[there[place]] for place in ("left", "right"))
            assert (told["left"]["id"], told["right"]["id"]) == (left.id, right.id)
            assert told["differs"] == f"Seed: {left.request.sampling.seed} / {right.request.sampling.seed}"
            assert told["left"]["words"] == f"{left.words} of 200 words" and told["right"]["label"].endswith("all else the same")


def test_what_is_still_written_or_has_no_text_is_not_read_blind(served: Served) -> None:
    runner, client = served
    (done,), live = written(runner, 42), runner.submit(asked("a bell", seed=99))
    until(lambda: live.record.words > 3)
    body = {"first": live.record.id, "second": done.record.id}
    answer = client.post("/stories/blind", json=body)
    assert (answer.status_code, answer.json()) == (409, {"refused": blind.UNFINISHED})
    runner.stop(live.record.id, live.key)
    until(lambda: rests(live))
    pair, was = pair_of(client, live, done), str(live.record.story)
    runner.resume(live.record.id, live.key)
    until(lambda: len(live.record.story) > len(was) + 20)
    found = sides(client, pair)
    assert was in (found["left"], found["right"]), "what was written since would tell"
    runner.stop(live.record.id, live.key)


@pytest.mark.words
def test_a_pair_that_is_gone_says_so(served: Served) -> None:
    runner, client = served
    one, other = written(runner, 42, 7)
    pair = pair_of(client, one, other)
    for answer in (client.get("/stories/unknown/sides"), client.post("/stories/unknown/choose", json={"choice": "left"})):
        assert (answer.status_code, answer.json()) == (404, {"refused": blind.GONE})
    runner.delete(one.record.id, one.key)
    assert sides(client, pair) == {"refused": blind.LOST}
    for body in ({"first": one.record.id, "second": other.record.id}, {"first": 7, "second": ["x"]}, {}):
        assert "refused" in client.post("/stories/blind", json=body).json()


def test_a_story_that_cannot_be_read_just_now_is_not_said_to_be_gone(served: Served, monkeypatch) -> None:
    runner, client = served
    one, other = written(runner, 42, 7)
    pair = pair_of(client, one, other)

    def fails(story_id: object) -> StoryRecord:
        raise CannotRead("The disk is busy. Try again in a moment.")

    monkeypatch.setattr(runner, "get", fails)
    for answer in (client.get(f"/stories/{pair}/sides"), contrast(client, one.record.id, other.record.id)):
        assert (answer.status_code, answer.json()) == (503, {"refused": "The disk is busy. Try again in a moment."})


@pytest.fixture
def two() -> tuple[StoryRecord, StoryRecord]:
    check = Runner(ScriptedEngine(script)).check
    request = check(asked("a bell")).request or pytest.fail()
    return StoryRecord("a", request), StoryRecord("b", request)


@pytest.fixture
def clock() -> Callable[[], float]:
    return lambda: NOW[0]


NOW = [0.0]


def test_pairs_go_after_a_day_and_the_oldest_where_there_are_too_many(two, clock) -> None:
    NOW[0] = 0.0
    pairs = Pairs(clock)
    first = pairs.make(two, "")
    NOW[0] = blind.SECONDS_KEPT - 1
    assert pairs.find(first)
    NOW[0] += 1
    assert pairs.find(first) is None
    made = [pairs.make(two, f"visitor {n % 50}") for n in range(blind.MOST_PAIRS + 10)]
    assert [bool(pairs.find(name)) for name in made] == [False] * 10 + [True] * blind.MOST_PAIRS


def test_one_visitor_cannot_push_out_what_another_has(two) -> None:
    pairs = Pairs()
    theirs = pairs.make(two, "a lab")
    own = [pairs.make(two, "somebody") for _ in range(blind.MOST_PAIRS)]
    assert pairs.find(theirs)
    assert sum(bool(pairs.find(name)) for name in own) == blind.MOST_OF_A_VISITOR and pairs.find(own[-1])


def test_many_at_once_make_as_many_pairs(two) -> None:
    pairs, made = Pairs(), []
    threads = [threading.Thread(target=lambda n=n: made.extend(pairs.make(two, f"{n}") for _ in range(20))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 160 and all(map(pairs.find, made))


@pytest.mark.words
def test_a_link_to_a_blind_pair_shows_elsewhere_nothing_of_its_stories() -> None:
    runner = Runner(ScriptedEngine(script, capacity=2))
    with serving(runner) as url:
        jobs = written(runner, 42, 7)
        made = httpx.post(f"{url}stories/blind", json={"first": jobs[0].record.id, "second": jobs[1].record.id}, timeout=20)
        page = httpx.get(f"{url}?blind={made.json()['name']}", timeout=20).text
        assert "<title>Which of two stories is better?</title>" in page and '<meta name="robots" content="noindex">' in page
        for tells in (*(job.record.id for job in jobs), "Bell 42", "Bell 7", "a bell"):
            assert tells not in page
        both = httpx.get(f"{url}?story={jobs[0].record.id}&beside={jobs[1].record.id}", timeout=20).text
        assert "<title>Bell 42 · Bell 7</title>" in both and f"beside={jobs[1].record.id}" in both
