// Anthropic's SDK for JavaScript, unmodified.
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import { key, rejected, url } from "./where.mjs";

const ask = { max_tokens: 100, messages: [{ role: "user", content: "Hello!" }] };
const client = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });

const answer = await client.messages.create({ model: "anthropic-plain", ...ask });
const text = answer.content[0].text;
assert.ok(text && answer.usage.output_tokens > 0 && answer._request_id);

const stream = client.messages.stream({ model: "anthropic-plain", ...ask });
let streamed = "";
stream.on("text", (piece) => (streamed += piece));
const final = await stream.finalMessage();
assert.equal(streamed, text);
assert.ok(final.usage.output_tokens > 0);

const tools = [{ name: "lookup", input_schema: { type: "object", properties: { query: { type: "string" } } } }];
const called = await client.messages.create({ model: "anthropic-tool", tools, ...ask });
assert.equal(called.content.find((block) => block.type === "tool_use").name, "lookup");
assert.ok((await client.messages.countTokens({ model: "anthropic-plain", messages: ask.messages })).input_tokens > 0);

const refused = (of, model) => () => of.messages.create({ model, ...ask });
const missing = await rejected(Anthropic.BadRequestError, refused(client, "no-such-model"));
assert.equal(missing.error.error.code, "model_not_found");
const stranger = new Anthropic({ baseURL: url, apiKey: "sk-odock-nobody", maxRetries: 0 });
await rejected(Anthropic.AuthenticationError, refused(stranger, "anthropic-plain"));
await rejected(Anthropic.RateLimitError, refused(client, "anthropic-429"));
await rejected(Anthropic.InternalServerError, refused(client, "anthropic-error-529"));
console.log("ok");
