"""The limit of open files follows the connections allowed, within what the system grants."""

import subprocess
import sys

import pytest

from harmonic_stack.host.file_limit import OTHERS

# In a process of its own: a limit that was lowered may stay so.
TRIAL = """
import resource, sys
from harmonic_stack.host.file_limit import allow_open_files
soft, hard, connections = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
print(allow_open_files(connections), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "connections", "found"),
    [(256, 4_096, 1_024, 1_024 + OTHERS), (256, 512, 1_024, 512), (4_000, 4_096, 10, 4_000)],
    ids=["raised", "as far as allowed", "enough already"],
)
def test_the_limit_is_raised_and_never_lowered(soft: int, hard: int, connections: int, found: int) -> None:
    words = [sys.executable, "-c", TRIAL, *map(str, (soft, hard, connections))]
    ran = subprocess.run(words, capture_output=True, text=True, check=True)
    assert [int(word) for word in ran.stdout.split()] == [found, found, hard]
