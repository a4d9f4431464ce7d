"""Recipe links: the form's settings as a query string in plain words, and back. Pure.

A link holds only what differs from the defaults. What a link says is judged like anything a visitor types: a value that
cannot stand in its field becomes a finding, and the field keeps its default.
"""

import math
import re
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlencode

from ..story.request import FIELDS, FORM_NAMES, LIMITS, Finding, StoryRequest, read

USUAL_ADDRESS = "http://127.0.0.1:7860/"
TEXTS = {"premise": "", "form": FORM_NAMES[0]}


def address(headers: Mapping[str, str], root_path: str = "", proxies: int = 0) -> str:
    """Where this app answers, as whoever sent a request with these headers reached it; `root_path` as Gradio takes it.

    What a request says of itself is believed where it can only be this machine or its network: anybody can send
    any other name. What proxies say is believed where there are `proxies`.
    """
    if root_path.startswith(("http://", "https://")):
        return f"{root_path.rstrip('/')}/"

    def first(name: str) -> str:
        return str(headers.get(name, "")).split(",")[0].strip()

    host = (proxies and first("x-forwarded-host")) or first("host")
    if not is_near(host):
        return USUAL_ADDRESS
    path = f"/{root_path.strip('/')}/" if root_path.strip("/") else "/"
    return f"{'https' if proxies and first('x-forwarded-proto') == 'https' else 'http'}://{host}{path}"


def own_address(env: Mapping[str, str], root_path: str = "") -> str:
    """Where the page answers for whoever is on this machine, by what Gradio is told to listen on."""
    name, port = env.get("GRADIO_SERVER_NAME", "").strip(), env.get("GRADIO_SERVER_PORT", "").strip() or "7860"
    return address({"host": f"{'127.0.0.1' if name in ('', '0.0.0.0', '::') else name}:{port}"}, root_path)


def is_near(host: str) -> bool:
    """A name, with a port or without, that can only be this machine's or one of its network's."""
    name = re.fullmatch(r"(\[[0-9a-f:]+\]|[\w.-]+)(:\d{1,5})?", host, re.IGNORECASE)
    if not name:
        return False
    try:
        return ip_address(name[1].strip("[]")).is_private
    except ValueError:
        return name[1].lower() == "localhost" or name[1].lower().endswith(".local")


def defaults(default_words: int) -> dict[str, object]:
    """What the form shows before anyone has touched it, by field."""
    numbers = {name: int(limit.default) if limit.whole else limit.default for name, limit in LIMITS.items()}
    return {name: (TEXTS | numbers | {"words": default_words})[name] for name in FIELDS}


def of_request(request: StoryRequest) -> dict[str, object]:
    """A request's values by field."""
    sampling = vars(request.sampling)
    return {name: sampling[name] if name in sampling else getattr(request, name) for name in FIELDS}


def query(values: Mapping[str, object], default_words: int) -> str:
    """The query string that `arrival` turns back into these values."""
    usual = defaults(default_words)
    if values.get("presence_penalty") not in (0, None):
        usual["repetition_penalty"] = 1
    return urlencode({name: _plain(value) for name, value in values.items() if name in usual and value != usual[name]})


def arrival(link: Mapping[str, str], default_words: int) -> tuple[dict[str, object], tuple[Finding, ...]]:
    """The form's values for a page opened with this query, and what in it could not be used. Other keys are left alone."""
    given: dict[str, object] = {name: link[name] for name in FIELDS if name in link}
    values, bad = defaults(default_words), {name for name in given if name in LIMITS and _number(str(given[name])) is None}
    _, findings = read({"premise": "–"} | given)
    for name, text in given.items():
        if name in LIMITS and name not in bad:
            values[name] = _number(str(text))
        elif name == "premise" or (name == "form" and text in FORM_NAMES):
            values[name] = text
    if "repetition_penalty" not in given and values["presence_penalty"] != 0:
        values["repetition_penalty"] = 1.0
    return values, tuple(f for f in findings if f.field in given)


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) and abs(value) < 1e5 else str(value)


def _number(text: str) -> float | None:
    """The number a field can show, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
