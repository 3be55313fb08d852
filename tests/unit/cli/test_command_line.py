"""What a command loads before it does anything: its own module, and not the daemon's."""

import subprocess
import sys

import pytest

SHOWN = "import sys; from harmonic_stack.cli.main import command_line; command_line([{!r}]); print(*sys.modules)"


@pytest.mark.parametrize(("word", "heavy"), [("key", False), ("status", False), ("down", False), ("up", True)])
def test_only_up_loads_what_serves(word: str, heavy: bool) -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", SHOWN.format(word)], check=True, capture_output=True, text=True
    ).stdout.split()
    assert ("fastapi" in loaded, "harmonic_stack.daemon" in loaded) == (heavy, heavy)
