"""The files a browser gets of the page itself: native modules, styles and fonts, under an address that changes with them.

No build step: what is served is what lies in browser/, beside wire.js, which says in one module what Python knows.
"""

import hashlib
import mimetypes
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from . import wire
from .parts import BROWSER

# In the order they take effect: a later one may refine an earlier one.
STYLES = ("tokens", "frame", "pieces", "ask", "settings", "taste", "reading", "night", "after", "shelf", "results", "embed", "print")
FONTS = ("literata-latin-400-normal.woff2", "literata-latin-400-italic.woff2")
FIRST = "main.js"
LASTING = {"Cache-Control": "public, max-age=31536000, immutable"}


def _files() -> dict[str, bytes]:
    found = {path.name: path.read_bytes() for path in sorted((BROWSER / "scripts").glob("*.js"))}
    found |= {f"fonts/{path.name}": path.read_bytes() for path in sorted((BROWSER / "fonts").iterdir())}
    return found | {"wire.js": wire.module().encode()}


FILES: Mapping[str, bytes] = _files()
STYLE = "".join((BROWSER / "styles" / f"{name}.css").read_text() for name in STYLES)
VERSION = hashlib.sha256(b"".join([STYLE.encode(), *FILES.values()])).hexdigest()[:12]
FOLDER = f"page/{VERSION}"


def preloads() -> str:
    """Asks for every module and font at once, so that none waits for the one that names it."""
    fonts = "".join(f'<link rel="preload" as="font" type="font/woff2" crossorigin href="{FOLDER}/fonts/{font}">' for font in FONTS)
    scripts = "".join(f'<link rel="modulepreload" href="{FOLDER}/{name}">' for name in FILES if name.endswith(".js"))
    return fonts + scripts


def style() -> str:
    """The page's styles, in the page: one request less before anything can be painted."""
    return f"<style>{STYLE.replace('FONTS', f'{FOLDER}/fonts')}</style>"


def routes() -> list[Route]:
    return [Route("/page/{version}/{path:path}", _serve)]


async def _serve(request: Request) -> Response:
    """A file as it is now, whichever version was asked for: a page that was opened before a restart goes on working."""
    path = request.path_params["path"]
    if path not in FILES:
        return Response("There is no such file.", 404, media_type="text/plain")
    kind = "text/javascript" if path.endswith(".js") else mimetypes.guess_type(path)[0] or "application/octet-stream"
    kept = LASTING if request.path_params["version"] == VERSION else {"Cache-Control": "no-store"}
    return Response(FILES[path], media_type=kind, headers=kept)
