"""Does an engine generate at all: one token, within a time limit, with the key that it was given."""

import asyncio

import httpx

from launcher.http_client import control_client

PROMPT = "Hello"


async def one_token(base_url: str, key: str | None, model: str, *, timeout: float) -> str | None:
    """Have *model* generate one token; return None if it came within *timeout* seconds, else why it did not.

    A build for another CPU loads a model and dies at its first product of matrices, so a server that answers is no
    proof; neither is a list of models, which `llama-server` shows without a key.
    """
    body = {"model": model, "messages": [{"role": "user", "content": PROMPT}], "max_tokens": 1, "temperature": 0}
    try:
        async with asyncio.timeout(timeout), control_client(key, timeout) as client:
            answer = await client.post(f"{base_url}/chat/completions", json=body)
            if answer.status_code != httpx.codes.OK:
                return f"status {answer.status_code} instead of a token"
            tokens = answer.json()["usage"]["completion_tokens"]
    except TimeoutError:
        return f"no token within {timeout:g} s"
    except httpx.HTTPError as exc:
        return str(exc) or type(exc).__name__
    except (ValueError, LookupError, TypeError):
        return "its answer counts no tokens"
    return None if tokens == 1 else f"{tokens} tokens instead of one"
