"""A step's kernels of attention, where there is a Triton to run them: no GPU, its interpreter."""

import os
import subprocess
from pathlib import Path

from tools import engines

ROOT = Path(__file__).parent.parent.parent


def test_attention_in_parts_is_attention_and_the_same_in_any_company(environment: None) -> None:
    command = [str(engines.ENVIRONMENT / "bin" / "python"), "-m", "tests.engines.in_triton"]
    run = subprocess.run(command, cwd=ROOT, env=os.environ | {"TRITON_INTERPRET": "1"}, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr[-2000:]
    print(f"\n{run.stdout.strip()}")
