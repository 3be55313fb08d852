// openai-node with tools: the call streams in pieces, its result goes back.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.cwd()}/package.json`);
const { default: OpenAI } = await import(pathToFileURL(require.resolve("openai")).href);

const client = new OpenAI({ baseURL: `${process.env.HARMONIC_URL}/v1`, apiKey: process.env.HARMONIC_KEY, maxRetries: 0 });
const messages = [{ role: "user", content: "How is the weather in Rome today?" }];
const tools = [{ type: "function", function: { name: "get_weather", parameters: { type: "object" } } }];

const stream = client.chat.completions.stream({ model: "harmonic", messages, tools });
const message = (await stream.finalChatCompletion()).choices[0].message;
assert.equal(message.tool_calls[0].function.arguments, '{"city":"Rome"}');

const result = { role: "tool", tool_call_id: message.tool_calls[0].id, content: "rain" };
const answer = await client.chat.completions.create({ model: "harmonic", messages: [...messages, message, result], tools });
assert.equal(answer.choices[0].message.content, "It rains in Rome.");
