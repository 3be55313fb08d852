// Vercel's ai with @ai-sdk/openai-compatible: generate, stream, and an object under a schema.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.cwd()}/package.json`);
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { generateObject, generateText, streamText } = await load("ai");
const { createOpenAICompatible } = await load("@ai-sdk/openai-compatible");
const { z } = await load("zod");

const provider = createOpenAICompatible({
  name: "harmonic",
  baseURL: `${process.env.HARMONIC_URL}/v1`,
  apiKey: process.env.HARMONIC_KEY,
  supportsStructuredOutputs: true,
});
const prompt = "Say hello to a friend.";

const whole = await generateText({ model: provider("harmonic"), prompt, maxOutputTokens: 12, maxRetries: 0 });
assert.ok(whole.text);

let text = "";
for await (const piece of streamText({ model: provider(process.env.HARMONIC_MODEL), prompt, maxOutputTokens: 8, maxRetries: 0 }).textStream) text += piece;
assert.ok(text);

const schema = z.object({ city: z.enum(["Paris", "Rome"]) });
const found = await generateObject({ model: provider(process.env.HARMONIC_MODEL), prompt, schema, maxRetries: 0 });
assert.ok(["Paris", "Rome"].includes(found.object.city));

await assert.rejects(generateText({ model: provider("gpt-4"), prompt, maxRetries: 0 }), (error) => error.statusCode === 404);
