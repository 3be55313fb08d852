"""What a model is, whatever its name: by its weights, where somebody here can tell."""

from launcher import EngineSettings, LauncherError, local_model
from launcher.calibration import model_digest


def model_identity(settings: EngineSettings, model: str) -> str | None:
    """The name of *model* on the engine of *settings* with a digest of its weights; None where nobody tells it.

    A server at an address may have other weights behind the same name at the next start.
    """
    try:
        if settings.ollama is not None:
            digest = settings.ollama.find(model).digest
        elif settings.url is None and settings.kind in ("auto", "embedded"):
            path = local_model(settings.model).path
            digest = "" if path is None else model_digest(path)
        else:
            digest = ""
    except (LauncherError, OSError):
        return None
    return f"{model} {digest}" if digest else None
