"""How our own routes answer: JSON that no search engine lists, a refusal as {"refused": sentence}; and how they read a body."""

import json
import math
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse

from ..errors import TooMany
from . import heard

UNLISTED = {"X-Robots-Tag": "noindex, nofollow", "Cache-Control": "no-store"}
MOST_BYTES = 16_384


async def body(request: Request) -> dict[str, object]:
    """A small JSON object from the request; empty where there is none."""
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > MOST_BYTES:
            return {}
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def answer(message: Mapping[str, object], status: int = 200, headers: Mapping[str, str] = UNLISTED) -> JSONResponse:
    return JSONResponse(message, status, headers=headers)


def refused(sentence: str, status: int) -> JSONResponse:
    message: heard.Refused = {"refused": sentence}
    return answer(message, status)


def too_many(error: TooMany) -> JSONResponse:
    message: heard.Refused = {"refused": str(error)}
    return answer(message, 429, UNLISTED | {"Retry-After": str(math.ceil(error.seconds))})
