"""Loading a checkpoint in POLARIS-9B's own layout, and every way it can go wrong."""

import functools
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from transformers import Qwen3_5Config, Qwen3_5ForConditionalGeneration, Qwen3_5TextConfig, Qwen3_5VisionConfig

from polaris_demo.engine import kernels, loading
from polaris_demo.engine.loading import PREVIEW_FOLDER, PREVIEW_NAME, load, load_model, precision_that_fits
from polaris_demo.engine.local import CUT
from polaris_demo.errors import EngineError
from polaris_demo.settings import Settings, SettingsError, read_settings
from polaris_demo.story.events import Delta, Finish, Resume
from polaris_demo.story.request import SamplingParams, StoryRequest

GIB = 2**30
ROOT = Path(__file__).parent.parent
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights as Qwen3_5ForConditionalGeneration: vision tower, nested text config, sharded safetensors."""
    folder = tmp_path_factory.mktemp("models") / "POLARIS-tiny"
    torch.manual_seed(0)
    text = Qwen3_5TextConfig(
        vocab_size=4096, hidden_size=128, intermediate_size=256, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
        head_dim=64, linear_num_key_heads=2, linear_num_value_heads=4, linear_key_head_dim=32, linear_value_head_dim=32,
        layer_types=["linear_attention"] * 3 + ["full_attention"], max_position_embeddings=8192, tie_word_embeddings=False,
    )  # fmt: skip
    vision = Qwen3_5VisionConfig(depth=1, hidden_size=64, intermediate_size=64, num_heads=2, out_hidden_size=128)
    config = Qwen3_5Config(text_config=text.to_dict(), vision_config=vision.to_dict())
    Qwen3_5ForConditionalGeneration(config).to(torch.bfloat16).save_pretrained(folder, max_shard_size="1MB")
    for name in TOKENIZER_FILES:
        shutil.copy(PREVIEW_FOLDER / name, folder)
    return folder


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
    assert engine.writer.context == 8192 and engine.writer.precision == precision and not engine.writer.is_preview


def test_text_weights_are_the_checkpoints_own(checkpoint: Path) -> None:
    whole = Qwen3_5ForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32).eval()
    ids = torch.arange(300, 340)[None]
    with torch.inference_mode():
        assert torch.equal(loaded(checkpoint)._model(ids).logits, whole(input_ids=ids).logits)


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
    from safetensors.torch import load_file, save_file

    shard = damaged / listed["weight_map"].pop(name)
    save_file({k: v for k, v in load_file(shard).items() if k != name}, shard, metadata={"format": "pt"})
    index.write_text(json.dumps(listed))
    assert "lacks 1 of the model's weights" in problem(damaged)


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


# --- the hub, played by a local server; huggingface_hub itself is real ------------------------------------------------


class _Hub(BaseHTTPRequestHandler):
    answer = (404, "RepoNotFound")

    def do_GET(self) -> None:
        status, code = self.answer
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", "said by the test")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def from_hub(endpoint: str, answer: tuple[int, str], tmp_path: Path) -> str:
    """The sentence for a model asked of a hub that answers so. In a process of its own: the hub's address is read once."""
    _Hub.answer = answer
    code = (
        "from polaris_demo.engine.loading import load_model\nfrom polaris_demo.settings import Settings\n"
        "from polaris_demo.errors import EngineError\n"
        "try: load_model('someone/POLARIS-9B', Settings(), lambda p: None)\nexcept EngineError as error: print(error)"
    )
    env = os.environ | {"HF_ENDPOINT": endpoint, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=env, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_a_closed_gate_says_how_to_pass_it(hub: str, tmp_path: Path) -> None:
    sentence = from_hub(hub, (403, "GatedRepo"), tmp_path)
    assert "gate" in sentence and "HF_TOKEN" in sentence and "POLARIS-no-HRI-9B" in sentence


def test_an_unknown_model(hub: str, tmp_path: Path) -> None:
    assert "no model someone/POLARIS-9B" in from_hub(hub, (404, "RepoNotFound"), tmp_path)


def test_no_network(tmp_path: Path) -> None:
    assert "cannot be reached" in from_hub("http://127.0.0.1:9", (404, ""), tmp_path)


# --- optional kernels ------------------------------------------------------------------------------------------------


def test_kernels_that_cannot_be_imported_are_done_without(tmp_path: Path) -> None:
    """flash-linear-attention is installed, and importing it fails."""
    for name in ("fla", "causal_conv1d"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('no driver here')")
    code = (
        "import threading\nfrom polaris_demo.engine import kernels\nfrom polaris_demo.engine.loading import load\n"
        "from polaris_demo.settings import Settings\nfrom polaris_demo.story.request import SamplingParams, StoryRequest\n"
        "engine = load(Settings(model='preview'), lambda progress: None)\n"
        "request = StoryRequest('a bell', 50, sampling=SamplingParams(seed=1, max_new_tokens=64))\n"
        "print(kernels.find_spec('fla').origin)\nprint([*engine.write(request, Resume(), threading.Event())][-1].reason)\n"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, env=env, check=False, cwd=tmp_path)
    assert run.stdout.split() == [str(tmp_path / "fla.py"), "length"], run.stderr


@pytest.mark.parametrize("fails", [True, False])
def test_kernels_are_used_where_they_work_and_only_there(
    checkpoint: Path, fails: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    engine, used = loaded(checkpoint), []
    modeling = sys.modules[type(engine._model).__module__]
    monkeypatch.setattr(kernels, "find_spec", lambda name: name)
    for name in kernels.FUNCTIONS:
        own = getattr(modeling, name)

        @functools.wraps(own)
        def kernel(*args: object, own=own, **options: object):
            used.append(own)
            if fails:
                raise RuntimeError("no allocator was set")
            return own(*args, **options)

        monkeypatch.setattr(modeling, name, kernel)
    request = StoryRequest("a bell", 50, sampling=SamplingParams(seed=1, max_new_tokens=64))
    assert list(engine.write(request, Resume(), threading.Event()))[-1] == Finish("length", CUT)
    assert ("no allocator was set" in caplog.text) == fails
    assert (len(used) == 1) == fails, "a kernel that failed was called again"


# --- choosing --------------------------------------------------------------------------------------------------------


def test_without_a_gpu_the_miniature_writes_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    writer = load(Settings(), lambda progress: None).writer
    assert writer.is_preview and writer.name == PREVIEW_NAME and "no GPU" in writer.why
    assert len(writer.revision) == 12


def test_a_model_that_cannot_be_loaded_is_named_beside_the_miniature(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    writer = load(Settings(model=str(tmp_path)), lambda progress: None).writer
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
