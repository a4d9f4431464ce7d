"""Places the page's parts and wires them to the handlers. Decides nothing."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from . import stubs  # noqa: F401  before Gradio

# isort: split
import gradio as gr
from starlette.middleware import Middleware

from .. import card
from ..jobs.runner import Runner
from ..settings import Settings
from ..story.request import FIELDS, FORM_NAMES, LIMITS, VERBATIM
from . import about, api, assets, gate, preload, wire
from .agents import Agents
from .handlers import Handlers
from .ideas import IDEAS
from .operations import Operations
from .parts import dial, embed, hello, js, kinds, knob, presets, run, taste, template
from .parts import pane as pane_of
from .pictures import charts
from .recordings import recordings
from .routes import StoryRoutes
from .sharing import Sharing

T = TypeVar("T")
MOST_SESSIONS = 32  # Gradio 6.31 makes one up for each call that names none, and nothing here is kept in any
MAX_FOLLOWERS = 400  # Gradio runs at most max_threads events at a time, and every follower of the API is one


@dataclass(frozen=True)
class Control:
    """How a sampling setting is offered: what it does, and the step of its line. Without a step its number is typed."""

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
PAPER = {"body_background_fill": "#f6f1e7", "body_background_fill_dark": "#0e1527"}  # as in tokens.css: what the first paint is on
_HIDDEN: Any = {"show_progress": "hidden", "api_visibility": "private"}


class Page(gr.Blocks):
    """Blocks that fill in values a caller left out, so that our own checks judge them, and that tell of our own tools for agents.

    Gradio 6.31 raises an error that quotes the caller's values and prints it to the log.
    """

    def get_config_file(self) -> Any:
        return super().get_config_file() | {"mcp_server": True}

    def validate_inputs(self, block_fn: Any, inputs: list[Any]) -> None:
        inputs.extend(getattr(block, "value", None) for block in block_fn.inputs[len(inputs) :])


def build_page(runner: Runner, settings: Settings) -> gr.Blocks:
    """The whole app over `runner`; `launch_options` goes with its launch()."""
    handlers = Handlers(runner, settings)
    page, recorded = Page(title="POLARIS-9B writes stories", analytics_enabled=False), recordings(settings).all()
    with page:
        _part("header")
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Write", id="write"):
                with gr.Column(elem_id="desk"):
                    with gr.Column(elem_id="ask"):
                        form = Form(settings, handlers.served_words)
                    _html(taste(any(one.about["ours"] for one in recorded)), js_on_load=js("taste"), elem_id="taste")
                form.add_small_print()
                _part("gallery")
                pane = _html(pane_of(), js_on_load=js("pane"), elem_id="pane")
            with gr.Tab("My stories", id="shelf"):
                _part("shelf")
            with gr.Tab("Results", id="results"):
                _html(charts.results(), elem_id="results", js_on_load=None)
            with gr.Tab("About", id="about"):
                _html(about.about(), elem_id="about", js_on_load=js("about"))
        _part("beside")
        _part("blind")
        _html(embed(settings.home, settings.max_words, runner.default_words), elem_id="embed", js_on_load=None)
        _html(_footer(), elem_id="foot", js_on_load=js("foot"))
        _wire(page, handlers, form, pane)
        api.add_endpoints(handlers, runner.default_words if runner.engine.status().writer else None)
    # Gradio 6.31 makes a table of its last ten thousand events after each of them, for a monitor that is switched off.
    os.environ |= {"GRADIO_ANALYTICS_MAX_EVENTS": "1", "GRADIO_ANALYTICS_CACHE_FREQUENCY": f"{sys.maxsize}"}
    page.queue(default_concurrency_limit=None, max_size=MAX_FOLLOWERS, api_open=False)
    return page


def launch_options(runner: Runner, settings: Settings) -> dict[str, Any]:
    """Arguments of launch(): look, routes, limits, and nothing kept or served that the app does not need."""
    recorded = recordings(settings)
    agents = Agents(runner, settings)
    os.environ["FORWARDED_ALLOW_IPS"] = ""  # or uvicorn believes whoever calls from this machine; who is believed is said by `proxies`
    return {
        "theme": gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]).set(**PAPER),
        "max_threads": MAX_FOLLOWERS,
        "state_session_capacity": MOST_SESSIONS,
        "max_file_size": "1kb",
        "show_error": False,
        "enable_monitoring": False,
        "run_history": False,
        "ssr_mode": False,
        "mcp_server": False,  # Gradio 6.31's own answers agents with the text of Python objects, and a story after minutes; see agents.py
        "_frontend": False,  # Gradio 6.31 asks itself for its page and gives up starting where a busy machine takes three seconds
        "footer_links": ["api"],
        "app_kwargs": {
            "routes": [*StoryRoutes(runner, settings, recorded).routes(), *assets.routes(), *Operations(runner).routes(), *agents.routes()],
            "lifespan": agents.lifespan,
            "middleware": [Middleware(gate.Gate), Middleware(preload.QuickPage, Sharing(runner, settings, recorded).head)],
        },
    }


class Form:
    """The request: one sentence to finish, one length, one button; everything else folded below."""

    def __init__(self, settings: Settings, default_words: int) -> None:
        self._fields: dict[str, Any] = {}
        self._notes: dict[str, gr.HTML] = {}
        _html(hello(free=bool(settings.space)), js_on_load=js("hello"), elem_id="hello")
        # No max_length: Gradio would cut what is pasted without a word.
        self._add("premise", gr.Textbox(label="A story about", lines=2, max_lines=2, elem_id="premise", placeholder=IDEAS[0]))
        with gr.Column(elem_id="below-premise"):
            self._add_note("premise")
            _part("ideas")
        # A number and a line of our own: the number of Gradio's slider cuts what is typed to its limits without a word.
        with gr.Column(elem_id="length"):
            self._add("words", gr.Number(default_words, label="How many words?", precision=0, elem_id="words"))
            self.dial = _html(dial(settings.max_words, default_words), js_on_load=js("dial"), elem_id="dial")
            self._add_note("words")
        with gr.Column(elem_id="go"):
            self.write = gr.Button("Write the story", variant="primary", elem_id="write")
            _part("next")
        with gr.Column(elem_id="folds"):
            _part("differs")
            with gr.Accordion("Settings", open=False, elem_id="settings"):
                self._settings()
        self.arrived = _part("note", "arrived", elem_classes="note-slot")

    def add_small_print(self) -> None:
        """What holds for a story begun here, and the form as a link: below everything else."""
        with gr.Column(elem_id="small-print"):
            self.promise = _part("promise")
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
        weaker = ", ".join(f.name for f in card.FORMS if f.weaker)
        self._add("form", gr.Textbox(FORM_NAMES[0], label="What is written", elem_id="form"))
        info = f"The card calls it weaker on {weaker}. “{VERBATIM}” sends your words alone, untouched."
        _html(kinds(), js_on_load=js("kinds"), elem_id="kinds")
        _html(template("explained", INFO=info), js_on_load=None, elem_classes="explained-slot")
        self._add_note("form")
        _html(
            presets(),
            js_on_load=js("presets", json.dumps({name: preset.values for name, preset in card.PRESETS.items()})),
            elem_id="presets",
        )
        for name, control in CONTROLS.items():
            self._add_control(name, control)
            self._add_note(name)
        with gr.Accordion("The prompt the model gets", open=False, elem_id="prompt-fold"):
            self.prompt = _part("prompt")
        with gr.Accordion("Use it yourself", open=False, elem_id="code-fold"):
            self.code = _part("code")

    def _add_control(self, name: str, control: Control) -> None:
        limit = LIMITS[name]
        low = min(limit.low, limit.also) if limit.also is not None else limit.low
        shape: Any = {"precision": 0 if limit.whole else None, "step": control.step or 1, "elem_classes": "knob-number"}
        self._add(name, gr.Number(limit.default, label=limit.label, elem_id=name, **shape))
        script = js("knob", json.dumps(name)) if control.step is not None else None
        _html(knob(name, limit.label, control.info, low, control.step), js_on_load=script, elem_classes="knob-slot")

    def _add(self, name: str, component: Any) -> None:
        component.preprocess, component.get_expected_parent = _as_sent, _alone
        self._fields[name] = component

    def _add_note(self, name: str) -> None:
        """The place below a field, and what explains it, where what we have to say about it appears."""
        self._notes[name] = _part("note", f"note-{name}", elem_classes="note-slot")


def _as_sent(payload: T) -> T:
    """In place of a component's `preprocess`, so that our own checks get what was sent.

    Gradio 6.31's lets NaN pass, and answers other values with a bare traceback.
    """
    return payload


def _alone() -> None:
    """In place of a field's `get_expected_parent`: Gradio 6.31 would put it in a form of its own, a script more to wait for."""


