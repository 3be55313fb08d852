"""The embedded engine: one process that serves llama.cpp's OpenAI API on loopback through xllamacpp.

Run by path or as `python -m launcher.embedded`. One JSON line on standard input says what to serve (Settings); the key
comes with it, so that it stands neither in the arguments nor in the environment, where other users could read it.
Prints `{"port": N}` once it serves. This file imports nothing of ours: it stays small beside the model.
"""

import json
import os
import signal
import socket
import sys
from dataclasses import dataclass
from typing import Any, NoReturn

# sysexits.h: the supervisor does not start a program again that ended with one of the first three.
BAD_SETTINGS = 64
BAD_MODEL = 65
NOT_LOADABLE = 69
PORT_TAKEN = 75


@dataclass(frozen=True)
class Settings:
    """What to serve; *context* is the tokens of one slot."""

    model: str
    alias: str
    key: str
    port: int
    slots: int
    context: int
    threads: int
    cache_type: str = "f16"
    host: str = "127.0.0.1"
    gpu: bool = False  # put the model onto the GPU; this file's own engine has no code for it
    backend_sampling: bool = False  # these and the next: None or False leaves what the build has
    flash_attention: bool | None = None
    ubatch: int | None = None


def main() -> None:
    """Serve until a signal ends the process; exit with a code that tells why it could not."""
    try:
        settings = Settings(**json.loads(sys.stdin.readline()))
        if not settings.key:
            raise ValueError("an engine without a key would serve every user of this box")
    except (ValueError, TypeError) as exc:
        fail(BAD_SETTINGS, "settings", str(exc))
    try:
        # llama.cpp gives one error for all that goes wrong; asking for the port first tells the causes apart.
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as exc:
        fail(PORT_TAKEN, "port", f"{settings.host}:{settings.port}: {exc.strerror}")
    try:
        server = serve(settings)
    except ImportError as exc:  # a library of the system that the wheel is linked to, and does not bring
        fail(NOT_LOADABLE, "library", str(exc))
    except RuntimeError as exc:
        fail(BAD_MODEL, "model", f"{settings.model}: {exc}")
    say({"port": int(server.listening_address.rsplit(":", 1)[1])})
    while True:
        signal.pause()  # the server has threads of its own; TERM keeps its default meaning and ends them all


def serve(settings: Settings) -> Any:
    """Load the model and start its server; raise RuntimeError where llama.cpp refuses."""
    import xllamacpp

    cache_type = getattr(xllamacpp.ggml_type, f"GGML_TYPE_{settings.cache_type.upper()}")
    params = xllamacpp.CommonParams()
    params.model.path = settings.model
    adapt(
        params,
        model_alias={settings.alias},  # else the file's path is the model's name
        api_keys=[settings.key],
        hostnames=[settings.host],
        port=settings.port,
        n_parallel=settings.slots,
        n_ctx=settings.slots * settings.context,
        kv_unified=False,  # each slot has its context to itself
        cont_batching=True,
        cache_type_k=cache_type,
        cache_type_v=cache_type,
        cache_ram_mib=0,  # saved prompts would hold memory outside the plan
        cache_idle_slots=False,
        fit_params=False,  # the plan has decided: no silent change to slots or context
        # A mapped file would stay resident beside the copy of the weights in the CPU's own order.
        load_mode=xllamacpp.llama_load_mode.LLAMA_LOAD_MODE_NONE,
        n_gpu_layers=0,  # the wheel of the package index has no GPU code
        ui=False,
        cors_origins="",
        cors_methods="",
        cors_headers="",
        cors_credentials=False,
        endpoint_slots=False,
        endpoint_metrics=False,
        endpoint_props=False,
    )
    adapt_levers(xllamacpp, params, settings)
    for threads in (params.cpuparams, params.cpuparams_batch):
        adapt(threads, n_threads=settings.threads)
    return xllamacpp.Server(params)


def adapt_levers(xllamacpp: Any, params: Any, settings: Settings) -> None:
    """Set what is to be other than this build has it."""
    if settings.backend_sampling:
        adapt(params.sampling, backend_sampling=True)
    if settings.flash_attention is not None:
        name = f"LLAMA_FLASH_ATTN_TYPE_{'ENABLED' if settings.flash_attention else 'DISABLED'}"
        adapt(params, flash_attn_type=getattr(xllamacpp.llama_flash_attn_type, name))
    if settings.ubatch is not None:
        adapt(params, n_ubatch=settings.ubatch)


def adapt(target: Any, **values: Any) -> None:
    """Set what this build of xllamacpp knows; its parameters follow llama.cpp and move with it."""
    for name, value in values.items():
        if hasattr(target, name):
            setattr(target, name, value)
        else:
            say({"ignored": name})


def say(fact: dict[str, object]) -> None:
    """Print one fact as a line of JSON."""
    os.write(1, (json.dumps(fact) + "\n").encode())


def fail(code: int, what: str, reason: str) -> NoReturn:
    """Say why and leave; at once, since llama.cpp's threads may still run."""
    say({"failed": what, "reason": reason})
    os._exit(code)


if __name__ == "__main__":
    main()
