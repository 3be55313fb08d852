"""`up`, `down`, `logs`: the life of the daemon."""

import asyncio
import gc
import logging
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, NoReturn

import typer
import uvloop

from harmonic_stack.api.app import create_app
from harmonic_stack.api.server import bound_socket, make_server, serve_until_signal
from harmonic_stack.cli.models import pull_missing
from harmonic_stack.cli.output import explain, say
from harmonic_stack.config import Config, Loaded
from harmonic_stack.daemon import Daemon, running_stack
from harmonic_stack.host.file_limit import allow_open_files
from harmonic_stack.host.lock import Note, held_lock
from harmonic_stack.host.logs import log_files, set_up_logging
from harmonic_stack.host.notify import Notifier
from harmonic_stack.host.paths import Paths
from launcher import ProcessId

Say = Callable[[str], None]
READY = "ready"
log = logging.getLogger(__name__)


def up(
    engine: Annotated[
        str | None, typer.Option(help='"embedded", "ollama", or the base URL of an OpenAI-compatible engine.')
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Settings file to use instead of your own.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    no_auth: Annotated[bool, typer.Option("--no-auth", help="Let loopback callers in without a key.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Return once it is ready, and leave it running.")] = False,
) -> None:
    """Detect the hardware, plan the slots, start the engine and serve the crew."""
    flags: dict[str, object] = {"server.host": host, "server.port": port, "server.auth": False if no_auth else None}
    if engine is not None and "://" in engine:
        flags |= {"engine.name": "openai", "engine.url": engine}
    elif engine is not None:
        flags["engine.name"] = engine
    loaded = Config.load(config, flags=flags)
    pull_missing(loaded)
    paths = Paths.find()
    paths.make()
    if detach:
        raise typer.Exit(_detached(loaded, paths))
    _serve(loaded, paths, lambda text: say(text) if text != READY else None)


def _serve(loaded: Loaded, paths: Paths, tell: Say) -> None:
    """Hold the lock and the port, then run everything in one event loop until a signal comes."""
    set_up_logging(loaded.config.log, paths)
    server = loaded.config.server
    allow_open_files(server.max_connections)
    begun, manager = time.monotonic(), Notifier()

    def step(text: str) -> None:
        log.info(text)
        tell(text)

    with held_lock(paths) as note, bound_socket(server.host, server.port) as listening:

        async def main() -> None:
            loop, task = asyncio.get_running_loop(), asyncio.current_task()
            assert task is not None
            loop.add_signal_handler(signal.SIGTERM, task.cancel)
            async with running_stack(loaded, paths, step) as daemon:
                host = f"[{server.host}]" if ":" in server.host else server.host
                url = f"http://{host}:{listening.getsockname()[1]}"

                def announce() -> None:
                    _spare_the_collector()
                    _note_address(note, url)
                    daemon.url = url
                    tell(_banner(daemon, url, time.monotonic() - begun))
                    tell(READY)
                    manager.ready()
                    daemon.use_idle_time()

                def no_more() -> None:
                    daemon.orchestrator.conductor.close()
                    manager.stopping()

                serving = make_server(create_app(daemon), server)
                serving.when_stopping, serving.busy = no_more, daemon.orchestrator.conductor.any_under_way
                await serve_until_signal(serving, listening, announce)
                step("stopping")
            manager.close()

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            try:
                runner.run(main())
            except (KeyboardInterrupt, asyncio.CancelledError):
                tell("stopped before it was ready")
                raise typer.Exit(1) from None


def _spare_the_collector() -> None:
    """Take all that was made up to now out of the garbage collector's rounds: it stays until the end.

    A full round over it takes about 50 ms, in which no token moves. Answers leave few cycles behind them, so that
    rounds over what is new can be rarer than Python's own 700 allocations.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def _note_address(note: Path, url: str) -> None:
    own = ProcessId.of(os.getpid())
    assert own is not None  # it is this process
    Note(own, url).write(note)


def _detached(loaded: Loaded, paths: Paths) -> int:
    """Run the daemon in a process of its own; relay what it says until it is ready. The exit code."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.close(reading)
        _be_daemon(loaded, paths, writing)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.rstrip("\n") == READY:
                return 0
            say(line.rstrip("\n"))
    _, status = os.wait()
    return os.waitstatus_to_exitcode(status)


def _be_daemon(loaded: Loaded, paths: Paths, writing: int) -> NoReturn:
    """The detached process: a session of its own, nothing of the terminal, its output in the log."""
    os.setsid()
    code = 0
    words = os.fdopen(writing, "w", encoding="utf-8", buffering=1)

    def tell(text: str) -> None:
        if words.closed:
            return
        try:
            words.write(text + "\n")
        except BrokenPipeError:  # whoever waited for us has gone: the daemon goes on
            text = READY
        if text == READY:
            with suppress(BrokenPipeError):
                words.close()

    log = log_files(paths)["daemon"]
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    null = os.open(os.devnull, os.O_RDONLY)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for target, source in ((0, null), (1, out), (2, out)):
        os.dup2(source, target)
    try:
        _serve(loaded, paths, tell)
    except typer.Exit as stop:
        code = stop.exit_code
    except Exception as error:  # noqa: BLE001 - the process ends here; the table tells what it means
        sys.stderr = words if not words.closed else sys.stderr
        code = explain(error)
    finally:
        sys.stderr.flush()
        os._exit(code)


def _banner(daemon: Daemon, url: str, seconds: float) -> str:
    """What a newcomer needs next: the address, where the key is, and a call to paste."""
    program = "harmonic-stack" if shutil.which("harmonic-stack") else _shown_path(Path(sys.executable).parent)
    lines = [
        "",
        f"Harmonic Stack is ready after {seconds:.1f} s: {url}/v1",
        *([f"Note: {daemon.engine.note}"] if daemon.engine.note else []),
        f"Key:  {program} key show   (kept in {daemon.paths.keys_file})",
        "Try:  curl -s " + f"{url}/v1/chat/completions \\",
        f'        -H "Authorization: Bearer $({program} key show)" -H "Content-Type: application/json" \\',
        '        -d \'{"model": "harmonic", "messages": [{"role": "user", "content": "What is a spine?"}]}\'',
        f"Stop: Ctrl-C, or {program} down",
        "",
    ]
    return "\n".join(lines)


def _shown_path(folder: Path) -> str:
    """Our program in *folder*, from where the person stands if it is below."""
    program = folder / "harmonic-stack"
    return str(program.relative_to(Path.cwd()) if program.is_relative_to(Path.cwd()) else program)
