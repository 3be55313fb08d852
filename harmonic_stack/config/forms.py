"""The forms that some settings have: a text with rules of its own, and those rules in words."""

import ipaddress
import re
from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

# The only version so far of both files, settings and crew. A newer one is refused: its keys may mean something else.
FORMAT_VERSION = 1


def is_loopback(host: str) -> bool:
    """True where a server that listens on *host* can only be reached from this box."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_host_name(text: str) -> bool:
    """True for a name or an address alone; an IPv6 address stands here without its brackets."""
    if re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?", text):
        return True
    try:
        return ipaddress.ip_address(text).version == 6
    except ValueError:
        return False


def is_engine_url(text: str) -> bool:
    """True for the base URL of an engine, and for none at all."""
    return text == "" or ("@" not in text and _is_address(text, {"http", "https"}))


def is_spine_url(text: str) -> bool:
    """True for an address that ``spine.open_bus`` or our own store understands."""
    here = text in ("embedded", "memory://") or re.fullmatch(r"unix://(?:[^\s/@]+@)?/\S+", text) is not None
    return here or _is_address(text, {"redis"})


def without_password(url: str) -> str:
    """*url* as it may be shown: what stands before an "@" is left out.

    >>> without_password("redis://me:secret@box.lan:6379/0")
    'redis://…@box.lan:6379/0'
    """
    return re.sub(r"//.*@", "//…@", url)


def _is_address(text: str, schemes: set[str]) -> bool:
    """True for scheme://host[:port][/path] and nothing after it."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:  # a port that is no number, a bracket left open
        return False
    whole = not (parts.query or parts.fragment or re.search(r"\s", text))
    return parts.scheme in schemes and bool(parts.hostname) and port != 0 and whole


def _known_version(version: int) -> int:
    if version > FORMAT_VERSION:
        raise ValueError("was written for a newer Harmonic Stack")
    return version


def _form(fits: Callable[[str], object], reason: str) -> AfterValidator:
    def check(text: str) -> str:
        if not fits(text):
            raise ValueError(reason)
        return text

    return AfterValidator(check)


FormatVersion = Annotated[
    int, Field(ge=1), AfterValidator(_known_version), Field(json_schema_extra={"allowed": str(FORMAT_VERSION)})
]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
SecondsOrZero = Annotated[float, Field(ge=0, le=86_400)]
Names = tuple[Annotated[str, _form(is_host_name, "is no bare host name"), AfterValidator(str.lower)], ...]
Origins = tuple[Annotated[str, _form(re.compile(r"https?://[^/?#@\s*]+").fullmatch, "is no origin")], ...]
EngineUrl = Annotated[
    str,
    _form(is_engine_url, "is no address of an engine"),
    Field(
        json_schema_extra={
            "allowed": 'an http(s) URL without password or query, such as "http://127.0.0.1:8000/v1"',
            "secret": True,
        }
    ),
]
AgentEngine = Annotated[
    str,
    _form(lambda text: text in ("embedded", "ollama") or is_engine_url(text), "is no engine"),
    Field(
        json_schema_extra={
            "allowed": '"embedded" (its model is a GGUF file), "ollama", or the URL of an OpenAI-compatible engine',
            "secret": True,
        }
    ),
]
EncoderEngine = Annotated[
    str,
    _form(lambda text: text == "ollama" or is_engine_url(text), "is no engine that embeds"),
    Field(
        json_schema_extra={
            "allowed": '"ollama", an http(s) URL without password or query, or "" for what is installed here',
            "secret": True,
        }
    ),
]
SpineUrl = Annotated[
    str,
    _form(is_spine_url, "is no address of a bus"),
    Field(
        json_schema_extra={
            "allowed": '"embedded", "redis://HOST[:PORT][/DB]", "unix://[USER:PASSWORD@]/PATH" or "memory://"',
            "secret": True,
        }
    ),
]
CollectorUrl = Annotated[
    str,
    _form(is_engine_url, "is no address of a collector"),
    Field(
        json_schema_extra={
            "allowed": 'an http(s) URL without password or query, such as "http://127.0.0.1:4318"',
            "secret": True,
        }
    ),
]
VariableName = Annotated[
    str,
    Field(
        pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?\z",
        # secret: somebody will put the key itself here.
        json_schema_extra={"allowed": "the name of an environment variable", "secret": True},
    ),
]
KeyPrefix = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9._-]{0,64}\z", json_schema_extra={"allowed": "at most 64 of a-z A-Z 0-9 . _ -"}),
]
