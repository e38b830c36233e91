"""The official OpenAI SDK, unmodified, through the gateway: OPENAI_BASE_URL and OPENAI_API_KEY say where and as whom."""

import openai
from openai import OpenAI

QUESTION = [{"role": "user", "content": "Hello!"}]
client = OpenAI(max_retries=0)

# Unary: the typed answer, the usage, and the request's id.
answer = client.chat.completions.create(model="support-fast", messages=QUESTION)
assert answer.choices[0].message.content, answer
assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
assert answer._request_id, "the SDK reads x-request-id"
print("unary:", answer.choices[0].message.content[:40], "|", answer.usage.total_tokens, "tokens")

# A stream without usage: no chunk without choices, though the gateway asked the upstream for usage.
chunks = list(client.chat.completions.create(model="support-fast", messages=QUESTION, stream=True))
text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
assert text == answer.choices[0].message.content, text
assert chunks[-1].choices[0].finish_reason == "stop"
assert all(chunk.usage is None for chunk in chunks)
print("stream:", len(chunks), "chunks")

# A stream with usage: the last chunk carries it.
chunks = list(
    client.chat.completions.create(
        model="support-fast", messages=QUESTION, stream=True, stream_options={"include_usage": True}
    )
)
assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens > 0
print("stream with usage:", chunks[-1].usage.completion_tokens, "tokens")

# Leaving a stream early is no trouble.
with client.chat.completions.create(model="support-fast", messages=QUESTION, stream=True) as stream:
    next(iter(stream))

# Errors are the SDK's own typed exceptions, with the gateway's published codes.
def error(of, **arguments):
    try:
        of.chat.completions.create(messages=QUESTION, **arguments)
    except openai.APIStatusError as error:
        return error
    raise AssertionError(f"{arguments} was answered")

missing = error(client, model="no-such-model")
assert isinstance(missing, openai.BadRequestError) and missing.code == "model_not_found", missing
stranger = error(OpenAI(api_key="sk-odock-nobody", max_retries=0), model="support-fast")
assert isinstance(stranger, openai.AuthenticationError) and stranger.code == "unauthorized", stranger
assert missing.request_id and stranger.request_id
print("errors:", type(missing).__name__, missing.code, "|", type(stranger).__name__, stranger.code)

# The models that this key may call.
models = [model.id for model in client.models.list()]
assert models == sorted(models) and "support-fast" in models, models
assert client.models.retrieve("support-fast").object == "model"
print("models:", ", ".join(models))

print("ok")
