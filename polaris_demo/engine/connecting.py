"""Finds out what an engine elsewhere serves, and whether that is what was asked for, before a word is written in its name."""

import hashlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import openai

from .. import __version__, card
from ..errors import EngineError
from ..settings import Settings
from ..story.model_info import LOCAL, ModelInfo, folder_name, hub_name
from .base import Loading, Report
from .checkpoint import SPELLING, config, fingerprint
from .faults import fault
from .loading import PREVIEW_NAME, Source, chat_tokens, named_folder, preview_source
from .problems import explained
from .progress import downloaded
from .relay import Loop
from .remote import RemoteEngine
from .tokens import ChatTokens
from .vllm import Address, VllmTokens
from .vllm_server import VllmServer
from .writing import Writing

ASK_AGAIN_SECONDS = 2.0
OWN_PATIENCE = 600  # seconds: a vLLM that died needs minutes for a large model's weights
OWN_OPTIONS = ("--max-model-len", "40960", "--generation-config", "vllm")  # the largest budget and a long prompt; no defaults of a file
PROBE_TOKENS = 8
PROBE = "a lighthouse keeper 🌟"
T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Served:
    """What an engine says of itself: the name by which its model is asked for, what that is (`root`, a hub id or a folder there),
    the longest text in tokens, and its version, empty where it is not told.
    """

    model: str
    root: str
    context: int
    version: str

    @property
    def hub_id(self) -> str:
        """Empty where it is a folder, or a name that could mean anything."""
        return self.root if self.root.count("/") == 1 and not self.root.startswith((".", "/", "~")) else ""


def connect(settings: Settings, report: Report) -> RemoteEngine:
    """The engine at POLARIS_ENGINE_URL once it answers, or a vLLM of our own. Raises EngineError where it cannot write here."""
    own = _own(settings) if settings.own_vllm else None
    if own:
        own.start()
        settings = replace(settings, engine_url=own.url, engine_key=own.key, engine_patience=max(OWN_PATIENCE, settings.engine_patience))
    try:
        engine = _connected(settings, report, own)
    except BaseException:
        if own:
            own.close()
        raise
    if own:
        own.keep()
    return engine


def _own(settings: Settings) -> VllmServer:
    source = _source(settings.model)
    model = str(source.folder) if source else card.MODEL.hub_id if settings.model == "auto" else settings.model
    revision = ("--revision", settings.revision) if settings.revision and not source else ()
    most = str(settings.engine_capacity)
    return VllmServer(settings.vllm_program, model, (*OWN_OPTIONS, "--max-num-seqs", most, *revision, *settings.vllm_options))


def _source(asked: str) -> Source | None:
    """The folder that POLARIS_MODEL names; None where it is a hub id, or is left to the app."""
    if asked == "preview":
        return preview_source()
    return None if asked == "auto" else named_folder(asked)


def _connected(settings: Settings, report: Report, own: VllmServer | None) -> RemoteEngine:
    loop = Loop("engine")
    client = openai.AsyncOpenAI(base_url=settings.engine_url, api_key=settings.engine_key or "none", max_retries=0, timeout=30)
    served = _answer(loop, lambda: _served(client, settings.engine_model), report, own)
    folder, writer = _who(served, settings, report)
    chat = chat_tokens(folder, writer.name)
    described = config(folder, writer.name)
    vocabulary = int(described.get("text_config", described).get("vocab_size", 0))
    _answer(loop, lambda: _require_ids(client, served.model, chat), report, own)
    tokens = VllmTokens(
        Address(settings.engine_url, settings.engine_key, served.model), chat.ends, vocabulary, loop, settings.engine_patience
    )
    return RemoteEngine(Writing(chat, vocabulary), tokens, writer, settings.engine_capacity)


def _answer(loop: Loop, ask: Callable[[], Awaitable[T]], report: Report, own: VllmServer | None) -> T:
    """What an engine answers; it is asked until it does. Raises EngineError where asking again cannot help."""
    report(Loading("asking the engine what it serves"))
    while True:
        try:
            return loop.result(ask())  # type: ignore[arg-type]
        except EngineError:
            raise
        except Exception as error:
            found = fault(error)
            if found is None:
                raise
            if not found.again:
                raise EngineError(f"The engine at POLARIS_ENGINE_URL {found.what}. Correct the setting, or the engine.") from error
            if own and own.failure:
                raise EngineError(own.failure) from error
            log.log(logging.INFO if own else logging.WARNING, "The engine %s (%s)", found.what, type(error).__name__)
            report(Loading(own.doing if own else f"waiting for the engine, which {found.what}"))
        time.sleep(ASK_AGAIN_SECONDS)


