#!/usr/bin/env bash
# @portkey-ai/gateway 1.15.2 with @hono/node-server 1.19.19, on Node.js 20, seen on 2026-11-29.
#
# What one expects: the gateway streams, and `new Response(body, {headers})` copies the headers, as the Fetch standard
# says and Node.js does.
# What happens: as npm resolves the gateway (`"@hono/node-server": "^1.3.3"`), each streamed chat answers 500
# {"status":"failure","message":"Something went wrong"}. A chat that is not streamed answers 200.
# The server of Hono puts a Response of its own in the place of Node.js's. Since 1.14.2 that one gives out the very
# Headers object that it was made with. A stream's is made with those of an answer to `fetch`, which nobody may change,
# and the gateway adds its own: "TypeError: immutable". 1.14.1 copies, and the gateway streams on it. 2.1.9 shares too.
#
# So whoever runs the gateway holds the server back by `overrides`. Whoever writes for Hono on Node.js copies headers
# (`new Headers(answer.headers)`) before they are changed. Seen:
#   1.19.19 headers: shared, chat: 200, streamed chat: 500
#   1.14.1  headers: copied, chat: 200, streamed chat: 200
# Needs Node.js 20 with npm; takes about a minute.
set -euo pipefail
folder=$(mktemp -d)
gateway=
trap 'if [ -n "$gateway" ]; then kill "$gateway" 2>/dev/null || true; wait "$gateway" 2>/dev/null || true; fi
rm -rf "$folder"' EXIT

# The gateway listens on all addresses: this makes it the loopback's.
cat >"$folder/loopback.cjs" <<'JAVASCRIPT'
const {Server} = require("node:net");
const {listen} = Server.prototype;
Server.prototype.listen = function (port, ...rest) {
  return listen.call(this, port, "127.0.0.1", ...rest.filter((given) => typeof given === "function"));
};
JAVASCRIPT
cat >"$folder/shared.mjs" <<'JAVASCRIPT'
import {createRequire} from "node:module";
const {getRequestListener} = createRequire(process.argv[2] + "/")("@hono/node-server");
const headers = new Headers({a: "1"});
if (new Response(new ReadableStream(), {headers}).headers === headers) throw new Error("Node.js shares headers");
getRequestListener(() => new Response());
console.log(new Response(new ReadableStream(), {headers}).headers === headers ? "shared" : "copied");
JAVASCRIPT
cat >"$folder/ask.mjs" <<'JAVASCRIPT'
import {createServer} from "node:http";
const upstream = createServer((request, answer) => {
  let body = "";
  request.on("data", (part) => (body += part));
  request.on("end", () => {
    const head = {id: "chatcmpl-1", created: 1, model: "small"};
    const end = {index: 0, finish_reason: "stop"};
    if (JSON.parse(body).stream) {
      const chunk = {...head, object: "chat.completion.chunk", choices: [{...end, delta: {content: "yes"}}]};
      answer.writeHead(200, {"content-type": "text/event-stream"});
      answer.end(`data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n`);
    } else {
      const whole = {...head, object: "chat.completion", choices: [{...end, message: {role: "assistant", content: "yes"}}]};
      answer.writeHead(200, {"content-type": "application/json"});
      answer.end(JSON.stringify(whole));
    }
  });
});
await new Promise((listening) => upstream.listen(0, "127.0.0.1", listening));
const headers = {
  "content-type": "application/json", authorization: "Bearer none", "x-portkey-provider": "openai",
  "x-portkey-custom-host": `http://127.0.0.1:${upstream.address().port}/v1`,
};
const limit = Date.now() + 60_000;
while (!(await fetch(process.argv[2]).then(() => true, () => false))) {
  if (Date.now() > limit) throw new Error("the gateway does not start");
  await new Promise((passed) => setTimeout(passed, 200));
}
const seen = [];
for (const stream of [false, true]) {
  const body = JSON.stringify({model: "small", messages: [{role: "user", content: "Well?"}], stream});
  const answer = await fetch(process.argv[2] + "/v1/chat/completions", {method: "POST", headers, body, signal: AbortSignal.timeout(60_000)});
  await answer.text();
  seen.push(`${stream ? "streamed chat" : "chat"}: ${answer.status}`);
}
console.log(seen.join(", "));
upstream.close();
upstream.closeAllConnections();
JAVASCRIPT

seen=
for version in 1.19.19 1.14.1; do
    mkdir "$folder/$version"
    cat >"$folder/$version/package.json" <<JSON
{"private": true, "dependencies": {"@portkey-ai/gateway": "1.15.2"},
 "overrides": {"@hono/node-server": "$version", "@hono/node-ws": "1.3.1", "hono": "4.13.19"}}
JSON
    npm install --prefix "$folder/$version" --ignore-scripts --no-audit --no-fund --silent
    shared=$(node "$folder/shared.mjs" "$folder/$version")
    port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
    node --require "$folder/loopback.cjs" "$folder/$version/node_modules/@portkey-ai/gateway/build/start-server.js" \
        "--port=$port" --headless >"$folder/$version/log" 2>&1 &
    gateway=$!
    statuses=$(timeout 120 node "$folder/ask.mjs" "http://127.0.0.1:$port")
    kill "$gateway"
    wait "$gateway" || true
    gateway=
    seen+="$version headers: $shared, $statuses"$'\n'
done
printf %s "$seen"
grep -q "TypeError: immutable" "$folder/1.19.19/log"
[ "$seen" = "1.19.19 headers: shared, chat: 200, streamed chat: 500
1.14.1 headers: copied, chat: 200, streamed chat: 200
" ]
echo "as described"
