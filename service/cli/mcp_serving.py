"""``mcp``: an MCP server for programs that ask about their calls, on standard input and output. It needs the SDK."""

import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import service
from service.cli.environment import current_settings, stop
from service.journal import JournalError

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server

    from service.cli.mcp_tools import Source

Beside = Callable[..., Awaitable[Any]]


def mcp() -> None:
    """Serve MCP on standard input and output: find calls, read one, why it was slow, totals, failures. Read-only.

    An MCP client starts it: command ollama-recorder, argument mcp, and the DATA_DIR of the recorder.
    """
    import asyncio

    from service.cli.mcp_tools import Source

    settings = current_settings()
    try:
        from mcp.server.stdio import stdio_server
    except ImportError:
        stop("It needs the MCP SDK: install the recorder as ollama-recorder[mcp], or the package mcp beside it.")
    server = make_server(Source(settings), asyncio.to_thread)

    async def serve() -> None:
        async with stdio_server() as (requests, answers):
            await server.run(requests, answers, server.create_initialization_options())

    try:
        asyncio.run(serve())
    except* (BrokenPipeError, ConnectionResetError):
        # Whoever asked left amid an answer, as clients do that are killed. What is still to be written has no reader.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def make_server(source: "Source", beside: Beside) -> "Server[Any]":
    """The server that answers from ``source``, for any transport of the SDK. Raises ImportError without the SDK.

    ``beside`` calls a function, that blocks, on another thread.
    """
    from mcp import types
    from mcp.server.lowlevel import Server

    from service.cli.mcp_tools import INSTRUCTIONS, ask, tools_of

    tools = tools_of(source)
    listed = [
        types.Tool(
            name=tool.name,
            description=tool.description,
            input_schema=tool.schema,
            annotations=types.ToolAnnotations(read_only_hint=True, open_world_hint=False),
        )
        for tool in tools.values()
    ]

    async def list_tools(_context: Any, _params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=listed)

    async def call_tool(_context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        # Wrong questions are answered, so that whoever asked can ask again.
        tool = tools.get(params.name)
        if tool is None:
            return told(f"There is no tool {params.name[:80]!r}; there are {', '.join(tools)}.", is_error=True)
        try:
            found = await beside(ask, tool, source, dict(params.arguments or {}))
        except (ValueError, LookupError, JournalError) as trouble:
            return told(str(trouble.args[0]), is_error=True)
        return told(json.dumps(found, ensure_ascii=False, default=str))

    def told(text: str, *, is_error: bool = False) -> types.CallToolResult:
        return types.CallToolResult(content=[types.TextContent(type="text", text=text)], is_error=is_error)

    return Server(
        "ollama-recorder",
        version=service.__version__,
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
