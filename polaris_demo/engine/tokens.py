"""From a user message to token ids, so that no text of a visitor can ever become a control token.

Added tokens are looked for only in the chat template's own text. The visitor's text goes through a copy of the
tokenizer that knows none of them: "<|im_end|>" and "<think>" there are the letters they are made of.
(`split_special_tokens=True` is not enough: "<think>" is added but not special in Qwen3.5's tokenizer.)
"""

import codecs
import json
import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from tokenizers import Tokenizer
from tokenizers.pre_tokenizers import ByteLevel
from transformers import PreTrainedTokenizerBase

from ..errors import EngineError
from ..story.prompt import PLACE
from .closing import Closing

THINK_START, THINK_END = "<think>", "</think>"
LINE_BREAK = "Ċ"  # as byte-level tokenizers spell it
END_TOKENS = ("<|im_end|>", "<|endoftext|>")
BREAK = "\u200b"  # shows as nothing, and is no part of any control token


def _alphabet() -> dict[str, int]:
    """The byte that each letter of a byte-level tokenizer stands for: its own in Latin-1, and beyond that the others in turn."""
    letters = sorted(ByteLevel.alphabet())
    others = (byte for byte in range(256) if chr(byte) not in letters)
    return {letter: ord(letter) if ord(letter) < 256 else next(others) for letter in letters}


BYTES = _alphabet()
LETTERS = {byte: letter for letter, byte in BYTES.items()}


