"""Mistral's SDK, unmodified: chat, streams, tools, fill-in-the-middle, embeddings, moderations, documents, models."""

try:
    from mistralai import Mistral
    from mistralai.models import SDKError
except ImportError:
    from mistralai.client import Mistral
    from mistralai.client.errors import SDKError
from where import KEY, URL, raised

QUESTION = [{"role": "user", "content": "Hello!"}]
TOOL = {
    "type": "function",
    "function": {"name": "lookup", "parameters": {"type": "object", "properties": {"query": {"type": "string"}}}},
}
client = Mistral(server_url=f"{URL}/v1/mistral", api_key=KEY)

answer = client.chat.complete(model="mistral-plain", messages=QUESTION, max_tokens=100)
assert answer.choices[0].message.content and answer.usage.total_tokens > 0, answer
events = list(client.chat.stream(model="mistral-plain", messages=QUESTION))
text = "".join(event.data.choices[0].delta.content or "" for event in events)
assert text == answer.choices[0].message.content and events[-1].data.usage.total_tokens > 0
called = client.chat.complete(model="mistral-tool", messages=QUESTION, tools=[TOOL], tool_choice="any")
assert called.choices[0].message.tool_calls[0].function.name == "lookup", called
assert client.fim.complete(model="mistral-plain", prompt="def f(", suffix="return a").choices[0].message.content
assert client.embeddings.create(model="mistral-embed", inputs=["one", "two"]).data[1].embedding
assert client.classifiers.moderate(model="mistral-moderation", inputs=["hello"]).results[0].categories
document = {"type": "document_url", "document_url": "https://example.com/two-pages.pdf"}
assert client.ocr.process(model="mistral-ocr", document=document).pages[0].markdown is not None


def error(of, model):
    return raised(SDKError, lambda: of.chat.complete(model=model, messages=QUESTION))


assert error(client, "no-such-model").status_code == 400
assert error(Mistral(server_url=f"{URL}/v1/mistral", api_key="sk-odock-nobody"), "mistral-plain").status_code == 401
assert error(client, "mistral-error-500").status_code == 500
assert "mistral-plain" in [model.id for model in client.models.list().data]
print("ok")
