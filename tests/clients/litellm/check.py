"""litellm as a client of a running stack: completion, stream, embedding, an error, and Anthropic's route."""

import os

import litellm

URL, KEY, MODEL = os.environ["HARMONIC_URL"], os.environ["HARMONIC_KEY"], os.environ["HARMONIC_MODEL"]
HELLO = [{"role": "user", "content": "Say hello to a friend."}]
OURS = {"api_base": f"{URL}/v1", "api_key": KEY, "num_retries": 0}

assert litellm.completion(model="openai/harmonic", messages=HELLO, max_tokens=12, **OURS).choices[0].message.content
pieces = litellm.completion(model=f"openai/{MODEL}", messages=HELLO, max_tokens=8, stream=True, **OURS)
assert "".join(piece.choices[0].delta.content or "" for piece in pieces)
encoder = os.environ["HARMONIC_ENCODER"]
found = litellm.embedding(model=f"openai/{encoder}", input=["warm sea"], encoding_format="float", **OURS)
assert len(found.data[0]["embedding"]) > 100
theirs = litellm.completion(
    model="anthropic/harmonic", messages=HELLO, max_tokens=12, api_base=URL, api_key=KEY, num_retries=0
)
assert theirs.choices[0].message.content
try:
    litellm.completion(model="openai/gpt-4", messages=HELLO, **OURS)
except litellm.NotFoundError:
    pass
else:
    raise AssertionError("an unknown model was answered")
