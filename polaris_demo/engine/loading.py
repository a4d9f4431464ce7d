"""Chooses a model and loads it, saying why; every way it can go wrong has a sentence with the way out."""

import errno
import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import torch
import transformers
from huggingface_hub import errors as hub
from huggingface_hub import snapshot_download
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, PreTrainedModel
from transformers.utils import logging as transformers_logging

from .. import __version__, card
from ..errors import EngineError
from ..settings import Settings
from ..story.model_info import ModelInfo
from .base import Loading, Report
from .local import LocalEngine
from .tokens import ChatTokens

PREVIEW_FOLDER = Path(__file__).parent.parent / "preview"
PREVIEW_NAME = "preview model, not POLARIS-9B"
ARCHITECTURES = {"qwen3_5", "qwen3_5_text"}
CACHE_BYTES = 4 * 2**30  # room beside the weights for the longest story's cache and the work of one step
IN_4BIT = 0.45  # bytes of an NF4 checkpoint (lm_head and embedding kept in bf16) for each byte in bf16
KEPT_IN_BF16 = ["lm_head", "in_proj_a", "in_proj_b"]
GATE_HELP = (
    f"Ask for access at huggingface.co/{card.MODEL.hub_id}, then set HF_TOKEN to a token of that account. "
    f"The ungated ablation can be named instead: POLARIS_MODEL={card.MODEL.ablation}."
)
VERSIONS = {"polaris_demo": __version__, "torch": str(torch.__version__), "transformers": transformers.__version__}
T = TypeVar("T")
log = logging.getLogger(__name__)


def load(settings: Settings, report: Report) -> LocalEngine:
    """The model that `settings` ask for, or the miniature with the reason why not."""
    transformers_logging.set_verbosity_error()
    if settings.model == "preview":
        return _preview(settings, "POLARIS_MODEL is set to preview.")
    if settings.model == "auto" and not torch.cuda.is_available():
        return _preview(settings, "This machine has no GPU, which POLARIS-9B needs.")
    model = card.MODEL.hub_id if settings.model == "auto" else settings.model
    try:
        return load_model(model, settings, report)
    except EngineError as error:
        log.warning("%s cannot be loaded, so the miniature writes instead: %s", model, error)
        return _preview(settings, f"{_short_name(model)} could not be loaded. {error}")
    except Exception:
        log.exception("%s cannot be loaded, so the miniature writes instead", model)
        return _preview(settings, f"{_short_name(model)} could not be loaded, for a reason nobody foresaw; the server's log has it.")


def load_model(model: str, settings: Settings, report: Report) -> LocalEngine:
    """Load a hub id or folder. Raises EngineError with a sentence and the way out."""
    folder = Path(model).expanduser()
    if folder.is_dir() or not _is_hub_id(model):
        _require_folder(folder)
        return _load_folder(folder, model, "local folder", settings, report)
    report(Loading(f"downloading {model}"))
    path = _explained(lambda: snapshot_download(model, token=settings.hf_token, ignore_patterns=["*.bin", "*.pth"]), model)
    return _load_folder(Path(path), model, Path(path).name, settings, report)


def _preview(settings: Settings, why: str) -> LocalEngine:
    weights = PREVIEW_FOLDER / "model.safetensors"
    revision = hashlib.sha256(weights.read_bytes()).hexdigest()[:12] if weights.is_file() else "missing"
    here = replace(settings, precision="fp32")
    torch.set_num_threads(1)  # its matrices are too small to share out: a second thread only takes the server's core
    engine = _load_folder(PREVIEW_FOLDER, "bundled miniature", revision, here, lambda _: None, device="cpu")
    engine.describe(name=PREVIEW_NAME, is_preview=True, why=why)
    return engine


def _load_folder(folder: Path, model: str, revision: str, settings: Settings, report: Report, device: str = "") -> LocalEngine:
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    config = _config(folder)
    precision, why = choose_precision(settings.precision, device, _weight_bytes(folder), settings.zerogpu)
    report(Loading(f"loading {_short_name(model)} in {precision}"))
    loaded = _explained(lambda: _from_pretrained(folder, precision, device), model)
    chat = ChatTokens(_explained(lambda: AutoTokenizer.from_pretrained(folder), model))
    context = config.get("text_config", config).get("max_position_embeddings", 0)
    return LocalEngine(
        loaded,
        chat,
        ModelInfo(
            name=_short_name(model), model=model, revision=revision, precision=precision, device=_device_name(device, settings.zerogpu),
            engine="transformers", context=context, is_preview=False, why=why, versions=_versions(precision),
        ),
        settings.plain_loop,
    )  # fmt: skip


