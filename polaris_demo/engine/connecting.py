"""Finds out what an engine elsewhere serves, and whether that is what was asked for, before a word is written in its name."""

import hashlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TypeVar

from .. import __version__, card
from ..errors import EngineError
from ..settings import Settings
from ..story.model_info import LOCAL, ModelInfo, folder_name, hub_name
from .base import Loading, Report
from .chat import Manner, Texts
from .checkpoint import SPELLING, config, fingerprint
from .elsewhere import Address, RemoteTokens, Speaks
from .faults import fault
from .loading import PREVIEW_NAME, Source, chat_tokens, named_folder, preview_source
from .probes import Served, gives_ids, manner, served, version
from .problems import explained
from .profiles import OPENAI, PROFILES, TOKENS, VLLM, Profile, of_owner
from .progress import downloaded
from .relay import Loop
from .remote import RemoteEngine
from .vllm import Ids
from .vllm_server import VllmServer
from .writing import Writing

ASK_AGAIN_SECONDS = 2.0
OWN_PATIENCE = 600  # seconds: a vLLM that died needs minutes for a large model's weights
OWN_OPTIONS = ("--max-model-len", "40960", "--generation-config", "vllm")  # the largest budget and a long prompt; no defaults of a file
NO_IDS = "The engine gives no token ids (return_token_ids). Use vLLM 0.32 or newer, or set POLARIS_ENGINE_PROFILE to what it is."
T = TypeVar("T")
log = logging.getLogger(__name__)


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
    log.info(
        "The engine at %s: model %s, profile %s, %d stories at a time, %d s of patience", settings.engine_url,
        settings.engine_model or "the only one", settings.engine_profile, settings.engine_capacity, settings.engine_patience,
    )  # fmt: skip
    loop = Loop("engine")
    address = Address(settings.engine_url, settings.engine_key, settings.engine_model)
    client, named = address.client(), PROFILES.get(settings.engine_profile)

    def answer(ask: Callable[[], Awaitable[T]]) -> T:
        return _answer(loop, ask, report, own)

    found = answer(lambda: served(client, address.model, may_be_silent=named is not None))
    source = _who(found, settings, report)
    chat = chat_tokens(source.folder, source.name)
    described = config(source.folder, source.name)
    described = described.get("text_config", described)
    vocabulary = int(described.get("vocab_size", 0))
    found = replace(found, context=found.context or int(described.get("max_position_embeddings", 0)))
    address = replace(address, model=found.model)
    speaks: Speaks
    if named is None and answer(lambda: gives_ids(client, found.model, chat)):
        profile, how, speaks = VLLM, None, Ids(address, chat.ends)
    elif settings.engine_profile == TOKENS:
        raise EngineError(NO_IDS)
    else:
        profile = named or of_owner(found.owner)
        how = answer(lambda: manner(client, profile, found.model))
        speaks = Texts(address, profile, how, chat)
        log.info("The engine is spoken to as %s: %s", profile.name, how)
    told = loop.result(version(client, profile.version)) if profile.version else ""
    writer = _writer(found, source, profile, told, how)
    tokens = RemoteTokens(speaks, chat.ends, vocabulary, loop, settings.engine_patience)
    writing = Writing(chat, vocabulary, closes=how is None or how.goes_on != "never")
    return RemoteEngine(writing, tokens, writer, settings.engine_capacity)


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


# --- who writes ------------------------------------------------------------------------------------------------------


def _who(served: Served, settings: Settings, report: Report) -> Source:
    """The folder of its tokenizer, and as what it is known: as what the engine says it serves. Raises EngineError where that is not
    what POLARIS_MODEL asks for.
    """
    asked = settings.model
    here = _source(asked)
    if here is None:
        return _of_the_hub(served, asked, settings, report)
    if served.hub_id:
        raise EngineError(f"The engine serves {served.hub_id}, and POLARIS_MODEL names {here.called}. Correct one of the two.")
    if asked != "preview":
        return Source(here.folder, folder_name(served.root), LOCAL, _fingerprint(served, here.folder))
    if PurePosixPath(served.root).name != here.folder.name:
        raise EngineError(f"The engine serves {folder_name(served.root)}, and POLARIS_MODEL asks for the miniature.")
    return here


def _of_the_hub(served: Served, asked: str, settings: Settings, report: Report) -> Source:
    hub_id = (served.hub_id or card.MODEL.hub_id) if asked == "auto" else asked
    if served.hub_id and served.hub_id != hub_id:
        raise EngineError(f"The engine serves {served.hub_id}, and POLARIS_MODEL asks for {hub_id}. Correct one of the two.")
    folder = explained(lambda: downloaded(hub_id, hub_name(hub_id), settings.revision or None, settings.hf_token, report, SPELLING), hub_id)
    if not served.hub_id:
        return Source(folder, folder_name(served.root), LOCAL, _fingerprint(served, folder))
    return Source(folder, hub_name(hub_id), hub_id, folder.name if settings.revision else _fingerprint(served, folder))


def _writer(served: Served, source: Source, profile: Profile, told: str, how: Manner | None) -> ModelInfo:
    """`told` is the engine's version, empty where it does not tell it; `how` it tells text, None where it tells ids."""
    called = profile.called if told or how else OPENAI.called
    closing = ("closing",) if how and how.goes_on == "never" else ()
    return ModelInfo(
        name=source.name, model=source.model, revision=source.revision, precision="", device=f"{called} {told}".strip(), engine=called,
        context=served.context, is_preview=source.name == PREVIEW_NAME,
        why=f"An engine elsewhere serves it as {_never_a_path(served.model)}.",
        versions={"polaris_demo": __version__} | ({profile.name: told} if told else {}),
        redraws=True, respells=how is not None, ignores=(*profile.ignores, *closing) if how else (),
    )  # fmt: skip


def _never_a_path(name: str) -> str:
    return folder_name(name) if name.startswith(("/", ".", "~")) else name


def _fingerprint(served: Served, folder: Path) -> str:
    """What tells it from others, where the engine does not say which revision it serves: its own name for it, and the tokenizer."""
    return hashlib.sha256(f"{served.root}\0{fingerprint(folder)}".encode()).hexdigest()[:12]
