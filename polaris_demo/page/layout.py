"""Places the page's parts and wires them to the handlers. Decides nothing."""

import json
from dataclasses import dataclass
from typing import Any, TypeVar

import gradio as gr
from starlette.middleware import Middleware

from .. import card
from ..jobs.runner import Runner
from ..settings import Settings
from ..story.request import FIELDS, FORM_NAMES, LIMITS, MAX_PREMISE, VERBATIM
from . import about, api, preload, wire
from .handlers import Handlers
from .parts import SCRIPT, STYLE, dial, embed, js, presets, range_of, template
from .parts import pane as pane_of
from .pictures import charts
from .recordings import shown
from .routes import StoryRoutes

T = TypeVar("T")
MAX_FOLLOWERS = 400  # Gradio runs at most max_threads events at a time, and every follower of the API is one


@dataclass(frozen=True)
class Control:
    """How a sampling setting is offered: what it does, and the step of its slider. Without a step its number is typed."""

    info: str
    step: float | None = None


# In the order they stand in.
CONTROLS = {
    "temperature": Control("How daring each word is: low is safe, high is wild, 0 always takes the likeliest.", 0.05),
    "repetition_penalty": Control(
        "Makes every word already used less likely, prompt included. Moving it sets the presence penalty back.", 0.01
    ),
    "presence_penalty": Control(
        "Takes a fixed amount from every word the model has already written. Moving it sets the repetition penalty back.", 0.1
    ),
    "top_p": Control("Draws only from the likeliest words that make up this share.", 0.01),
    "top_k": Control("Draws only from this many likeliest words.", 1),
    "min_p": Control("Drops words less likely than this share of the likeliest, before top-k and top-p as in vLLM. Not on the card.", 0.01),
    "max_new_tokens": Control("Tokens for thinking and story together. 0 is automatic."),
    "seed": Control("The same number writes the same story again on the same machine. -1 draws one."),
}
_HIDDEN: Any = {"show_progress": "hidden", "api_visibility": "private"}


class Page(gr.Blocks):
    """Blocks that fill in values a caller left out, so that our own checks judge them.

    Gradio 6.31 raises an error that quotes the caller's values and prints it to the log.
    """

    def validate_inputs(self, block_fn: Any, inputs: list[Any]) -> None:
        inputs.extend(getattr(block, "value", None) for block in block_fn.inputs[len(inputs) :])


def build_page(runner: Runner, settings: Settings) -> gr.Blocks:
    """The whole app over `runner`; `launch_options` goes with its launch()."""
    handlers, recorded = Handlers(runner, settings), shown(settings.recordings_dir)
    page = Page(title="POLARIS-9B writes stories", analytics_enabled=False)
    with page:
        badge = _part("header")
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Write", id="write"), gr.Row(elem_id="desk"):
                with gr.Column(scale=4, min_width=320, elem_id="ask"):
                    form = Form(settings, runner.default_words)
                with gr.Column(scale=7, min_width=320, elem_id="read"):
                    pane = gr.HTML(html_template=pane_of(bool(recorded)), js_on_load=js("pane"), elem_id="pane")
            with gr.Tab("My stories", id="shelf"):
                _part("shelf")
            if recorded:
                with gr.Tab("Recorded", id="recorded"):
                    _part("replay")
            with gr.Tab("Results", id=wire.RESULTS):
                gr.HTML(html_template=charts.results(), elem_id="results", js_on_load=None)
            with gr.Tab("About", id="about"):
                gr.HTML(html_template=about.about(), elem_id="about", js_on_load=js("about"))
        gr.HTML(html_template=embed(settings.home, settings.max_words, runner.default_words), elem_id="embed", js_on_load=None)
        gr.HTML(html_template=_footer(), elem_id="foot", js_on_load=js("foot"))
        _wire(page, handlers, form, pane, badge)
        page.load(handlers.first_tab, None, tabs, queue=False, **_HIDDEN)
        api.add_endpoints(handlers, runner.default_words if runner.engine.status().writer else None)
    page.queue(default_concurrency_limit=None, max_size=MAX_FOLLOWERS, api_open=False)
    return page


def launch_options(runner: Runner, settings: Settings) -> dict[str, Any]:
    """Arguments of launch(): look, routes, limits, and nothing kept or served that the app does not need."""
    picture = f"{settings.home}/resolve/main/{about.PICTURE}" if settings.home else ""
    return {
        # In the head and not as `css`: Gradio would put its container before every selector, body among them.
        "head": f"<style>{STYLE}</style><script>{SCRIPT}</script>",
        "theme": gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        "max_threads": MAX_FOLLOWERS,
        "max_file_size": "1kb",
        "show_error": False,
        "enable_monitoring": False,
        "run_history": False,
        "ssr_mode": False,
        "mcp_server": True,
        "_frontend": False,  # Gradio 6.31 asks itself for its page and gives up starting where a busy machine takes three seconds
        "footer_links": ["api"],
        "app_kwargs": {
            "routes": StoryRoutes(runner, settings, shown(settings.recordings_dir)).routes(),
            "middleware": [Middleware(preload.QuickPage, about.share_tags(settings.home, picture))],
        },
    }


