"""The command line's way to the running daemon: its address from the note, the admin key from the key file."""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from harmonic_stack.cli.output import say
from harmonic_stack.errors import DaemonRefused, NotRunning
from harmonic_stack.host.keys import Keys, Scope
from harmonic_stack.host.lock import running_daemon
from harmonic_stack.host.paths import Paths


def daemon_client(timeout: float | None = 30.0) -> httpx.Client:
    """A client for the daemon of this user.

    Raises:
        NotRunning: none runs, or it does not serve yet.
    """
    paths = Paths.find()
    url = running_daemon(paths).url
    if url is None:
        raise NotRunning
    key = Keys.open(paths).text(Scope.ADMIN)
    return httpx.Client(
        base_url=url,
        headers={"authorization": f"Bearer {key}"},
        timeout=httpx.Timeout(timeout, connect=5.0),
        trust_env=False,
    )


def fetch(path: str, **params: str | int | None) -> Any:
    """The JSON that the daemon answers to a GET.

    Raises:
        NotRunning: there is no daemon.
        DaemonRefused: it answered with an error.
    """
    given = {name: value for name, value in params.items() if value is not None}
    return _asked("GET", path, params=given)


def change(path: str, body: Mapping[str, Any]) -> Any:
    """The JSON that the daemon answers to a PATCH with *body*.

    Raises:
        NotRunning, DaemonRefused: as ``fetch``.
    """
    return _asked("PATCH", path, json=dict(body))


def _asked(method: str, path: str, **parts: Any) -> Any:
    with daemon_client() as client:
        try:
            answer = client.request(method, path, **parts)
        except httpx.TransportError as error:
            say(f"the daemon does not answer: {error}")
            raise NotRunning from error
    return checked(answer)


def lines_of(answer: httpx.Response) -> Iterator[str]:
    """The lines of a stream as they come. Only a line feed ends one: Python has more line ends."""
    left = b""
    for chunk in answer.iter_bytes():
        *lines, left = (left + chunk).split(b"\n")
        yield from (line.decode() for line in lines)


def checked(answer: httpx.Response) -> Any:
    """The JSON of a good answer; a bad one is raised."""
    if answer.is_success:
        return answer.json()
    try:
        message = answer.json()["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = answer.text[:200]
    raise DaemonRefused(answer.status_code, str(message))
