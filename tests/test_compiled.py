"""A step's compiled pieces: where they are used, and where the library's own are. What compiles is a stand-in but in the slow test."""

import logging
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
import torch

from polaris_demo.engine import compiled
from polaris_demo.engine.decoder import Decoder
from polaris_demo.engine.local import LocalEngine
from polaris_demo.engine.run import Run
from polaris_demo.story.request import SamplingParams

ROWS = 2


@pytest.fixture
def model(miniature: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[torch.nn.Module]:
    """The miniature; afterwards its code is the library's again."""
    modeling = sys.modules[type(miniature._model).__module__]
    own = {name: compiled._get(modeling, name) for name in compiled.PIECES}
    yield miniature._model
    for name, function in own.items():
        compiled._set(modeling, name, function)
    torch.compiler.reset()


class Compiler:
    """Runs what it is given as it stands, and counts; `then` is what becomes of each answer."""

    def __init__(self, then: Callable[[torch.Tensor], torch.Tensor] = lambda answer: answer) -> None:
        self.pieces = self.runs = 0
        self._then = then

    def __call__(self, graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> Callable[..., object]:
        self.pieces += 1

        def run(*arguments: torch.Tensor) -> object:
            self.runs += 1
            return tuple(self._then(one) if isinstance(one, torch.Tensor) else one for one in graph.forward(*arguments))

        return run


def tokens(decoder: Decoder, count: int = 12) -> list[int]:
    run = Run(list(range(300, 340)), (), SamplingParams(temperature=0.8), 3, count)
    return [int(event) for event in decoder.tokens(run, threading.Event()) if isinstance(event, int)]


def test_steps_of_a_batch_take_the_pieces_and_nothing_else_does(model: torch.nn.Module) -> None:
    right, compiler = tokens(Decoder(model, plain=True)), Compiler()
    assert compiled.settle(model, ROWS, compiler)
    before = compiler.runs
    assert tokens(Decoder(model, plain=True)) == right and compiler.runs == before, "the plain loop is the library's code"
    decoder = Decoder(model, plain=False, lanes=ROWS)
    decoder._lanes._fixed = True  # as on a GPU
    assert tokens(decoder, 1) == right[:1]
    prepared = compiler.runs
    assert tokens(decoder) == right
    layers = len(model.config.layer_types)
    assert compiler.runs - prepared >= 4 * layers * 11, "eleven steps, and some pieces in each layer"


def test_a_piece_is_compiled_once_for_all_layers_and_steps(model: torch.nn.Module) -> None:
    compiler = Compiler()
    assert compiled.settle(model, ROWS, compiler)
    made = compiler.pieces
    decoder = Decoder(model, plain=False, lanes=ROWS)
    decoder._lanes._fixed = True
    tokens(decoder, 40)
    assert compiler.pieces == made < 3 * len(compiled.PIECES)


def test_it_can_be_settled_again_for_other_rows(model: torch.nn.Module) -> None:
    assert compiled.settle(model, 1, Compiler())
    again = Compiler()
    assert compiled.settle(model, 4, again) and again.pieces
    modeling = sys.modules[type(model).__module__]
    assert not hasattr(compiled._get(modeling, "apply_rotary_pos_emb").of, "of"), "a piece within a piece"


def raises(error: Exception) -> Callable[..., object]:
    def compiler(graph: object, inputs: object) -> Callable[..., object]:
        raise error

    return compiler


@pytest.mark.parametrize(
    ("compiler", "said"),
    [
        (raises(RuntimeError("no C compiler was found")), "no C compiler was found"),
        (Compiler(lambda answer: answer * 1.5), "other numbers"),
        (Compiler(lambda answer: answer * torch.nan), "other numbers"),
    ],
    ids=["raises", "other numbers", "no numbers"],
)
def test_where_compiling_fails_steps_stay_the_librarys(
    compiler: Callable[..., object], said: str, model: torch.nn.Module, caplog: pytest.LogCaptureFixture
) -> None:
    modeling = sys.modules[type(model).__module__]
    own = [compiled._get(modeling, name) for name in compiled.PIECES]
    with caplog.at_level(logging.WARNING):
        assert not compiled.settle(model, ROWS, compiler)
    assert said in caplog.text
    assert [compiled._get(modeling, name) for name in compiled.PIECES] == own


def test_memory_that_runs_out_says_nothing_of_the_pieces(model: torch.nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    modeling = sys.modules[type(model).__module__]
    own = [compiled._get(modeling, name) for name in compiled.PIECES]
    monkeypatch.setattr(compiled, "_logits", lambda *_, **options: (_ for _ in ()).throw(torch.OutOfMemoryError("full")))
    with pytest.raises(torch.OutOfMemoryError):
        compiled.settle(model, ROWS, Compiler())
    assert [compiled._get(modeling, name) for name in compiled.PIECES] == own


@pytest.mark.slow
def test_what_torch_compiles_writes_the_story_of_the_library(model: torch.nn.Module) -> None:
    """On a CPU in fp32, where compiling takes half a minute."""
    right = tokens(Decoder(model, plain=True), 100)
    assert compiled.settle(model, ROWS)
    assert tokens(Decoder(model, plain=False, lanes=ROWS), 100) == right
