"""langchain-openai against a running stack: invoke, stream, usage, a schema, embeddings, an error."""

import os

from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from openai import NotFoundError

URL, KEY, MODEL = f"{os.environ['HARMONIC_URL']}/v1", os.environ["HARMONIC_KEY"], os.environ["HARMONIC_MODEL"]
SCHEMA = {
    "title": "place",
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["Paris", "Rome"]}},
    "required": ["city"],
    "additionalProperties": False,
}


def chat(model: str, **more: object) -> ChatOpenAI:
    """A chat model of the stack."""
    return ChatOpenAI(model=model, base_url=URL, api_key=KEY, max_retries=0, **more)


whole = chat("harmonic", max_tokens=12).invoke("Say hello to a friend.")
assert whole.content
assert whole.usage_metadata["output_tokens"] > 0
pieces = list(chat(MODEL, max_tokens=8).stream("Say hello to a friend."))
assert "".join(str(piece.content) for piece in pieces)
found = (
    chat(MODEL, max_tokens=200, temperature=0)
    .with_structured_output(SCHEMA, method="json_schema")
    .invoke("Name a city.")
)
assert found["city"] in ("Paris", "Rome")
encoder = OpenAIEmbeddings(
    model=os.environ["HARMONIC_ENCODER"], base_url=URL, api_key=KEY, check_embedding_ctx_length=False
)
assert len(encoder.embed_query("warm sea")) > 100
try:
    chat("gpt-4").invoke("hi")
except NotFoundError:
    pass
else:
    raise AssertionError("an unknown model was answered")
