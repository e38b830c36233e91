"""OpenAI's SDK, unmodified: chat, responses, embeddings, images, errors, retries, models."""

import base64
import io
import json

import openai
from openai import OpenAI
from where import KEY, PNG, URL, raised

QUESTION = [{"role": "user", "content": "Hello!"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "lookup",
        "parameters": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
    },
}
client = OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0)

# Chat, unary: the typed answer, the usage, and the request's id.
answer = client.chat.completions.create(model="openai-plain", messages=QUESTION)
assert answer.choices[0].message.content, answer
assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
assert answer._request_id, "the SDK reads x-request-id"

# A stream without usage: no chunk without choices, though the gateway asked the upstream for usage.
chunks = list(client.chat.completions.create(model="openai-plain", messages=QUESTION, stream=True))
text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
assert text == answer.choices[0].message.content, text
assert chunks[-1].choices[0].finish_reason == "stop"
assert all(chunk.usage is None for chunk in chunks)

# A stream with usage: the last chunk carries it.
options = {"include_usage": True}
chunks = list(
    client.chat.completions.create(model="openai-plain", messages=QUESTION, stream=True, stream_options=options)
)
assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens > 0

# Leaving a stream early is no trouble.
with client.chat.completions.create(model="openai-plain", messages=QUESTION, stream=True) as stream:
    next(iter(stream))

# Tools: asked for, called, answered; whole and streamed.
called = client.chat.completions.create(model="openai-tool", messages=QUESTION, tools=[TOOL], tool_choice="required")
call = called.choices[0].message.tool_calls[0]
assert call.function.name == "lookup" and json.loads(call.function.arguments)["query"], call
turn = [*QUESTION, called.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "42"}]
assert client.chat.completions.create(model="openai-plain", messages=turn, tools=[TOOL]).choices[0].message.content
with client.chat.completions.stream(model="openai-tool", messages=QUESTION, tools=[TOOL]) as stream:
    streamed = stream.get_final_completion()
assert streamed.choices[0].message.tool_calls[0].function.name == "lookup"

# An image in a question.
url = "data:image/png;base64," + base64.b64encode(PNG).decode()
parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]
assert client.chat.completions.create(model="openai-plain", messages=[{"role": "user", "content": parts}]).choices

# Responses: whole and as typed events.
answer = client.responses.create(model="openai-plain", input="Hello!")
assert answer.output_text and answer.usage.total_tokens > 0, answer
with client.responses.stream(model="openai-plain", input="Hello!") as stream:
    kinds = [event.type for event in stream]
    final = stream.get_final_response()
assert kinds[0] == "response.created" and kinds[-1] == "response.completed", kinds
assert final.output_text == answer.output_text and final.usage.total_tokens > 0

# Embeddings: the SDK asks for base64 by itself.
embedded = client.embeddings.create(model="openai-embed", input=["one", "two"])
assert len(embedded.data) == 2 and len(embedded.data[0].embedding) > 1 and embedded.usage.total_tokens > 0

# Images: made, edited, varied.
assert client.images.generate(model="openai-image", prompt="a dot", n=1).data[0]
picture = lambda: ("dot.png", io.BytesIO(PNG), "image/png")
assert client.images.edit(model="openai-image", image=picture(), prompt="a bigger dot").data[0]
assert client.images.create_variation(model="openai-image", image=picture()).data[0]


# Errors are the SDK's own typed exceptions, with the gateway's published codes or the provider's own words.
def error(kind, of, **arguments):
    return raised(kind, lambda: of.chat.completions.create(messages=QUESTION, **arguments))


missing = error(openai.BadRequestError, client, model="no-such-model")
assert missing.code == "model_not_found" and missing.request_id, missing
stranger = OpenAI(base_url=f"{URL}/v1", api_key="sk-odock-nobody", max_retries=0)
assert error(openai.AuthenticationError, stranger, model="openai-plain").code == "unauthorized"
assert error(openai.BadRequestError, client, model="anthropic-plain").code == "provider_not_allowed"
error(openai.RateLimitError, client.with_options(max_retries=1), model="openai-429")
error(openai.InternalServerError, client, model="openai-error-500")
cut = client.chat.completions.create(model="openai-cut", messages=QUESTION, stream=True)
assert raised(openai.APIError, lambda: list(cut)).code == "upstream_error"

# The models that this key may call.
models = [model.id for model in client.models.list()]
assert models == sorted(models) and "openai-plain" in models, models
assert client.models.retrieve("openai-plain").object == "model"

# vLLM speaks OpenAI's protocol below its own prefix.
vllm = OpenAI(base_url=f"{URL}/v1/vllm", api_key=KEY, max_retries=0)
assert vllm.chat.completions.create(model="vllm-plain", messages=QUESTION).choices[0].message.content
assert list(vllm.chat.completions.create(model="vllm-plain", messages=QUESTION, stream=True))
assert vllm.completions.create(model="vllm-plain", prompt="Once").choices[0].text
assert vllm.embeddings.create(model="vllm-embed", input="one", encoding_format="float").data[0].embedding
assert vllm.audio.transcriptions.create(model="vllm-audio", file=("a.wav", b"RIFF....WAVE", "audio/wav")).text
assert "vllm-plain" in [model.id for model in vllm.models.list()]

# Azure's deployments are models of OpenAI's routes.
assert client.chat.completions.create(model="azure-plain", messages=QUESTION).choices[0].message.content
print("ok")
