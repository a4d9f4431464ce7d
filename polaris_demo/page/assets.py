"""The files a browser gets of the page itself: scripts, styles and fonts, under an address that changes with them.

No build step: the scripts lie in browser/ as native modules, and are served as one, each of them a function in it. As files
of their own they made the page wait: over HTTP/1.1 a browser fetches six at a time, each for a round of the line.
"""

import hashlib
import mimetypes
import re
from collections.abc import Iterator, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from . import wire
from .parts import BROWSER

# In the order they take effect: a later one may refine an earlier one.
STYLES = (
    "tokens",
    "frame",
    "pieces",
    "ask",
    "settings",
    "taste",
    "gallery",
    "reading",
    "night",
    "after",
    "branch",
    "shelf",
    "beside",
    "results",
    "embed",
    "print",
)
SCRIPT, MAIN = "page.js", "main"
LASTING = {"Cache-Control": "public, max-age=31536000, immutable"}
_IMPORT = re.compile(r'^(import|export) \{ (.*) \} from "\./(\w+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async function|function|const|class) (\w+))", re.MULTILINE)


def modules() -> dict[str, str]:
    """The scripts by name, and beside them what says in one module what Python knows."""
    found = {path.stem: path.read_text() for path in sorted((BROWSER / "scripts").glob("*.js"))}
    return found | {"wire": wire.module()}


def joined(modules: Mapping[str, str]) -> str:
    """All modules as one, in the order a browser would run them; it exports what main does, and each of them by its name."""
    order = list(dict.fromkeys(_needed(MAIN, modules, ())))
    functions = "".join(f"const ${name} = (() => {{\n{_as_function(modules[name])}}})();\n" for name in order)
    exported = ", ".join(_exports(modules[MAIN]))
    named = ", ".join(f"{name}: ${name}" for name in order)
    return f"{functions}export const {{ {exported} }} = ${MAIN};\nexport const modules = {{ {named} }};\n"


def _needed(name: str, modules: Mapping[str, str], above: tuple[str, ...]) -> Iterator[str]:
    """A module after those that it imports."""
    if name in above:
        raise ValueError(f"The scripts import each other in a circle: {' -> '.join((*above, name))}")
    for found in _IMPORT.finditer(modules[name]):
        yield from _needed(found[3], modules, (*above, name))
    yield name


def _as_function(source: str) -> str:
    """The module's text, where its imports are what other functions returned, and its exports what this one returns."""
    given = ", ".join(_exports(source))
    return f"{_EXPORT.sub('', _IMPORT.sub(_taken, source))}return {{ {given} }};\n"


def _taken(found: re.Match[str]) -> str:
    return f"const {{ {found[2].replace(' as ', ': ')} }} = ${found[3]};"


def _exports(source: str) -> list[str]:
    passed_on = [name for found in _IMPORT.finditer(source) if found[1] == "export" for name in found[2].split(", ")]
    return [found[1] for found in _EXPORT.finditer(source)] + passed_on


def _files() -> dict[str, bytes]:
    fonts = {f"fonts/{path.name}": path.read_bytes() for path in sorted((BROWSER / "fonts").iterdir())}
    return fonts | {SCRIPT: joined(modules()).encode()}


FILES: Mapping[str, bytes] = _files()
STYLE = "".join((BROWSER / "styles" / f"{name}.css").read_text() for name in STYLES)
VERSION = hashlib.sha256(b"".join([STYLE.encode(), *FILES.values()])).hexdigest()[:12]
FOLDER = f"page/{VERSION}"


def preloads() -> str:
    """Asks for the scripts at once. The fonts come when there is text in them, which never waits for them."""
    return f'<link rel="modulepreload" href="{FOLDER}/{SCRIPT}">'


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
