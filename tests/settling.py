"""What Python's collector looks through before a server's engine has loaded, when it has, and when another server comes: as JSON."""

import gc
import json
import threading

from polaris_demo.engine.base import Status
from polaris_demo.jobs.heap import Heap
from polaris_demo.jobs.runner import Runner

from .doubles import ScriptedEngine, echoes, until


class Loading(ScriptedEngine):
    """Its model is being loaded until it is told that it is there."""

    loaded = False

    def status(self) -> Status:
        return super().status() if self.loaded else Status()


def main() -> None:
    tended, tend = threading.Semaphore(0), Heap.tend

    def tells(self: Heap) -> None:
        tend(self)
        tended.release()

    def a_round() -> None:
        while tended.acquire(blocking=False):
            pass
        assert tended.acquire(timeout=60) and tended.acquire(timeout=60)

    setattr(Heap, "tend", tells)  # noqa: B010
    engine, before = Loading(echoes), len(gc.get_objects())
    server = Runner(engine)
    a_round()
    told = {"before": before, "loading": gc.get_freeze_count()}
    engine.loaded = True
    until(gc.get_freeze_count)
    told |= {"known": gc.get_freeze_count(), "looked_at": len(gc.get_objects())}
    server.close()
    held = [[n] for n in range(1000)]
    another = Runner(ScriptedEngine(echoes))
    a_round()
    told |= {"later": gc.get_freeze_count(), "held": len(held)}
    another.close()
    print(json.dumps(told))


if __name__ == "__main__":
    main()
