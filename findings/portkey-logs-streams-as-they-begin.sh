#!/usr/bin/env bash
# @portkey-ai/gateway 1.15.2 (with @hono/node-server 1.13.8, on which it streams), on Node.js 20, seen on 2026-11-29.
#
# What one expects: the console's log (`/log/stream`) tells of a streamed chat what it tells of any other, once it is
# over: answer, tokens, status and how long it took.
# What happens: the entry is written when the stream begins. In the place of the answer stands a fixed sentence. There
# are no tokens, and `duration` ends with the head of the answer. A stream that breaks off half-way is logged as a
# whole one: status 200, the same sentence, and no second entry.
#
# So neither speed nor tokens nor failures of streams can be read from it. Seen, with an upstream that takes 3 s for
# its stream:
#   whole: status 200, duration 530 ms, before the end: false, {..."content":"yes"..."total_tokens":3}}
#   streamed: status 200, duration 95 ms, before the end: true, {"message":"The response was a stream."}
#   broken: status 200, duration 26 ms, before the end: true, {"message":"The response was a stream."}
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
    "--port=$port" >"$folder/log" 2>&1 &
gateway=$!

cat >"$folder/ask.mjs" <<'JAVASCRIPT'
import {deepStrictEqual, ok} from "node:assert";
import {createServer} from "node:http";

const STREAM_LASTS = 3000;
const pause = (milliseconds) => new Promise((passed) => setTimeout(passed, milliseconds));
const head = {id: "chatcmpl-1", created: 1, model: "small"};
const chunk = (delta, finish_reason) =>
  `data: ${JSON.stringify({...head, object: "chat.completion.chunk", choices: [{index: 0, delta, finish_reason}]})}\n\n`;
const upstream = createServer(async (request, answer) => {
  let body = "";
  for await (const part of request) body += part;
  const asked = JSON.parse(body);
  if (!asked.stream) {
    const choices = [{index: 0, message: {role: "assistant", content: "yes"}, finish_reason: "stop"}];
    const usage = {prompt_tokens: 1, completion_tokens: 2, total_tokens: 3};
    answer.writeHead(200, {"content-type": "application/json"});
    answer.end(JSON.stringify({...head, object: "chat.completion", choices, usage}));
    return;
  }
  answer.writeHead(200, {"content-type": "text/event-stream"});
  answer.write(chunk({role: "assistant", content: "yes"}, null));
  await pause(STREAM_LASTS);
  if (asked.messages[0].content === "broken") answer.destroy();
  else answer.end(chunk({}, "stop") + "data: [DONE]\n\n");
});
await new Promise((listening) => upstream.listen(0, "127.0.0.1", listening));

const gateway = process.argv[2];
const limit = Date.now() + 60_000;
while (!(await fetch(gateway).then(() => true, () => false))) {
  if (Date.now() > limit) throw new Error("the gateway does not start");
  await pause(200);
}

const entries = [];
const console_ = new AbortController();
let opened;
const open = new Promise((known) => (opened = known));
const reading = (async () => {
  const events = await fetch(gateway + "/log/stream", {signal: console_.signal});
  let text = "";
  for await (const piece of events.body.pipeThrough(new TextDecoderStream())) {
    text += piece;
    opened();
    for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
      const lines = text.slice(0, end).split("\n");
      if (lines.includes("event: log")) entries.push(JSON.parse(lines.find((line) => line.startsWith("data: ")).slice(6)));
    }
  }
})().catch((error) => ok(console_.signal.aborted, error));
await open;

const headers = {
  "content-type": "application/json", authorization: "Bearer none", "x-portkey-provider": "openai",
  "x-portkey-custom-host": `http://127.0.0.1:${upstream.address().port}/v1`,
};
const seen = {};
for (const kind of ["whole", "streamed", "broken"]) {
  const count = entries.length;
  const body = JSON.stringify({model: "small", messages: [{role: "user", content: kind}], stream: kind !== "whole"});
  const answer = await fetch(gateway + "/v1/chat/completions", {method: "POST", headers, body, signal: AbortSignal.timeout(60_000)});
  const text = await answer.text().catch(() => "");
  const loggedBeforeEnd = entries.length > count;
  await pause(4000);
  deepStrictEqual(entries.length, count + 1);
  const entry = entries[count];
  const {response} = entry.requestOptions[0];
  seen[kind] = {entry, response, loggedBeforeEnd, text};
  console.log(`${kind}: status ${entry.status}, duration ${entry.duration} ms, before the end: ${loggedBeforeEnd}, ${JSON.stringify(response)}`);
}
deepStrictEqual(seen.whole.response.choices[0].message.content, "yes");
deepStrictEqual(seen.whole.response.usage.total_tokens, 3);
for (const kind of ["streamed", "broken"]) {
  deepStrictEqual(seen[kind].entry.status, 200);
  deepStrictEqual(seen[kind].response, {message: "The response was a stream."});
  ok(seen[kind].loggedBeforeEnd);
  ok(seen[kind].entry.duration < STREAM_LASTS);
  ok(!JSON.stringify(seen[kind].entry).includes("yes"));
}
ok(seen.streamed.text.includes("[DONE]") && !seen.broken.text.includes("[DONE]"));
console_.abort();
await reading;
upstream.close();
upstream.closeAllConnections();
JAVASCRIPT
timeout 180 node "$folder/ask.mjs" "http://127.0.0.1:$port"
echo "as described"
