"""The two forms of the embedded engine, and which one this box takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from launcher.engine import EngineSettings
from launcher.llama_server import Program, find_program
from launcher.probe_host import read_cpu
from launcher.types import Bytes, Cpu

Form = Literal["llama-server", "xllamacpp"]
Choice = Literal["auto", "llama-server", "xllamacpp"]

#: Resident size of the process beside weights, KV cache and a large vocabulary: `python -m tests.bench memory`.
PROCESS_BYTES: Mapping[Form, Bytes] = {"llama-server": Bytes(46_000_000), "xllamacpp": Bytes(57_000_000)}


@dataclass(frozen=True)
class EmbeddedSettings(EngineSettings):
    """How to get the embedded engine."""

    form: Choice = "auto"
    program: Path | None = None  # a llama-server to use before any other
    calibrations: Path | None = None  # the file of what was measured on this box


def choose(settings: EngineSettings, cpu: Cpu | None = None) -> "Chosen":
    """Return the form that a start takes on this box; only the start itself finds out whether it generates."""
    wanted = settings if isinstance(settings, EmbeddedSettings) else EmbeddedSettings()
    program = None if wanted.form == "xllamacpp" else find_program(cpu or read_cpu(), own=wanted.program)
    form: Form = "xllamacpp" if wanted.form == "auto" and program is None else _named(wanted.form)
    return Chosen(form, program, wanted.form != "auto")


@dataclass(frozen=True)
class Chosen:
    """One form; *program* is there for `llama-server` where there is one, *forced*: the settings insist."""

    form: Form
    program: Program | None
    forced: bool

    @property
    def build(self) -> str:
        """What tells this build from another, for what is measured with it."""
        return self.program.build if self.program else f"xllamacpp {version('xllamacpp')}"


def _named(choice: Choice) -> Form:
    return "xllamacpp" if choice == "xllamacpp" else "llama-server"
