"""What the browser is told to fetch at once, so that the page opens soon over a slow line.

Gradio 6.31 sends its page uncompressed, and loads its scripts in three rounds, each of which names the next one's files,
with a style file for every kind of component: 65 requests, one after another over a browser's six connections. Here the
page is compressed, its head names all scripts from the start and brings the small styles along. The names are read from
the Gradio that is installed; where they cannot be found the page loads as Gradio would have it.
"""

import json
import re
from functools import cache
from pathlib import Path

import gradio
from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FRONTEND = Path(gradio.__file__).parent / "templates" / "frontend"
ASSETS = FRONTEND / "assets"
# The page's kinds of components, those needed first to ask for a story standing first.
COMPONENTS = (
    "html", "textbox", "button", "tabs", "tabitem", "row", "column", "form", "slider", "accordion", "dropdown", "number", "timer", "state",
)  # fmt: skip

# Gradio 6.31 leaves the clock of its loading sign running when the page has come: 60 frames a second for ever, on an empty
# page too, nearly a third of what a growing story costs the browser. Once a second does for any of its clocks.
CALM = r"""<script>{
    const real = window.requestAnimationFrame.bind(window), clock = /performance\.now\(\)-.{1,40}\/1e3/;
    window.requestAnimationFrame = (draw) => clock.test(draw) ? setTimeout(real, 1000, draw) : real(draw);
}</script>"""


class QuickPage:
    """Adds the head's elements to the page itself and compresses it; whatever else is served passes untouched.

    Gradio's own `head` is put in place by a script, when most files have been asked for one after another.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._page = app, GZipMiddleware(_WithHead(app))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_page = scope["type"] == "http" and scope["path"] == "/" and scope["method"] == "GET"
        await (self._page if is_page else self._app)(scope, receive, send)


class _WithHead:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started: list[Message] = []
        body = bytearray()

        async def gather(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.append(message)
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body"):
                scripts, styles = head()
                whole = bytes(body).replace(b'<base href="./" />', b'<base href="./" />' + scripts.encode(), 1)
                whole = whole.replace(b"</head>", styles.encode() + b"</head>", 1)  # after those of Gradio's that they refine
                MutableHeaders(scope=started[0])["content-length"] = str(len(whole))
                await send(started[0])
                await send({"type": "http.response.body", "body": whole})

        await self._app(scope, receive, gather)


@cache
def head() -> tuple[str, str]:
    """For the page's head, the names of scripts and the styles themselves; empty where Gradio's files are not as expected."""
    try:
        needed = files()
    except (OSError, AttributeError, StopIteration):
        return "", ""
    scripts = CALM + "".join(f'<link rel="modulepreload" crossorigin href="./assets/{file}">' for file in needed if file.endswith(".js"))
    styles = [file for file in needed if file.endswith(".css") and "url(" not in (ASSETS / file).read_text()]
    # Gradio's loader takes a style that is named here for fetched. (Named in plain HTML it would be fetched, disabled or not.)
    named = f"""<script>for (const file of {json.dumps(styles)}) {{
        const link = Object.assign(document.createElement("link"), {{ rel: "stylesheet", disabled: true }});
        link.setAttribute("disabled", "");
        link.href = `./assets/${{file}}`;
        document.head.append(link);
    }}</script>"""
    return scripts, f"<style>{''.join((ASSETS / file).read_text() for file in styles)}</style>{named}"


def files() -> list[str]:
    """The files of the page's scripts and styles, in the order they are needed."""
    entry = re.search(r'src="\./assets/([^"]+\.js)"', (FRONTEND / "index.html").read_text())
    first = _named(entry[1]) if entry else []
    core = next(file for file in first if file.startswith("core-") and file.endswith(".js"))
    blocks = [file.name for pattern in ("Blocks-*", "api-logo-*", "settings-logo-*") for file in sorted(ASSETS.glob(pattern))]
    source, named = (ASSETS / core).read_text(), _named(core)
    needed = [entry[1], *first, *blocks] if entry else []
    for component in COMPONENTS:
        found = re.search(rf"[{{,]{component}:{{(?:\w+:.*?import\.meta\.url\),)*?component:.*?__vite__mapDeps\(\[([\d,]+)\]\)", source)
        needed += [named[int(number)] for number in found[1].split(",")] if found else []
    own = re.findall(r'href="\./assets/([^"]+\.css)"', (FRONTEND / "index.html").read_text())
    return [file for file in dict.fromkeys(needed) if file not in own]


def _named(script: str) -> list[str]:
    """The files that a script of Gradio's loads by number."""
    found = re.search(r"m\.f=\[(.*?)\]", (ASSETS / script).read_text())
    return re.findall(r'"\./([^"]+)"', found[1]) if found else []
