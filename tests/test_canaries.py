"""A thousand premises, each with a word of its own, through good and bad requests: it is nowhere but with whoever sent it."""

import asyncio
import json
import logging
import tempfile
import time
from pathlib import Path

import httpx
import pytest

from polaris_demo.jobs.library import Library
from polaris_demo.jobs.runner import Runner

from .conftest import serving
from .doubles import ScriptedEngine, echoes, until

CANARIES, AT_ONCE = 1000, 8
BIRD = "KANARI"  # each is followed by its number
PUBLIC = (
    "",
    "config",
    "stories/status",
    "healthz",
    "metrics",
    "gradio_api/info",
    "gradio_api/openapi.json",
    "recordings",
    "stories/x/events?once",
)


def bodies(premise: str) -> list[tuple[str, bytes]]:
    """Ways to send a premise, most of them wrong."""
    good = json.dumps({"data": [premise, 300]}).encode()
    return [
        ("call/start_story", good),
        ("call/check_request", good),
        ("call/write_story", json.dumps({"data": [premise, 7]}).encode()),
        ("call/start_story", good.replace(b"300", b"NaN")),
        ("call/start_story", good.replace(b"300", b'"\\ud800"')),
        ("call/v2/start_story", json.dumps({"premise": premise, "nothing": premise}).encode()),
        ("call/get_story", json.dumps({"data": [premise, premise]}).encode()),
        ("call/stop_story", json.dumps({"data": [premise, premise]}).encode()),
        ("run/predict", json.dumps({"data": [premise] * 40, "fn_index": 0}).encode()),
        ("run/check_request", json.dumps({"data": {"path": premise, "meta": {"_type": "gradio.FileData"}}}).encode()),
        ("queue/join", json.dumps({"data": premise, "fn_index": 3, "session_hash": premise}).encode()),
        ("queue/join", json.dumps({"data": [], "event_data": premise, "fn_index": 1, "session_hash": "s"}).encode()),
        ("upload", premise.encode()),
        ("cancel", json.dumps({"session_hash": premise, "event_id": premise, "fn_index": 1}).encode()),
    ]


async def sent(url: str) -> list[str]:
    """What each premise's sender was answered."""
    numbers, answers = iter(range(CANARIES)), []
    async with httpx.AsyncClient(base_url=f"{url}gradio_api/", timeout=60, headers={"content-type": "application/json"}) as client:

        async def sender() -> None:
            for number in numbers:
                ways = bodies(f"{BIRD}{number:04} sings")
                path, body = ways[0] if number % 2 else ways[number // 2 % len(ways)]
                answer = await client.post(path, content=body)
                answers.append(answer.text)
                if answer.status_code == 200 and "event_id" in answer.json():
                    name = path.removeprefix("call/").removeprefix("v2/")
                    if path.startswith("call/"):
                        answers.append((await client.get(f"call/{name}/{answer.json()['event_id']}")).text)

        await asyncio.gather(*(sender() for _ in range(AT_ONCE)))
    return answers


def files_since(folder: Path, begun: float) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and file.stat().st_mtime >= begun - 1]


def test_a_premise_is_in_no_log_no_others_answer_no_temporary_file_and_gone_once_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd, caplog
) -> None:
    temporary, folder = tmp_path / "temporary", tmp_path / "stories"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(temporary))
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    library, begun = Library(folder), time.time()
    runner = Runner(ScriptedEngine(echoes, capacity=4), queue_size=1000, library=library)
    with serving(runner) as url:
        answers = asyncio.run(sent(url))
        until(lambda: not any(job.active for job in runner._shelf.jobs()), 60)
        kept = [
            json.loads(line[5:])[0] for answer in answers for line in answer.splitlines() if line.startswith("data:") and '"key"' in line
        ]
        public = "".join(httpx.get(url + path, timeout=20).text for path in PUBLIC)
        told = [runner.get(story["id"]) for story in kept]
        assert len(kept) > CANARIES / 2 and all(BIRD in record.request.premise for record in told), "their own readers have them"
        for story in kept:
            runner.delete(story["id"], story["key"])
        left = [file for file in files_since(folder, 0) if BIRD.encode() in file.read_bytes()]
        written = [file for file in files_since(temporary, begun) if BIRD.encode() in file.read_bytes()]
    library.close()
    out, err = capfd.readouterr()
    found = {
        "log": caplog.text.count(BIRD),
        "console": (out + err).count(BIRD),
        "others": public.count(BIRD),
        "files": written,
        "stories": left,
    }
    print(f"\n{CANARIES} premises, {len(kept)} stories kept and deleted: {found}")
    assert not any(found.values())