def _from_pretrained(folder: Path, precision: str, device: str) -> PreTrainedModel:
    options: dict[str, Any] = {"dtype": torch.float32 if precision == "fp32" else torch.bfloat16}
    if precision == "4bit":
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16, llm_int8_skip_modules=KEPT_IN_BF16,
        )  # fmt: skip
        options["device_map"] = {"": device}
    loaded: Any = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True, **options)
    model, info = loaded
    missing = sorted(info["missing_keys"])
    if missing:
        raise EngineError(f"The checkpoint lacks {len(missing)} of the model's weights, {missing[0]} among them. Download it again, whole.")
    return model.eval() if precision == "4bit" else model.to(device).eval()


def choose_precision(asked: str, device: str, weight_bytes: int, zerogpu: bool = False) -> tuple[str, str]:
    """fp32, bf16 or 4bit, and why. `weight_bytes` is the checkpoint's size, taken to be in bf16."""
    if asked != "auto":
        return asked, f"POLARIS_PRECISION is set to {asked}."
    if device == "cpu":
        return "fp32", "fp32, since it runs on a CPU."
    if zerogpu:
        return "4bit", "4-bit (NF4), since a visitor's seconds on ZeroGPU hold more words in it; POLARIS_PRECISION=bf16 changes that."
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


# --- what can go wrong -----------------------------------------------------------------------------------------------


def _explained(action: Callable[[], T], model: str) -> T:
    """The action's result; what it raises becomes an EngineError that says what to do."""
    try:
        return action()
    except EngineError:
        raise
    except Exception as error:
        sentence = _explain(error, model)
        if sentence is None:
            raise
        raise EngineError(sentence) from error


def _explain(error: Exception, model: str) -> str | None:
    match error:
        case hub.GatedRepoError():
            return f"The gate of {model} is closed to this server: its token is missing or has no access. {GATE_HELP}"
        case hub.HFValidationError():
            return f"{model!r} is no hub id and no folder. Set POLARIS_MODEL to a hub id such as {card.MODEL.hub_id}, or to a folder."
        case hub.RepositoryNotFoundError():
            return f"The hub has no model {model}, or it is private to others. Check POLARIS_MODEL for typing errors."
        case hub.HfHubHTTPError() if getattr(error.response, "status_code", 0) == 401:
            return f"The hub does not accept this server's token. Set HF_TOKEN to a valid one of an account with access to {model}."
        case hub.LocalEntryNotFoundError() | hub.OfflineModeIsEnabled() | ConnectionError():
            return f"{model} is not on this machine and the hub cannot be reached. Check the network, or name a folder with the checkpoint."
        case _ if isinstance(error, hub.HfHubHTTPError | hub.XetDownloadError) or type(error).__module__.startswith("httpx"):
            return f"{model} could not be downloaded: the hub failed or broke off. Start again in a few minutes."
        case PermissionError():
            return f"A file of {model} may not be read by this server. Correct the permissions of {error.filename}."
        case SafetensorError():
            return f"A weights file of {model} is damaged or cut short. Download it again."
        case torch.OutOfMemoryError():
            return f"The GPU's memory does not hold {model}. Set POLARIS_PRECISION=4bit, or use a larger GPU."
        case OSError() if error.errno == errno.ENOSPC:
            return f"The disk is full, so {model} could not be downloaded. Make room, or use a larger disk."
        case OSError() if error.filename or "No such file" in str(error) or "does not appear to have" in str(error):
            return f"A file of {model} is missing. Download it again, whole."
    if "size mismatch" in str(error) or "ignore_mismatched_sizes" in str(error):
        return f"The weights of {model} do not fit its config.json. Download both again, from one revision."
    return None


def _require_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise EngineError(
            f"POLARIS_MODEL names the folder {folder}, which does not exist. Correct it, or give a hub id such as {card.MODEL.hub_id}."
        )


def _config(folder: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text())
    except FileNotFoundError:
        raise EngineError(f"The folder {folder} holds no checkpoint: config.json is missing. Name the folder that holds it.") from None
    except ValueError:
        raise EngineError(f"The config.json in {folder} cannot be read. Download it again.") from None
    kind = config.get("model_type")
    if kind not in ARCHITECTURES:
        raise EngineError(
            f"The checkpoint in {folder} is of the architecture {kind}, and this app runs Qwen3.5's (qwen3_5). Name another model."
        )
    return config


def _is_hub_id(model: str) -> bool:
    return model.count("/") == 1 and not model.startswith((".", "/", "~")) and not model.endswith("/")


def _weight_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def _versions(precision: str) -> dict[str, str]:
    return VERSIONS | ({"bitsandbytes": metadata.version("bitsandbytes")} if precision == "4bit" else {})


def _short_name(model: str) -> str:
    return Path(model).name if "/" in model else model


def _device_name(device: str, zerogpu: bool) -> str:
    if zerogpu and device == "cuda":
        return "ZeroGPU"
    return torch.cuda.get_device_name() if device == "cuda" else "CPU"
