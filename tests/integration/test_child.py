"""Programs are started, watched, started again and ended with all that they started, also when the daemon is killed."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
import uvloop

from launcher.child import Child
from launcher.errors import EngineFailed, EngineNotReady
from launcher.restart import NEVER, Restart
from tests.helpers import until

# Restarts at once: the waits themselves are tested in tests/unit/launcher/test_restart.py.
EAGER = Restart(first=0.01)


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-u", "-c", code]


@asynccontextmanager
async def running(folder: Path, code: str, **options) -> AsyncIterator[Child]:
    """Start a Python program as a child and stop it at the end."""
    child = Child("program", python(code), log=folder / "program.log", **{"restart": NEVER, "grace": 1.0, **options})
    try:
        await child.start()
        yield child
    finally:
        await child.stop()


def says(child: Child, text: str) -> Callable[[], Awaitable[bool]]:
    """Return a readiness check: the log's end holds *text*."""

    async def check() -> bool:
        return text in child.log_tail()

    return check


def gone(pid: int) -> bool:
    """Tell whether this process has ended; one that nobody has reaped yet has."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def sizes_in(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir()}


SLEEP = "import time; print('up'); time.sleep(60)"
WITH_GRANDCHILD = """
import os, time
pid = os.fork()
if pid == 0:
    time.sleep(60)
print('grandchild', pid)
time.sleep(60)
"""
DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('up')
time.sleep(60)
"""


async def test_a_program_becomes_ready_and_stops(tmp_path: Path) -> None:
    async with running(tmp_path, SLEEP) as child:
        assert child.state == "starting"
        await child.wait_ready(says(child, "up"), timeout=5)
        assert child.state == "ready"
        pid = child.pid
        assert pid is not None
        assert child.pids() == [pid]
    assert child.state == "stopped"
    assert child.pid is None
    assert gone(pid)


async def test_it_leads_a_process_group_of_its_own(tmp_path: Path) -> None:
    async with running(tmp_path, SLEEP) as child:
        assert child.pid is not None
        assert os.getpgid(child.pid) == child.pid != os.getpgid(0)


async def test_the_secret_comes_over_stdin_and_stands_nowhere_else(tmp_path: Path) -> None:
    code = "import sys, time; print('got', len(sys.stdin.read())); time.sleep(60)"
    async with running(tmp_path, code, secret=b"k" * 40) as child:
        await child.wait_ready(says(child, "got 40"), timeout=5)
        program = psutil.Process(child.pid)
        guard = program.parent()
        assert guard is not None
        for process in (program, guard):
            assert "k" * 40 not in json.dumps([process.cmdline(), process.environ()])
        assert "k" * 40 not in child.log_tail()


async def test_a_program_gets_the_environment_that_it_is_given(tmp_path: Path) -> None:
    code = "import os, time; print(sorted(os.environ)); time.sleep(60)"
    async with running(tmp_path, code, env={"ONLY": "this"}) as child:
        await until(lambda: "ONLY" in child.log_tail(), "the environment is printed")
        assert "PATH" not in child.log_tail()


async def test_stopping_ends_grandchildren(tmp_path: Path) -> None:
    async with running(tmp_path, WITH_GRANDCHILD) as child:
        await child.wait_ready(says(child, "grandchild"), timeout=5)
        pids = child.pids()
        assert len(pids) == 2
    assert all(map(gone, pids))


async def test_a_program_that_ignores_term_is_killed_after_the_grace(tmp_path: Path) -> None:
    async with running(tmp_path, DEAF, grace=0.2) as child:
        await child.wait_ready(says(child, "up"), timeout=5)
        pid = child.pid
    assert child.exit_code == -signal.SIGKILL
    assert pid is not None
    assert gone(pid)


async def test_a_stopped_program_is_killed_too(tmp_path: Path) -> None:
    async with running(tmp_path, SLEEP, grace=0.2) as child:
        await child.wait_ready(says(child, "up"), timeout=5)
        assert child.pid is not None
        os.kill(child.pid, signal.SIGSTOP)
    assert child.exit_code is not None
    assert child.exit_code < 0


async def test_grandchildren_that_outlive_the_program_are_ended(tmp_path: Path) -> None:
    code = WITH_GRANDCHILD.replace("print('grandchild', pid)\ntime.sleep(60)", "print('grandchild', pid)")
    async with running(tmp_path, code) as child:
        await until(lambda: child.state == "failed", "the program has ended")
        assert gone(int(child.log_tail().split()[-1]))
        assert child.exit_code == 0


async def test_a_crash_at_every_start_ends_in_failed_with_the_log(tmp_path: Path) -> None:
    code = "import sys; print('no such model'); sys.exit(3)"
    async with running(tmp_path, code, restart=EAGER) as child:
        with pytest.raises(EngineFailed) as failure:
            await child.wait_ready(says(child, "never"), timeout=20)
        assert failure.value.exit_code == 3
        assert "no such model" in failure.value.log_tail
        assert (child.state, child.restarts) == ("failed", 4)


async def test_the_waits_between_restarts_grow(tmp_path: Path) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async with running(tmp_path, "", restart=Restart(), sleep=sleep, chance=lambda: 0.5) as child:
        await until(lambda: child.state == "failed", "given up", timeout=10)
    assert waits == [1, 2, 4, 8]


async def test_a_final_exit_code_is_not_tried_again(tmp_path: Path) -> None:
    rule = Restart(first=0.01, final_codes=frozenset({65}))
    async with running(tmp_path, "import sys; sys.exit(65)", restart=rule) as child:
        with pytest.raises(EngineFailed):
            await child.wait_ready(says(child, "never"), timeout=5)
        assert child.restarts == 0


