"""Hugging Face's SDK, unmodified: chat, streams, tools, errors."""

from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError
from where import KEY, URL, raised

QUESTION = [{"role": "user", "content": "Hello!"}]
client = InferenceClient(base_url=f"{URL}/v1/huggingface", api_key=KEY)

answer = client.chat.completions.create(model="huggingface-plain", messages=QUESTION, max_tokens=100)
assert answer.choices[0].message.content and answer.usage.total_tokens > 0, answer
pieces = list(client.chat.completions.create(model="huggingface-plain", messages=QUESTION, stream=True))
text = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
assert text == answer.choices[0].message.content, text
tool = {"type": "function", "function": {"name": "lookup", "description": "", "parameters": {"type": "object"}}}
called = client.chat_completion(model="huggingface-tool", messages=QUESTION, tools=[tool])
assert called.choices[0].message.tool_calls[0].function.name == "lookup", called
failed = raised(HfHubHTTPError, lambda: client.chat_completion(model="no-such-model", messages=QUESTION))
assert failed.response.status_code == 400 and "model_not_found" in failed.response.text, failed
print("ok")
