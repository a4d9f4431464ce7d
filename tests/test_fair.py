"""Fair use: who a visitor is, what one may have, and that every refusal says when to come back."""

import asyncio
import re
from contextlib import ExitStack
from dataclasses import fields

import httpx
import pytest
from starlette.requests import Request

from polaris_demo.errors import Busy, TooMany
from polaris_demo.jobs.admission import require_place
from polaris_demo.jobs.fair import GUESSES, HOUR, FairUse, Rate, in_time
from polaris_demo.jobs.job import Job
from polaris_demo.jobs.runner import Runner
from polaris_demo.page.visitor import visitor
from polaris_demo.settings import Settings, Shares

from .conftest import serving
from .doubles import ScriptedEngine, asked, endless, rests, until


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def named(forwarded: str | list[str] | None, host: str = "10.0.0.1", proxies: int = 1) -> str:
    lines = [] if forwarded is None else [forwarded] if isinstance(forwarded, str) else forwarded
    headers = [(b"x-forwarded-for", line.encode()) for line in lines]
    return visitor(Request({"type": "http", "headers": headers, "client": (host, 1)}), proxies)


# --- who a visitor is ---------------------------------------------------------------------------------------------------


def test_one_visitor_is_told_apart_from_another_without_keeping_an_address() -> None:
    assert visitor(None, 1) == ""
    assert named(None) == named(None) != named(None, "10.0.0.2")
    assert "1.2.3.4" not in named("1.2.3.4")


@pytest.mark.parametrize(
    ("proxies", "one", "other", "same"),
    [
        (1, "made up, 1.2.3.4", "1.2.3.4", True),
        (1, ["made up", "1.2.3.4"], ["5.6.7.8, 1.2.3.4"], True),  # a line of one's own before the proxy's
        (1, "1.2.3.4", "1.2.3.5", False),
        (2, "1.2.3.4, 9.9.9.9", "1.2.3.5, 9.9.9.9", False),
        (2, "forged, 1.2.3.4, 9.9.9.9", "1.2.3.4, 8.8.8.8", True),
        (2, "1.2.3.4", "1.2.3.5", True),  # it has passed fewer than there are: nobody's word
        (0, "1.2.3.4", "1.2.3.5", True),
        (0, "127.0.0.1", None, True),
        (1, "2001:db8:1:2:aaaa::1", "2001:db8:1:2:bbbb:cccc:dddd:eeee", True),  # one household's /64
        (1, "2001:db8:1:2::1", "2001:db8:1:3::1", False),
        (1, "::ffff:1.2.3.4", "1.2.3.4", True),
        (1, "fe80::1%eth0", "fe80::2%eth1", True),
        (1, "[2001:db8::1]", "2001:db8::2", True),
    ],
)
def test_a_visitor_is_the_address_that_nobody_can_make_up(proxies: int, one: str | list[str], other: str | list[str], same: bool) -> None:
    assert (named(one, proxies=proxies) == named(other, proxies=proxies)) is same


def test_this_machine_is_a_visitor_like_any_other() -> None:
    assert named(None, "127.0.0.1", proxies=0) and named("127.0.0.1") and named("::1")


# --- how much one may have ----------------------------------------------------------------------------------------------


def test_a_rate_gives_all_at_once_and_then_one_at_a_time() -> None:
    clock = Clock()
    rate = Rate(3, 60, clock)
    assert [rate.take("a") for _ in range(3)] == [0, 0, 0]
    assert rate.take("a") == pytest.approx(20) and rate.take("b") == 0
    clock.now += 19
    assert rate.take("a") == pytest.approx(1)
    clock.now += 1
    assert rate.take("a") == 0 and rate.take("a") == pytest.approx(20)
    clock.now += 60
    assert [rate.take("a") for _ in range(4)][:3] == [0, 0, 0]