async def test_a_killed_program_comes_back_ready_and_says_so(tmp_path: Path) -> None:
    told: list[str] = []
    async with running(tmp_path, SLEEP, restart=EAGER, on_restart=lambda: told.append("back")) as child:
        await child.wait_ready(says(child, "up"), timeout=5)
        first = child.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: child.restarts == 1 and child.state == "ready", "it is ready again")
        assert child.pid not in (None, first)
        assert told == ["back"]


async def test_a_program_that_hangs_after_it_was_ready_is_ended_and_started_again(tmp_path: Path) -> None:
    stuck = tmp_path / "stuck"

    async def check() -> bool:
        return not stuck.exists()

    async with running(tmp_path, "import time; time.sleep(60)", restart=EAGER, beat=0.02) as child:
        await child.wait_ready(check, 10)
        first = child.process
        assert first is not None
        await asyncio.sleep(0.2)  # ten beats: a program that is well is left alone
        assert child.process == first
        stuck.touch()
        await until(lambda: child.restarts == 1, "it is started again", timeout=10)
        assert gone(first.pid)
        stuck.unlink()
        await child.wait_ready(check, 10)


async def test_the_secret_is_sent_again_after_a_restart(tmp_path: Path) -> None:
    code = "import sys, time; print('got', sys.stdin.read()); time.sleep(60)"
    async with running(tmp_path, code, restart=EAGER, secret=b"word") as child:
        await child.wait_ready(says(child, "got word"), timeout=5)
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        await until(lambda: child.log_tail().count("got word") == 2, "the secret came twice")


async def test_a_hook_or_check_that_breaks_does_not_end_the_supervision(tmp_path: Path) -> None:
    def broken() -> None:
        raise RuntimeError("hook")

    async with running(tmp_path, SLEEP, restart=EAGER, on_restart=broken) as child:
        await child.wait_ready(says(child, "up"), timeout=5)
        for count in (1, 2):
            assert child.pid is not None
            os.kill(child.pid, signal.SIGKILL)
            await until(lambda: child.restarts == count and child.state == "ready", "it is ready again")  # noqa: B023


async def test_a_program_that_never_answers_is_not_ready_in_time(tmp_path: Path) -> None:
    async with running(tmp_path, SLEEP) as child:
        with pytest.raises(EngineNotReady) as failure:
            await child.wait_ready(says(child, "never"), timeout=0.3)
        assert failure.value.seconds == 0.3
        assert "up" in failure.value.log_tail


async def test_a_missing_program_fails_at_once_by_name(tmp_path: Path) -> None:
    child = Child("engine", ["/no/such/program"], log=tmp_path / "engine.log", restart=NEVER)
    with pytest.raises(EngineFailed) as failure:
        await child.start()
    assert failure.value.exit_code is None
    assert "/no/such/program: No such file" in failure.value.log_tail
    assert child.state == "failed"
    await child.stop()


async def test_a_killed_guard_leaves_no_program(tmp_path: Path) -> None:
    async with running(tmp_path, DEAF, restart=EAGER) as child:
        await child.wait_ready(says(child, "up"), timeout=5)
        first = child.pid
        guard = psutil.Process(first).parent()
        assert guard is not None
        guard.kill()
        await until(lambda: child.restarts == 1 and child.state == "ready", "it runs again behind a new guard")
        assert first is not None
        assert gone(first)


async def test_a_full_log_moves_aside_and_two_older_ones_stay(tmp_path: Path) -> None:
    code = "import sys, time; [print(str(n % 10) * 999) for n in range(20_000)]; print('end'); time.sleep(60)"
    async with running(tmp_path, code) as child:
        await child.wait_ready(says(child, "end"), timeout=20)
        sizes = sizes_in(tmp_path)
        assert sizes.keys() == {"program.log", "program.log.1", "program.log.2"}
        assert all(size <= 4_000_000 for size in sizes.values())


async def test_the_log_is_ours_alone_and_its_tail_is_this_runs(tmp_path: Path) -> None:
    (tmp_path / "program.log").write_text("an older run\n")
    async with running(tmp_path, SLEEP) as child:
        await child.wait_ready(says(child, "up"), timeout=5)
        assert child.log_tail() == "up"
    assert (tmp_path / "program.log").read_text() == "an older run\nup\n"


async def test_the_record_names_the_running_process_and_goes_with_it(tmp_path: Path) -> None:
    record = tmp_path / "run" / "program.json"
    async with running(tmp_path, SLEEP, record=record) as child:
        assert json.loads(record.read_text())["pid"] == child.pid
    assert not record.exists()


def test_it_works_on_uvloop_as_on_asyncio(tmp_path: Path) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(test_a_killed_program_comes_back_ready_and_says_so(tmp_path))


PARENT = """
import asyncio, pathlib, sys
from launcher.child import Child

async def main():
    folder = pathlib.Path(sys.argv[1])
    child = Child("program", [sys.executable, "-u", "-c", sys.argv[2]], log=folder / "program.log")
    await child.start()
    print(child.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.parametrize("code", [SLEEP, WITH_GRANDCHILD, DEAF], ids=["plain", "grandchild", "ignores TERM"])
async def test_killing_the_daemon_leaves_no_orphan_after_five_seconds(tmp_path: Path, code: str) -> None:
    daemon = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(tmp_path), code, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert daemon.stdout is not None
        program = psutil.Process(int(await daemon.stdout.readline()))
        log = tmp_path / "program.log"
        await until(lambda: log.exists() and log.read_text() != "", "the program has spoken")
        family = [program.ppid(), program.pid, *(child.pid for child in program.children(recursive=True))]
        assert len(family) == (3 if code == WITH_GRANDCHILD else 2)
    finally:
        daemon.kill()
        await daemon.wait()
    await until(lambda: all(map(gone, family)), "guard, program and grandchildren are gone", timeout=5)
