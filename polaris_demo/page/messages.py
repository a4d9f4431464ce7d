"""What a message of the Model Context Protocol has to be, so that one that is none is a sentence before the library sees it.

mcp 1.30 writes a message that it cannot read to the log, a visitor's text and all, and answers with nothing to go by.
"""

from collections.abc import Mapping
from typing import Any

from mcp.types import INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, ClientRequest
from pydantic import ValidationError
from starlette.responses import JSONResponse, Response

METHODS = ("initialize", "ping", "tools/list", "tools/call")
NO_MESSAGE = "This is no request of JSON-RPC 2.0. Send jsonrpc “2.0”, an id (text or a whole number), method and params."
NO_METHOD = f"There is no method of this name here. There are {', '.join(METHODS)}."
NO_FIT = "The params do not fit {}: see its description in the Model Context Protocol."
NO_CALL = "tools/call takes in its params name, the name of a tool as text, and arguments, an object with its fields."


def answered(message: Mapping[str, Any]) -> Response | None:
    """The answer to a message that no tool is asked by; None where the library answers.

    What wants no answer gets none: each request here stands for itself, and a notice would reach nobody.
    """
    method, number = message.get("method"), message.get("id")
    if message.get("jsonrpc") == "2.0" and (("id" not in message and isinstance(method, str)) or "result" in message or "error" in message):
        return Response(status_code=202)
    if message.get("jsonrpc") != "2.0" or not isinstance(method, str) or not isinstance(number, int | str) or isinstance(number, bool):
        return _error(None, INVALID_REQUEST, NO_MESSAGE)
    if method not in METHODS:
        return _error(number, METHOD_NOT_FOUND, NO_METHOD)
    try:
        ClientRequest.model_validate(dict(message))
    except ValidationError:
        return _error(number, INVALID_PARAMS, NO_CALL if method == "tools/call" else NO_FIT.format(method))
    return None


def _error(number: int | str | None, code: int, sentence: str) -> Response:
    about = {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": sentence}}
    return JSONResponse(about | {"refused": sentence}, 400) if number is None else JSONResponse(about)