class ChatTokens:
    """The chat format of one model: renders prompts, encodes them, and decodes what is generated."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self._backend: Tokenizer = tokenizer.backend_tokenizer
        bare = json.loads(self._backend.to_str())
        if (bare["decoder"] or {}).get("type") != "ByteLevel":
            raise EngineError("The model’s tokenizer does not spell its tokens byte by byte. Use a checkpoint with Qwen3.5’s tokenizer.")
        bare["added_tokens"] = []
        self._bare = Tokenizer.from_str(json.dumps(bare))
        self._before, self._after = self._template().split(PLACE)
        self.think_start, self.think_end = self._one_id(THINK_START), self._one_id(THINK_END)
        self.ends = frozenset(self._one_id(token) for token in END_TOKENS)
        self._spelling = {i: str(token) for i, token in tokenizer.added_tokens_decoder.items()}
        self.control = frozenset(self._spelling)  # none of these ever becomes text, special or not
        self._by_spelling = {spelling: i for i, spelling in self._spelling.items()}
        self._spelt = re.compile("(" + "|".join(map(re.escape, sorted(self._spelling.values(), key=len, reverse=True))) + ")")
        self.line_breaks = frozenset(
            i for token, i in self._backend.get_vocab(with_added_tokens=False).items() if token.endswith(LINE_BREAK)
        )
        self.closing = (*self._plain("\n"), self.think_end, *self._plain("\n\n"))  # as the model itself ends its thinking

    def render(self, message: str) -> str:
        """The prompt as text, as the model reads it."""
        return self._before + message.strip() + self._after

    def encode(self, message: str) -> list[int]:
        """The prompt as token ids; `message` yields ordinary tokens only."""
        encode = self._backend.encode
        text = self._plain(message.strip())
        before = encode(self._before, add_special_tokens=False).ids
        return before + text + encode(self._after, add_special_tokens=False).ids

    def encode_output(self, thinking: str, story: str) -> list[int]:
        """Texts that another engine generated as the token ids they would have here; no story yet where `story` is empty."""
        if not story:
            return self._plain(thinking)
        line = "" if thinking.endswith("\n") else "\n"
        return [*self._plain(thinking + line), self.think_end, *self._plain("\n\n" + story)]

    def spell(self, text: str) -> list[int]:
        """What an engine without ids tells of a model's output, as the ids it would have here: a control token is what it spells.

        Decoded they are the same text, character for character.
        """
        ids, parts = self._by_spelling, self._spelt.split(text)
        return [token for part in parts for token in ([ids[part]] if part in ids else self._exactly(part))]

    def begun_control(self, text: str) -> int:
        """How many characters at the end of `text` may be the beginning of a control token."""
        start = text.rfind("<")
        tail = text[start:] if start >= 0 else ""
        return len(tail) if tail and any(one.startswith(tail) and one != tail for one in self._spelling.values()) else 0

    def spelt(self, ids: Sequence[int]) -> str:
        """Token ids as a text for an engine that reads control tokens out of it: what only looks like one is broken up."""
        decoder, said, letters = self.decoder(), [], ""
        for token in ids:
            letters += decoder.step(token)
            if token in self.control:
                said += [self._broken(letters), self._spelling[token]]
                letters = ""
        return "".join(said) + self._broken(letters + decoder.close())

    def message(self, prompt: Sequence[int]) -> str:
        """The user message in a prompt that `encode` made; what looks like a control token is broken up."""
        empty = self.encode("")
        before = self._backend.encode(self._before, add_special_tokens=False).ids
        return self.spelt(prompt[len(before) : len(prompt) - (len(empty) - len(before))])

    def _broken(self, text: str) -> str:
        return self._spelt.sub(lambda found: found[0][0] + BREAK + found[0][1:], text)

    def _exactly(self, text: str) -> list[int]:
        """Byte by byte where the tokenizer would write it another way, as its normalizer does with accents put together of two."""
        ids, decoder = self._plain(text), self.decoder()
        if "".join(map(decoder.step, ids)) + decoder.close() == text:
            return ids
        found = [self._backend.token_to_id(LETTERS[byte]) for byte in text.encode()]
        if None in found:
            raise EngineError("The model’s tokenizer does not have a token for every byte. Use a checkpoint with Qwen3.5’s tokenizer.")
        return [i for i in found if i is not None]

    def closing_at(self, position: int) -> Closing:
        """How thinking that is still open at this position of the output is ended for the model."""
        return Closing(position, self.closing, self.think_start, self.think_end, self.line_breaks)

    def _plain(self, text: str) -> list[int]:
        """Ordinary tokens only, whatever the text spells."""
        ids: list[int] = self._bare.encode(text, add_special_tokens=False).ids
        return ids

    def decoder(self) -> "StreamDecoder":
        return StreamDecoder(self._backend, self.control)

    def _template(self) -> str:
        """The template around a user message, thinking on (always said, since defaults differ between checkpoints)."""
        if not self._tokenizer.chat_template:
            raise EngineError(
                "The model has no chat template, and without one nothing can be asked of it. Download chat_template.jinja too."
            )
        messages = [{"role": "user", "content": PLACE}]
        try:
            text = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, enable_thinking=True)
        except Exception as error:  # a template is a program, and raises whatever it likes
            raise EngineError(
                "The model’s chat template fails on a single message of a user. Use a checkpoint with Qwen3.5’s chat template."
            ) from error
        if not isinstance(text, str) or text.count(PLACE) != 1 or not text.endswith(f"{THINK_START}\n"):
            raise EngineError(
                "The model’s chat template does not open its thinking, so its stories could not be told from its "
                "thinking. Use a checkpoint with Qwen3.5’s chat template."
            )
        return text

    def _one_id(self, token: str) -> int:
        ids = self._backend.encode(token, add_special_tokens=False).ids
        if len(ids) != 1:
            raise EngineError(f"The model’s tokenizer has no single token {token}. Use a checkpoint with Qwen3.5’s tokenizer.")
        return ids[0]


class StreamDecoder:
    """Token ids to text, one by one: together what the tokenizer makes of them all, without those that are no text.

    Holds back what is not yet a whole character. Bytes that become none show as U+FFFD, one for each longest beginning of a
    character, as Unicode recommends and tokenizers has it.
    """

    def __init__(self, backend: Tokenizer, control: AbstractSet[int]) -> None:
        self._backend, self._control = backend, control
        self._characters = codecs.getincrementaldecoder("utf-8")("replace")

    def step(self, token: int) -> str:
        spelling = None if token in self._control else self._backend.id_to_token(token)
        return self._characters.decode(_bytes(spelling or ""))

    def close(self) -> str:
        """What is left where nothing comes any more: U+FFFD for a character that was begun."""
        return self._characters.decode(b"", final=True)


def _bytes(spelling: str) -> bytes:
    """A token with a letter that stands for no byte is taken as it is, as tokenizers does."""
    try:
        return bytes(BYTES[letter] for letter in spelling)
    except KeyError:
        return spelling.encode()