async def _served(client: openai.AsyncOpenAI, wanted: str) -> Served:
    """The model of this name; without one the only one there is. Raises EngineError where that is none."""
    models: list[Any] = [model async for model in client.models.list()]
    names = [model.id for model in models]
    found = [model for model in models if model.id == wanted or not wanted]
    if len(found) != 1:
        listed = ", ".join(names[:10]) or "none"
        raise EngineError(
            f"POLARIS_ENGINE_MODEL is {wanted!r}, and the engine serves {listed}. Set it to one of them."
            if wanted
            else f"The engine serves {len(names)} models: {listed}. Set POLARIS_ENGINE_MODEL to one of them."
        )
    (model,) = found
    return Served(
        model.id, getattr(model, "root", None) or model.id, int(getattr(model, "max_model_len", None) or 0), await _version(client)
    )


async def _version(client: openai.AsyncOpenAI) -> str:
    """vLLM tells it beside its API, not under it; a router may not."""
    try:
        told: Any = await client.get(str(client.base_url.join("../version")), cast_to=object)
        return str(told["version"])[:40]
    except Exception as error:
        log.info("The engine does not tell its version: %s", type(error).__name__)
        return ""


async def _require_ids(client: openai.AsyncOpenAI, model: str, chat: ChatTokens) -> None:
    """Raises EngineError where it gives no token ids, or where they are not those of the tokenizer that is here."""
    prompt = chat.encode(PROBE)
    ids: dict[str, Any] = {"return_token_ids": True}
    answer: Any = await client.completions.create(model=model, prompt=prompt, max_tokens=PROBE_TOKENS, temperature=0, extra_body=ids)
    choice = answer.choices[0]
    if not (given := getattr(choice, "token_ids", None)):
        raise EngineError("The engine gives no token ids (return_token_ids), which this app needs. Use vLLM 0.32 or newer.")
    decoder = chat.decoder()
    spelt = "".join(map(decoder.step, given)) + decoder.close()
    if spelt != choice.text or (answer.usage and answer.usage.prompt_tokens != len(prompt)):
        raise EngineError(
            "The engine's tokens are not those of the tokenizer that POLARIS_MODEL names. Name the model that the engine serves."
        )


# --- who writes ------------------------------------------------------------------------------------------------------


def _who(served: Served, settings: Settings, report: Report) -> tuple[Path, ModelInfo]:
    """The folder of its tokenizer, and as what it is known: as what the engine says it serves. Raises EngineError where that is not
    what POLARIS_MODEL asks for.
    """
    asked = settings.model
    here = _source(asked)
    if here is None:
        hub_id = (served.hub_id or card.MODEL.hub_id) if asked == "auto" else asked
        if served.hub_id and served.hub_id != hub_id:
            raise EngineError(f"The engine serves {served.hub_id}, and POLARIS_MODEL asks for {hub_id}. Correct one of the two.")
        folder = explained(
            lambda: downloaded(hub_id, hub_name(hub_id), settings.revision or None, settings.hf_token, report, SPELLING), hub_id
        )
        name, model = (hub_name(hub_id), hub_id) if served.hub_id else (folder_name(served.root), LOCAL)
        revision = folder.name if served.hub_id and settings.revision else _fingerprint(served, folder)
    elif served.hub_id:
        raise EngineError(f"The engine serves {served.hub_id}, and POLARIS_MODEL names {here.called}. Correct one of the two.")
    elif asked == "preview":
        if PurePosixPath(served.root).name != here.folder.name:
            raise EngineError(f"The engine serves {folder_name(served.root)}, and POLARIS_MODEL asks for the miniature.")
        folder, name, model, revision = here.folder, here.name, here.model, here.revision
    else:
        folder, name, model, revision = here.folder, folder_name(served.root), LOCAL, _fingerprint(served, here.folder)
    engine = "vLLM" if served.version else "an engine elsewhere"
    versions = {"polaris_demo": __version__} | ({"vllm": served.version} if served.version else {})
    return folder, ModelInfo(
        name=name, model=model, revision=revision, precision="", device=f"vLLM {served.version}" if served.version else engine,
        engine=engine, context=served.context, is_preview=name == PREVIEW_NAME, why=f"An engine elsewhere serves it as {served.model}.",
        versions=versions, redraws=True,
    )  # fmt: skip


def _fingerprint(served: Served, folder: Path) -> str:
    """What tells it from others, where the engine does not say which revision it serves: its own name for it, and the tokenizer."""
    return hashlib.sha256(f"{served.root}\0{fingerprint(folder)}".encode()).hexdigest()[:12]
