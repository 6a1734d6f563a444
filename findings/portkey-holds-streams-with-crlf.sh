#!/usr/bin/env bash
# @portkey-ai/gateway 1.15.2 (with @hono/node-server 1.13.8, on which it streams), on Node.js 20, seen on 2026-11-29.
#
# What one expects: a streamed answer passes the gateway piece by piece. Lines of server-sent events end with LF, CR or
# CR LF, whichever the upstream likes: all of them are in the standard, and sse-starlette 3.7.0 for one writes CR LF.
# What happens: with provider `openai` and a host of one's own, the gateway looks for two LF and for nothing else. An
# upstream that ends its lines with CR LF never sends two LF in a row. The gateway holds all of its answer back, the
# head too, and gives it in one piece when the upstream is done. No byte is wrong, and no error or log tells of it.
#
# So "it does not stream" behind the gateway can come from the upstream's line ends. Seen, with four events that the
# upstream sends one by one, each when the one before has arrived, or after 3 s:
#   LF: events sent before the head came: 1, in each piece: 1, 1, 1, 1
#   CR LF: events sent before the head came: 4, in each piece: 4
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

const EVENTS = ["The ", "sky ", "is ", "blue."];
let arrived = () => {};
let end = "\n";
let sent = 0;
const upstream = createServer(async (request, answer) => {
  request.resume();
  sent = 0;
  answer.writeHead(200, {"content-type": "text/event-stream"});
  for (const content of EVENTS) {
    const choices = [{index: 0, delta: {content}, finish_reason: null}];
    const chunk = {id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "small", choices};
    const seen = new Promise((known) => (arrived = known));
    answer.write(`data: ${JSON.stringify(chunk)}${end}${end}`);
    sent += 1;
    await Promise.race([seen, new Promise((passed) => setTimeout(passed, 3000))]);
  }
  answer.end();
});
await new Promise((listening) => upstream.listen(0, "127.0.0.1", listening));

async function eventsInPieces(base) {
  const headers = {
    "content-type": "application/json", authorization: "Bearer none", "x-portkey-provider": "openai",
    "x-portkey-custom-host": `http://127.0.0.1:${upstream.address().port}/v1`,
  };
  const body = JSON.stringify({model: "small", messages: [{role: "user", content: "Well?"}], stream: true});
  const answer = await fetch(base + "/chat/completions", {method: "POST", headers, body, signal: AbortSignal.timeout(60_000)});
  deepStrictEqual(answer.status, 200);
  const sentBeforeHead = sent;
  const pieces = [];
  for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {
    pieces.push(piece.split("data: ").length - 1);
    arrived();
  }
  return {sentBeforeHead, pieces};
}

const gateway = process.argv[2];
const limit = Date.now() + 60_000;
while (!(await fetch(gateway).then(() => true, () => false))) {
  if (Date.now() > limit) throw new Error("the gateway does not start");
  await new Promise((passed) => setTimeout(passed, 200));
}
for (const [name, ending, expected] of [["LF", "\n", {sentBeforeHead: 1, pieces: [1, 1, 1, 1]}], ["CR LF", "\r\n", {sentBeforeHead: 4, pieces: [4]}]]) {
  end = ending;
  const direct = await eventsInPieces(`http://127.0.0.1:${upstream.address().port}/v1`);
  deepStrictEqual(direct, {sentBeforeHead: 1, pieces: [1, 1, 1, 1]});
  const seen = await eventsInPieces(gateway + "/v1");
  console.log(`${name}: events sent before the head came: ${seen.sentBeforeHead}, in each piece: ${seen.pieces.join(", ")}`);
  deepStrictEqual(seen, expected);
}
upstream.close();
upstream.closeAllConnections();
JAVASCRIPT
timeout 180 node "$folder/ask.mjs" "http://127.0.0.1:$port"
echo "as described"
