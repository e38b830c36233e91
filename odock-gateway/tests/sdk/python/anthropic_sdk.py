"""Anthropic's SDK, unmodified: messages, streams, tools, thinking, images, token counts, errors, models."""

import base64

import anthropic
from anthropic import Anthropic
from where import KEY, PNG, URL, raised

QUESTION = [{"role": "user", "content": "Hello!"}]
TOOL = {
    "name": "lookup",
    "input_schema": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
}
client = Anthropic(base_url=URL, api_key=KEY, max_retries=0)
ask = dict(max_tokens=100, messages=QUESTION)

# Unary, with the request's id.
answer = client.messages.create(model="anthropic-plain", **ask)
assert answer.content[0].text and answer.usage.output_tokens > 0 and answer.stop_reason == "end_turn", answer
assert answer._request_id, "the SDK reads request-id"

# A stream, by its text and by its events.
with client.messages.stream(model="anthropic-plain", **ask) as stream:
    text = "".join(stream.text_stream)
    final = stream.get_final_message()
assert text == final.content[0].text == answer.content[0].text and final.usage.output_tokens > 0
kinds = [event.type for event in client.messages.create(model="anthropic-plain", stream=True, **ask)]
assert kinds[0] == "message_start" and kinds[-1] == "message_stop", kinds

# Tools: asked for, called, answered; whole and streamed.
called = client.messages.create(model="anthropic-tool", tools=[TOOL], tool_choice={"type": "any"}, **ask)
call = next(block for block in called.content if block.type == "tool_use")
assert call.name == "lookup" and call.input["query"] and called.stop_reason == "tool_use", called
turn = [
    *QUESTION,
    {"role": "assistant", "content": called.content},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "42"}]},
]
assert client.messages.create(model="anthropic-plain", max_tokens=100, tools=[TOOL], messages=turn).content
with client.messages.stream(model="anthropic-tool", tools=[TOOL], **ask) as stream:
    assert any(block.type == "tool_use" and block.input for block in stream.get_final_message().content)

# An image, a cached system prompt, a beta header.
image = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PNG).decode()}
parts = [{"type": "image", "source": image}, {"type": "text", "text": "What is this?"}]
system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
assert client.messages.create(
    model="anthropic-plain", max_tokens=100, system=system, messages=[{"role": "user", "content": parts}]
).content
assert client.beta.messages.create(model="anthropic-plain", betas=["context-1m-2025-08-07"], **ask).content

# Counting costs nothing and says a number.
assert client.messages.count_tokens(model="anthropic-plain", messages=QUESTION).input_tokens > 0

# Errors are the SDK's own typed exceptions, with the gateway's published codes or the provider's own words.
def error(kind, of, model):
    return raised(kind, lambda: of.messages.create(model=model, **ask))


missing = error(anthropic.BadRequestError, client, "no-such-model")
assert missing.body["error"]["code"] == "model_not_found" and missing.request_id, missing.body
stranger = Anthropic(base_url=URL, api_key="sk-odock-nobody", max_retries=0)
assert error(anthropic.AuthenticationError, stranger, "anthropic-plain").body["error"]["code"] == "unauthorized"
assert error(anthropic.BadRequestError, client, "openai-plain").body["error"]["code"] == "provider_not_allowed"
error(anthropic.RateLimitError, client.with_options(max_retries=1), "anthropic-429")
error(anthropic.InternalServerError, client, "anthropic-error-529")
cut = client.messages.create(model="anthropic-cut", stream=True, **ask)
assert "broke off" in str(raised(anthropic.APIError, lambda: list(cut)))

# The models that this key may call, in Anthropic's shape.
models = {model.id: model.type for model in client.models.list()}
assert models["anthropic-plain"] == "model", models
print("ok")
