"""The page as it is served: what the browser fetches at once, so that it opens soon over a slow line, and what a link to it shows.

Gradio 6.31 sends its page uncompressed, and loads its scripts in three rounds, each of which names the next one's files,
with a style file for every kind of component: 65 requests, one after another over a browser's six connections. Here the
page is compressed, its head names all scripts from the start and brings the small ones along, the styles and the theme:
20 requests in all. The names are read from the Gradio that is installed; where they cannot be found the page loads as Gradio would
have it.
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
_FINDS_ITSELF = re.compile(r"\bimport(?:\.meta|\()")  # a script that has to lie where it lay
SMALL = 4_000  # characters: what comes with the page comes with it each time
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

# Scripts that come with the page, in the place of those that they are. Nothing lies beside them, so they name others in full.
BRINGS = r"""<script>{
    const base = new URL("./assets/", document.baseURI).href, imports = {};
    for (const [file, source] of Object.entries(%s)) {
        const whole = source.replace(/\b(from|import)"\.\//g, `$1"${base}`);
        imports[base + file] = URL.createObjectURL(new Blob([whole], { type: "text/javascript" }));
    }
    const map = Object.assign(document.createElement("script"), { type: "importmap", textContent: JSON.stringify({ imports }) });
    document.head.append(map);
    map.remove(); // it is read
}</script>"""

# What Gradio's loader would fetch the theme by, where the page lies where it says.
THEME_IS_HERE = """<script>{
    const { root, theme_hash } = gradio_config, path = new URL(root || "/", location.href).pathname.replace(/\\/$/, "");
    const href = `${location.origin}${path}/theme.css?v=${theme_hash}`;
    document.head.append(Object.assign(document.createElement("link"), { rel: "brought", href }));
}</script>"""


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
                whole = _page(bytes(body), *await self._head(scope), scope["app"].get_blocks().theme_css)
                MutableHeaders(scope=started[0])["content-length"] = str(len(whole))
                await send(started[0])
                await send({"type": "http.response.body", "body": whole})

        await self._app(scope, receive, gather)


def _page(page: bytes, title: str, first: str, theme: str) -> bytes:
    """Ours come after Gradio's where they refine them, and its theme last, where it would have put it."""
    scripts, styles = head()
    page = _GRADIOS_TAGS.sub(b"", page)
    begins = '<base href="./" />' + title + first + THEME + assets.preloads() + scripts
    page = page.replace(b'<base href="./" />', begins.encode(), 1)
    last = THEMED + styles + assets.style() + (styles and f"<style>{theme}</style>{THEME_IS_HERE}")
    return page.replace(b"</head>", last.encode() + b"</head>", 1)


@cache
def head() -> tuple[str, str]:
    """For the page's head, the scripts by name or whole, and the styles themselves; empty where Gradio's files are not as expected."""
    try:
        needed = {file: (ASSETS / file).read_text() for file in files()}
    except (OSError, AttributeError, LookupError, StopIteration, ValueError) as error:
        log.warning("Gradio's files are not as expected (%r), so the page loads as Gradio has it", error)
        return "", ""
    styles = {file: source for file, source in needed.items() if file.endswith(".css") and "url(" not in source}
    # Gradio's loader takes a style that is named here for fetched. (Named in plain HTML it would be fetched, disabled or not.)
    named = f"""<script>for (const file of {json.dumps([*styles])}) {{
        const link = Object.assign(document.createElement("link"), {{ rel: "stylesheet", disabled: true }});
        link.setAttribute("disabled", "");
        link.href = `./assets/${{file}}`;
        document.head.append(link);
    }}</script>"""
    scripts = {file: source for file, source in needed.items() if file.endswith(".js")}
    return CALM + _scripts(scripts), f"<style>{''.join(styles.values())}</style>{named}"


def _scripts(scripts: dict[str, str]) -> str:
    """The small ones whole, and the names of the others; Gradio's loader takes what a link names for fetched."""
    small = {file: source for file, source in scripts.items() if len(source) <= SMALL and not _FINDS_ITSELF.search(source)}
    names = "".join(
        f'<link rel="{"brought" if file in small else "modulepreload"}" crossorigin href="./assets/{file}">' for file in scripts
    )
    return BRINGS % json.dumps(small).replace("</", r"<\/") + names


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
