"""Starting, stopping and dying: nothing is left behind, and every refusal says why with its exit code."""

import asyncio
import os
import signal
import socket
import stat

import httpx
import psutil
import pytest

from launcher.loopback import free_port
from tests.cli import COMMAND, Home
from tests.helpers import until
from tests.unit.launcher.gguf_builder import F32, llama_keys, write_gguf

pytestmark = [pytest.mark.engine, pytest.mark.timeout(240)]


async def test_up_and_down_leave_no_process_and_no_lock(home: Home) -> None:
    up = await home.run("up", "--detach", "--port", str(free_port()))
    assert up.code == 0, up.err
    assert "Harmonic Stack is ready" in up.err
    names = {process.name() for process in home.processes()}
    assert "valkey-server" in names
    assert len(home.processes()) == 5  # the daemon, two guards, the engine, the store
    again = await home.run("up", "--detach", "--port", str(free_port()))
    assert again.code == 3
    assert "already runs" in again.err
    assert (await home.run("down")).code == 0
    assert home.processes() == []
    assert (await home.run("status")).code == 4
    assert (await home.run("down")).code == 4
    keys = home.path / ".local/state/harmonic-stack/keys/keys.json"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600


async def test_a_killed_daemon_leaves_no_orphan_and_the_next_one_starts(home: Home) -> None:
    port = str(free_port())
    assert (await home.run("up", "--detach", "--port", port)).code == 0
    daemon = next(process for process in home.processes() if "up" in process.cmdline())
    os.kill(daemon.pid, signal.SIGKILL)
    await until(lambda: home.processes() == [], "engine, store and guards are gone", timeout=5)
    assert (await home.run("status")).code == 4
    up = await home.run("up", "--detach", "--port", port)
    assert up.code == 0, up.err
    assert (await home.run("down")).code == 0


async def test_a_killed_engine_is_counted_and_serves_again(home: Home) -> None:
    port = free_port()
    assert (await home.run("up", "--detach", "--port", str(port))).code == 0
    engine = (await home.json("status"))["engine"]
    assert engine["restarts"] == 0
    os.kill(engine["pids"][0], signal.SIGKILL)
    key = (await home.run("key", "show")).out.strip()
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
        answer = await client.post(
            "/v1/chat/completions",
            json={"model": "harmonic-fast", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4},
        )
        told = (await client.get("/metrics")).text
    assert answer.status_code == 200, answer.text
    assert 'harmonic_engine_restarts_total{engine="embedded"} 1.0' in told
    assert (await home.json("status"))["engine"]["restarts"] == 1
    assert (await home.run("down")).code == 0


async def test_a_taken_port_is_named_and_nothing_is_started(home: Home) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        up = await home.run("up", "--port", str(port))
    assert up.code == 3
    assert f"127.0.0.1:{port} is already in use by" in up.err
    assert str(os.getpid()) in up.err
    assert home.processes() == []


@pytest.mark.parametrize("host", ["203.0.113.7", "no-such-box.invalid"])
async def test_an_address_of_another_box_is_not_called_taken(home: Home, host: str) -> None:
    up = await home.run("up", "--host", host, "--port", str(free_port()))
    assert up.code == 3
    assert f"{host}:" in up.err
    assert "cannot be listened on" in up.err
    assert "in use" not in up.err
    assert home.processes() == []


async def test_a_free_port_is_told_by_its_number(home: Home) -> None:
    assert (await home.run("up", "--detach", "--port", "0")).code == 0
    told = (await home.json("status"))["url"]
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{told}/health")).status_code == httpx.codes.OK
    assert (await home.run("down")).code == 0


async def test_an_engine_that_is_not_there_is_named(home: Home) -> None:
    url = f"http://127.0.0.1:{free_port()}/v1"
    up = await home.run("up", "--engine", url, "--port", str(free_port()))
    assert up.code == 1
    assert url in up.err


async def test_a_broken_model_file_is_named_and_nothing_is_left(home: Home) -> None:
    file = home.path / "broken.gguf"
    file.write_bytes(b"GGUF" + bytes(100))
    home.env["HARMONIC_ENGINE__MODEL"] = str(file)
    up = await home.run("up", "--port", str(free_port()))
    assert up.code == 2
    assert str(file) in up.err


async def test_a_model_larger_than_the_memory_is_refused_with_both_figures_and_nothing_is_left(home: Home) -> None:
    rows = 2 * psutil.virtual_memory().total // (4096 * 4)
    file = write_gguf(home.path / "huge.gguf", llama_keys(), [("token_embd.weight", (4096, rows), F32)])
    home.env["HARMONIC_ENGINE__MODEL"] = str(file)
    up = await home.run("up", "--port", str(free_port()))
    assert (up.code, up.err.count("needs ")) == (1, 1), up.err
    assert "huge needs" in up.err
    assert "are left" in up.err
    assert home.processes() == []


async def test_the_logs_are_read_by_name_and_followed(home: Home) -> None:
    assert (await home.run("up", "--detach", "--port", str(free_port()))).code == 0
    daemon, engine = await home.run("logs", "-n", "3"), await home.run("logs", "engine")
    assert len(daemon.out.splitlines()) == 3
    assert engine.out.strip()
    unknown = await home.run("logs", "nothing")
    assert (unknown.code, "daemon, engine, store" in unknown.err) == (2, True)
    following = await asyncio.create_subprocess_exec(
        *COMMAND, "logs", "-f", "daemon", stdout=asyncio.subprocess.PIPE, env=home.environment
    )
    try:
        assert following.stdout is not None
        for _ in daemon.out.splitlines():
            await following.stdout.readline()
        assert (await home.run("down")).code == 0
        async with asyncio.timeout(20):
            while b"stopping" not in await following.stdout.readline():
                pass
    finally:
        following.kill()
        await following.wait()


async def test_a_broken_setting_is_one_line_with_its_place(home: Home) -> None:
    folder = home.path / ".config/harmonic-stack"
    folder.mkdir(parents=True)
    (folder / "harmonic.toml").write_text("[server]\nprot = 1\n")
    up = await home.run("up")
    assert up.code == 2
    assert "harmonic.toml:2:1 server.prot: " in up.err
    assert 'did you mean "server.port"?' in up.err or 'did you mean "port"?' in up.err


@pytest.mark.parametrize(
    ("first", "words", "code"),
    [
        (signal.SIGINT, b"Harmonic Stack is ready", 0),
        (signal.SIGTERM, b"Harmonic Stack is ready", 0),
        (signal.SIGINT, b"the engine is ready", 1),  # in the middle of the start
        (signal.SIGTERM, b"the engine is ready", 1),
    ],
)
async def test_a_signal_in_the_foreground_stops_everything(
    home: Home, first: signal.Signals, words: bytes, code: int
) -> None:
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "up", "--port", str(free_port()), stderr=asyncio.subprocess.PIPE, env=home.environment
    )
    assert process.stderr is not None
    async with asyncio.timeout(100):
        async for line in process.stderr:
            if words in line:
                process.send_signal(first)
                break
        _, rest = await process.communicate()
    assert process.returncode == code, rest.decode()
    assert home.processes() == []
