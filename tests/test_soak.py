"""Mixed visits for minutes on end, which take no memory for good."""

import asyncio
import random
import time
from contextlib import closing

import pytest

from .crowd_server import told_back
from .server import Server
from .test_crowd import begun, client, read, whose

SECONDS = 180


async def soak(at: Server, seconds: float) -> tuple[int, float]:
    """Mixed visits for so long; stories begun, and bytes grown for each after the first third."""
    chance, number, stories = random.Random(3), 0, 0
    async with client(at.url) as web:

        async def visit(number: int) -> int:
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
            return 0

        until, warm = time.monotonic() + seconds, time.monotonic() + seconds / 3
        before, at_first = 0, 0
        while time.monotonic() < until:
            stories += sum(await asyncio.gather(*(visit(number + n) for n in range(8))))
            number += 8
            if not before and time.monotonic() >= warm:
                before, at_first = at.says()["memory"], stories
        return stories, (at.says()["memory"] - before) / max(1, stories - at_first)


def soaked(seconds: float) -> None:
    with closing(Server(8, 40)) as at:
        stories, grown = asyncio.run(soak(at, seconds))
    print(f"\n{seconds:.0f} s, {stories:,} stories: {grown / 1e3:+.2f} KB a story, which is {grown / 1e3:+.2f} MB a thousand")
    assert stories > seconds and grown * 1000 < 1e6


@pytest.mark.slow
def test_three_minutes_of_mixed_visits_take_no_memory_for_good() -> None:
    soaked(SECONDS)


@pytest.mark.slow
def test_half_an_hour_of_mixed_visits_takes_no_memory_for_good() -> None:
    soaked(10 * SECONDS)
