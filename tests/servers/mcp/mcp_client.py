"""Asks the recorder with the SDK's own client: ``mcp_client.py WHERE [TOOL ARGUMENTS]…``.

WHERE is a DATA_DIR, which ``ollama-recorder mcp`` is started for, or an address, asked with ``MCP_HEADERS`` (JSON).
It writes a line of JSON for the tools and for each answer. It runs in .servers/mcp, where the SDK is.
"""

import asyncio
import json
import os
import sys

import httpx2
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client


async def main(where: str, questions: list[tuple[str, str]]) -> None:
    if where.startswith("http"):
        headers = json.loads(os.environ.get("MCP_HEADERS", "{}"))
        server = streamable_http_client(where, http_client=httpx2.AsyncClient(headers=headers))
    else:
        environment = {"DATA_DIR": where, "PYTHONPATH": os.environ["PYTHONPATH"]}
        server = StdioServerParameters(command=sys.executable, args=["-m", "service", "mcp"], env=environment)
    async with asyncio.timeout(100), Client(server) as client:
        tools = (await client.list_tools()).tools
        print(json.dumps({tool.name: bool(tool.annotations and tool.annotations.read_only_hint) for tool in tools}))
        for name, arguments in questions:
            answer = await client.call_tool(name, json.loads(arguments))
            (content,) = answer.content
            print(json.dumps({"is_error": answer.is_error, "text": content.text}))


if __name__ == "__main__":
    words = sys.argv[2:]
    asyncio.run(main(sys.argv[1], list(zip(words[::2], words[1::2], strict=True))))
