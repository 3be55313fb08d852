"""A program of ours: started, watched, started again, stopped. The only place that starts processes.

The daemon holds the guard's standard input open (guard.py); closing it, on purpose or by dying, ends the program.
"""

import asyncio
import logging
import os
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from launcher.errors import EngineFailed, EngineNotReady
from launcher.process import ProcessId, end_leftover, write_record
from launcher.restart import NEVER, Restart

State = Literal["starting", "ready", "restarting", "failed", "stopped"]

LOG_BYTES = 4_000_000  # a file's size before it moves aside; two older ones are kept
TAIL_BYTES = 65_536
MOST_SECRET = 65_536  # what a pipe holds before anyone reads
GO = b"."  # guard.py starts nothing before it; a start that is cancelled earlier therefore leaves nothing
POLL = 0.05
CHECK_LIMIT = 5.0  # seconds for one readiness check
MOST_MISSED = 3  # readiness checks in a row, a beat apart, after which a program counts as hung

log = logging.getLogger(__name__)


class Child:
    """A supervised program behind a guard process, in a process group of its own.

    *secret* goes over the program's standard input, which is then closed; it is sent again at every restart. *record*
    notes the running process for the next daemon, which ends what a killed one left. *on_restart* is called each time
    the program is ready again. One that was ready and then fails three readiness checks in a row, *beat* seconds apart,
    hangs: it is ended and started again. *clock*, *sleep* and *chance* (in [0, 1)) come in for tests.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        secret: bytes | None = None,
        restart: Restart = Restart(),  # noqa: B008 - frozen
        grace: float = 3.0,
        beat: float = 10.0,
        record: Path | None = None,
        on_restart: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        if secret is not None and len(secret) > MOST_SECRET:
            raise ValueError(f"a secret of {len(secret)} bytes; at most {MOST_SECRET}")
        self.name = name
        self.log = log
        self.restarts = 0
        self._argv = tuple(argv)
        self._env = None if env is None else dict(env)
        self._secret = secret or b""
        self._restart = restart
        self._grace = grace
        self._beat = beat
        self._record = record
        self._on_restart = on_restart
        self._clock = clock
        self._sleep = sleep
        self._chance = chance
        self._state: State = "stopped"
        self._settled = asyncio.Event()  # ready, failed or stopped
        self._check: Callable[[], Awaitable[bool]] | None = None
        self._guard: asyncio.subprocess.Process | None = None
        self._process: ProcessId | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._exit_code: int | None = None
        self._log_start = 0

    @property
    def state(self) -> State:
        """What the program is doing, as people are shown it."""
        return self._state

    @property
    def pid(self) -> int | None:
        """The program's pid (not its guard's), or None while it does not run."""
        return self._process.pid if self._process else None

    @property
    def process(self) -> ProcessId | None:
        """The program's pid and start time, or None while it does not run."""
        return self._process

    @property
    def exit_code(self) -> int | None:
        """How the program last ended, negative for a signal; None if it has not."""
        return self._exit_code

    def pids(self) -> list[int]:
        """Return the pids of the program and of all its descendants."""
        return self._process.family() if self._process else []

    async def start(self) -> None:
        """Start the program and its supervision; raise EngineFailed if there is no such program."""
        self.log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._record is not None and await asyncio.to_thread(end_leftover, self._record, self._grace):
            log.warning("ended a program that an earlier run had left", extra={"child": self.name})
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        self._enter("starting")
        try:
            await self._spawn()
        except EngineFailed:
            self._enter("failed")
            raise
        self._supervisor = asyncio.create_task(self._supervise(), name=f"supervise:{self.name}")

    async def wait_ready(self, check: Callable[[], Awaitable[bool]], timeout: float) -> None:
        """Wait until *check* holds; it is asked again after every restart.

        Raises EngineNotReady after *timeout* seconds and EngineFailed when the program is given up, both with the end
        of the log. The program is left as it is: stopping it is the caller's.
        """
        self._check = check
        try:
            async with asyncio.timeout(timeout):
                await self._settled.wait()
        except TimeoutError:
            raise EngineNotReady(self.name, timeout, self.log_tail()) from None
        if self._state != "ready":
            raise EngineFailed(self.name, self._exit_code, self.log_tail())

    async def stop(self) -> None:
        """End the program and its whole group: TERM, then KILL after the grace; nothing is left when it returns."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            with suppress(asyncio.CancelledError):
                await self._supervisor
        if self._guard is not None:
            self._lifeline(self._guard).close()
            try:
                async with asyncio.timeout(self._grace + 3.0):
                    self._exit_code = await self._exited(self._guard)
            except TimeoutError:  # the guard itself hangs, for one because someone stopped it
                self._guard.kill()
                self._exit_code = await self._exited(self._guard)
        self._enter("stopped")

    def log_tail(self, lines: int = 20) -> str:
        """Return the last lines that the program wrote since `start`."""
        try:
            size = self.log.stat().st_size
            with self.log.open("rb") as file:
                # A smaller file than at the start has been moved aside meanwhile: all of it is ours.
                file.seek(max(self._log_start if size >= self._log_start else 0, size - TAIL_BYTES))
                text = file.read().decode("utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    async def _spawn(self) -> None:
        """Start a guard with the program behind it."""
        settings = [str(self.log), str(LOG_BYTES), str(self._grace), str(len(self._secret))]
        guard = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", "-S", str(Path(__file__).with_name("guard.py"))),
            *settings,
            *self._argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=self._env,
            start_new_session=True,  # a Ctrl-C in the daemon's terminal is the daemon's to act on
        )
        self._guard = guard
        self._lifeline(guard).write(self._secret + GO)
        word, _, value = (await self._line(guard)).partition(" ")
        if word != "pid":
            await self._exited(guard)
            raise EngineFailed(self.name, None, self.log_tail())
        self._process = ProcessId.of(int(value))
        if self._record is not None and self._process is not None:
            write_record(self._record, self._process)

    async def _supervise(self) -> None:
        """Watch one run after another until there is to be no more."""
        starts = [self._clock()]
        while self._guard is not None:
            code = await self._watch(self._guard)
            now = self._clock()
            if now - starts[-1] >= self._restart.window:
                starts = starts[-1:]  # it ran for long: an old storm is forgotten
            delay = self._restart.delay(code, starts, now, self._chance())
            # One that runs once is meant to end.
            level = logging.DEBUG if code == 0 and self._restart == NEVER else logging.WARNING
            log.log(level, "a program ended", extra={"child": self.name, "code": code, "delay": delay})
            if delay is None:
                return self._enter("failed")
            self._enter("restarting")
            await self._sleep(delay)
            starts.append(self._clock())
            try:
                await self._spawn()
            except EngineFailed:
                return self._enter("failed")  # the program's file has vanished
            self.restarts += 1
        return None

    async def _watch(self, guard: asyncio.subprocess.Process) -> int:
        """Return the exit code of this run, noticing meanwhile when the program becomes ready."""
        exited = asyncio.ensure_future(self._exited(guard))
        missed = 0  # readiness checks in a row that a program failed which had been ready
        try:
            while not exited.done():
                if await self._passes():
                    missed = 0
                    if self._state != "ready":
                        self._become_ready()
                elif self._state == "ready" and self._check is not None:
                    missed += 1
                if missed == MOST_MISSED:
                    log.warning("a program hangs and is ended", extra={"child": self.name})
                    self._lifeline(guard).close()  # its guard ends the whole group
                await asyncio.wait({exited}, timeout=self._beat if self._state == "ready" else POLL)
            return exited.result()
        finally:
            exited.cancel()

    async def _passes(self) -> bool:
        if self._check is None:
            return False
        try:
            async with asyncio.timeout(CHECK_LIMIT):
                return await self._check()
        except (OSError, TimeoutError):
            return False  # not listening yet
        except Exception:
            log.warning("a readiness check broke", extra={"child": self.name}, exc_info=True)
            return False

    def _become_ready(self) -> None:
        self._enter("ready")
        if self.restarts and self._on_restart is not None:
            try:
                self._on_restart()
            except Exception:  # the hook's fault must not end the supervision
                log.exception("a restart hook broke", extra={"child": self.name})

    def _enter(self, state: State) -> None:
        self._state = state
        if state in ("ready", "failed", "stopped"):
            self._settled.set()
        else:
            self._settled.clear()

    async def _exited(self, guard: asyncio.subprocess.Process) -> int:
        """Wait until the guard is done and return the program's exit code."""
        word, _, value = (await self._line(guard)).partition(" ")
        self._lifeline(guard).close()
        await guard.wait()
        if word != "exit" and self._process is not None:
            # The guard was killed, so nobody else will end its group.
            self._process.signal_group(signal.SIGKILL)
        self._guard = self._process = None
        if self._record is not None:
            self._record.unlink(missing_ok=True)
        self._exit_code = int(value) if word == "exit" else -signal.SIGKILL
        return self._exit_code

    @staticmethod
    async def _line(guard: asyncio.subprocess.Process) -> str:
        assert guard.stdout is not None  # asked for as a pipe
        return (await guard.stdout.readline()).decode().strip()

    @staticmethod
    def _lifeline(guard: asyncio.subprocess.Process) -> asyncio.StreamWriter:
        assert guard.stdin is not None  # asked for as a pipe
        return guard.stdin


def clean_environment() -> dict[str, str]:
    """Return our environment without our own settings, which may hold keys that no other program needs."""
    return {key: value for key, value in os.environ.items() if not key.startswith("HARMONIC_")}
