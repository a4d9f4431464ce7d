"""What is freed between things that stay goes back to the system."""

import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from polaris_demo.engine.base import Status
from polaris_demo.jobs import heap
from polaris_demo.jobs.heap import HEAPS, Heap

from .doubles import ScriptedEngine, echoes, until
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


def test_freed_memory_goes_back_from_between_what_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    if heap._function("malloc_trim") is None:
        pytest.skip("this system's allocator has no malloc_trim")
    monkeypatch.setattr(heap, "EVERY_SECONDS", 0.0)
    before = used()
    held = [bytes(1000) for _ in range(60_000)]
    grown = used() - before
    held = held[::STAYS]
    left = used() - before
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


def test_the_collector_looks_through_no_more_than_what_came_after_the_engine_had_loaded(run, monkeypatch: pytest.MonkeyPatch) -> None:
    heap.settle.cache_clear()
    gc.unfreeze()
    gc.collect()  # what tests before have left
    loading = ScriptedEngine(echoes)
    monkeypatch.setattr(loading, "status", Status)
    before, tended = len(gc.get_objects()), threading.Semaphore(0)
    monkeypatch.setattr(Heap, "tend", lambda self: tended.release())
    run(loading)
    assert tended.acquire(timeout=20) and tended.acquire(timeout=20)
    assert not gc.get_freeze_count(), "what an engine loads would be looked through for good"
    monkeypatch.undo()
    until(gc.get_freeze_count)
    known = gc.get_freeze_count()
    print(f"\n{known:,} of {before:,} objects are looked at no more; {len(gc.get_objects()):,} are")
    assert known > 0.9 * before and len(gc.get_objects()) < 0.1 * before
    held = [[n] for n in range(1000)]
    monkeypatch.setattr(Heap, "tend", lambda self: tended.release())
    run(echoes)
    assert tended.acquire(timeout=20) and tended.acquire(timeout=20)
    assert gc.get_freeze_count() <= known and len(held) == 1000, "what a server had later is kept from the collector too"


@pytest.mark.parametrize(("env", "heaps"), [({}, HEAPS), ({"MALLOC_ARENA_MAX": "5"}, 5)], ids=["ours", "as the host says"])
def test_threads_share_few_heaps(tmp_path: Path, env: dict[str, str], heaps: int) -> None:
    """Each of thirty that are alive at once would have one of its own, up to eight for each core."""
    if heap._function("mallopt") is None:
        pytest.skip("this system's allocator has no mallopt")
    usual = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    command = [sys.executable, "-c", MANY_THREADS, str(tmp_path / "heaps.xml")]
    subprocess.run(command, cwd=Path(__file__).parent.parent, env=usual | env, check=True)
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
