"""The page as it is served: what the browser fetches at once, so that it opens soon over a slow line, and what a link to it shows.

Gradio 6.31 sends its page uncompressed, and loads its scripts in three rounds, each of which names the next one's files,
with a style file for every kind of component: 65 requests, one after another over a browser's six connections. Here the
page is compressed, its head names all scripts from the start and brings the small styles along. The names are read from
the Gradio that is installed; where they cannot be found the page loads as Gradio would have it.
"""

import json
import logging
import re
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path

import gradio
from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import assets

FRONTEND = Path(gradio.__file__).parent / "templates" / "frontend"
ASSETS = FRONTEND / "assets"
_GRADIOS_TAGS = re.compile(rb"""<meta\s+(?:property="og:|name="twitter:)[^>]*>\s*|<title>[^<]*</title>\s*""")
log = logging.getLogger(__name__)
# The page's kinds of components, those needed first to ask for a story standing first.
COMPONENTS = (
    "html", "textbox", "number", "button", "tabs", "tabitem", "column", "accordion", "state",
)  # fmt: skip

# Gradio 6.31 leaves the clock of its loading sign running when the page has come: 60 frames a second for ever, on an empty
# page too, nearly a third of what a growing story costs the browser. Once a second does for any of its clocks.
CALM = r"""<script>{
    const real = window.requestAnimationFrame.bind(window), clock = /performance\.now\(\)-.{1,40}\/1e3/;
    window.requestAnimationFrame = (draw) => clock.test(draw) ? (setTimeout(real, 1000, draw), -1) : real(draw);
}</script>"""

# Gradio 6.31's page is first painted in the system's theme, whichever its address asks for; the app's own styles come later.
THEME = """<script>{
    const asked = new URLSearchParams(location.search).get("__theme");
    if (asked === "light" || asked === "dark") document.documentElement.dataset.asked = asked;
}</script>"""
THEMED = """<style>
:where([data-asked="light"]) body { background: var(--bg); color: var(--col); }
:where([data-asked="dark"]) body { background: var(--bg-dark); color: var(--col-dark); }
</style>"""


Head = Callable[[Scope], Awaitable[tuple[str, str]]]  # of a request: its title, and what its head begins with


class QuickPage:
    """Adds the head's elements to the page itself and compresses it; whatever else is served passes untouched.

    Gradio's own `head` is put in place by a script, when most files have been asked for one after another; and whoever
    makes a picture of a shared link runs no script, so what `head` makes takes the place of Gradio's own tags for that.
    """

    def __init__(self, app: ASGIApp, head: Head) -> None:
        self._app, self._page = app, GZipMiddleware(_WithHead(app, head))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_page = scope["type"] == "http" and scope["path"] == "/" and scope["method"] == "GET"
        await (self._page if is_page else self._app)(scope, receive, send)


class _WithHead:
    def __init__(self, app: ASGIApp, head: Head) -> None:
        self._app, self._head = app, head

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started: list[Message] = []
        body = bytearray()

        async def gather(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.append(message)
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body"):
                whole = _page(bytes(body), *await self._head(scope))
                MutableHeaders(scope=started[0])["content-length"] = str(len(whole))
                await send(started[0])
                await send({"type": "http.response.body", "body": whole})

        await self._app(scope, receive, gather)


def _page(page: bytes, title: str, first: str) -> bytes:
    """Ours come after Gradio's where they refine them."""
    scripts, styles = head()
    page = _GRADIOS_TAGS.sub(b"", page)
    begins = '<base href="./" />' + title + first + THEME + assets.preloads() + scripts
    page = page.replace(b'<base href="./" />', begins.encode(), 1)
    return page.replace(b"</head>", (THEMED + styles + assets.style()).encode() + b"</head>", 1)


@cache
def head() -> tuple[str, str]:
    """For the page's head, the names of scripts and the styles themselves; empty where Gradio's files are not as expected."""
    try:
        needed = files()
    except (OSError, AttributeError, LookupError, StopIteration, ValueError) as error:
        log.warning("Gradio's files are not as expected (%r), so the page loads as Gradio has it", error)
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
