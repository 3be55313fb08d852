"""Who listens on which port, as far as the system lets us see."""

from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Listener:
    """A program that listens on TCP; ``host`` is the address that it is bound to, ``program`` its name and pid."""

    host: str
    port: int
    program: str | None


def listeners() -> list[Listener] | None:
    """Everybody who listens; None where the system does not say."""
    try:
        found = [each for each in psutil.net_connections(kind="tcp") if each.status == psutil.CONN_LISTEN]
    except psutil.Error:
        return None
    return [Listener(*each.laddr[:2], _program(each.pid)) for each in found if each.laddr]


def owner_of(port: int) -> str | None:
    """Name and pid of the program that listens on *port*; None where the system does not say."""
    return next((each.program for each in listeners() or () if each.port == port and each.program), None)


def _program(pid: int | None) -> str | None:
    if pid is None:
        return None
    try:
        return f"{psutil.Process(pid).name()} (process {pid})"
    except psutil.Error:
        return f"process {pid}"
