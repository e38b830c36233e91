// OpenAI's SDK for JavaScript, unmodified.
import assert from "node:assert/strict";
import OpenAI from "openai";
import { key, rejected, url } from "./where.mjs";

const messages = [{ role: "user", content: "Hello!" }];
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });

const answer = await client.chat.completions.create({ model: "openai-plain", messages });
const text = answer.choices[0].message.content;
assert.ok(text && answer.usage.total_tokens > 0 && answer._request_id);

let streamed = "";
for await (const chunk of await client.chat.completions.create({ model: "openai-plain", messages, stream: true })) {
  streamed += chunk.choices[0].delta.content ?? "";
}
assert.equal(streamed, text);

const tools = [{ type: "function", function: { name: "lookup", parameters: { type: "object" } } }];
const called = await client.chat.completions.create({ model: "openai-tool", messages, tools });
assert.equal(called.choices[0].message.tool_calls[0].function.name, "lookup");

const response = await client.responses.create({ model: "openai-plain", input: "Hello!" });
assert.ok(response.output_text && response.usage.total_tokens > 0);
const kinds = [];
for await (const event of await client.responses.create({ model: "openai-plain", input: "Hello!", stream: true })) {
  kinds.push(event.type);
}
assert.deepEqual([kinds[0], kinds.at(-1)], ["response.created", "response.completed"]);

const embedded = await client.embeddings.create({ model: "openai-embed", input: "one" });
assert.ok(embedded.data[0].embedding.length > 1);

const ask = (of, model) => () => of.chat.completions.create({ model, messages });
assert.equal((await rejected(OpenAI.BadRequestError, ask(client, "no-such-model"))).code, "model_not_found");
const stranger = new OpenAI({ baseURL: `${url}/v1`, apiKey: "sk-odock-nobody", maxRetries: 0 });
assert.equal((await rejected(OpenAI.AuthenticationError, ask(stranger, "openai-plain"))).code, "unauthorized");
await rejected(OpenAI.RateLimitError, ask(client, "openai-429"));
await rejected(OpenAI.InternalServerError, ask(client, "openai-error-500"));
const models = [];
for await (const model of client.models.list()) models.push(model.id);
assert.ok(models.includes("openai-plain"));
console.log("ok");
