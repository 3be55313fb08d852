"""The forms of the embedded engine that can run here, for tests that hold for both."""

import os

import pytest

from launcher.llama_server import find_program
from launcher.probe_host import read_cpu

_HERE = find_program(read_cpu()) is not None or os.environ.get("HARMONIC_REQUIRE_ALL") == "1"

#: Left out where there is no program, or none that this CPU can run; never where everything is required.
needs_llama_server = pytest.mark.skipif(not _HERE, reason="no llama-server for this CPU")

FORMS = [pytest.param("llama-server", marks=needs_llama_server), "xllamacpp"]
