"""How engines that tell only text are spoken to: a chat for a story's beginning, and plain text to go on with, where they take it.

What they say is spelled with the model's own tokenizer, which is here, so that everything behind it is one with engines that
tell ids. A visitor's text that looks like a control token is broken up, since nobody can know what is made of it there.
"""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import EngineError
from ..story.request import SamplingParams
from .closing import NEVER, ThinkingState
from .elsewhere import Address, chunks, require_ended, seed_at
from .faults import Fault
from .profiles import OF_OPENAI, Profile
from .run import Run
from .tokens import THINK_END, THINK_START, ChatTokens

SPACE = " "
GoesOn = Literal["text", "prefill", "never"]
NEVER_GOES_ON = (
    "The engine that writes here cannot go on with a story that was begun, so it stays as it is. "
    "A new story can be written from the same request."
)


@dataclass(frozen=True)
class Manner:
    """How one engine was found to speak: as which model it answers, whether its thinking comes apart from the story, and how it
    goes on with a text that was begun.
    """

    answers_as: str
    apart: bool
    goes_on: GoesOn


class Texts:
    """Text in, text out."""

    def __init__(self, engine: Address, profile: Profile, manner: Manner, chat: ChatTokens) -> None:
        self._model, self._profile, self._manner, self._chat = engine.model, profile, manner, chat
        self._client, self._ends = engine.client(), sorted(chat.ends)

    async def ids(self, run: Run, written: Sequence[int]) -> AsyncGenerator[tuple[int, ...]]:
        """As `elsewhere.Speaks` has it. Raises EngineError where it cannot go on with what was written."""
        if written and self._manner.goes_on == "never":
            raise EngineError(NEVER_GOES_ON)
        thinking = ThinkingState(self._chat.closing_at(NEVER), written).open
        plain, said = bool(written) and self._manner.goes_on == "text", self._chat.spelt(written)
        if plain:
            body = text_body(self._profile, self._model, self._chat, run, len(written), said)
            heard = Heard(self._chat, False, thinking, white_end(said, SPACE))
            asked = self._client.completions.create(**body)
        else:
            # A plan that was begun cannot stand in a chat, which would close it; nobody has seen it, so it is made anew.
            begun = "" if thinking else said
            body = chat_body(self._profile, self._model, self._chat, run, len(written), begun)
            heard = Heard(self._chat, self._manner.apart, thinking, white_end(begun))
            asked = self._client.chat.completions.create(**body)
        ended = None
        async with aclosing(chunks(asked, lambda chunk: any(any(told(choice)) for choice in chunk.choices or ()))) as answer:
            async for chunk in answer:
                if chunk.model and chunk.model != self._manner.answers_as:
                    raise Fault("answers as another model than the one that was asked for", again=False)
                for choice in chunk.choices or ():
                    yield heard.take(*told(choice))
                    ended = choice.finish_reason or ended
        require_ended(ended)
        yield heard.rest()
        if ended == "stop":
            yield (self._ends[0],)


def chat_body(profile: Profile, model: str, chat: ChatTokens, run: Run, written: int, begun: str = "") -> dict[str, Any]:
    """The request for a story, or for what comes after a text that was `begun`: these fields and no others.

    `written` is how many tokens were generated before.
    """
    messages, left_out = [{"role": "user", "content": chat.message(run.prompt)}], white_end(begun)
    if begun:
        messages.append({"role": "assistant", "content": f"{THINK_START}\n{begun.removesuffix(left_out)}"})
    drawn, extra = _sampling(profile, run.params, written, chat)
    extra |= {**profile.thinks, **((profile.prefill or {}) if begun else {})}
    most = run.limit - written + len(left_out)
    return {"model": model, "messages": messages, "max_tokens": most, "stream": True, **drawn, "extra_body": extra}


def text_body(profile: Profile, model: str, chat: ChatTokens, run: Run, written: int, said: str) -> dict[str, Any]:
    """The request for what comes after a prompt and what was `said`, `written` tokens of it: these fields and no others."""
    drawn, extra = _sampling(profile, run.params, written, chat)
    left_out = white_end(said, SPACE)
    prompt, most = chat.spelt(run.prompt) + said.removesuffix(left_out), run.limit - written + len(left_out)
    return {"model": model, "prompt": prompt, "max_tokens": most, "stream": True, **drawn, "extra_body": extra}


