"""Where engines of ours listen: on loopback alone, at a port that was free a moment ago."""

import socket
from typing import Final, Literal

HOST: Final[Literal["127.0.0.1"]] = "127.0.0.1"


def free_port(host: str = HOST) -> int:
    """Return a TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
