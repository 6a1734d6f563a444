#!/usr/bin/env bash
# LiteLLM 1.106.2, its log callback "generic_api", seen on 2026-11-29.
#
# What one expects: entries are gathered, and each of them is posted once.
# What happens: the callback posts its whole list, waits for the receiver's answer, and then empties the list. What was
# added while it waited is emptied too: it was in no request, and nothing tells of it. The flag for this,
# `preserve_events_added_during_flush`, is of no use here: the callback empties its list itself.
# Once the list has DEFAULT_BATCH_SIZE entries, each further call posts the whole list anew, past the lock that periodic
# posts hold. Entries that are on their way are in the next request again.
#
# So the slower the receiver, the more is lost, and the more comes twice under load. Count by "id" on arrival, and do
# not take the log for complete. Seen:
#   gathered for a second: posted [["0"], ["6"]]: 1 to 5 are lost, though every request was answered with 200
#   a batch of two: posted [["0", "1"], ["0", "1", "2"], ["0", "1", "2", "3"]]: three of four came more than once
# Needs Python 3.11; takes some minutes, nearly all of it to install.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --quiet --disable-pip-version-check install litellm==1.106.2 aiohttp==3.14.5 \
    httpx==0.28.1 openai==2.54.0 pydantic==2.14.4

cat >"$folder/calls.py" <<'PYTHON'
import asyncio
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

may_answer = threading.Event()
posted: list[list[str]] = []


class Stand(BaseHTTPRequestHandler):
    """OpenAI's route, and the receiver of logs: that one answers 200 as soon as `may_answer` is set."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/log":
            posted.append([entry["messages"][0]["content"] for entry in body])
            assert may_answer.wait(60)
            content = b"{}"
        else:
            message = {"role": "assistant", "content": "yes"}
            content = json.dumps({
                "id": "chatcmpl-" + body["messages"][0]["content"], "object": "chat.completion", "created": 1,
                "model": "small", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
            }).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None: ...


server = ThreadingHTTPServer(("127.0.0.1", 0), Stand)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}"


async def until(holds) -> None:
    limit = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < limit, posted
        await asyncio.sleep(0.05)


async def main(kind: str) -> None:
    import litellm
    from litellm.integrations.generic_api.generic_api_callback import GenericAPILogger

    log = GenericAPILogger(endpoint=address + "/log")
    litellm.callbacks = [log]
    calls = 0

    async def call() -> None:
        nonlocal calls
        question = [{"role": "user", "content": str(calls)}]
        await litellm.acompletion("openai/small", question, api_base=address + "/v1", api_key="none")
        calls += 1
        await until(lambda: len(log.log_queue) >= calls)  # an entry is added after the answer

    if kind == "time":
        await call()
        await until(lambda: posted)
        for _ in range(5):
            await call()
        may_answer.set()
        await until(lambda: not log.log_queue)
        question = [{"role": "user", "content": "6"}]
        await litellm.acompletion("openai/small", question, api_base=address + "/v1", api_key="none")
        await until(lambda: len(posted) == 2)
        await asyncio.sleep(3)  # three more posts could leave in that time
        print("gathered for a second: posted", posted)
        assert posted == [["0"], ["6"]], posted
    else:
        for requests in (0, 1, 2, 3):
            await call()
            await until(lambda: len(posted) == requests)
        may_answer.set()
        await until(lambda: not log.log_queue)
        print("a batch of two: posted", posted)
        assert posted == [["0", "1"], ["0", "1", "2"], ["0", "1", "2", "3"]], posted


if __name__ == "__main__":
    import sys

    asyncio.run(asyncio.wait_for(main(sys.argv[1]), 180))
PYTHON
export LITELLM_LOCAL_MODEL_COST_MAP=True LITELLM_LOG=ERROR
DEFAULT_FLUSH_INTERVAL_SECONDS=1 "$folder/venv/bin/python" "$folder/calls.py" time
DEFAULT_FLUSH_INTERVAL_SECONDS=600 DEFAULT_BATCH_SIZE=2 "$folder/venv/bin/python" "$folder/calls.py" size
echo "as described"