def white_end(begun: str, of: str | None = None) -> str:
    """The white space at the end of what was begun, which is left out of a request and said again by the model.

    A chat's template leaves all of it out. A plain text keeps its line breaks; but a model writes a space as the beginning of a word,
    and after one that stands alone it loses the word.
    """
    return begun[len(begun.rstrip(of)) :]


def _sampling(profile: Profile, params: SamplingParams, written: int, chat: ChatTokens) -> tuple[dict[str, Any], dict[str, Any]]:
    """How tokens are drawn, as this engine takes it: what is in everybody's request, and what is not."""
    values = vars(params) | {"seed": seed_at(params, written), "top_p": params.top_p if params.temperature else 1.0}
    drawn = {name: values[name] for name in profile.fields if name in OF_OPENAI}
    extra: dict[str, Any] = {theirs: values[name] for name, theirs in profile.fields.items() if name not in OF_OPENAI}
    if profile.within:  # it takes the place of all that the model comes with, where a story ends among them
        ends = sorted(chat.ends)
        extra = {profile.within: json.dumps(extra | {"do_sample": params.temperature > 0, "eos_token_id": ends, "pad_token_id": ends[0]})}
    return {"temperature": params.temperature, **drawn}, {**extra, **profile.fixed}


class Heard:
    """What is said in one answer, as token ids. `thinking` is open at its beginning or is not; it may come `apart` from the story.

    `left_out` is the `white_end` of what was begun.
    """

    def __init__(self, chat: ChatTokens, apart: bool, thinking: bool, left_out: str = "") -> None:
        self._chat, self._apart, self._thinking, self._left_out = chat, apart, thinking, left_out
        self._goes_on = not thinking  # with a story: whatever an engine takes it for
        self._held, self._opens, self._last = "", False, "\n"

    def take(self, thinking: str, text: str) -> tuple[int, ...]:
        """The ids of what one chunk says; the end of it is held back while it may be the beginning of a control token."""
        told = self._held + self._thought(thinking) + self._written(text)
        said = told[: len(told) - self._chat.begun_control(told)]
        self._held = told[len(said) :]
        return tuple(self._chat.spell(said))

    def rest(self) -> tuple[int, ...]:
        """What was held back to the end."""
        return tuple(self._chat.spell(self._held))

    def _thought(self, text: str) -> str:
        if self._goes_on:
            return self._written(text)
        if not self._thinking and not text.strip():  # as some say where there is no thinking
            return ""
        again = "" if self._thinking else THINK_START
        self._apart, self._thinking = self._apart or bool(text.strip()), True
        self._last = text[-1:] or self._last
        return again + text

    def _written(self, text: str) -> str:
        if text and self._apart and self._thinking:
            self._thinking, self._opens = False, True
            return self._closing() + self._written(text)
        if self._opens:
            text = text.lstrip("\n")
            self._opens = not text
        return self._joined(text) if self._left_out else text

    def _closing(self) -> str:
        """The end of the thinking as the model itself writes it, which whoever keeps the two apart has taken away."""
        return ("" if self._last == "\n" else "\n") + f"{THINK_END}\n\n"

    def _joined(self, text: str) -> str:
        """Without the white space that stands there already."""
        if text and (text.startswith(self._left_out) or not text[0].isspace()):
            text, self._left_out = text.removeprefix(self._left_out), ""
            return text
        same = len(text) - len(text.lstrip())
        self._left_out = self._left_out[same:] if same == len(text) else ""
        return text[same:]


def told(choice: Any) -> tuple[str, str]:
    """The thinking and the text in a part of an answer, of a chat or of plain text. The thinking has two names, and may have both."""
    delta = getattr(choice, "delta", None)
    if delta is None:
        return "", getattr(choice, "text", None) or ""
    return getattr(delta, "reasoning", None) or getattr(delta, "reasoning_content", None) or "", delta.content or ""
