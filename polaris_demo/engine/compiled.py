"""A step's small operations, joined into a few kernels by torch.compile.

By itself a step of Qwen3.5-9B launches three thousand kernels on a GPU. A hundred and fifty multiply matrices; the others, which norm,
turn and decay a few thousand numbers each, take as long as these. transformers' own functions are what is compiled, and what comes of
it serves steps of one token a row alone: a prompt is read, and the plain loop goes, by the library's code as it stands.
"""

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import ModuleType
from typing import Any

import torch
from transformers import DynamicCache, PreTrainedModel

PIECES = (
    "Qwen3_5RMSNorm.forward", "Qwen3_5RMSNormGated.forward", "torch_recurrent_gated_delta_rule", "causal_conv1d_update",
    "apply_rotary_pos_emb",
)  # fmt: skip
TOKENS = 8  # read before the step that is tried
NEARLY = 0.05  # how far logits in bf16 may lie from those of the library's code, as a share of their length
Function = Callable[..., Any]
log = logging.getLogger(__name__)


class _Thread(threading.local):
    in_step = False


_thread = _Thread()


@contextmanager
def step() -> Iterator[None]:
    """Within it, and in this thread, one token a row goes through the compiled pieces, where there are any."""
    _thread.in_step = True
    try:
        yield
    finally:
        _thread.in_step = False


def settle(model: PreTrainedModel, rows: int, backend: str | Function = "inductor") -> bool:
    """Compile the pieces of a model's steps of so many rows; False where that fails here, or says something else than the library.

    Took 16 s for one row on an H200, with nothing in the compiler's cache. Raises only what says nothing of the pieces.
    """
    modeling = sys.modules[type(model).__module__]
    own = {name: _get(modeling, name) for name in PIECES}
    torch.compiler.reset()  # of other shapes; torch keeps eight of a function and then goes without
    try:
        expected = _logits(model, rows)
        for name, function in own.items():
            _set(modeling, name, _either(function, backend))
        found = _logits(model, rows, within=step)
        if not float((found - expected).norm()) <= NEARLY * float(expected.norm()):
            raise ArithmeticError("other numbers than the library's")
    except Exception as error:
        for name, function in own.items():
            _set(modeling, name, function)
        if isinstance(error, torch.OutOfMemoryError | torch.AcceleratorError):
            raise
        log.warning("A step's pieces cannot be compiled here, so it takes longer: %s: %s", type(error).__name__, error)
        return False
    return True


def _either(function: Function, backend: str | Function) -> Function:
    """A function that is compiled where a step calls it. What was so before is made anew."""
    own: Function = getattr(function, "of", function)
    compiled = torch.compile(own, dynamic=False, backend=backend)

    def either(*arguments: Any, **options: Any) -> Any:
        return (compiled if _thread.in_step else own)(*arguments, **options)

    either.of = own  # type: ignore[attr-defined]
    return either


@torch.no_grad()
def _logits(model: PreTrainedModel, rows: int, within: Callable[[], AbstractContextManager[None]] = nullcontext) -> torch.Tensor:
    """The logits of one token a row after a few others, shape (rows, vocabulary); the one is computed `within`."""
    cache = DynamicCache(config=model.config.get_text_config())
    ids = torch.arange(TOKENS, device=model.device).repeat(rows, 1)
    model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
    with within():
        logits: torch.Tensor = model(input_ids=ids[:, :1], past_key_values=cache, use_cache=True).logits
    return logits[:, -1].float()


def _get(modeling: ModuleType, name: str) -> Function:
    found: Any = modeling
    for part in name.split("."):
        found = getattr(found, part)
    function: Function = found
    return function


def _set(modeling: ModuleType, name: str, function: Function) -> None:
    holder, _, last = name.rpartition(".")
    setattr(getattr(modeling, holder) if holder else modeling, last, function)
