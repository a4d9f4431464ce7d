"""What is freed between things that stay goes back to the system."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from polaris_demo.jobs import heap
from polaris_demo.jobs.heap import HEAPS, Heap

from .doubles import echoes, until
from .memory import used

STAYS = 100  # one in so many
MANY_THREADS = """
import ctypes, sys, threading
from polaris_demo.jobs.heap import Heap

Heap()
held, all_there = [], threading.Barrier(31)
def hold():
    held.append(bytearray(3000))
    all_there.wait()
for _ in range(30):
    threading.Thread(target=hold, daemon=True).start()
all_there.wait()
c = ctypes.CDLL(None)
c.fopen.restype, c.malloc_info.argtypes, c.fclose.argtypes = ctypes.c_void_p, (ctypes.c_int, ctypes.c_void_p), (ctypes.c_void_p,)
file = c.fopen(sys.argv[1].encode(), b"w")
c.malloc_info(0, file)
c.fclose(file)
"""


def in_a_process_of_its_own(*arguments: str, env: dict[str, str] | None = None) -> str:
    """What Python printed, with the heaps as they are where the host says nothing else."""
    usual = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    command, root = [sys.executable, *arguments], Path(__file__).parent.parent
    return subprocess.run(command, cwd=root, env=usual | (env or {}), check=True, stdout=subprocess.PIPE, text=True).stdout


def test_freed_memory_goes_back_from_between_what_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    if heap._function("malloc_trim") is None:
        pytest.skip("this system's allocator has no malloc_trim")
    before = used()
    held = [bytes(1000) for _ in range(60_000)]
    grown = used() - before
    held = held[::STAYS]
    left = used() - before
    monkeypatch.setattr(heap, "EVERY_SECONDS", 0.0)
    Heap().tend()
    kept = used() - before
    print(f"\n{grown / 1e6:.0f} MB held, {left / 1e6:.0f} MB when all but one in {STAYS} were let go of, {kept / 1e6:.0f} MB after")
    assert len(held) == 600 and left > 0.7 * grown, "nothing was left to give back"
    assert kept < 0.3 * grown


def test_a_server_sees_to_it_by_itself(run, monkeypatch: pytest.MonkeyPatch) -> None:
    trimmed: list[int] = []
    monkeypatch.setattr(heap, "_function", {"malloc_trim": trimmed.append}.get)
    monkeypatch.setattr(heap, "EVERY_SECONDS", 0.0)
    run(echoes)
    until(lambda: len(trimmed) >= 2)


def test_the_collector_looks_through_no_more_than_what_came_after_the_engine_had_loaded() -> None:
    """In a process of its own: what other servers do, or leave, is counted too."""
    told = json.loads(in_a_process_of_its_own("-m", "tests.settling"))
    print(f"\n{told['known']:,} of {told['before']:,} objects are looked at no more; {told['looked_at']:,} are")
    assert not told["loading"], "what an engine loads would be looked through for good"
    assert told["known"] > 0.9 * told["before"] and told["looked_at"] < 0.1 * told["before"]
    assert told["later"] <= told["known"], "what a server had later is kept from the collector too"


@pytest.mark.parametrize(("env", "heaps"), [({}, HEAPS), ({"MALLOC_ARENA_MAX": "5"}, 5)], ids=["ours", "as the host says"])
def test_threads_share_few_heaps(tmp_path: Path, env: dict[str, str], heaps: int) -> None:
    """Each of thirty that are alive at once would have one of its own, up to eight for each core."""
    if heap._function("mallopt") is None:
        pytest.skip("this system's allocator has no mallopt")
    in_a_process_of_its_own("-c", MANY_THREADS, str(tmp_path / "heaps.xml"), env=env)
    assert (tmp_path / "heaps.xml").read_text().count("<heap nr=") == heaps


@pytest.mark.parametrize("library", [object(), None], ids=["no such function", "no library"])
def test_where_the_allocator_cannot_there_is_nothing_to_call(library: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """As musl's and macOS's, and as where a process is no library by the name of None."""

    def opened(name: None) -> object:
        if library is None:
            raise TypeError
        return library

    monkeypatch.setattr(heap.ctypes, "CDLL", opened)
    monkeypatch.setattr(heap, "EVERY_SECONDS", 0.0)
    assert heap._function("malloc_trim") is None
    Heap().tend()
