"""The head of the page as it is served for one address: what a link to it shows elsewhere, and what need not be asked for again."""

import asyncio
import json
from html import escape
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers
from starlette.types import Scope

from .. import card
from ..errors import VisitorError
from ..jobs.runner import Runner
from ..settings import Settings
from ..story.exports import title
from ..story.prompt import heading
from ..story.request import MAX_PREMISE, StoryRequest
from . import about, heard, links, view, wire
from .recordings import Recordings

BLIND = "Which of two stories is better?"
BLIND_DESCRIPTION = "Read both without knowing how they were made, and choose. What each was is told afterwards."
LONGEST = 300  # characters of a premise that a preview still shows
# Before anything is painted: which view the address is for, so that none is shown that is not meant.
VIEW = """<script>{
    const query = new URLSearchParams(location.search), reads = query.has("story") || query.has("recorded");
    const two = query.has("blind") ? "blind" : query.has("story") && query.has("beside") ? "beside" : "";
    const view = TABS.includes(query.get("tab")) ? "tab" : two || (reads ? "story" : "ask");
    document.documentElement.dataset.view = query.get("view") === "embed" ? "embed" : view;
}</script>""".replace("TABS", json.dumps(wire.TABS[1:]))

# What stood in the form goes through a reload: Gradio 6.31 loads the page anew once a lost connection is back, whatever has been
# typed since, and fills the form from an address that it reads before any script of ours has run.
FORM = """<script>try {
    const again = ["reload", "back_forward"].includes(performance.getEntriesByType("navigation")[0]?.type);
    const form = again && sessionStorage.getItem(NAME), query = new URLSearchParams(location.search);
    for (const [field, value] of new URLSearchParams(form || "")) query.set(field, value);
    const brought = history.state?.brought || location.pathname + location.search;
    if (form) history.replaceState({ ...history.state, brought }, "", `?${query}`);
} catch { /* a frame without storage */ }</script>""".replace("NAME", json.dumps(wire.STORAGE["form"]))


def status(runner: Runner, settings: Settings) -> heard.Status:
    """What a page is told of the server it is on."""
    return view.status(runner.engine.status(), settings.home, runner.default_words, settings.zerogpu)


class Sharing:
    """Makes the head over one runner."""

    def __init__(self, runner: Runner, settings: Settings, recordings: Recordings) -> None:
        self._runner, self._settings, self._recordings = runner, settings, recordings

    async def head(self, scope: Scope) -> tuple[str, str]:
        """Tags for the page's title and sharing, and what goes before the scripts. A story's are its own."""
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        heading, words = await asyncio.to_thread(self._told, query)
        home = self._settings.home or links.address(Headers(scope=scope), self._settings.root_path, self._settings.proxies)
        kept = {name: query[name] for name in ("story", "beside", "recorded", "blind", "premise", "words") if name in query}
        picture = f"{self._settings.home}/resolve/main/{about.PICTURE}" if self._settings.space else ""
        tags = about.share_tags(f"{home}?{urlencode(kept)}" if kept else home, picture, heading, words)
        unlisted = '<meta name="robots" content="noindex">' if "story" in query or "blind" in query else ""
        now = f'<script type="application/json" id="{wire.NOW}">{_inert(status(self._runner, self._settings))}</script>'
        return f"<title>{escape(heading)}</title>", tags + unlisted + VIEW + FORM + now

    def _told(self, query: dict[str, str]) -> tuple[str, str]:
        """Title and description of an address; of a blind pair nothing that is of one of its stories."""
        if "blind" in query:
            return BLIND, BLIND_DESCRIPTION
        if "story" in query:
            try:
                records = [self._runner.get(query[name]) for name in ("story", "beside") if name in query]
            except VisitorError:
                return about.TITLE, about.DESCRIPTION
            return " · ".join(map(title, records)), _asked_for(records[0].request)
        if shown := self._recordings.get(query.get("recorded", "")):
            return shown.about["title"], _asked_for(shown.request)
        premise = query.get("premise", "").strip()[:MAX_PREMISE]
        if premise:
            return _short(f"Ask {card.MODEL.name}: {premise}"), about.DESCRIPTION
        return about.TITLE, about.DESCRIPTION


def _asked_for(request: StoryRequest) -> str:
    kind, premise = heading(request)
    return _short(f"{kind} {premise}".strip())


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rstrip()}…"


def _inert(message: object) -> str:
    """JSON that cannot end the element it stands in."""
    return json.dumps(message).replace("<", "\\u003c")
