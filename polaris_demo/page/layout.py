"""Places the page's parts and wires them to the handlers. Decides nothing."""

import json
from pathlib import Path
from typing import Any

import gradio as gr

from .. import card
from ..jobs.runner import Runner
from ..settings import Settings
from ..story.request import FIELDS, FORM_NAMES, LABELS, LIMITS, MAX_PREMISE
from . import api
from .handlers import Handlers

HERE = Path(__file__).parent
STORY_JS = (HERE / "story.js").read_text()
STYLE = (HERE / "style.css").read_text()
PANE = (HERE / "pane.html").read_text()
EXAMPLES = json.loads((HERE.parent.parent / "examples" / "premises.json").read_text())["premises"]
MAX_FOLLOWERS = 400  # Gradio runs at most max_threads events at a time, and every follower is one

_INFO = {
    "temperature": "How daring each word is: low is safe, high is wild, 0 always takes the likeliest.",
    "repetition_penalty": "Makes every word already used less likely, prompt included.",
    "presence_penalty": "Takes a fixed amount from every word the model has already written.",
    "top_p": "Draws only from the likeliest words that make up this share.",
    "top_k": "Draws only from this many likeliest words.",
    "min_p": "Drops words less likely than this share of the likeliest. Not on the card.",
    "max_new_tokens": "Tokens for thinking and story together. 0 is automatic.",
    "seed": "The same number writes the same story again on the same machine. -1 draws one.",
}
_STEPS = {"temperature": 0.05, "top_p": 0.01, "top_k": 1, "min_p": 0.01, "repetition_penalty": 0.01, "presence_penalty": 0.1}


class Page(gr.Blocks):
    """Blocks that fill in values a caller left out, so that our own checks judge them.

    Gradio 6.31 raises an error that quotes the caller's values and prints it to the log.
    """

    def validate_inputs(self, block_fn: Any, inputs: list[Any]) -> None:
        inputs.extend(getattr(block, "value", None) for block in block_fn.inputs[len(inputs) :])


def build_page(runner: Runner, settings: Settings) -> gr.Blocks:
    """The whole app over `runner`; `launch_options` goes with its launch()."""
    handlers = Handlers(runner)
    with Page(title="POLARIS-9B writes stories", analytics_enabled=False) as page:
        badge = gr.HTML(html_template=_template("header"), js_on_load=_js("header"), elem_id="header")
        with gr.Row(elem_id="desk"):
            with gr.Column(scale=4, min_width=320, elem_id="ask"):
                fields, notes, prompt, write, stop = _form(settings, runner.default_words)
            with gr.Column(scale=7, min_width=320, elem_id="read"):
                pane = gr.HTML(html_template=_template("pane"), js_on_load=_js("pane"), elem_id="pane")
        gr.HTML(_footer(), elem_id="foot")
        ticket = gr.State(None)
        _wire(page, handlers, fields, notes, prompt, write, stop, pane, ticket, badge)
        api.add_endpoints(handlers, runner.default_words)
    page.queue(default_concurrency_limit=None, max_size=MAX_FOLLOWERS, api_open=False)
    return page


def launch_options() -> dict[str, Any]:
    """Arguments of launch(): look, limits, and nothing kept or served that the app does not need."""
    return {
        # In the head and not as `css`: Gradio would put its container before every selector, body among them.
        "head": f"<style>{STYLE}</style><script>{STORY_JS}</script>",
        "theme": gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        "max_threads": MAX_FOLLOWERS,
        "max_file_size": "1kb",
        "show_error": False,
        "enable_monitoring": False,
        "run_history": False,
        "ssr_mode": False,
        "mcp_server": True,
        "footer_links": ["api"],
    }


