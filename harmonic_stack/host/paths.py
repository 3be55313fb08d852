"""The folders that we keep things in: XDG's, or those that systemd hands to a service.

Folders are made private (0700) in the moment of their making; nothing is ever changed to private afterwards, for in
between others could have looked.
"""

import hashlib
import os
import pwd
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harmonic_stack.errors import NoHomeFolder, UnsafeFolder

NAME = "harmonic-stack"
# A socket's whole path may have 108 bytes on Linux and 104 on macOS; 90 leaves room for its name.
LONGEST_RUNTIME = 90
SHORT_ROOT = Path("/tmp")  # noqa: S108 - a folder made in here is private, and its owner is checked


@dataclass(frozen=True, slots=True)
class Paths:
    """Where each kind of file lives.

    ``config``: what the user writes. ``data``: what is kept for good, the memory across sessions. ``state``: keys,
    logs, the store's file. ``runtime``: locks and sockets, gone with the login session. ``cache``: what can be made
    again.
    """

    config: Path
    data: Path
    state: Path
    runtime: Path
    cache: Path

    @classmethod
    def find(cls, env: Mapping[str, str] = os.environ, *, short_root: Path = SHORT_ROOT) -> "Paths":
        """The folders of this user, none of them made yet. The same environment always gives the same folders.

        1. A service of systemd has STATE_DIRECTORY, RUNTIME_DIRECTORY and so on: those, and below the first whatever
           was not handed out.
        2. Else XDG's folders with their usual fallbacks.
        3. The runtime folder falls back to a private one in *short_root* where there is none that is ours alone, and
           where its path is too long for a socket.

        Raises:
            NoHomeFolder: a fallback is needed, and this user has no home folder.
        """
        state = _handed_out(env, "STATE")
        below = state.joinpath if state is not None else None
        return cls(
            config=_handed_out(env, "CONFIGURATION") or _xdg(env, "CONFIG", ".config"),
            data=below("data") if below else _xdg(env, "DATA", ".local/share"),
            state=state or _xdg(env, "STATE", ".local/state"),
            runtime=_runtime(env, short_root),
            cache=_handed_out(env, "CACHE") or (below("cache") if below else _xdg(env, "CACHE", ".cache")),
        )

    @property
    def keys_file(self) -> Path:
        """The file of API keys, in a folder of its own: others may be let into the state folder."""
        return self.state / "keys" / "keys.json"

    def make(self) -> None:
        """Make all folders but that of the configuration, which is the user's to make.

        Raises:
            UnsafeFolder: the runtime folder is not ours alone.
        """
        for folder in (self.data, self.state, self.cache):
            make_folder(folder)
        private_folder(self.runtime)


def config_file(env: Mapping[str, str] = os.environ) -> Path:
    """The user's own configuration file, whether it exists or not."""
    return (_handed_out(env, "CONFIGURATION") or _xdg(env, "CONFIG", ".config")) / "harmonic.toml"


def make_folder(path: Path) -> None:
    """Make a folder, and those around it that are missing, each with mode 0700."""
    for folder in (*reversed(path.parents), path):
        try:
            folder.mkdir(mode=0o700)
        except OSError:  # also where the folder exists: a read-only parent and macOS's "/" say something else then
            if not folder.is_dir():
                raise


def private_folder(path: Path) -> Path:
    """Make a folder that nobody else can enter, or check that one found is so; returns *path*.

    Raises:
        UnsafeFolder: it is a link or no folder, belongs to another user, or lets others in.
    """
    make_folder(path)
    if reason := _unsafe(path.lstat()):
        raise UnsafeFolder(path, reason)
    return path


def _unsafe(found: os.stat_result) -> str | None:
    if not stat.S_ISDIR(found.st_mode):
        return "it is a link or a file"
    if found.st_uid != os.geteuid():
        return f"it belongs to user {found.st_uid}, not to us ({os.geteuid()})"
    mode = stat.S_IMODE(found.st_mode)
    return f"its mode is {mode:04o}, it must be 0700" if mode & 0o077 else None


def _handed_out(env: Mapping[str, str], kind: str) -> Path | None:
    """The folder that systemd made for us; with several, separated by colons, the first."""
    first = env.get(f"{kind}_DIRECTORY", "").split(":")[0]
    # Resolved: for a service with DynamicUser= it can be a link.
    return Path(first).resolve() if first.startswith("/") else None


def _xdg(env: Mapping[str, str], kind: str, fallback: str) -> Path:
    """XDG's folder of this kind; a relative path in the variable is to be ignored, says its specification."""
    given = env.get(f"XDG_{kind}_HOME", "")
    return (Path(given) if given.startswith("/") else _home(env) / fallback) / NAME


def _home(env: Mapping[str, str]) -> Path:
    given = env.get("HOME", "")
    if given.startswith("/"):
        return Path(given)
    try:
        return Path(pwd.getpwuid(os.geteuid()).pw_dir)
    except KeyError as error:
        raise NoHomeFolder from error


def _runtime(env: Mapping[str, str], short_root: Path) -> Path:
    folder = _handed_out(env, "RUNTIME")
    if folder is None:
        session = env.get("XDG_RUNTIME_DIR", "")
        # After `su` or `sudo` it can be another user's folder, or be gone.
        ours = session.startswith("/") and Path(session).is_dir() and _unsafe(Path(session).stat()) is None
        folder = Path(session) / NAME if ours else short_root / f"{NAME}-{os.geteuid()}"
    if len(os.fsencode(folder)) <= LONGEST_RUNTIME:
        return folder
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:8]
    return short_root / f"hs-{os.geteuid()}-{digest}"
