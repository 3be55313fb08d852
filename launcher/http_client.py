"""The launcher's control calls to engines: no proxies from the environment, no redirects, a fresh connection each."""

import ssl
from functools import cache

import httpx

# llama.cpp's server resets some reused connections after a stream (2 to 3 of 12 were), and control calls are rare.
NO_REUSE = httpx.Limits(max_keepalive_connections=0)


def control_client(key: str | None, timeout: float) -> httpx.AsyncClient:
    """Return a client whose requests carry *key* as bearer token and end after *timeout* seconds without a byte."""
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return httpx.AsyncClient(
        headers=headers, timeout=timeout, trust_env=False, follow_redirects=False, limits=NO_REUSE, verify=_trusted()
    )


@cache
def _trusted() -> ssl.SSLContext:
    """The authorities that are trusted, read once: each reading takes 20 ms, in which no stream moves."""
    return httpx.create_ssl_context(trust_env=False)


def model_ids(answer: httpx.Response) -> tuple[str, ...] | None:
    """Return the ids in an answer of `/models`, or None if it is not one."""
    try:
        return tuple(str(model["id"]) for model in answer.json()["data"])
    except (ValueError, KeyError, TypeError):
        return None