def test_over_any_hour_nobody_has_more_than_twice_the_share() -> None:
    clock, taken = Clock(), []
    rate = Rate(30, HOUR, clock)
    for _ in range(4 * HOUR // 7):
        clock.now += 7
        if not rate.take("a"):
            taken.append(clock.now)
    assert max(sum(at <= one < at + HOUR for one in taken) for at in taken) <= 60
    assert len(taken) <= 30 + 4 * 30 + 1


def test_who_has_not_come_for_long_is_forgotten() -> None:
    clock = Clock()
    rate = Rate(3, 60, clock)
    for name in range(30_000):
        clock.now += 0.1
        rate.take(f"{name}")
    assert len(rate._whole) <= 20_001


def test_without_a_number_or_a_name_nobody_is_counted() -> None:
    fair = FairUse()
    for name in ("", "one"):
        for _ in range(100):
            fair.require_start(name)
            fair.require_check(name)
            fair.require_archive(name)
    one = FairUse(Shares(starts=1))
    for _ in range(3):
        one.require_start("")


SAYS_WHEN = r"in \d+ (s|min)\.|Wait until one has ended, or stop one\.$"


def test_every_refusal_says_the_limit_and_when_to_come_back() -> None:
    shares = Shares(**{one.name: 2 for one in fields(Shares)})
    fair, said = FairUse(shares, Clock()), []
    one = "a visitor"

    def refused(take) -> None:
        for _ in range(2):
            take()
        with pytest.raises(TooMany) as refusal:
            take()
        said.append(str(refusal.value))
        assert not re.search(r"until", said[-1]) or refusal.value.seconds == 0

    refused(lambda: fair.require_start(one))
    refused(lambda: fair.require_check(one))
    refused(lambda: fair.require_archive(one))
    with ExitStack() as held:
        refused(lambda: held.enter_context(fair.stream(one)))
        with pytest.raises(TooMany, match=r"All 2 streams of this server are taken"), fair.stream("another"):
            pass
    fair.require_turn(one, 1)
    with pytest.raises(TooMany, match=r"2 at a time is the most for one visitor") as turn:
        fair.require_turn(one, 2)
    assert all(re.search(SAYS_WHEN, sentence) and "2" in sentence for sentence in [*said, str(turn.value)]), said


def test_a_stream_gives_its_place_back_however_it_ends() -> None:
    fair = FairUse(Shares(streams=1))
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), fair.stream("one"):
            raise ZeroDivisionError
    with fair.stream("one"), fair.stream("other"), pytest.raises(TooMany), fair.stream("one"):
        pass


@pytest.mark.parametrize(("seconds", "said"), [(0.2, "in 1 s"), (90, "in 90 s"), (91, "in 2 min"), (3600, "in 60 min")])
def test_a_time_is_rounded_up(seconds: float, said: str) -> None:
    assert in_time(seconds) == said


# --- on a server --------------------------------------------------------------------------------------------------------


def test_whatever_headers_one_sender_makes_up_it_gets_what_one_visitor_gets() -> None:
    runner = Runner(ScriptedEngine(endless, capacity=8), fair=FairUse(Shares(stories=2, starts=5, streams=3, archives=2)))
    with serving(runner) as url, httpx.Client(timeout=30) as client:
        forged = [{"x-forwarded-for": f"10.1.{n}.1", "x-real-ip": f"10.1.{n}.1", "forwarded": f"for=10.1.{n}.1"} for n in range(12)]
        body = {"data": ["a bell", "300"]}
        for headers in [*forged, {"x-forwarded-for": "127.0.0.1"}]:
            client.post(f"{url}gradio_api/call/start_story", json=body, headers=headers).raise_for_status()
        until(lambda: sum(job.active for job in runner._shelf.jobs()) == 2, what="two stories")
        answers = [client.get(f"{url}stories/stories.zip?ids=x", headers=headers).status_code for headers in forged]
        assert answers.count(200) == 2 and answers.count(429) == len(forged) - 2
        assert len(runner._shelf.jobs()) == 2


def test_who_is_refused_a_stream_is_told_when_and_still_gets_what_there_is() -> None:
    runner = Runner(ScriptedEngine(endless), fair=FairUse(Shares(streams=1)))
    with serving(runner) as url:
        job = runner.submit(asked())
        until(lambda: job.record.words > 3)
        path = f"{url}stories/{job.record.id}/events"
        with httpx.stream("GET", path, timeout=30) as first:
            assert first.status_code == 200
            second = httpx.get(path, timeout=30)
            assert second.status_code == 429 and second.headers["retry-after"] == "10"
            assert second.json() == {
                "refused": "You follow 1 stories already, the most at a time for one visitor. Close one, or try again in 10 s."
            }
            assert "word" in httpx.get(f"{path}?once", timeout=30).text
        until(lambda: httpx.get(f"{path}?once", timeout=30).status_code == 200 and not runner.fair._streams, what="the place back")