def _html(html_template: str, **options: Any) -> gr.HTML:
    """A component of ours, in the page's own styles."""
    return gr.HTML(html_template=html_template, apply_default_css=False, **options)


def _part(name: wire.Part, elem_id: str = "", **options: Any) -> gr.HTML:
    """One of our own components: a fixed template from parts.html, run by the function of that name in the scripts."""
    return _html(template(name), js_on_load=js(name), elem_id=elem_id or name, **options)


def _on(component: gr.HTML, event: wire.Event) -> Any:
    """Where a component's event of ours is listened to."""
    return getattr(component, wire.EVENTS[event])


def _wire(page: gr.Blocks, handlers: Handlers, form: Form, pane: gr.HTML) -> None:
    fields, notes = form.fields, form.notes
    # "multiple": with "once" a click is lost while the last story's event closes.
    begins = (
        form.write.click(handlers.write, fields, [pane, form.dial, *notes], concurrency_limit=None, trigger_mode="multiple", **_HIDDEN),
        _on(pane, "go_on")(handlers.resume, None, pane, concurrency_limit=None, trigger_mode="multiple", **_HIDDEN),
        _on(pane, "write_on")(handlers.version, None, pane, concurrency_limit=None, trigger_mode="multiple", **_HIDDEN),
    )
    _on(pane, "hear")(_heard, None, None, concurrency_limit=None, trigger_mode="multiple", **_HIDDEN)
    filled = _on(pane, "form_of")(handlers.recipe, None, [pane, *fields], queue=False, trigger_mode="multiple", **_HIDDEN)
    checked = [form.prompt, form.dial, form.link, form.code, *notes]
    checks = gr.on(
        [*(f.change for f in fields), _on(form.dial, "look_again")],
        handlers.check,
        fields,
        checked,
        queue=False,
        trigger_mode="always_last",
        **_HIDDEN,
    )
    premise, words = form.field("premise"), form.field("words")
    measured = _on(form.dial, "length")(handlers.length, premise, words, queue=False, trigger_mode="always_last", **_HIDDEN)
    repetition, presence = form.field("repetition_penalty"), form.field("presence_penalty")
    repetition.input(None, [repetition, presence], presence, js="(r, p) => r > 1 ? 0 : p", **_HIDDEN)
    presence.input(None, [presence, repetition], repetition, js="(p, r) => p > 0 ? 1 : r", **_HIDDEN)
    arrived = page.load(handlers.arrive, None, [*fields, form.arrived, form.promise, *checked], queue=False, **_HIDDEN)
    _then(arrived.success, "arrived")
    _then(arrived.failure, "unarrived")
    _then(checks.success, "checked")
    _then(measured.success, "measured")
    _then(measured.failure, "measured", says="failed")
    _then(filled.success, "filled", pane)
    _then(filled.failure, "unfilled")
    events = (wire.NEW, wire.EVENTS["go_on"], wire.EVENTS["write_on"], wire.EVENTS["form_of"])
    for asked, event in zip((*begins, filled), events, strict=True):
        _then(asked.failure, "unanswered", says=event)
    for asked in (checks, arrived):
        _then(asked.failure, "unchecked")


def _heard() -> None:
    """Nothing: an event opens the line of answers anew, where it closed before one of them."""


def _then(outcome: Callable[..., Any], name: wire.Called, told: gr.HTML | None = None, says: str = "") -> None:
    """After an event that came out so, the page's script runs what it exports by this name, with what a component was `told`, or `says`."""
    outcome(None, told, None, js=f"(told = {json.dumps(says)}) => {run(name)}(told))", **_HIDDEN)


def _footer() -> str:
    model = card.MODEL
    return (
        f'<p><a href="https://arxiv.org/abs/{model.arxiv}">Paper</a> · <a href="https://huggingface.co/{model.hub_id}">Model</a> · '
        f'<a href="{model.code}">Code of the paper</a> · <button type="button" class="host text">Host</button></p>'
        '<p class="why" hidden></p><p class="hosting" hidden></p>'
    )
