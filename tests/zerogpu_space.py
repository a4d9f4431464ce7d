"""The app as it runs on a ZeroGPU Space, on the miniature: the platform's real client, and its real forks. Only for tests.

    SPACES_ZERO_GPU=true SPACES_ZERO_DEVICE_API_URL=... python -m tests.zerogpu_space SECONDS_OF_A_SEGMENT

Prints its address. A CPU build of torch stands in for the CUDA build that the client expects.
"""

import os
import sys

import torch

torch.version.cuda = "13.0"
torch.cuda._is_in_bad_fork = bool
torch._C._cuda_init = lambda: None

import spaces
import spaces.zero.torch as zero_torch

assert spaces.config.Config.zero_gpu
zero_torch.init = lambda uuid: None
zero_torch.unpatch = lambda: None

from polaris_demo.engine import loading, zerogpu
from polaris_demo.jobs.runner import Runner
from polaris_demo.settings import Settings

from .conftest import serving


def main() -> None:
    zerogpu.COLD_SECONDS = zerogpu.RESERVE_SECONDS = 0
    zerogpu.LEAST_SECONDS = 1
    local = loading.load(Settings(model="preview"), lambda progress: None)
    runner = Runner(zerogpu.ZeroGpuEngine(local, int(sys.argv[1])), unfollowed_seconds=60)
    with serving(runner) as url:
        print(url, flush=True)
        os.read(0, 1)  # not sys.stdin.read(), which would hold a lock that every fork wants


if __name__ == "__main__":
    main()
