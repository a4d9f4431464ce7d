"""A hundred and fifty pages on two stories, over HTTP: everybody reads the same, and Stop answers at once."""

import asyncio
import json
import statistics
import time

import httpx

from polaris_demo.jobs.job import Job
from polaris_demo.jobs.runner import Runner

from .conftest import serving
from .doubles import ScriptedEngine, asked, endless, rests, until

FOLLOWERS = 150


async def follow(client: httpx.AsyncClient, address: str) -> str:
    text = ""
    async with client.stream("GET", address) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data:"):
                update = json.loads(line[5:])
                text = text[: update.get("off")] + update.get("t", "")
    return text


async def stops(client: httpx.AsyncClient, url: str, runner: Runner) -> tuple[float, float]:
    """Ten stories begun and stopped beside the crowd: how soon the middle one was answered and its engine free; in seconds.

    A machine that is busy may hold up any of them.
    """
    answered, freed = [], []
    for _ in range(10):
        job = await asyncio.to_thread(runner.submit, asked())
        while job.record.words < 2:
            await asyncio.sleep(0.02)
        start = time.monotonic()
        refused = await client.post(f"{url}stories/{job.record.id}/stop", json={"key": "not the key"})
        assert "key" in refused.json()["refused"] and not rests(job)
        start = time.monotonic()
        (await client.post(f"{url}stories/{job.record.id}/stop", json={"key": job.key})).raise_for_status()
        answered.append(time.monotonic() - start)
        while not rests(job):
            await asyncio.sleep(0.01)
        freed.append(time.monotonic() - start)
    return statistics.median(answered), statistics.median(freed)


async def crowd(url: str, runner: Runner, jobs: list[Job]) -> tuple[list[str], float, float]:
    limits = httpx.Limits(max_connections=2 * FOLLOWERS)
    async with httpx.AsyncClient(timeout=30, limits=limits) as client, httpx.AsyncClient(timeout=30) as another_tab:
        reading = [asyncio.create_task(follow(client, f"{url}stories/{jobs[n % 2].record.id}/events")) for n in range(FOLLOWERS)]
        answered, freed = await stops(another_tab, url, runner)
        for job in jobs:
            await asyncio.to_thread(runner.stop, job.record.id, job.key)
        return await asyncio.gather(*reading), answered, freed


def test_a_hundred_and_fifty_pages_leave_stop_answering_and_show_the_same() -> None:
    runner = Runner(ScriptedEngine(endless, capacity=3))
    with serving(runner) as url:
        jobs = [runner.submit(asked()) for _ in range(2)]
        texts, answered, freed = asyncio.run(crowd(url, runner, jobs))
        until(lambda: all(map(rests, jobs)))
    print(f"\nbeside {FOLLOWERS} pages: Stop answered within {answered:.3f} s, the engine was free within {freed:.3f} s")
    assert answered < 0.5 and freed < 2
    assert texts == [str(jobs[n % 2].record.story) for n in range(FOLLOWERS)]
