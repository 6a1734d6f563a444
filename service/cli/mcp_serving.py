"""``mcp``: an MCP server on standard input and output, for programs that ask about their calls. It needs the SDK."""

import json
from typing import TYPE_CHECKING, Any

import service
from service.cli.environment import current_settings, stop
from service.journal import JournalError

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server

    from service.settings import Settings


def mcp() -> None:
    """Serve MCP on standard input and output: find calls, read one, why it was slow, totals, failures. Read-only.

    An MCP client starts it: command ollama-recorder, argument mcp, and the DATA_DIR of the recorder.
    """
    import asyncio

    settings = current_settings()
    try:
        from mcp.server.stdio import stdio_server
    except ImportError:
        stop("It needs the MCP SDK: install the recorder as ollama-recorder[mcp], or the package mcp beside it.")
    server = _server(settings)

    async def serve() -> None:
        async with stdio_server() as (requests, answers):
            await server.run(requests, answers, server.create_initialization_options())

    asyncio.run(serve())


def _server(settings: "Settings") -> "Server[Any]":
    import asyncio

    from mcp import types
    from mcp.server.lowlevel import Server

    from service.cli.mcp_tools import INSTRUCTIONS, TOOLS, ask

    tools = {tool.name: tool for tool in TOOLS}
    listed = [
        types.Tool(
            name=tool.name,
            description=tool.description,
            input_schema=tool.schema,
            annotations=types.ToolAnnotations(read_only_hint=True, open_world_hint=False),
        )
        for tool in TOOLS
    ]

    async def list_tools(_context: Any, _params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=listed)

    async def call_tool(_context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        # Wrong questions are answered, so that whoever asked can ask again.
        tool = tools.get(params.name)
        if tool is None:
            return told(f"There is no tool {params.name[:80]!r}; there are {', '.join(tools)}.", is_error=True)
        try:
            found = await asyncio.to_thread(ask, tool, settings, dict(params.arguments or {}))
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
