"""How a batch's step attends: in parts, by kernels that run here in Triton's interpreter; and by the library where these cannot be."""

import importlib
import logging
import sys
import threading
from collections.abc import Callable, Iterator
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
Attend = Callable[..., torch.Tensor]


@pytest.fixture
def kernels() -> ModuleType:
    """The kernels as Triton's interpreter runs them: numbers of 16 bits it cannot multiply, so everything here is in fp32."""
    pytest.importorskip("triton", reason="Triton is not installed: it comes for Linux alone")
    return importlib.import_module(KERNELS)


@pytest.fixture
def model(miniature: LocalEngine) -> Iterator[torch.nn.Module]:
    """The miniature, attending as the library does before and after."""
    yield miniature._model
    miniature._model.set_attn_implementation("sdpa")


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def sees(columns: int, *last: int) -> torch.Tensor:
    """A mask: each row sees the columns up to its last."""
    return (torch.arange(columns) <= torch.tensor(last)[:, None])[:, None, None]


@pytest.mark.parametrize(
    ("heads", "shared", "size", "columns", "last"),
    [
        (4, 2, 64, 700, (5, 699, 300)),
        (16, 4, 256, 520, (0, 519)),
        (16, 1, 16, 256, (255,)),
        (2, 2, 32, 1, (0,)),
        (8, 2, 64, 600, (255, 256, 511, 512)),
    ],
)
def test_it_is_attention(kernels: ModuleType, heads: int, shared: int, size: int, columns: int, last: tuple[int, ...]) -> None:
    query, key, value = (
        numbers(len(last), heads, 1, size),
        numbers(len(last), shared, columns, size),
        numbers(len(last), shared, columns, size, seed=1),
    )
    expected = F.scaled_dot_product_attention(query, key, value, attn_mask=sees(columns, *last), scale=0.3, enable_gqa=True).transpose(1, 2)
    torch.testing.assert_close(kernels.attend(query, key, value, sees(columns, *last), 0.3), expected)


def test_a_row_comes_out_bit_for_bit_the_same_in_any_company_and_a_batch_of_any_length(kernels: ModuleType) -> None:
    """What lies behind a row's last column is not even read."""
    query, key, value = numbers(2, 4, 1, 64), numbers(2, 2, 700, 64), numbers(2, 2, 700, 64, seed=1)
    both = kernels.attend(query, key, value, sees(700, 300, 650), 0.125)
    alone = kernels.attend(query[1:], key[1:], value[1:], sees(700, 650), 0.125)
    longer = [torch.full((2, 2, 2100, 64), torch.nan) for _ in range(2)]
    for whole, part in zip(longer, (key, value), strict=True):
        whole[0, :, :301], whole[1, :, :651] = part[0, :, :301], part[1, :, :651]
    assert torch.equal(both[1:], alone)
    assert torch.equal(both, kernels.attend(query, *longer, sees(2100, 300, 650), 0.125))


def test_sizes_that_the_kernels_do_not_take_are_refused(kernels: ModuleType) -> None:
    for heads, shared, size, columns in ((4, 2, 48, 8), (4, 2, 8, 8), (32, 1, 16, 8), (4, 2, 16, 65_537)):
        query, key = numbers(1, heads, 1, size), numbers(1, shared, columns, size)
        with pytest.raises(ValueError, match=f"{columns} columns of {size} numbers"):
            kernels.attend(query, key, key, sees(columns, 3), 1.0)


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
