"""Where the declared embedding model is: in an Ollama of this box, or at a URL, whichever of two dialects it speaks."""

import os

from harmonic_stack.config import Encoder as Settings
from harmonic_stack.engine.connection import Upstream
from harmonic_stack.engine.embeddings import Embedder
from launcher import Engine, EngineSettings, EngineUnreachable, ModelMissing, OllamaApi, find_engine, same_model
from launcher.ollama_api import version_at
from launcher.ollama_engine import OWN_KEEP_ALIVE
from launcher.ollama_site import server_address


async def reach_encoder(settings: Settings, ours: Engine | None, *, connect_seconds: float) -> Embedder:
    """Find the engine that *settings* name; *ours* is the Ollama that the stack runs or uses, if any.

    Raises:
        EngineUnreachable, OllamaRefused: no engine answers there.
        ModelMissing: Ollama does not have the model.
    """
    key = os.environ.get(settings.api_key_env) if settings.api_key_env else None
    own = settings.engine == "ollama"
    address = settings.engine if not own else ours.base_url if ours is not None else server_address()
    root = address.rstrip("/").removesuffix("/v1")
    if await version_at(root) is None:
        if own:
            raise EngineUnreachable(root, "no Ollama answers there")
        found = await find_engine(
            EngineSettings(kind="openai", url=address, api_key=key, start_timeout=settings.seconds)
        )
        upstream = Upstream(found.base_url, key=key, connect_seconds=connect_seconds)
        return Embedder(upstream, "openai", settings.model, settings.seconds)
    models = await OllamaApi(root).models()
    listed = next((model for model in models if same_model(model.name, settings.model)), None)
    if listed is None:
        raise ModelMissing(settings.model, [model.name for model in models])
    upstream = Upstream(root, key=key, connect_seconds=connect_seconds)
    hold = {"keep_alive": OWN_KEEP_ALIVE} if own and ours is not None and ours.log is not None else {}
    return Embedder(upstream, "ollama", settings.model, settings.seconds, digest=listed.digest, **hold)
