"""How many files and sockets this process may have open."""

import resource

# Beside the connections of clients: those to the engine and the store, logs, the record.
OTHERS = 1_024


def allow_open_files(connections: int) -> int:
    """Raise the soft limit, where it is too low for so many connections, as far as the hard one lets us; returns it.

    At the usual soft limit of 1024 the system, and not ``server.max_connections``, would decide who gets in: nobody.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + OTHERS
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft
