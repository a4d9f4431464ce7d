"""Thousands of malformed requests, eight at a time: no 5xx, no traceback, every refusal a sentence, memory and threads back, and a story right after."""

import asyncio
import gc
import json
import logging
import os
import re
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from polaris_demo.jobs.fair import FairUse
from polaris_demo.jobs.library import Library
from polaris_demo.jobs.runner import Runner
from polaris_demo.page.layout import build_page, launch_options
from polaris_demo.settings import Settings, Shares

from .attack import Sent, attacks
from .conftest import LAUNCH
from .doubles import ScriptedEngine, asked, echoes, finished, until
from .memory import used

AT_ONCE, READ_SECONDS = 8, 10
A_SENTENCE = re.compile(r"^[A-Z“].{10,}[.!?]”?$", re.DOTALL)
HANDLES = Path("/proc/self/fd")


def said(answer: httpx.Response, text: str) -> str:
    """What a refusal says to whoever reads it, wherever it stands."""
    try:
        found = json.loads(text)
    except ValueError:
        return text.strip()
    if not isinstance(found, dict):
        return ""
    return next((value for name in ("refused", "error", "detail", "message") if isinstance(value := found.get(name), str)), "")


async def send(client: httpx.AsyncClient, sent: Sent) -> tuple[int, str, str]:
    """Status, what a refusal says (empty where it is none), and the whole as far as it was read."""
    request = client.build_request(sent.method, sent.path, content=sent.body, headers=dict(sent.headers))
    request.headers.setdefault("content-type", "application/json")
    answer = await client.send(request, stream=True)
    text = ""
    try:
        async with asyncio.timeout(READ_SECONDS):
            if sent.streams:
                async for line in answer.aiter_lines():
                    text += line + "\n"
                    if "complete" in line or "error" in line or len(text) > 2000:
                        break
            else:
                text = (await answer.aread()).decode("utf-8", "replace")
    except TimeoutError:
        pass
    finally:
        await answer.aclose()
    return answer.status_code, said(answer, text) if answer.status_code >= 400 and sent.method != "HEAD" else "", text


async def all_of(url: str, requests: list[Sent]) -> list[tuple[Sent, int, str]]:
    left, came = iter(requests), []
    async with httpx.AsyncClient(base_url=url.rstrip("/"), timeout=30) as client:

        async def sender() -> None:
            for sent in left:
                try:
                    status, refusal, _ = await send(client, sent)
                except (httpx.RemoteProtocolError, httpx.LocalProtocolError, httpx.InvalidURL, httpx.WriteError, httpx.ReadError):
                    continue  # what HTTP itself does not allow never gets there
                came.append((sent, status, refusal))

        await asyncio.gather(*(sender() for _ in range(AT_ONCE)))
    return came


def called(url: str) -> bool:
    """One call, for whose thread the event loop lets those go that had nothing to do for ten seconds."""
    return httpx.get(f"{url}gradio_api/info", timeout=20).is_success


def judge(came: list[tuple[Sent, int, str]]) -> None:
    """No 5xx but the honest one, and every refusal a sentence."""
    wrong = [one for one in came if one[1] >= 500 and "places in the queue" not in one[2]]
    silent = [one for one in came if one[1] >= 400 and one[0].method != "HEAD" and not A_SENTENCE.match(one[2])]
    print(f"{len(came)} answers by status {dict(sorted(Counter(status for _, status, _ in came).items()))}")
    assert not wrong, [(one[0], one[1], one[2][:200]) for one in wrong[:8]]
    assert not silent, [(one[0], one[1], one[2][:200]) for one in silent[:8]]


def attacked(count: int, seed: int, tmp_path: Path, capfd: pytest.CaptureFixture, caplog: pytest.LogCaptureFixture) -> None:
    runner = Runner(
        ScriptedEngine(echoes, capacity=2), queue_size=50, library=Library(tmp_path), fair=FairUse(Shares(stories=20)), unseen_seconds=6
    )
    page, settings = build_page(runner, Settings()), Settings()
    _, url, _ = page.launch(**launch_options(runner, settings) | LAUNCH)
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        jobs = [runner.submit(asked(f"story {n}")) for n in range(3)]
        until(lambda: all(finished(job) for job in jobs))
        listeners = len(page.fns)
        stories = [(job.record.id, job.key) for job in jobs]
        asyncio.run(all_of(url, list(attacks(seed + 1, 300, listeners, stories))))  # until everything is as warm as it gets
        gc.collect()
        assert called(url)
        memory, threads, handles = used(), threading.active_count(), len(os.listdir(HANDLES))
        came: list[tuple[Sent, int, str]] = []
        for part in range(count // 1000):
            came += asyncio.run(all_of(url, list(attacks(seed + 100 * part, 1000, listeners, stories))))
            gc.collect()
            grown = (used() - memory) / 1e6
            print(f"\n{(part + 1) * 1000} requests: memory {grown:+.1f} MB")
            assert grown < 30
        begun = time.monotonic()
        asked_for = httpx.post(f"{url}gradio_api/call/write_story", json={"data": ["a bell", 300]}, timeout=20).json()["event_id"]
        assert "It was about a bell." in httpx.get(f"{url}gradio_api/call/write_story/{asked_for}", timeout=20).text
        took = time.monotonic() - begun
        print(f"a story was written {took:.2f} s after")
        judge(came)
        assert took < 5
        until(lambda: called(url) and threading.active_count() <= threads + 3, 60, "threads back")
        until(lambda: len(os.listdir(HANDLES)) <= handles + 6, 30, "handles back")
    finally:
        page.close(verbose=False)
        runner.close()
    out, err = capfd.readouterr()
    print(out[-400:])
    assert "Traceback" not in out + err + caplog.text, (out + err + caplog.text)[(out + err + caplog.text).index("Traceback") :][:3000]


def test_a_thousand_malformed_requests(tmp_path: Path, capfd, caplog) -> None:
    attacked(1000, 1, tmp_path, capfd, caplog)


@pytest.mark.slow
def test_five_thousand_malformed_requests(tmp_path: Path, capfd, caplog) -> None:
    attacked(5000, 7, tmp_path, capfd, caplog)
