"""The app as it runs on a ZeroGPU Space, on the miniature: the platform's real client, and its real forks. Only for tests.

    SPACES_ZERO_GPU=true SPACES_ZERO_DEVICE_API_URL=... python -m tests.zerogpu_space SECONDS_OF_A_SEGMENT FOLDER_FOR_STORIES

Prints its address. A CPU build of torch stands in for the CUDA build that the client expects.
"""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch

torch.version.cuda = "13.0"
torch.cuda._is_in_bad_fork = bool
torch._C._cuda_init = lambda: None

import spaces
import spaces.zero.torch as zero_torch

assert spaces.config.Config.zero_gpu
zero_torch.init = lambda uuid: None
zero_torch.unpatch = lambda: None

from polaris_demo.engine import loading, local, writing, zerogpu
from polaris_demo.engine.decoder import Decoder
from polaris_demo.jobs.library import Library
from polaris_demo.jobs.runner import Runner
from polaris_demo.settings import Settings

from .conftest import serving

TOKENS_A_SECOND = 50  # by the clock of a worker here, whatever the machine: a segment's length in tokens is known


class Clock:
    """A worker's time: it passes with the tokens written, so that a segment holds as many on any machine."""

    seconds = 0.0
    perf_counter = staticmethod(time.perf_counter)

    def monotonic(self) -> float:
        return self.seconds


class Timed(Decoder):
    """Its tokens are what the clock goes by."""

    def tokens(self, *args: object) -> Iterator[object]:
        for event in super().tokens(*args):
            if isinstance(event, int):
                local.time.seconds += 1 / TOKENS_A_SECOND
            yield event


def main() -> None:
    zerogpu.COLD_SECONDS = zerogpu.RESERVE_SECONDS = 0
    zerogpu.LEAST_SECONDS = 1
    local.time = writing.time = Clock()
    local.Decoder = Timed
    settings = Settings(model="preview", zerogpu=True)
    engine = loading.load(settings, lambda progress: None)
    runner = Runner(zerogpu.ZeroGpuEngine(engine, int(sys.argv[1])), unfollowed_seconds=60, library=Library(Path(sys.argv[2])))
    with serving(runner, settings) as url:
        print(url, flush=True)
        os.read(0, 1)  # not sys.stdin.read(), which would hold a lock that every fork wants


if __name__ == "__main__":
    main()
