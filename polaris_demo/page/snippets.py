"""The current request as code that runs elsewhere: transformers, vLLM, gradio_client, curl. Pure.

The code is fixed and only its values vary; each goes in as a literal of its language, so that no premise can end a string.
Every value is always said: engines differ in what they take for granted, and a checkpoint brings defaults of its own.
"""

import json
import re
import shlex
from dataclasses import dataclass
from string import Template

from .. import card
from ..story.model_info import ModelInfo
from ..story.prompt import user_message
from ..story.request import StoryRequest, thinking_budget, token_budget
from .links import of_request

CONTEXT = 40_960  # tokens: the largest budget and the longest premise
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class Place:
    """Where this app answers: its address, and the Space's id where it is one."""

    address: str
    space: str = ""


def snippets(request: StoryRequest, writer: ModelInfo | None, place: Place) -> dict[str, str]:
    """The request as code, by kind."""
    model, sampling = hub_id(writer), request.sampling
    values = {name: repr(value) for name, value in vars(sampling).items()} | {
        "asked": f"{request.words} words asked for, form: {request.form}",
        "model": repr(model),
        "hub_id": shlex.quote(model),
        "context": str(CONTEXT),
        "message": repr(user_message(request)),
        "budget": str(token_budget(request)),
        "thinking": str(thinking_budget(request)),
        "seed_or_none": repr(sampling.seed if sampling.seed >= 0 else None),
    }
    fields = of_request(request)
    values |= {
        "source": repr(place.space or place.address),
        "account": '  # token="hf_…" counts the GPU time to your account' if place.space else "",
        "arguments": "".join(f"    {name}={value!r},\n" for name, value in fields.items()),
        "call": shlex.quote(f"{place.address.rstrip('/')}/gradio_api/call/v2/write_story"),
        "body": shlex.quote(_json(fields)),
    }
    return {kind: template.substitute(values) for kind, template in _TEMPLATES.items()}


def hub_id(writer: ModelInfo | None) -> str:
    """The model that code elsewhere can load: the one loaded here if the hub has it, else POLARIS-9B."""
    return writer.model if writer and _on_the_hub(writer) else card.MODEL.hub_id


def named(writer: ModelInfo | None) -> str:
    """Which model the code names, and why that one."""
    model = hub_id(writer)
    if writer is None or writer.model == model:
        return f"The code names {model}."
    loaded = "the miniature, which is no model of its own" if writer.is_preview else f"the {writer.name} of this server"
    return f"The code names {model}; loaded here is {loaded}."


def _on_the_hub(writer: ModelInfo) -> bool:
    return not writer.is_preview and _HUB_ID.fullmatch(writer.model) is not None


def _json(value: object) -> str:
    """JSON for reading: letters of every script as they are, what cannot be seen or turns the line around escaped."""
    written = json.dumps(value, ensure_ascii=False, indent=1)
    return "".join(c if c == "\n" or c.isprintable() else json.dumps(c)[1:-1] for c in written)


