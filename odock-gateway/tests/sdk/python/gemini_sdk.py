"""Google's Gen AI SDK, unmodified: content, streams, tools, images, embeddings, token counts, errors, models."""

from google import genai
from google.genai import errors, types
from where import KEY, PNG, URL, raised

client = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=URL))

# Whole, and as a stream.
answer = client.models.generate_content(model="gemini-plain", contents="Hello!")
assert answer.text and answer.usage_metadata.total_token_count > 0, answer
pieces = list(client.models.generate_content_stream(model="gemini-plain", contents="Hello!"))
assert "".join(piece.text or "" for piece in pieces) == answer.text and len(pieces) > 1
assert pieces[-1].usage_metadata.total_token_count > 0

# Tools.
lookup = types.FunctionDeclaration(
    name="lookup",
    parameters=types.Schema(type="OBJECT", properties={"query": types.Schema(type="STRING")}),
)
config = types.GenerateContentConfig(
    system_instruction="Be brief.",
    max_output_tokens=100,
    tools=[types.Tool(function_declarations=[lookup])],
    automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
)
called = client.models.generate_content(model="gemini-tool", contents="Hello!", config=config)
assert called.function_calls[0].name == "lookup" and called.function_calls[0].args["query"], called
turn = [
    types.Content(role="user", parts=[types.Part(text="Hello!")]),
    called.candidates[0].content,
    types.Content(
        role="user", parts=[types.Part.from_function_response(name="lookup", response={"result": "42"})]
    ),
]
assert client.models.generate_content(model="gemini-plain", contents=turn, config=config).text

# An image, a chat, embeddings, a count.
image = types.Part.from_bytes(data=PNG, mime_type="image/png")
assert client.models.generate_content(model="gemini-plain", contents=["What is this?", image]).text
assert client.chats.create(model="gemini-plain").send_message("Hello!").text
assert client.models.embed_content(model="gemini-embed", contents="one").embeddings[0].values
assert client.models.count_tokens(model="gemini-plain", contents="Hello!").total_tokens > 0

# Errors are the SDK's own typed exceptions.
def error(kind, of, model):
    return raised(kind, lambda: of.models.generate_content(model=model, contents="Hello!"))


missing = error(errors.ClientError, client, "no-such-model")
assert missing.code == 400 and missing.status == "INVALID_ARGUMENT", missing
assert missing.details["error"]["details"][0]["reason"] == "model_not_found", missing.details
stranger = genai.Client(api_key="sk-odock-nobody", http_options=types.HttpOptions(base_url=URL))
assert error(errors.ClientError, stranger, "gemini-plain").status == "UNAUTHENTICATED"
assert error(errors.ClientError, client, "gemini-429").code == 429
assert error(errors.ServerError, client, "gemini-error-500").code == 500

# The models that this key may call, in Google's shape.
models = [model.name for model in client.models.list(config={"query_base": True})]
assert "models/gemini-plain" in models, models
print("ok")
