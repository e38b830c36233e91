// The AI SDK with three of its providers: text, streams, tools, structured output, embeddings.
import assert from "node:assert/strict";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, embed, generateText, streamText, tool } from "ai";
import { z } from "zod";
import { key as apiKey, rejected, url } from "./where.mjs";

const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey });
const families = {
  openai: (model) => openai.chat(model),
  "openai responses": (model) => openai.responses(model),
  anthropic: createAnthropic({ baseURL: `${url}/v1`, apiKey }),
  gemini: createGoogleGenerativeAI({ baseURL: `${url}/v1beta`, apiKey }),
};
const prompt = "Hello!";
const lookup = tool({ description: "Looks something up.", inputSchema: z.object({ query: z.string() }) });

for (const [family, of] of Object.entries(families)) {
  const model = (what) => of(`${family.split(" ")[0]}-${what}`);
  const { text, usage } = await generateText({ model: model("plain"), prompt });
  assert.ok(text && usage.totalTokens > 0, family);
  const stream = streamText({ model: model("plain"), prompt });
  let streamed = "";
  for await (const piece of stream.textStream) streamed += piece;
  assert.equal(streamed, text, family);
  assert.ok((await stream.usage).totalTokens > 0, family);
  const called = await generateText({ model: model("tool"), prompt, tools: { lookup } });
  assert.equal(called.toolCalls[0].toolName, "lookup", family);
  const missing = await rejected(APICallError, () => generateText({ model: of("no-such-model"), prompt, maxRetries: 0 }));
  assert.equal(missing.statusCode, 400, family);
}
const { embedding } = await embed({ model: openai.embedding("openai-embed"), value: "one" });
assert.ok(embedding.length > 1);
console.log("ok");
