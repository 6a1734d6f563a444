"""The measure of the recorder: a pass-through with aiohttp on both sides that keeps nothing.

As somebody writes it who knows aiohttp: uvloop, a client that leaves ends the request, bytes go on as they come and
compressed ones stay so, no limit on connections, none on time. ``python -m … bare_passthrough PORT UPSTREAM_URL``.
"""

import asyncio
import sys

import uvloop
from aiohttp import ClientSession, ClientTimeout, TCPConnector, web

PREFIX = "/api/ollama"
NOT_FORWARDED = {
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
}


async def serve(port: int, upstream: str) -> None:
    async def forward(request: web.Request) -> web.StreamResponse:
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in NOT_FORWARDED]
        body = request.content if request.body_exists else None
        url = upstream + request.raw_path.removeprefix(PREFIX)
        async with session.request(request.method, url, headers=headers, data=body, allow_redirects=False) as answer:
            headers = [(name, value) for name, value in answer.headers.items() if name.lower() not in NOT_FORWARDED]
            response = web.StreamResponse(status=answer.status, headers=headers)
            await response.prepare(request)
            async for piece in answer.content.iter_any():
                await response.write(piece)
            await response.write_eof()
            return response

    timeout = ClientTimeout(total=None, sock_connect=5)
    async with ClientSession(connector=TCPConnector(limit=0), timeout=timeout, auto_decompress=False) as session:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", forward)
        runner = web.AppRunner(app, handler_cancellation=True, access_log=None, auto_decompress=False)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2]))
