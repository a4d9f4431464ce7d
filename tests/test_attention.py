"""How a batch's step attends: in parts, where there are the kernels for it; and by the library where these cannot be."""

import logging
import sys
import threading
from collections.abc import Iterator
from types import ModuleType

import pytest
import torch
import torch.nn.functional as F

from polaris_demo.engine import attention
from polaris_demo.engine.decoder import Decoder
from polaris_demo.engine.local import LocalEngine
from polaris_demo.engine.run import Run
from polaris_demo.story.request import SamplingParams

KERNELS = "polaris_demo.engine.attention_kernels"


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A stand-in for the kernels, which Triton has to be there for; `tests/engines` runs themselves."""

    def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor, scale: float) -> torch.Tensor:
        return F.scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scale, enable_gqa=True).transpose(1, 2)

    stands_in = ModuleType(KERNELS)
    stands_in.attend = attend  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, KERNELS, stands_in)
    return stands_in


@pytest.fixture
def model(miniature: LocalEngine) -> Iterator[torch.nn.Module]:
    """The miniature, attending as the library does before and after."""
    yield miniature._model
    miniature._model.set_attn_implementation("sdpa")


def test_a_story_is_the_one_that_the_library_attends_to(
    kernels: ModuleType, model: torch.nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tokens(decoder: Decoder) -> list[int]:
        run = Run(list(range(300, 600)), (), SamplingParams(temperature=0.8), 3, 12)
        return [int(event) for event in decoder.tokens(run, threading.Event()) if isinstance(event, int)]

    by_the_library = tokens(Decoder(model, plain=False, lanes=2))
    assert attention.use(model)
    seen: list[tuple[int, ...]] = []
    attend = kernels.attend
    monkeypatch.setattr(kernels, "attend", lambda query, *rest: (seen.append(tuple(query.shape)), attend(query, *rest))[1])
    assert tokens(Decoder(model, plain=False, lanes=2)) == by_the_library
    assert seen and {shape[2] for shape in seen} == {1}, "a prompt is read by the library's own"
    assert tokens(Decoder(model, plain=True)) == by_the_library


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (ImportError("No module named 'triton'"), "No module named 'triton'"),
        (RuntimeError("no compiler was found"), "no compiler was found"),
        (None, "other numbers"),
    ],
)
def test_where_the_kernels_cannot_be_the_library_attends(
    fault: Exception | None, said: str, model: torch.nn.Module, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def attend(query: torch.Tensor, *rest: object) -> torch.Tensor:
        if fault:
            raise fault
        return torch.zeros_like(query).transpose(1, 2)

    stands_in = ModuleType(KERNELS)
    stands_in.attend = attend  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, KERNELS, stands_in)
    with caplog.at_level(logging.WARNING):
        assert not attention.use(model)
    assert said in caplog.text and model.config._attn_implementation == "sdpa"


@pytest.mark.parametrize("fault", [torch.OutOfMemoryError("full"), torch.AcceleratorError("CUDA error", 700)])
def test_what_says_nothing_of_the_kernels_is_raised(fault: Exception, model: torch.nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    stands_in = ModuleType(KERNELS)
    stands_in.attend = lambda *_: (_ for _ in ()).throw(fault)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, KERNELS, stands_in)
    with pytest.raises(type(fault)):
        attention.use(model)