def _form(settings: Settings, default_words: int) -> tuple[list[Any], list[gr.HTML], gr.HTML, gr.Button, gr.Button]:
    """The request: one box, one length, one button; everything else folded below."""
    made: dict[str, tuple[Any, gr.HTML]] = {}
    made["premise"] = _with_note(
        gr.Textbox(
            label="What is the story about?", lines=3, max_lines=8, max_length=MAX_PREMISE, elem_id="premise",
            placeholder="a piano tuner who finds a letter inside a silent piano",
        )
    )  # fmt: skip
    chips = gr.HTML(html_template=_template("chips"), js_on_load=_js("chips"), elem_id="chips")
    words = LIMITS["words"]
    made["words"] = _with_note(gr.Slider(words.low, settings.max_words, value=default_words, step=50, label="Words", elem_id="words"))
    with gr.Row(elem_id="go"):
        write = gr.Button("Write the story", variant="primary", elem_id="write")
        stop = gr.Button("Stop", variant="stop", elem_id="stop")
    with gr.Accordion("Settings", open=False, elem_id="settings"):
        form_info = "What is written. The model card calls it weaker on " + ", ".join(f.name for f in card.FORMS if f.weaker) + "."
        made["form"] = _with_note(gr.Dropdown(list(FORM_NAMES), value=FORM_NAMES[0], label="Form", info=form_info, elem_id="form"))
        for name in ("temperature", "repetition_penalty", "presence_penalty", "top_p", "top_k", "min_p"):
            made[name] = _with_note(_slider(name))
        for name in ("max_new_tokens", "seed"):
            limit = LIMITS[name]
            made[name] = _with_note(gr.Number(limit.default, label=limit.label, info=_INFO[name], precision=0, elem_id=name))
    with gr.Accordion("The prompt the model gets", open=False, elem_id="prompt-fold"):
        prompt = gr.HTML(html_template=_template("prompt"), js_on_load=_js("prompt"), elem_id="prompt")

    def example(event: gr.EventData) -> tuple[Any, Any]:
        index = (event._data or {}).get("index")
        if not isinstance(index, int) or not 0 <= index < len(EXAMPLES):
            return gr.skip(), gr.skip()
        return EXAMPLES[index]["premise"], min(EXAMPLES[index]["words"], settings.max_words)

    chips.click(example, None, [made["premise"][0], made["words"][0]], queue=False, show_progress="hidden", api_visibility="private")
    fields = [_untouched(made[name][0]) for name in FIELDS]
    return fields, [made[name][1] for name in FIELDS], prompt, write, stop


def _slider(name: str) -> gr.Slider:
    limit, setting = LIMITS[name], card.SETTINGS.get(name)
    recommended = f" Card: {setting.range()}{f', {setting.note}' if setting.note else ''}." if setting else ""
    low = min(limit.low, limit.also) if limit.also is not None else limit.low
    return gr.Slider(
        low, limit.high, value=limit.default, step=_STEPS[name], label=LABELS[name], info=_INFO[name] + recommended, elem_id=name
    )


def _with_note(component: Any) -> tuple[Any, gr.HTML]:
    """A field and the place below it where what we have to say about it appears."""
    return component, gr.HTML(html_template=_template("note"), js_on_load=_js("note"), elem_classes="note-slot")


def _untouched(component: Any) -> Any:
    """Let raw values through to our own checks: Gradio's let NaN pass and answer others with a bare traceback."""
    component.preprocess = lambda payload: payload
    return component


def _wire(page, handlers, fields, notes, prompt, write, stop, pane, ticket, badge) -> None:
    hidden: Any = {"show_progress": "hidden", "api_visibility": "private"}
    # "multiple": with "once" a click is lost while the last story's event closes. The button is off while one streams.
    write.click(handlers.write, fields, [pane, ticket, *notes], concurrency_limit=None, trigger_mode="multiple", **hidden)
    pane.input(handlers.open, None, [pane, ticket], concurrency_limit=None, trigger_mode="multiple", **hidden)
    pane.submit(handlers.resume, ticket, pane, concurrency_limit=None, trigger_mode="multiple", **hidden)
    stop.click(handlers.stop, ticket, None, queue=False, **hidden)
    gr.on([f.change for f in fields], handlers.check, fields, [prompt, *notes], queue=False, trigger_mode="always_last", **hidden)
    repetition, presence = (fields[FIELDS.index(name)] for name in ("repetition_penalty", "presence_penalty"))
    repetition.input(None, [repetition, presence], presence, js="(r, p) => r > 1 ? 0 : p", **hidden)
    presence.input(None, [presence, repetition], repetition, js="(p, r) => p > 0 ? 1 : r", **hidden)
    page.load(handlers.status, None, badge, queue=False, **hidden)
    timer = gr.Timer(2)
    timer.tick(handlers.status, None, badge, queue=False, **hidden).then(
        lambda status: gr.Timer(active=not (status or {}).get("ready")), badge, timer, queue=False, **hidden
    )


def _template(part: str) -> str:
    """One part of pane.html. Templates are fixed: Gradio runs what stands in a template's values as code."""
    found = PANE.split(f"<!-- {part} -->\n")[1].split("<!-- end -->")[0]
    if part == "chips":
        chips = "".join(f'<button type="button" class="chip" data-index="{i}">{e["premise"]}</button>' for i, e in enumerate(EXAMPLES))
        found = found.replace("CHIPS", chips)
    return found


def _js(part: str) -> str:
    """Run one part of story.js, which stands once in the page's head and may arrive after its components."""
    return (
        f"const run = () => polaris.{part}(element, props, watch, trigger);"
        "window.polaris ? run() : window.addEventListener('polaris-ready', run, { once: true });"
    )


def _footer() -> str:
    model = card.MODEL
    return (
        f"<p>Fiction written by a language model; model output is for non-commercial use. "
        f'<a href="https://arxiv.org/abs/{model.arxiv}">Paper</a> · '
        f'<a href="https://huggingface.co/{model.hub_id}">Model</a> · <a href="{model.code}">Code</a></p>'
    )
