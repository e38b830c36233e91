"""LangChain on top of the SDKs: answers, streams, tools."""

from langchain_anthropic import ChatAnthropic
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from where import KEY, URL


@tool
def lookup(query: str) -> str:
    """Looks something up."""
    return "42"


def check(make, family):
    chat = make(f"{family}-plain")
    answer = chat.invoke("Hello!")
    assert answer.text and answer.usage_metadata["total_tokens"] > 0, answer
    assert "".join(piece.text for piece in chat.stream("Hello!")) == answer.text
    called = make(f"{family}-tool").bind_tools([lookup]).invoke("Hello!")
    assert called.tool_calls[0]["name"] == "lookup", called


check(lambda model: ChatOpenAI(model=model, base_url=f"{URL}/v1", api_key=KEY), "openai")
check(lambda model: ChatAnthropic(model=model, base_url=URL, api_key=KEY, max_tokens=100), "anthropic")
embedder = OpenAIEmbeddings(
    model="openai-embed", base_url=f"{URL}/v1", api_key=KEY, check_embedding_ctx_length=False
)
assert len(embedder.embed_documents(["one", "two"])) == 2
print("ok")
