"""How Ollama names models: host, namespace, model and tag, most of which people leave out."""

from dataclasses import dataclass

import httpx

DEFAULT_HOST = "registry.ollama.ai"
DEFAULT_NAMESPACE = "library"
DEFAULT_TAG = "latest"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True)
class ModelName:
    """One model in one registry; two spellings of a name that mean the same model are equal."""

    host: str
    namespace: str
    model: str
    tag: str

    @property
    def short(self) -> str:
        """The name as Ollama lists it: what everybody leaves out is left out, the tag is told."""
        if self.host != DEFAULT_HOST:
            return f"{self.host}/{self.namespace}/{self.model}:{self.tag}"
        return f"{'' if self.namespace == DEFAULT_NAMESPACE else self.namespace + '/'}{self.model}:{self.tag}"


def parse_name(text: str) -> ModelName:
    """Read a name as Ollama does; letters' case tells nothing apart.

    >>> parse_name("qwen3:4b")
    ModelName(host='registry.ollama.ai', namespace='library', model='qwen3', tag='4b')
    >>> parse_name("http://127.0.0.1:5000/library/tiny").short
    '127.0.0.1:5000/library/tiny:latest'
    """
    text = text.lower().partition("://")[2] or text.lower()
    tag = DEFAULT_TAG
    if text.rfind(":") > text.rfind("/"):  # a colon before a slash belongs to a port
        text, _, tag = text.rpartition(":")
    rest, _, model = text.rpartition("/")
    host, _, namespace = rest.rpartition("/")
    return ModelName(host or DEFAULT_HOST, namespace or DEFAULT_NAMESPACE, model, tag)


async def remote_size(text: str, *, timeout: float = 5.0) -> int | None:
    """Return the bytes that a pull of this model fetches, as its registry tells; None where it does not."""
    name = parse_name(text)
    scheme = "http" if text.lower().startswith("http://") else "https"
    url = f"{scheme}://{name.host}/v2/{name.namespace}/{name.model}/manifests/{name.tag}"
    try:
        # With the proxies of the environment: Ollama pulls through them too.
        async with httpx.AsyncClient(timeout=timeout) as client:
            manifest = (await client.get(url, headers={"accept": MANIFEST})).raise_for_status().json()
        return sum(int(layer["size"]) for layer in (manifest["config"], *manifest["layers"]))
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError):
        return None
