import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";

const folder = new URL("../../../service/inspector/page/", import.meta.url);
const modules = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".js"));

for (const name of modules.filter((name) => name !== "app.js")) {
  test(`${name} can be read, has all that it imports, and does nothing by being imported`, async () => {
    await import(new URL(name, folder));
  });
}

test("app.js can be read and has all that it imports: without a window it cannot begin", async () => {
  await assert.rejects(import(new URL("app.js", folder)), ReferenceError);
});
