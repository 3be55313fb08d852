// openai-node against a running stack: list, chat, stream, cancel, error, JSON, responses, embeddings.
// HARMONIC_URL and HARMONIC_KEY say where; any broken expectation ends the program with its stack.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// The client lies in a folder of its own, which is the working directory.
const require = createRequire(`${process.cwd()}/package.json`);
const { default: OpenAI } = await import(pathToFileURL(require.resolve("openai")).href);

const client = new OpenAI({ baseURL: `${process.env.HARMONIC_URL}/v1`, apiKey: process.env.HARMONIC_KEY, maxRetries: 0 });
const messages = [{ role: "user", content: "Say hello to a friend." }];

const names = [];
for await (const model of client.models.list()) names.push(model.id);
assert.ok(names.includes("harmonic"));
const model = process.env.HARMONIC_MODEL;
assert.ok(names.includes(model));

const whole = await client.chat.completions.create({ model: "harmonic", messages, max_tokens: 12, harmonic: { draft_tokens: 12 } });
assert.ok(whole.choices[0].message.content);
assert.ok(whole.usage.completion_tokens > 0);
assert.ok(whole.harmonic.agents.length > 0);

let text = "";
let finishes = 0;
const stream = await client.chat.completions.create({ model, messages, max_tokens: 8, stream: true, stream_options: { include_usage: true } });
for await (const chunk of stream) {
  text += chunk.choices[0]?.delta?.content ?? "";
  finishes += chunk.choices[0]?.finish_reason ? 1 : 0;
}
assert.ok(text);
assert.equal(finishes, 1);

const cut = await client.chat.completions.create({ model, messages, max_tokens: 400, stream: true });
for await (const chunk of cut) {
  if (chunk.choices[0]?.delta?.content) break; // leaving the loop closes the connection
}

await assert.rejects(client.chat.completions.create({ model: "gpt-4", messages }), (error) => error.status === 404 && error.code === "model_not_found");
await assert.rejects(client.chat.completions.create({ model: "harmonic", messages, n: 2 }), (error) => error.status === 400 && error.param === "n");

const schema = { type: "object", properties: { city: { enum: ["Paris", "Rome"] } }, required: ["city"], additionalProperties: false };
const json = await client.chat.completions.create({
  model, messages, max_tokens: 200, temperature: 0, response_format: { type: "json_schema", json_schema: { name: "place", schema, strict: true } },
});
assert.ok(["Paris", "Rome"].includes(JSON.parse(json.choices[0].message.content).city));

const response = await client.responses.create({ model, input: "Say hello.", max_output_tokens: 8 });
assert.ok(response.output_text);
assert.equal((await client.responses.retrieve(response.id)).id, response.id);
const kinds = [];
for await (const event of await client.responses.create({ model, input: "Again.", max_output_tokens: 8, stream: true })) kinds.push(event.type);
assert.equal(kinds[0], "response.created");
assert.match(kinds.at(-1), /^response\.(completed|incomplete)$/);

const encoder = names.at(-1);
const found = await client.embeddings.create({ model: encoder, input: ["warm sea"] });
assert.ok(found.data[0].embedding.length > 100);
const length = Math.hypot(...found.data[0].embedding);
assert.ok(Math.abs(length - 1) < 1e-3);
