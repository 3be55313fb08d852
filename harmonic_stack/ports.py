"""Who listens on a port, as far as the system lets us see."""

import psutil


def owner_of(port: int) -> str | None:
    """Name and pid of the program that listens on *port*; None where the system does not say."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.Error:
        return None
    for found in connections:
        if found.laddr and found.laddr.port == port and found.status == psutil.CONN_LISTEN and found.pid:
            try:
                return f"{psutil.Process(found.pid).name()} (process {found.pid})"
            except psutil.Error:
                return f"process {found.pid}"
    return None
