"""Loading a checkpoint in POLARIS-9B's own layout from a folder, and every way it can go wrong."""

import json
import math
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import Qwen3_5ForConditionalGeneration
from transformers.utils import logging as transformers_logging

from polaris_demo.engine import first_step, loading
from polaris_demo.engine.base import Loading
from polaris_demo.engine.checkpoint import fingerprint
from polaris_demo.engine.loading import PREVIEW_NAME, load, load_model, precision_that_fits
from polaris_demo.engine.writing import CUT
from polaris_demo.errors import EngineError
from polaris_demo.settings import Settings, SettingsError, read_settings
from polaris_demo.story.events import Delta, Finish, Resume
from polaris_demo.story.request import SamplingParams, StoryRequest

from .checkpoints import TOKENIZER_FILES, published_layout

GIB = 2**30
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """The matrices are too small to share out; on a busy machine torch's threads then wait for each other thirty times as long."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published_layout(tmp_path_factory.mktemp("models") / "POLARIS-tiny")


@pytest.fixture
def damaged(checkpoint: Path, tmp_path: Path) -> Path:
    """A copy of the checkpoint to damage."""
    return Path(shutil.copytree(checkpoint, tmp_path / "POLARIS-tiny"))


def loaded(folder: Path | str, precision: str = "fp32"):
    return load_model(str(folder), Settings(precision=precision), lambda progress: None)


def problem(folder: Path | str, **options: object) -> str:
    with pytest.raises(EngineError) as caught:
        load_model(str(folder), replace(Settings(precision="fp32"), **options), lambda progress: None)
    return str(caught.value)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "4bit"])
def test_the_published_layout_loads_as_text_only_and_writes(checkpoint: Path, precision: str) -> None:
    engine = loaded(checkpoint, precision)
    assert type(engine._model).__name__ == "Qwen3_5ForCausalLM"
    assert not any("visual" in name for name, _ in engine._model.named_parameters())
    kinds = {type(m).__name__ for m in engine._model.modules()}
    assert ("Linear4bit" in kinds) == (precision == "4bit")
    request = StoryRequest("a bell", 50, sampling=SamplingParams(seed=1, max_new_tokens=64))
    events = list(engine.write(request, Resume(), threading.Event()))
    story = [e for e in events if isinstance(e, Delta) and e.kind == "story"]
    assert events[-1] == Finish("length", CUT) and sum(len(e.token_ids) for e in story) > 20 and "".join(e.text for e in story)
    assert (
        engine.status().writer.context == 8192 and engine.status().writer.precision == precision and not engine.status().writer.is_preview
    )


def test_text_weights_are_the_checkpoints_own(checkpoint: Path) -> None:
    whole = Qwen3_5ForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32).eval()
    ids = torch.arange(300, 340)[None]
    with torch.inference_mode():
        assert torch.equal(loaded(checkpoint)._model(ids).logits, whole(input_ids=ids).logits)


def test_reading_says_how_far_it_is(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the bytes of the text's weights: those of the vision tower are not read."""
    monkeypatch.setattr("polaris_demo.engine.progress.REPORT_SECONDS", 0)
    for precision in ("fp32", "4bit"):
        said: list[Loading] = []
        model = load_model(str(checkpoint), Settings(precision=precision), said.append)._model
        read = [one for one in said if one.doing == f"loading local folder POLARIS-tiny in {precision}" and one.total]
        bytes_in_bf16 = 2 * sum(one.numel() for one in loaded(checkpoint)._model.parameters())
        assert {one.total for one in read} == {bytes_in_bf16} and not any(one._forward_hooks for one in model.modules())
        assert [one.done for one in read] == sorted(one.done for one in read) and len({one.done for one in read}) > 20
        checked = [one for one in said if one.doing == "checking local folder POLARIS-tiny"]
        assert read[-1].done == read[-1].total and checked[-1].done == checked[-1].total > 0
        assert said.index(read[-1]) < said.index(checked[0])


