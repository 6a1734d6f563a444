#!/usr/bin/env bash
# n8n 2.41.1, seen on 2026-11-29; 2.30.8 has the same settings.
#
# What one expects: the time limit of a workflow (Settings -> Timeout Workflow) ends what the workflow is doing.
# What happens: the execution is canceled at its limit, and the request of its HTTP Request node stays open. The server
# that is asked goes on working. So does a model: Ollama stops generating only when its client hangs up.
#
# So a limit that is to stop a model belongs into the node (Options -> Timeout), not only into the workflow.
#
# It installs n8n (about five minutes). N8N=FOLDER takes one that is there: the folder that has node_modules.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d)
trap 'kill "${pid:-}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
if [ -z "${N8N:-}" ]; then
    N8N=$folder/n8n
    mkdir "$N8N"
    cp "$here"/tests/servers/n8n-2.41/package*.json "$N8N/"
    (cd "$N8N" && npm ci --ignore-scripts --legacy-peer-deps --omit=dev --no-audit --no-fund --loglevel=error &&
        npm rebuild node sqlite3 --loglevel=error)
fi
modules=$(cd "$N8N" && pwd)/node_modules
n8n() { "$modules/node/bin/node" "$modules/.bin/n8n" "$@"; }
read -r port broker slow < <(python3 -c '
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(one.getsockname()[1] for one in held))')
export N8N_USER_FOLDER=$folder N8N_ENCRYPTION_KEY=x N8N_PORT=$port N8N_RUNNERS_BROKER_PORT=$broker
export N8N_LISTEN_ADDRESS=127.0.0.1 N8N_DIAGNOSTICS_ENABLED=false N8N_VERSION_NOTIFICATIONS_ENABLED=false

cat >"$folder/workflow.json" <<JSON
{"id": "limited", "name": "Limited", "active": false, "settings": {"executionOrder": "v1", "executionTimeout": 15},
 "nodes": [
  {"id": "a", "name": "Hook", "type": "n8n-nodes-base.webhook", "typeVersion": 2, "position": [0, 0], "webhookId": "go",
   "parameters": {"httpMethod": "POST", "path": "go", "responseMode": "onReceived", "options": {}}},
  {"id": "b", "name": "Ask", "type": "n8n-nodes-base.httpRequest", "typeVersion": 4.2, "position": [200, 0],
   "parameters": {"url": "http://127.0.0.1:$slow/", "options": {}}}],
 "connections": {"Hook": {"main": [[{"node": "Ask", "type": "main", "index": 0}]]}}}
JSON
n8n import:workflow --input="$folder/workflow.json"
n8n publish:workflow --id=limited
n8n start >"$folder/n8n.log" 2>&1 &
pid=$!

python3 - "$port" "$slow" "$folder/.n8n/database.sqlite" <<'PYTHON'
import socket
import sqlite3
import sys
import time
import urllib.error
import urllib.request

port, slow, database = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
server = socket.create_server(("127.0.0.1", slow))
server.settimeout(60)
until = time.monotonic() + 300
while True:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/webhook/go", b"{}", timeout=30).read()
        break
    except (urllib.error.URLError, ConnectionError):
        assert time.monotonic() < until, "n8n did not start"
        time.sleep(0.5)
connection, _ = server.accept()
began = time.monotonic()
connection.settimeout(60)
assert connection.recv(65536)
canceled = None
connection.settimeout(0.2)
hung_up = None
while time.monotonic() - (canceled or began) < (8 if canceled else 60):
    try:
        if connection.recv(1) == b"" and hung_up is None:
            hung_up = time.monotonic()
            break
    except TimeoutError:
        pass
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as rows:
        ((status,),) = rows.execute("SELECT status FROM execution_entity").fetchall()
    if canceled is None and status == "canceled":
        canceled = time.monotonic()
assert canceled is not None, "the execution was not canceled"
print(f"The execution was canceled {canceled - began:.1f} s after its node had asked.")
print("Its request was open 8 s later." if hung_up is None else f"n8n hung up {hung_up - canceled:.1f} s later.")
assert hung_up is None
print("as described")
PYTHON
