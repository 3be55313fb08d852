"""What a card brings into the environment that `make up` makes: the script run with devices and a pip of our own."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "requirements" / "card.sh"


def ran(folder: Path, *devices: str, pip: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it on a box with *devices*, where pip ends with the exit code *pip*."""
    python, seen = folder / "python", folder / "dev"
    python.write_text(f"#!/bin/sh\necho \"$@\" >> {folder}/asked\necho 'ERROR: no such wheel'\nexit {pip}\n")
    python.chmod(stat.S_IRWXU)
    for device in devices:
        (seen / device).parent.mkdir(parents=True, exist_ok=True)
        (seen / device).touch()
    return subprocess.run(
        [SCRIPT, python, seen], capture_output=True, text=True, check=False, env=dict(os.environ) | environment
    )


@pytest.mark.parametrize("devices", [("nvidia0", "nvidiactl"), ("dri/card0", "dri/renderD128")])
def test_a_box_with_a_card_gets_the_locked_server(tmp_path: Path, devices: tuple[str, ...]) -> None:
    assert ran(tmp_path, *devices).returncode == 0
    asked = (tmp_path / "asked").read_text()
    assert "--require-hashes --no-deps -r" in asked
    assert "requirements/card.txt" in asked


@pytest.mark.parametrize("devices", [(), ("nvidiactl",), ("dri/card0",)])
def test_a_box_without_one_gets_nothing(tmp_path: Path, devices: tuple[str, ...]) -> None:
    assert ran(tmp_path, *devices).returncode == 0
    assert not (tmp_path / "asked").exists()


def test_where_no_wheel_fits_that_is_said_and_the_rest_goes_on(tmp_path: Path) -> None:
    left_out = ran(tmp_path, "nvidia0", pip=1, HARMONIC_REQUIRE_ALL="")
    assert left_out.returncode == 0
    assert "computes on the processor" in left_out.stderr
    assert "ERROR: no such wheel" in left_out.stderr
    assert ran(tmp_path, "nvidia0", pip=1, HARMONIC_REQUIRE_ALL="1").returncode == 1