class Form:
    """The request: one box, one length, one button; everything else folded below, in the order a person needs it."""

    def __init__(self, settings: Settings, default_words: int) -> None:
        self._fields: dict[str, Any] = {}
        self._notes: dict[str, gr.HTML] = {}
        self.arrived = _part("note", "arrived", elem_classes="note-slot")
        self._add(
            "premise",
            gr.Textbox(
                label="What is the story about?", lines=3, max_lines=8, max_length=MAX_PREMISE, elem_id="premise",
                placeholder="a piano tuner who finds a letter inside a silent piano",
            ),
        )  # fmt: skip
        self._add_note("premise")
        self.chips = _part("chips")
        words = LIMITS["words"]
        self._add("words", gr.Slider(words.low, settings.max_words, value=default_words, step=50, label="Words", elem_id="words"))
        self.dial = gr.HTML(html_template=dial(settings.max_words), js_on_load=js("dial"), elem_id="dial")
        self._add_note("words")
        with gr.Row(elem_id="go"):
            self.write = gr.Button("Write the story", variant="primary", elem_id="write")
            self.stop = gr.Button("Stop", variant="stop", elem_id="stop")
        self.promise = _part("promise")
        with gr.Accordion("Settings", open=False, elem_id="settings"):
            self._settings()
        with gr.Accordion("The prompt the model gets", open=False, elem_id="prompt-fold"):
            self.prompt = _part("prompt")
        with gr.Accordion("Use it yourself", open=False, elem_id="code-fold"):
            self.code = _part("code")
        self.link = _part("link")

    @property
    def fields(self) -> list[Any]:
        return [self._fields[name] for name in FIELDS]

    @property
    def notes(self) -> list[gr.HTML]:
        return [self._notes[name] for name in FIELDS]

    def field(self, name: str) -> Any:
        return self._fields[name]

    def _settings(self) -> None:
        gr.HTML(
            html_template=presets(),
            js_on_load=js("presets", json.dumps({name: preset.values for name, preset in card.PRESETS.items()})),
            elem_id="presets",
        )
        weaker = ", ".join(f.name for f in card.FORMS if f.weaker)
        info = f"What is written. The model card calls it weaker on {weaker}; verbatim sends the premise alone, untouched."
        named = [(f"{f.name} (weaker)" if f.weaker else f.name, f.name) for f in card.FORMS]
        self._add("form", gr.Dropdown([*named, VERBATIM], value=FORM_NAMES[0], label="Form", info=info, elem_id="form"))
        self._add_note("form")
        for name, control in CONTROLS.items():
            self._add_control(name, control)
            self._add_note(name)

    def _add_control(self, name: str, control: Control) -> None:
        limit = LIMITS[name]
        if control.step is None:
            self._add(name, gr.Number(limit.default, label=limit.label, info=control.info, precision=0, elem_id=name))
            return
        low = min(limit.low, limit.also) if limit.also is not None else limit.low
        look: Any = {"label": limit.label, "info": control.info, "elem_id": name, "buttons": []}
        self._add(name, gr.Slider(low, limit.high, value=limit.default, step=control.step, **look))
        range_of(name, low)

    def _add(self, name: str, component: Any) -> None:
        component.preprocess = _as_sent
        self._fields[name] = component

    def _add_note(self, name: str) -> None:
        """The place below a field, and what explains it, where what we have to say about it appears."""
        self._notes[name] = _part("note", f"note-{name}", elem_classes="note-slot")


def _as_sent(payload: T) -> T:
    """In place of a component's `preprocess`, so that our own checks get what was sent.

    Gradio 6.31's lets NaN pass, and answers other values with a bare traceback.
    """
    return payload


def _part(name: wire.Part, elem_id: str = "", **options: Any) -> gr.HTML:
    """One of our own components: a fixed template from pane.html, run by the function of that name in the scripts."""
    return gr.HTML(html_template=template(name), js_on_load=js(name), elem_id=elem_id or name, **options)


def _on(component: gr.HTML, event: wire.Event) -> Any:
    """Where a component's event of ours is listened to."""
    return getattr(component, wire.EVENTS[event])


def _wire(page: gr.Blocks, handlers: Handlers, form: Form, pane: gr.HTML, badge: gr.HTML) -> None:
    fields, notes = form.fields, form.notes
    # "multiple": with "once" a click is lost while the last story's event closes. The button is off while one is written.
    form.write.click(handlers.write, fields, [pane, *notes], concurrency_limit=None, trigger_mode="multiple", **_HIDDEN)
    form.stop.click(None, None, None, js="() => { polaris.stop(); }", **_HIDDEN)
    _on(pane, "go_on")(handlers.resume, None, pane, concurrency_limit=None, trigger_mode="multiple", **_HIDDEN)
    filled = _on(pane, "form_of")(handlers.recipe, None, fields, queue=False, **_HIDDEN)
    filled.success(None, None, None, js="() => polaris.filled()", **_HIDDEN)
    checked = [form.prompt, form.dial, form.link, form.code, *notes]
    gr.on([f.change for f in fields], handlers.check, fields, checked, queue=False, trigger_mode="always_last", **_HIDDEN)
    _on(form.dial, "length")(handlers.length, None, form.field("words"), queue=False, trigger_mode="always_last", **_HIDDEN)
    _on(form.chips, "example")(handlers.example, None, [form.field("premise"), form.field("words")], queue=False, **_HIDDEN)
    repetition, presence = form.field("repetition_penalty"), form.field("presence_penalty")
    repetition.input(None, [repetition, presence], presence, js="(r, p) => r > 1 ? 0 : p", **_HIDDEN)
    presence.input(None, [presence, repetition], repetition, js="(p, r) => p > 0 ? 1 : r", **_HIDDEN)
    arrived = page.load(handlers.arrive, None, [*fields, form.arrived, badge, form.promise, *checked], queue=False, **_HIDDEN)
    arrived.success(None, None, None, js="() => polaris.arrived()", **_HIDDEN)


def _footer() -> str:
    model = card.MODEL
    return (
        f'<p><a href="https://arxiv.org/abs/{model.arxiv}">Paper</a> · <a href="https://huggingface.co/{model.hub_id}">Model</a> · '
        f'<a href="{model.code}">Code of the paper</a> · <button type="button" class="host quiet">Host</button></p>'
        '<p class="hosting" hidden></p>'
    )