def test_without_transformers_hook_loading_goes_on_without_a_measure(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("transformers.utils.logging.set_tqdm_hook")
    said: list[Loading] = []
    load_model(str(checkpoint), Settings(precision="fp32"), said.append)
    assert [one for one in said if one.doing.startswith("loading")] == [Loading("loading local folder POLARIS-tiny in fp32")]


def test_the_hook_is_given_back(damaged: Path) -> None:
    sorted(damaged.glob("*.safetensors"))[-1].unlink()
    problem(damaged)
    assert transformers_logging._tqdm_hook is None


# --- who it is -------------------------------------------------------------------------------------------------------


def test_a_folder_is_known_as_one_whatever_it_is_called(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = shutil.copytree(checkpoint, tmp_path / "rishanthrajendhran" / "POLARIS-9B")
    for model in ("rishanthrajendhran/POLARIS-9B", str(named), f"{named}/", "."):
        monkeypatch.chdir(named if model == "." else tmp_path)
        writer = loaded(model).status().writer
        assert (writer.name, writer.model) == ("local folder POLARIS-9B", "local folder")
        assert writer.revision == fingerprint(checkpoint)


def test_no_sentence_names_the_folders_place(checkpoint: Path, tmp_path: Path) -> None:
    """What is said beside the miniature is read by every visitor."""
    spoilt = Path(shutil.copytree(checkpoint, tmp_path / "POLARIS-9B"))
    for name in ("model.safetensors.index.json", "tokenizer.json", "chat_template.jinja", "config.json"):
        (spoilt / name).unlink()
        why = load(Settings(model=str(spoilt), precision="fp32"), lambda progress: None).status().writer.why
        assert "the local folder POLARIS-9B" in why and str(tmp_path) not in why
    why = load(Settings(model=str(tmp_path / "nowhere")), lambda progress: None).status().writer.why
    assert "the local folder nowhere" in why and str(tmp_path) not in why


# --- what can go wrong -----------------------------------------------------------------------------------------------


def test_a_missing_folder(tmp_path: Path) -> None:
    assert "does not exist" in problem(tmp_path / "nowhere")


def test_a_folder_without_a_checkpoint(tmp_path: Path) -> None:
    assert "config.json is missing" in problem(tmp_path)


def test_a_truncated_shard(damaged: Path) -> None:
    shard = sorted(damaged.glob("*.safetensors"))[0]
    shard.write_bytes(shard.read_bytes()[:-1000])
    assert "damaged or cut short" in problem(damaged)


def test_a_missing_shard(damaged: Path) -> None:
    sorted(damaged.glob("*.safetensors"))[-1].unlink()
    assert "missing" in problem(damaged)


def test_missing_weights(damaged: Path) -> None:
    index = damaged / "model.safetensors.index.json"
    listed = json.loads(index.read_text())
    name = next(n for n in listed["weight_map"] if n.endswith("layers.0.mlp.up_proj.weight"))
    shard = damaged / listed["weight_map"].pop(name)
    save_file({k: v for k, v in load_file(shard).items() if k != name}, shard, metadata={"format": "pt"})
    index.write_text(json.dumps(listed))
    assert "lacks 1 of the model’s weights" in problem(damaged)


def test_another_architecture(damaged: Path) -> None:
    config = json.loads((damaged / "config.json").read_text())
    (damaged / "config.json").write_text(json.dumps(config | {"model_type": "llama"}))
    assert "architecture llama" in problem(damaged)


def test_an_unreadable_config(damaged: Path) -> None:
    (damaged / "config.json").write_text("{")
    assert "cannot be read" in problem(damaged)


def test_a_config_of_other_widths(damaged: Path) -> None:
    config = json.loads((damaged / "config.json").read_text())
    config["text_config"]["intermediate_size"] = 512
    (damaged / "config.json").write_text(json.dumps(config))
    assert "do not fit its config.json" in problem(damaged)


# --- weights that are no numbers -------------------------------------------------------------------------------------


def spoil(folder: Path, name: str, value: float, row: int | None = None) -> None:
    """Put `value` into one weight of a checkpoint."""
    shard = folder / json.loads((folder / "model.safetensors.index.json").read_text())["weight_map"][name]
    weights = load_file(shard)
    weights[name].view(-1)[0 if row is None else row * weights[name].shape[1]] = value
    save_file(weights, shard, metadata={"format": "pt"})


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("model.language_model.norm.weight", None),
        ("model.language_model.layers.0.linear_attn.in_proj_qkv.weight", None),
        ("model.language_model.layers.3.self_attn.v_proj.weight", None),
        ("model.language_model.layers.2.mlp.down_proj.weight", None),
        ("lm_head.weight", 777),
        ("model.language_model.embed_tokens.weight", 3000),
    ],
)
def test_weights_that_are_not_finite_are_refused_with_the_way_out(damaged: Path, name: str, row: int | None, value: float) -> None:
    spoil(damaged, name, value, row)
    said = problem(damaged)
    assert (
        said.startswith("The weights of the local folder POLARIS-tiny give numbers that are not finite") and "Download it again, or" in said
    )


@pytest.mark.parametrize("precision", ["bf16", "4bit"])
def test_they_are_refused_in_every_precision(damaged: Path, precision: str) -> None:
    spoil(damaged, "model.language_model.layers.2.mlp.down_proj.weight", math.nan)
    assert "not finite" in problem(damaged, precision=precision)


def test_where_only_lent_workers_compute_no_step_is_tried(damaged: Path) -> None:
    spoil(damaged, "lm_head.weight", math.nan)
    assert load_model(str(damaged), Settings(precision="fp32", zerogpu=True), lambda progress: None).status().writer.precision == "fp32"


