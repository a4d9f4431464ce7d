"""What engines that tell text take and say, as data: which fields, how they think, and how a text that was begun is gone on with.

vLLM 0.32 and transformers 5.23 were run; the others are as in their public source and documentation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

THINKING: Mapping[str, Any] = {"chat_template_kwargs": {"enable_thinking": True}}
PREFILL: Mapping[str, Any] = {"continue_final_message": True, "add_generation_prompt": False}
SAMPLING = ("top_p", "presence_penalty", "seed", "top_k", "min_p", "repetition_penalty")  # beside the temperature, which all take
OF_OPENAI = {name: name for name in SAMPLING[:3]}
ALL = {name: name for name in SAMPLING}
TOKENS = "tokens"  # is no profile: ids in, ids out, and nothing needs to be known


@dataclass(frozen=True)
class Profile:
    """One kind of engine.

    `fields` are our sampling fields by the names under which it takes them; those that are not `OF_OPENAI` may have to stand `within`
    one other field, as JSON. `thinks` asks a chat for its thinking, apart from the story where it can. `prefill` makes it go on with a
    final message of its own, which is tried where it takes no plain text to go on with. `owner` is whose models it says it lists,
    `version` where it tells its own: an address beside its API, and a key. `fixed` is always said.
    """

    name: str
    called: str
    fields: Mapping[str, str]
    thinks: Mapping[str, Any] = field(default_factory=dict)
    prefill: Mapping[str, Any] | None = None
    within: str = ""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    owner: str = ""
    version: tuple[str, str] | None = None

    @property
    def ignores(self) -> tuple[str, ...]:
        """Our sampling fields that it does not take."""
        return tuple(name for name in SAMPLING if name not in self.fields)


VLLM = Profile("vllm", "vLLM", ALL, THINKING, PREFILL, owner="vllm", version=("../version", "version"))
SGLANG = replace(
    VLLM, name="sglang", called="SGLang", prefill={"continue_final_message": True}, owner="sglang",
    version=("../get_server_info", "version"),
)  # fmt: skip
TRANSFORMERS = Profile(
    "transformers", "transformers serve", {name: name for name in SAMPLING if name != "presence_penalty"}, THINKING,
    within="generation_config",
)  # fmt: skip
LLAMA = Profile(
    "llama.cpp", "llama.cpp", {**ALL, "repetition_penalty": "repeat_penalty"}, THINKING,
    fixed={"repeat_last_n": -1},  # its penalties look back over 64 tokens only
    owner="llamacpp", version=("../props", "build_info"),
)  # fmt: skip
FRIENDLI = Profile("friendli", "Friendli", ALL, {**THINKING, "parse_reasoning": True, "include_reasoning": True})
OPENAI = Profile("openai", "an engine elsewhere", OF_OPENAI)
PROFILES = {profile.name: profile for profile in (VLLM, SGLANG, TRANSFORMERS, LLAMA, FRIENDLI, OPENAI)}


def of_owner(owner: str) -> Profile:
    """The profile of who says that it owns the models it lists; of any engine where nobody known does."""
    return next((profile for profile in PROFILES.values() if profile.owner and profile.owner == owner), OPENAI)
