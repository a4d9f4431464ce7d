"""Mixed visits for minutes on end, which take no memory for good."""

import asyncio
import random
import time
from contextlib import closing

import httpx
import pytest

from polaris_demo.jobs.heap import EVERY_SECONDS

from .crowd_server import told_back
from .server import Server
from .test_crowd import begun, client, read, whose

SECONDS = 180
AT_ONCE = 8


async def at_rest(at: Server) -> int:
    """Bytes in memory where nothing is written, the least within one round of the housekeeping."""
    least, until = 0, 0.0
    while not until or time.monotonic() < until:
        now = at.says()
        if now["active"]:
            until = 0.0
        else:
            until = until or time.monotonic() + 1.5 * EVERY_SECONDS
            least = min(least or now["memory"], now["memory"])
        await asyncio.sleep(0.1)
    return least


def counted(begun: bool | BaseException) -> bool:
    """A connection that was kept may be closed as it is used: a visit is lost, and nothing else is forgiven."""
    if isinstance(begun, BaseException) and not isinstance(begun, httpx.ReadError | httpx.RemoteProtocolError):
        raise begun
    return begun is True


async def soak(at: Server, seconds: float) -> tuple[int, float]:
    """Mixed visits for so long; stories begun, and bytes grown for each after the first third.

    In that twice as many come at once, so that no later moment needs more at a time than the process has had before.
    """
    chance, number = random.Random(3), 0
    async with client(at.url) as web:

        async def visit(number: int) -> bool:
            kind = chance.random()
            if kind < 0.5:
                story = await begun(web, f"visit {number}", number)
                if story:
                    assert await read(web, story["id"], number) == told_back(f"visit {number}")
                return bool(story)
            if kind < 0.7:
                story = await begun(web, "endless", number)
                if story:
                    await web.post(f"stories/{story['id']}/stop", json={"key": story["key"]})
                return bool(story)
            if kind < 0.8:
                await web.get("")
            elif kind < 0.9:
                await web.post("gradio_api/call/check_request", json={"data": [f"visit {number}"]}, headers=whose(number))
            else:
                await web.get("stories/nobody/events?once")
            return False

        async def for_a_time(seconds: float, at_once: int) -> int:
            nonlocal number
            until, stories = time.monotonic() + seconds, 0
            while time.monotonic() < until:
                stories += sum(map(counted, await asyncio.gather(*(visit(number + n) for n in range(at_once)), return_exceptions=True)))
                number += at_once
            return stories

        warm = await for_a_time(seconds / 3, 2 * AT_ONCE)
        before = await at_rest(at)
        stories = await for_a_time(seconds * 2 / 3, AT_ONCE)
        return warm + stories, (await at_rest(at) - before) / max(1, stories)


def soaked(seconds: float) -> None:
    with closing(Server(8, 40)) as at:
        stories, grown = asyncio.run(soak(at, seconds))
    print(f"\n{seconds:.0f} s, {stories:,} stories: {grown / 1e3:+.2f} KB a story, which is {grown / 1e3:+.2f} MB a thousand")
    assert stories > seconds and grown * 1000 < 1e6


def test_three_minutes_of_mixed_visits_take_no_memory_for_good() -> None:
    soaked(SECONDS)


@pytest.mark.slow
def test_half_an_hour_of_mixed_visits_takes_no_memory_for_good() -> None:
    soaked(10 * SECONDS)
