"""Chooses a model and loads it, saying why and how far it is."""

import hashlib
import logging
import os
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, PreTrainedModel
from transformers.utils import logging as transformers_logging

from .. import __version__, card
from ..errors import EngineError
from ..settings import MOST_LANES, Settings
from ..story.model_info import LOCAL, ModelInfo, folder_name, hub_name
from . import compiled, kernels
from .base import Loading, Report
from .checkpoint import config, fingerprint, require_safetensors, weight_bytes
from .decoder import LONGEST
from .first_step import require_sound
from .local import LocalEngine
from .problems import explained
from .progress import downloaded, reading
from .tokens import ChatTokens

PREVIEW_FOLDER = Path(__file__).parent.parent / "preview"
PREVIEW_NAME = "preview model, not POLARIS-9B"
CACHE_BYTES = 4 * 2**30  # room beside the weights for the longest story's cache and the work of one step
SPARE_BYTES = 2**30  # for the work of one step
SMALL_BYTES = 2**30  # that lanes may take of a server's memory without being asked for
IN_4BIT = 0.45  # bytes of an NF4 checkpoint (lm_head and embedding kept in bf16) for each byte in bf16
KEPT_IN_BF16 = ["lm_head", "in_proj_a", "in_proj_b"]
VERSIONS = {"polaris_demo": __version__, "torch": str(torch.__version__), "transformers": transformers.__version__}
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """A folder with a checkpoint, and as what it is known. Without a `revision` the fingerprint of its files is one."""

    folder: Path
    name: str
    model: str
    revision: str = ""

    @property
    def called(self) -> str:
        """How a sentence calls it: by its name or id, never by its path."""
        return f"the {self.name}" if self.model == LOCAL else self.model


def load(settings: Settings, report: Report) -> LocalEngine:
    """The model that `settings` ask for, or the miniature with the reason why not."""
    transformers_logging.set_verbosity_error()
    if settings.model == "preview":
        return _preview(settings, "This server is set to show it: POLARIS_MODEL is preview.")
    if settings.model == "auto" and not torch.cuda.is_available():
        return _preview(settings, "This server has no GPU. POLARIS-9B needs one.")
    model = card.MODEL.hub_id if settings.model == "auto" else settings.model
    local = named_folder(model)
    asked = f"This server was to load {local.called if local else hub_name(model)} and could not"
    try:
        return load_model(model, settings, report)
    except EngineError as error:
        log.warning("%s cannot be loaded, so the miniature writes instead: %s", model, error)
        return _preview(settings, f"{asked}. {error}")
    except Exception:
        log.exception("%s cannot be loaded, so the miniature writes instead", model)
        return _preview(settings, f"{asked}, for a reason nobody foresaw; its log has it.")


def load_model(model: str, settings: Settings, report: Report) -> LocalEngine:
    """Load a hub id or folder. Raises EngineError with a sentence and the way out."""
    source = named_folder(model)
    if source is None:
        name = hub_name(model)
        folder = explained(lambda: downloaded(model, name, settings.revision or None, settings.hf_token, report), model)
        source = Source(folder, name, model, revision=folder.name)
    elif not source.folder.is_dir():
        raise EngineError(
            f"POLARIS_MODEL names {source.called}, which does not exist. Correct it, or give a hub id such as {card.MODEL.hub_id}."
        )
    return _load(source, settings, report)


def named_folder(model: str) -> Source | None:
    """The folder that is named, there or not; None where it is a hub id. A folder is one even where its path spells a hub id."""
    folder = Path(model).expanduser()
    is_hub_id = model.count("/") == 1 and not model.startswith((".", "/", "~")) and not model.endswith("/")
    if is_hub_id and not folder.is_dir():
        return None
    return Source(folder, folder_name(os.path.abspath(folder)), LOCAL)


def preview_source() -> Source:
    """The bundled miniature."""
    weights = PREVIEW_FOLDER / "model.safetensors"
    revision = hashlib.sha256(weights.read_bytes()).hexdigest()[:12] if weights.is_file() else "missing"
    return Source(PREVIEW_FOLDER, PREVIEW_NAME, "bundled miniature", revision)


def _preview(settings: Settings, why: str) -> LocalEngine:
    here = replace(settings, precision="fp32")
    torch.set_num_threads(1)  # its matrices are too small to share out: a second thread only takes the server's core
    engine = _load(preview_source(), here, lambda _: None, device="cpu")
    engine.describe(is_preview=True, why=why)
    return engine


def _load(source: Source, settings: Settings, report: Report, device: str = "") -> LocalEngine:
    folder, called = source.folder, source.called
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    described = config(folder, called)
    require_safetensors(folder, called)
    precision, why = choose_precision(settings.precision, device, weight_bytes(folder), settings.zerogpu)
    with reading(folder, f"loading {source.name} in {precision}", report):
        model = explained(lambda: _from_pretrained(folder, precision, device, settings.zerogpu), called)
    chat = chat_tokens(folder, called)
    if not settings.zerogpu:  # there only lent workers compute
        explained(lambda: require_sound(model, called, f"checking {source.name}", report), called)
    revision = source.revision or explained(lambda: fingerprint(folder), called)  # now that its files have been read once
    lanes = _lanes(settings, model, precision, device)
    if device == "cuda" and not settings.zerogpu and not settings.plain_loop:
        report(Loading(f"compiling the steps of {source.name}"))
        explained(lambda: compiled.settle(model, lanes), called)
    return LocalEngine(
        model,
        chat,
        ModelInfo(
            name=source.name, model=source.model, revision=revision, precision=precision, device=_device_name(device, settings.zerogpu),
            engine="transformers", context=described.get("text_config", described).get("max_position_embeddings", 0), is_preview=False,
            why=why, versions=_versions(precision),
        ),
        settings.plain_loop,
        lanes,
    )  # fmt: skip


