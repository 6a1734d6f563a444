// Ollama's official JavaScript client against one base address; what it got, as one line of JSON.
// node javascript_client.mjs FOLDER_WITH_NODE_MODULES BASE MODEL EMBEDDING_MODEL
import { createRequire } from "node:module";
import { join } from "node:path";

const [folder, base, model, embeddingModel] = process.argv.slice(2);
const { Ollama } = createRequire(join(folder, "package.json"))("ollama");
const ollama = new Ollama({ host: base });
const messages = [{ role: "user", content: "Bonjour" }];
const options = { num_predict: 8 };
const got = {};

got.models = (await ollama.list()).models.map((one) => one.name);
got.family = (await ollama.show({ model })).details.family;
got.chat = await ollama.chat({ model, messages, options });
got.pieces = [];
for await (const part of await ollama.chat({ model, messages, options, stream: true })) got.pieces.push(part);
got.generated = [];
for await (const part of await ollama.generate({ model, prompt: "Bonjour", options, stream: true })) got.generated.push(part);
got.embeddings = (await ollama.embed({ model: embeddingModel, input: ["a", "b"] })).embeddings.map((vector) => vector.length);
got.running = (await ollama.ps()).models.map((one) => one.name);
try {
  await ollama.chat({ model: "absent", messages });
} catch (error) {
  got.error = { status: error.status_code, message: error.error };
}
try {
  for await (const part of await ollama.pull({ model: "absent", stream: true })) got.pulled = part;
} catch (error) {
  got.refused = { status: error.status_code, message: error.error };
}
process.stdout.write(JSON.stringify(got) + "\n");
