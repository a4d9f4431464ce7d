"""The protocol's official client as an agent calls it, and messages it would not send. Only for tests."""

import asyncio
import gc
import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.server.streamable_http import StreamableHTTPServerTransport
from mcp.types import CallToolResult

STORY = "# The Lamp\n\n" + "It was dark, and she lit the “lamp” 🏮. " * 30
PATIENCE = 20  # seconds for what takes one on a machine that is not busy
HEADERS = {"content-type": "application/json", "accept": "application/json, text/event-stream"}


@asynccontextmanager
async def agent(url: str, **options: Any) -> Any:
    """A session of the official client, and what it was greeted with."""
    async with (
        httpx.AsyncClient(timeout=PATIENCE, verify=False, **options) as http,
        streamable_http_client(f"{url}gradio_api/mcp/", http_client=http) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        yield session, await session.initialize()


def asks(url: str, what: Callable[[ClientSession], Awaitable[Any]], **options: Any) -> Any:
    async def ask() -> Any:
        async with asyncio.timeout(PATIENCE), agent(url, **options) as (session, _):
            return await what(session)

    return asyncio.run(ask())


def calls(url: str, tool: str, **arguments: Any) -> CallToolResult:
    return asks(url, lambda session: session.call_tool(tool, arguments))


def said(answer: CallToolResult) -> dict[str, Any]:
    """Its structured content, which its text is the JSON of; the client has held it against the tool's schema."""
    assert not answer.isError, answer.content
    assert answer.structuredContent == json.loads(text(answer))
    return answer.structuredContent


def text(answer: CallToolResult) -> str:
    (content,) = answer.content
    assert content.type == "text"
    return content.text


def posted(url: str, body: object, **headers: str) -> httpx.Response:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.post(f"{url}gradio_api/mcp/", content=sent, headers=HEADERS | headers, timeout=PATIENCE, verify=False)


def message(method: object = "tools/call", number: object = 1, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def left_behind() -> list[object]:
    gc.collect()
    return [found for found in gc.get_objects() if type(found) is StreamableHTTPServerTransport]
