"""What is asked of an engine elsewhere before the first story: what it serves, its version, and how it speaks."""

import logging
from dataclasses import dataclass
from typing import Any

import openai

from ..errors import EngineError
from .chat import GoesOn, Manner, told
from .faults import STARTING
from .profiles import Profile
from .tokens import ChatTokens

PROBE_TOKENS = 8
PROBE = "a lighthouse keeper 🌟"
CANNOT = (400, 404, 405, 415, 422, 501)  # what stands for "I do not know how to do that"
SILENT = "The engine does not list its models. Set POLARIS_ENGINE_MODEL to the name it serves yours by, and POLARIS_ENGINE_PROFILE."
FOREIGN = "The engine’s tokens are not those of the tokenizer that POLARIS_MODEL names. Name the model that the engine serves."
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Served:
    """What an engine says of itself: the name by which its model is asked for, what that is (`root`, a hub id or a folder there),
    the longest text in tokens, 0 where it is not told, and who says that the model is theirs.
    """

    model: str
    root: str
    context: int
    owner: str = ""

    @property
    def hub_id(self) -> str:
        """Empty where it is a folder, or a name that could mean anything."""
        return self.root if self.root.count("/") == 1 and not self.root.startswith((".", "/", "~")) else ""


async def served(client: openai.AsyncOpenAI, wanted: str, may_be_silent: bool = False) -> Served:
    """The model of this name; without one the only one there is. One that lists none, where it `may_be_silent`, tells it by answering.

    Raises EngineError where there is no such model.
    """
    try:
        models: list[Any] = [model async for model in client.models.list()]
    except openai.APIStatusError as error:
        if error.status_code in (401, 403, 429, *STARTING):
            raise
        if may_be_silent and wanted:
            return Served(wanted, (await _chat(client, wanted, {}))[0].partition("@")[0], 0)
        if error.status_code in CANNOT:
            raise EngineError(SILENT) from error
        raise
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
    context = int(getattr(model, "max_model_len", None) or (getattr(model, "meta", None) or {}).get("n_ctx") or 0)  # as llama.cpp has it
    return Served(model.id, getattr(model, "root", None) or model.id, context, str(getattr(model, "owned_by", None) or ""))


async def version(client: openai.AsyncOpenAI, at: tuple[str, str]) -> str:
    """Engines tell it beside their API, not under it; a router may not."""
    address, key = at
    try:
        answer: Any = await client.get(str(client.base_url.join(address)), cast_to=object)
        return str(answer[key])[:40]
    except Exception as error:
        log.info("The engine does not tell its version: %s", type(error).__name__)
        return ""


async def gives_ids(client: openai.AsyncOpenAI, model: str, chat: ChatTokens) -> bool:
    """Whether it takes and gives token ids. Raises EngineError where they are not those of the tokenizer that is here."""
    prompt = chat.encode(PROBE)
    ids: dict[str, Any] = {"return_token_ids": True}
    try:
        answer: Any = await client.completions.create(model=model, prompt=prompt, max_tokens=PROBE_TOKENS, temperature=0, extra_body=ids)
    except openai.APIStatusError as error:
        if error.status_code in CANNOT:
            return False
        raise
    choice = answer.choices[0]
    if not (given := getattr(choice, "token_ids", None)):
        return False
    decoder = chat.decoder()
    spelt = "".join(map(decoder.step, given)) + decoder.close()
    if spelt != choice.text or (answer.usage and answer.usage.prompt_tokens != len(prompt)):
        raise EngineError(FOREIGN)
    return True


async def manner(client: openai.AsyncOpenAI, profile: Profile, model: str) -> Manner:
    """How it speaks, by what it says to a few words."""
    answers_as, apart = await _chat(client, model, {**profile.thinks, **profile.fixed})
    goes_on: GoesOn = "prefill" if profile.prefill else "never"
    try:
        answer = await client.completions.create(model=model, prompt=PROBE, max_tokens=1, temperature=0)
        goes_on = "text" if isinstance(answer.choices[0].text, str) else goes_on
    except (openai.APIStatusError, TypeError, AttributeError, IndexError) as error:
        if isinstance(error, openai.APIStatusError) and error.status_code not in CANNOT:
            raise
    return Manner(answers_as, apart, goes_on)


async def _chat(client: openai.AsyncOpenAI, model: str, extra: dict[str, Any]) -> tuple[str, bool]:
    """As which model it answers, and whether its thinking comes apart from the story."""
    answers_as, apart = "", False
    stream: Any = await client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": PROBE}], max_tokens=PROBE_TOKENS, temperature=0, stream=True, extra_body=extra
    )
    async with stream:
        async for chunk in stream:
            answers_as = chunk.model or answers_as
            apart = apart or any(told(choice)[0].strip() for choice in chunk.choices or ())
    return answers_as or model, apart
