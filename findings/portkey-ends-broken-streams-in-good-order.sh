#!/usr/bin/env bash
# @portkey-ai/gateway 1.15.2 (with @hono/node-server 1.13.8, on which it streams), on Node.js 20, seen on 2026-11-29.
#
# What one expects: an upstream that breaks off in the middle of a chunked answer is noticed by the client. The chunk of
# length zero is absent, so reading the answer fails.
# What happens: with a streamed chat, the gateway ends its own answer in good order, with a chunk of length zero, when
# the upstream is lost. The client reads to the end without an error and holds half an answer under status 200. The
# gateway writes "Error during stream processing" to its own output, and nothing into the stream.
#
# So a client behind the gateway looks for `data: [DONE]` or a `finish_reason`: the end alone tells nothing. Seen:
#   direct:      status 200, 1 event, reading failed: TypeError: terminated
#   the gateway: status 200, 1 event, read to the end
# Needs Node.js 20 with npm; takes about a minute.
set -euo pipefail
folder=$(mktemp -d)
gateway=
trap 'if [ -n "$gateway" ]; then kill "$gateway" 2>/dev/null || true; wait "$gateway" 2>/dev/null || true; fi
rm -rf "$folder"' EXIT
cat >"$folder/package.json" <<'JSON'
{"private": true, "dependencies": {"@portkey-ai/gateway": "1.15.2"},
 "overrides": {"@hono/node-server": "1.13.8", "@hono/node-ws": "1.3.1", "hono": "4.13.19"}}
JSON
npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund --silent

# The gateway listens on all addresses: this makes it the loopback's.
cat >"$folder/loopback.cjs" <<'JAVASCRIPT'
const {Server} = require("node:net");
const {listen} = Server.prototype;
Server.prototype.listen = function (port, ...rest) {
  return listen.call(this, port, "127.0.0.1", ...rest.filter((given) => typeof given === "function"));
};
JAVASCRIPT
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
node --require "$folder/loopback.cjs" "$folder/node_modules/@portkey-ai/gateway/build/start-server.js" \
    "--port=$port" --headless >"$folder/log" 2>&1 &
gateway=$!

cat >"$folder/ask.mjs" <<'JAVASCRIPT'
import {deepStrictEqual} from "node:assert";
import {createServer} from "node:http";

let arrived = () => {};
const upstream = createServer(async (request, answer) => {
  request.resume();
  const choices = [{index: 0, delta: {content: "The sky"}, finish_reason: null}];
  const chunk = {id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "small", choices};
  const seen = new Promise((known) => (arrived = known));
  answer.writeHead(200, {"content-type": "text/event-stream"});
  answer.write(`data: ${JSON.stringify(chunk)}\n\n`);
  await seen;
  answer.destroy();
});
await new Promise((listening) => upstream.listen(0, "127.0.0.1", listening));

async function readStream(base) {
  const headers = {
    "content-type": "application/json", authorization: "Bearer none", "x-portkey-provider": "openai",
    "x-portkey-custom-host": `http://127.0.0.1:${upstream.address().port}/v1`,
  };
  const body = JSON.stringify({model: "small", messages: [{role: "user", content: "Well?"}], stream: true});
  const answer = await fetch(base + "/chat/completions", {method: "POST", headers, body, signal: AbortSignal.timeout(60_000)});
  let text = "";
  let end = "read to the end";
  try {
    for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {
      text += piece;
      arrived();
    }
  } catch (error) {
    end = `reading failed: ${error}`;
  }
  return `status ${answer.status}, ${text.split("data: ").length - 1} event, ${end}`;
}

const gateway = process.argv[2];
const limit = Date.now() + 60_000;
while (!(await fetch(gateway).then(() => true, () => false))) {
  if (Date.now() > limit) throw new Error("the gateway does not start");
  await new Promise((passed) => setTimeout(passed, 200));
}
const direct = await readStream(`http://127.0.0.1:${upstream.address().port}/v1`);
const passed = await readStream(gateway + "/v1");
console.log(`direct:      ${direct}`);
console.log(`the gateway: ${passed}`);
deepStrictEqual(direct, "status 200, 1 event, reading failed: TypeError: terminated");
deepStrictEqual(passed, "status 200, 1 event, read to the end");
upstream.close();
upstream.closeAllConnections();
JAVASCRIPT
timeout 180 node "$folder/ask.mjs" "http://127.0.0.1:$port"
grep -q "Error during stream processing" "$folder/log"
echo "as described"