def test_memory_that_does_not_hold_the_first_step_has_its_sentence(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(first_step, "_logits", full)
    assert problem(checkpoint).startswith("The GPU’s memory does not hold the local folder POLARIS-tiny. Set POLARIS_PRECISION=4bit")


# --- the tokenizer and its template ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        ({"chat_template.jinja": None}, "has no chat template"),
        ({"chat_template.jinja": "{{ raise_exception('no') }}"}, "chat template fails"),
        ({"chat_template.jinja": "{% if %}"}, "chat template fails"),
        ({"chat_template.jinja": "{{ messages + 1 }}"}, "chat template fails"),
        ({"chat_template.jinja": "Hello"}, "does not open its thinking"),
        ({"tokenizer.json": None}, "there is no tokenizer.json"),
        (dict.fromkeys(TOKENIZER_FILES), "there is no tokenizer.json"),
        ({"tokenizer.json": "{"}, "files are damaged"),
        ({"tokenizer.json": "{}"}, "files are damaged"),
        ({"tokenizer_config.json": "{"}, "files are damaged"),
    ],
)
def test_a_tokenizer_that_cannot_be_used_is_named(damaged: Path, spoilt: dict[str, str | None], said: str) -> None:
    for name, content in spoilt.items():
        if content is None:
            (damaged / name).unlink()
        else:
            (damaged / name).write_text(content)
    assert said in problem(damaged)


# --- kernels of others -----------------------------------------------------------------------------------------------


def test_kernels_that_are_installed_beside_transformers_are_left_alone(tmp_path: Path) -> None:
    """Those that fail when they are imported, and those that compile for a minute when they are called."""
    (tmp_path / "causal_conv1d.py").write_text("raise ImportError('no driver here')")
    (tmp_path / "fla").mkdir()
    (tmp_path / "fla" / "__init__.py").write_text("def __getattr__(name):\n    raise AssertionError(f'{name} of fla is used')\n")
    code = (
        "import sys, threading\nfrom polaris_demo.engine.loading import load\n"
        "from polaris_demo.settings import Settings\nfrom polaris_demo.story.events import Resume\n"
        "from polaris_demo.story.request import SamplingParams, StoryRequest\n"
        "engine = load(Settings(model='preview'), lambda progress: None)\n"
        "request = StoryRequest('a bell', 50, sampling=SamplingParams(seed=1, max_new_tokens=64))\n"
        "modeling = sys.modules[type(engine._model).__module__]\n"
        "print(modeling.torch_chunk_gated_delta_rule.__code__.co_filename == modeling.__file__)\n"
        "print([*engine.write(request, Resume(), threading.Event())][-1].reason)\n"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, env=env, check=False, cwd=tmp_path)
    assert run.stdout.split() == ["True", "length"], run.stderr
    assert "falling back" not in run.stderr, "a host is advised to install what makes it slower"


# --- choosing --------------------------------------------------------------------------------------------------------


def test_without_a_gpu_the_miniature_writes_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    writer = load(Settings(), lambda progress: None).status().writer
    assert writer.is_preview and writer.name == PREVIEW_NAME and "no GPU" in writer.why
    assert len(writer.revision) == 12


def test_a_model_that_cannot_be_loaded_is_named_beside_the_miniature(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    writer = load(Settings(model=str(tmp_path)), lambda progress: None).status().writer
    assert writer.is_preview and "config.json is missing" in writer.why
    assert "config.json is missing" in caplog.text


@pytest.mark.parametrize(("free", "precision"), [(140, "bf16"), (48, "bf16"), (23, "bf16"), (20, "4bit"), (16, "4bit")])
def test_precision_is_chosen_by_what_fits(free: int, precision: str) -> None:
    chosen, why = precision_that_fits(18 * GIB, free * GIB)
    assert chosen == precision and f"{free} GiB" in why


def test_a_gpu_too_small_even_for_4bit_is_refused_with_both_numbers() -> None:
    with pytest.raises(EngineError, match="8 GiB of GPU memory are free, and even in 4-bit the model needs 12"):
        precision_that_fits(18 * GIB, 8 * GIB)


def test_the_plain_loop_is_a_setting(checkpoint: Path) -> None:
    settings = read_settings({"POLARIS_DECODE_LOOP": "plain", "POLARIS_PRECISION": "fp32"})
    assert load_model(str(checkpoint), settings, lambda progress: None)._plain_loop and not read_settings({}).plain_loop
    with pytest.raises(SettingsError, match="POLARIS_DECODE_LOOP is 'fast'; it takes auto, plain"):
        read_settings({"POLARIS_DECODE_LOOP": "fast"})


def test_everything_unforeseen_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(loading, "_from_pretrained", broken)
    with pytest.raises(ZeroDivisionError):
        load(Settings(model="preview"), lambda progress: None)