def test_a_story_nobody_has_followed_gives_its_place_back_soon_and_one_that_was_followed_does_not(run) -> None:
    runner = run(endless, capacity=2, unfollowed_seconds=600, unseen_seconds=0.5)
    unseen, seen = runner.submit(asked("unseen")), runner.submit(asked("seen"))
    runner.get(seen.record.id)
    until(lambda: rests(unseen))
    assert "Nobody was following this story" in unseen.record.finish.message and seen.active
    runner.resume(unseen.record.id, unseen.key)
    until(lambda: rests(unseen))
    had = unseen.record.words
    runner.get(unseen.record.id)  # somebody comes after all: it goes on by itself
    until(lambda: unseen.record.words > had)
    assert unseen.active
    runner.left(unseen)
    until(lambda: rests(unseen))
    runner.stop(unseen.record.id, unseen.key)
    runner.get(unseen.record.id)
    assert not unseen.active, "its owner has stopped it"


def test_whoever_comes_while_a_story_is_being_let_go_of_finds_it_going_on(run) -> None:
    """Whenever they come: before, while and after it is paused for want of them."""
    runner = run(endless, capacity=24, unseen_seconds=0.05, unfollowed_seconds=600)

    async def reader(job: Job, after: float) -> None:
        await asyncio.sleep(after)
        async for piece in runner.follow(job.record.id):
            assert not piece.record.rests, f"whoever came after {after:.2f} s heard that it is paused"

    async def all_of_them() -> None:
        jobs = [runner.submit(asked(f"story {n}")) for n in range(24)]
        readers = [asyncio.create_task(reader(job, 0.7 + n * 0.025)) for n, job in enumerate(jobs)]
        await asyncio.sleep(2)
        had = [job.record.words for job in jobs]
        until(lambda: all(job.record.words > before for job, before in zip(jobs, had, strict=True)), what="every story going on")
        for task in readers:
            assert not task.done(), task.exception() or "its reader was let go"
            task.cancel()
        await asyncio.gather(*readers, return_exceptions=True)

    asyncio.run(all_of_them())


def test_one_that_waits_for_nobody_gives_its_place_back_too(run) -> None:
    runner = run(endless, unfollowed_seconds=600, unseen_seconds=0.5, queue_size=1)
    first = runner.submit(asked("first"))
    runner.get(first.record.id)
    until(lambda: first.record.words > 0)
    second = runner.submit(asked("second"))
    until(lambda: rests(second))
    assert first.active and runner.submit(asked("third")).active


def test_a_story_that_takes_too_long_is_paused_and_can_be_gone_on_with(run) -> None:
    runner = run(endless, most_seconds=0.3)
    job = runner.submit(asked())
    until(lambda: rests(job))
    assert "as long as one may be at a time" in job.record.finish.message and job.record.words > 0
    runner.resume(job.record.id, job.key)
    until(lambda: job.active)
    until(lambda: rests(job))


@pytest.mark.parametrize(("next_turn", "said"), [(None, "in a few minutes"), (0, "in about 1 min"), (125, "in about 3 min")])
def test_a_full_queue_says_when_its_next_place_is_free(next_turn: float | None, said: str) -> None:
    require_place(0, 1, next_turn)
    with pytest.raises(Busy, match=rf"All 1 places in the queue are taken\. Try again {said}\.$"):
        require_place(1, 1, next_turn)


def test_the_hosts_key_cannot_be_tried_out() -> None:
    runner = Runner(ScriptedEngine(endless), admin_key="the key of the host")
    with serving(runner) as url, httpx.Client(timeout=30) as client:
        tried = [client.post(f"{url}stories/host", json={"key": f"guess {n}", "paused": True}) for n in range(GUESSES + 3)]
        assert [one.status_code for one in tried] == [403] * GUESSES + [429] * 3
        assert re.fullmatch(
            r"You have tried 5 keys within a minute, the most for one visitor\. Try again in \d+ s\.", tried[-1].json()["refused"]
        )
        right = client.post(f"{url}stories/host", json={"key": "the key of the host", "paused": True})
        assert right.status_code == 429 and not runner.host_paused, "it is not even compared"
        job = runner.submit(asked())
        assert client.post(f"{url}stories/{job.record.id}/delete", json={"key": job.key}).status_code == 200, "an owner's own key is"


def test_by_default_a_server_counts() -> None:
    assert all(getattr(Settings().shares, one.name) < 10_000 for one in fields(Shares))
