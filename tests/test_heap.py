"""What is freed between things that stay goes back to the system."""

import pytest

from polaris_demo.jobs import heap
from polaris_demo.jobs.heap import Heap

from .doubles import echoes, until
from .memory import used

STAYS = 100  # one in so many


def test_freed_memory_goes_back_from_between_what_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    if heap._trim() is None:
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
    monkeypatch.setattr(heap, "_trim", lambda: trimmed.append)
    monkeypatch.setattr(heap, "EVERY_SECONDS", 0.0)
    run(echoes)
    until(lambda: len(trimmed) >= 2)


@pytest.mark.parametrize("library", [object(), None], ids=["no such function", "no library"])
def test_where_the_allocator_cannot_there_is_nothing_to_call(library: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """As musl's and macOS's, and as where a process is no library by the name of None."""

    def opened(name: None) -> object:
        if library is None:
            raise TypeError
        return library

    monkeypatch.setattr(heap.ctypes, "CDLL", opened)
    monkeypatch.setattr(heap, "EVERY_SECONDS", 0.0)
    assert heap._trim() is None
    Heap().tend()