_TRANSFORMERS = """\
# $asked
# Another engine or another GPU may write another story. transformers also draws its random numbers in another
# way than this app does, so there the same seed gives other words.
#   pip install torch transformers accelerate
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LogitsProcessor, set_seed

MODEL = $model  # gated: ask for access on the hub, then run "hf auth login"
MESSAGE = $message
TEMPERATURE = $temperature  # 0 is greedy: the likeliest token, whatever top-p, top-k, min-p and seed say
TOP_P = $top_p
TOP_K = $top_k
MIN_P = $min_p  # transformers comes to it after top-k and top-p; this app and vLLM before them
REPETITION_PENALTY = $repetition_penalty  # on every token read or written
PRESENCE_PENALTY = $presence_penalty  # on every token written
MAX_NEW_TOKENS = $budget  # thinking and story together; asked for: $max_new_tokens, and 0 is automatic
THINKING_TOKENS = $thinking  # then the thinking is closed, so that the words have room
SEED = $seed_or_none  # None: another story each time

tokenizer = AutoTokenizer.from_pretrained(MODEL)
dtype = torch.bfloat16 if torch.cuda.is_available() else torch.float32
model = AutoModelForCausalLM.from_pretrained(MODEL, dtype=dtype, device_map="auto")
prompt = tokenizer.apply_chat_template(
    [{"role": "user", "content": MESSAGE}],
    add_generation_prompt=True, enable_thinking=True, return_tensors="pt", return_dict=True,
).to(model.device)
START = prompt["input_ids"].shape[1]
THINK_END, *ENDS = tokenizer.convert_tokens_to_ids(["</think>", "<|im_end|>", "<|endoftext|>"])
CLOSING = tokenizer.encode("\\n</think>\\n\\n", add_special_tokens=False)  # as the model itself ends its thinking


class Rest(LogitsProcessor):
    \"\"\"What transformers has no setting for: the presence penalty, and a limit to the thinking.\"\"\"

    due = ()

    def __call__(self, input_ids, scores):
        written = input_ids[:, START:]
        if written.shape[1] == THINKING_TOKENS and THINK_END not in written:
            self.due = CLOSING[tokenizer.decode(written[0, -1:]).endswith("\\n") :]
        if self.due:
            forced, *self.due = self.due
            scores = torch.full_like(scores, -torch.inf)
            scores[:, forced] = 0
            return scores
        return scores - PRESENCE_PENALTY * torch.zeros_like(scores).scatter(1, written, 1.0)


if SEED is not None:
    set_seed(SEED)
output = model.generate(
    **prompt,
    do_sample=TEMPERATURE > 0,
    temperature=TEMPERATURE or 1.0,
    top_p=TOP_P,
    top_k=TOP_K,
    min_p=MIN_P,
    repetition_penalty=REPETITION_PENALTY,
    max_new_tokens=MAX_NEW_TOKENS,
    eos_token_id=ENDS,
    pad_token_id=ENDS[-1],
    logits_processor=[Rest()],
)[0, START:].tolist()

# "</think>" is an ordinary token, which skip_special_tokens keeps: the thinking is cut off by the token's id.
if THINK_END not in output:
    raise SystemExit("The model ended while it was still thinking. Try another seed, or raise MAX_NEW_TOKENS.")
story = output[output.index(THINK_END) + 1 :]
print(tokenizer.decode(story, skip_special_tokens=True).strip())
"""

_VLLM = """\
# $asked
# Another engine or another GPU may write another story, and so may the same one under another load.
# Start the engine first; its reasoning parser keeps the thinking out of what is printed here:
#   vllm serve $hub_id --reasoning-parser qwen3 --language-model-only \\
#     --max-model-len $context --generation-config vllm
#   pip install openai
from openai import OpenAI

MESSAGE = $message
client = OpenAI(base_url="http://127.0.0.1:8000/v1", api_key="none")
stream = client.chat.completions.create(
    model=$model,
    messages=[{"role": "user", "content": MESSAGE}],
    temperature=$temperature,  # 0 is greedy
    top_p=$top_p,
    presence_penalty=$presence_penalty,
    max_tokens=$budget,  # thinking and story together; asked for: $max_new_tokens, and 0 is automatic
    seed=$seed_or_none,  # None: another story each time
    stream=True,
    extra_body={
        "top_k": $top_k,
        "min_p": $min_p,
        "repetition_penalty": $repetition_penalty,
        "thinking_token_budget": $thinking,  # then the thinking is closed, so that the words have room
        "chat_template_kwargs": {"enable_thinking": True},
    },
)
for chunk in stream:
    for choice in chunk.choices:
        print(choice.delta.content or "", end="", flush=True)
print()
"""

_GRADIO = """\
# $asked
# This asks the app you are looking at. Another engine or another GPU may write another story.
#   pip install gradio_client
from gradio_client import Client

client = Client($source)$account
job = client.submit(
$arguments    api_name="/write_story",
)
for answer in job:
    print(answer["stage"])
print(answer["story"])
"""

_CURL = """\
# $asked
# This asks the app you are looking at, in two steps: the first answer is an event's id, and the event streams the story.
# Another engine or another GPU may write another story.
EVENT=$$(curl -sS $call -H 'Content-Type: application/json' -d $body | cut -d '"' -f 4)

# Every "data:" line holds the story so far; the last one is the whole answer as JSON.
curl -sSN $call/"$$EVENT" | sed -n 's/^data: //p' | tail -n 1
"""

_TEMPLATES = {
    "transformers": Template(_TRANSFORMERS),
    "vLLM": Template(_VLLM),
    "gradio_client": Template(_GRADIO),
    "curl": Template(_CURL),
}
