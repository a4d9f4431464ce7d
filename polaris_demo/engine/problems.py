"""Every way loading can go wrong as a sentence with the way out; a visitor may read it, so it names no path of the server."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from huggingface_hub import errors as hub
from safetensors import SafetensorError

from .. import card
from ..errors import EngineError

GATE_HELP = (
    f"Ask for access at huggingface.co/{card.MODEL.hub_id}, then set HF_TOKEN to a token of that account. "
    f"The ungated ablation can be named instead: POLARIS_MODEL={card.MODEL.ablation}."
)
T = TypeVar("T")


def explained(action: Callable[[], T], model: str, otherwise: str | None = None) -> T:
    """The action's result; what it raises becomes an EngineError that says what to do.

    `model` is how the sentence calls it; `otherwise` is said of what nobody foresaw, which is passed on where it is None.
    """
    try:
        return action()
    except EngineError:
        raise
    except Exception as error:
        sentence = _explain(error, model) or otherwise
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
            return f"The hub does not accept this server’s token. Set HF_TOKEN to a valid one of an account with access to {model}."
        case hub.LocalEntryNotFoundError() | hub.OfflineModeIsEnabled() | ConnectionError():
            return f"{model} is not on this machine and the hub cannot be reached. Check the network, or name a folder with the checkpoint."
        case _ if isinstance(error, hub.HfHubHTTPError | hub.XetDownloadError) or type(error).__module__.startswith("httpx"):
            return f"{model} could not be downloaded: the hub failed or broke off. Start again in a few minutes."
        case PermissionError():
            return f"A file of {model} may not be read by this server. Correct the permissions of {Path(error.filename or '').name}."
        case SafetensorError():
            return f"A weights file of {model} is damaged or cut short. Download it again."
        case torch.OutOfMemoryError():
            return f"The GPU’s memory does not hold {model}. Set POLARIS_PRECISION=4bit, or use a larger GPU."
        case OSError() if error.errno == errno.ENOSPC:
            return f"The disk is full, so {model} could not be downloaded. Make room, or use a larger disk."
        case OSError() if error.filename or "No such file" in str(error) or "does not appear to have" in str(error):
            return f"A file of {model} is missing. Download it again, whole."
    if "size mismatch" in str(error) or "ignore_mismatched_sizes" in str(error):
        return f"The weights of {model} do not fit its config.json. Download both again, from one revision."
    return None