def _lanes(settings: Settings, model: PreTrainedModel, precision: str, device: str) -> int:
    lane, free = lane_bytes(model.config.get_text_config(), model.dtype.itemsize), 0
    if device == "cuda" and not settings.zerogpu:
        free, _ = torch.cuda.mem_get_info()
    count, why = choose_lanes(settings, precision, lane, free)
    log.info("%d stories at a time: %s", count, why)
    return count


def _from_pretrained(folder: Path, precision: str, device: str, zerogpu: bool) -> PreTrainedModel:
    options: dict[str, Any] = {"dtype": torch.float32 if precision == "fp32" else torch.bfloat16, "use_safetensors": True}
    if precision == "4bit":
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16, llm_int8_skip_modules=KEPT_IN_BF16,
        )  # fmt: skip
    # Weights go to the GPU one by one, as they are read. On ZeroGPU transformers 5.23 can do that only without its threads,
    # which it does without for 4-bit: the platform's stand-in for CUDA knows the main thread alone.
    straight = precision == "4bit" or not zerogpu
    if straight:
        options["device_map"] = {"": device}
    loaded: Any = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True, **options)
    model, info = loaded
    missing = sorted(info["missing_keys"])
    if missing:
        raise EngineError(f"The checkpoint lacks {len(missing)} of the model’s weights, {missing[0]} among them. Download it again, whole.")
    placed: PreTrainedModel = model if straight else model.to(device)
    kernels.use_own(placed)
    placed.eval()
    return placed


def chat_tokens(folder: Path, called: str) -> ChatTokens:
    """The tokenizer and chat template in a folder. Raises EngineError with a sentence."""
    # Without its files transformers 5.23 makes a tokenizer that knows no word at all.
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.json")):
        raise EngineError(f"The tokenizer of {called} is missing: there is no tokenizer.json. Download it again, whole.")
    damaged = f"The tokenizer of {called} cannot be read: its files are damaged or not of one kind. Download them again, from one revision."
    return ChatTokens(explained(lambda: AutoTokenizer.from_pretrained(folder), called, otherwise=damaged))


def choose_precision(asked: str, device: str, weight_bytes: int, zerogpu: bool = False) -> tuple[str, str]:
    """fp32, bf16 or 4bit, and why. `weight_bytes` is the checkpoint's size, taken to be in bf16."""
    if asked != "auto":
        return asked, f"POLARIS_PRECISION is set to {asked}."
    if device == "cpu":
        return "fp32", "fp32, since it runs on a CPU."
    if zerogpu:
        return "4bit", "4-bit (NF4), since a visitor’s seconds on ZeroGPU hold more words in it; POLARIS_PRECISION=bf16 changes that."
    free, _ = torch.cuda.mem_get_info()
    return precision_that_fits(weight_bytes, free)


def precision_that_fits(weight_bytes: int, free: int) -> tuple[str, str]:
    """bf16 where the weights and a long story's cache fit into `free` bytes, else 4bit. Raises EngineError if neither."""
    gib = f"{free / 2**30:.0f} GiB of GPU memory are free"
    if weight_bytes + CACHE_BYTES <= free:
        return "bf16", f"bf16, since {gib}."
    if weight_bytes * IN_4BIT + CACHE_BYTES <= free:
        return "4bit", f"4-bit (NF4), since {gib} and bf16 needs {(weight_bytes + CACHE_BYTES) / 2**30:.0f}."
    need = (weight_bytes * IN_4BIT + CACHE_BYTES) / 2**30
    raise EngineError(f"Only {gib}, and even in 4-bit the model needs {need:.0f}. Use a larger GPU.")


def lane_bytes(config: Any, size: int) -> int:
    """What the longest story holds beside the weights, with numbers of `size` bytes: keys, values, and recurrent states in fp32."""
    full = sum(kind == "full_attention" for kind in config.layer_types)
    keys = 2 * full * config.num_key_value_heads * config.head_dim * size * LONGEST
    states = config.linear_num_value_heads * config.linear_key_head_dim * config.linear_value_head_dim * 4
    return int(keys + (len(config.layer_types) - full) * states)


def choose_lanes(settings: Settings, precision: str, lane: int, free: int) -> tuple[int, str]:
    """How many stories at a time, and why. `lane` is a story's bytes, `free` those left on the GPU; 0 where there is none."""
    if settings.zerogpu:
        return 1, "on ZeroGPU each has a GPU of its own."
    if settings.plain_loop:
        return 1, "POLARIS_DECODE_LOOP is set to plain."
    if settings.lanes:
        return settings.lanes, f"POLARIS_LANES is set to {settings.lanes}."
    if precision == "4bit":
        return 1, "bitsandbytes’ fast kernel takes one at a time; POLARIS_LANES changes that."
    if not free:
        small = lane * MOST_LANES <= SMALL_BYTES
        return (MOST_LANES, "the model is small.") if small else (2, "on a CPU every story takes its time.")
    # A lane that outgrows its cache holds both for a moment.
    count = max(1, min(MOST_LANES, (free - SPARE_BYTES) // (2 * lane)))
    return count, f"{free / 2**30:.0f} GiB of GPU memory are left, and the longest story takes {lane / 2**30:.1f}."


def _versions(precision: str) -> dict[str, str]:
    return VERSIONS | ({"bitsandbytes": metadata.version("bitsandbytes")} if precision == "4bit" else {})


def _device_name(device: str, zerogpu: bool) -> str:
    if zerogpu and device == "cuda":
        return "ZeroGPU"
    return torch.cuda.get_device_name() if device == "cuda" else "CPU"
