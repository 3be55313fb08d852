"""Export, import, removal and the live tail as an administrator has them: over HTTP, on a served stack."""

import asyncio
import json
from pathlib import Path
from typing import Any

from spine import Channel, Signal
from tests.fake_engine import Act, fake_engine
from tests.helpers import until
from tests.stack import Stack, served_stack

LINES = {"content-type": "application/x-ndjson"}


async def say(stack: Stack, session: str, each: int = 3) -> None:
    for n in range(each):
        await stack.daemon.bus.publish_many(
            [Signal(channel, session, "orchestrator", "note", text=f"{session} {n}") for channel in Channel]
        )


async def test_what_was_forgotten_is_imported_again_and_twice_is_once(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("Noted.")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client(admin=True) as admin,
    ):
        await say(stack, "ada")
        await say(stack, "bob")
        before = (await admin.get("/admin/spine/export")).content
        own = (await admin.get("/admin/spine/export", params={"session": "ada"})).content
        assert (await admin.delete("/admin/spine/sessions/ada")).json()["removed"] == 18
        for imported, duplicates in ((18, 0), (0, 18)):
            done = (await admin.post("/admin/spine/import", content=own, headers=LINES)).json()
            assert (done["lines"], done["imported"], done["duplicates"]) == (18, imported, duplicates)
            assert (done["refused"], done["refusals"]) == (0, [])
        after = (await admin.get("/admin/spine/export")).content
        assert sorted(after.splitlines()) == sorted(before.splitlines())


async def test_bad_imports_are_refused_by_line_or_whole(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("Noted.")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client(admin=True) as admin,
        stack.client() as client,
    ):
        await say(stack, "ada", 1)
        lines = (await admin.get("/admin/spine/export")).content.splitlines()
        body = b"\n".join([lines[0], b"{}", lines[2].replace(b'"orchestrator"', b'"coder"')])
        done = (await admin.post("/admin/spine/import", content=body, headers=LINES)).json()
        assert (done["duplicates"], done["refused"]) == (1, 2)
        told = sorted((refusal["line"], refusal["code"]) for refusal in done["refusals"])
        assert told == [(2, "invalid_line"), (3, "writer_not_allowed")]
        for headers, status in ((None, 415), ({**LINES, "content-encoding": "gzip"}, 415)):
            assert (await admin.post("/admin/spine/import", content=body, headers=headers)).status_code == status
        assert b"413" in await first_line(stack, "POST /admin/spine/import", f"content-length: {2**30}")
        assert (await client.post("/admin/spine/import", content=body, headers=LINES)).status_code == 403


async def asked(stack: Stack, what: str, *headers: str) -> tuple[bytes, asyncio.StreamWriter]:
    """Send a request over a connection of its own; give the first line of the answer, and read no more."""
    host, port = stack.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    lines = [f"{what} HTTP/1.1", f"host: {host}", f"authorization: Bearer {stack.admin}", *headers, "", ""]
    writer.write("\r\n".join(lines).encode())
    return await reader.readline(), writer


async def first_line(stack: Stack, what: str, *headers: str) -> bytes:
    line, writer = await asked(stack, what, "content-type: application/x-ndjson", *headers)
    writer.transport.abort()
    return line


async def test_one_signal_is_removed_by_its_id(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("Noted.")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client(admin=True) as admin,
    ):
        kept = {"text": "My secret garden gate stands open."}
        given = (await admin.post("/admin/spine/channels/2/signals", json=kept)).json()["id"]
        removed = await admin.delete(f"/admin/spine/signals/{given}")
        assert removed.json() == {"id": given, "channel": 2, "removed": 1}
        files = b"".join(path.read_bytes() for path in stack.daemon.paths.data.rglob("*") if path.is_file())
        assert b"garden gate" not in files
        again = await admin.delete(f"/admin/spine/signals/{given}")
        assert (again.status_code, again.json()["error"]["code"]) == (404, "signal_not_found")
        assert (await admin.delete("/admin/spine/signals/nonsense")).status_code == 400


async def test_a_tail_goes_on_from_the_id_of_its_last_event(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("Noted.")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client(admin=True) as admin,
    ):
        await say(stack, "ada", 5)
        seen: list[tuple[int, str]] = []
        place = "0"
        while len(seen) < 30:
            taken = 0
            async with admin.stream("GET", "/admin/spine/tail", headers={"last-event-id": place}) as tail:
                async for line in tail.aiter_lines():
                    if line.startswith("id: "):
                        place = line[4:]
                    elif line.startswith("data: "):
                        signal: dict[str, Any] = json.loads(line[6:])
                        seen.append((signal["channel"], signal["text"]))
                        taken += 1
                    if taken == min(7, 30 - len(seen) + taken):
                        break
        assert sorted(seen) == sorted((channel.value, f"ada {n}") for channel in Channel for n in range(5))
        assert seen[-1][1] == "ada 4"


async def test_clients_that_stop_reading_slow_nobody(tmp_path: Path) -> None:
    """They ask for the tail and never read it; the sockets fill up, and publishing goes on."""
    async with (
        fake_engine(lambda _: Act("Noted.")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
    ):
        await say(stack, "ada")
        stopped = []
        for _ in range(10):
            line, writer = await asked(stack, "GET /admin/spine/tail")
            assert b"200" in line
            stopped.append(writer)
        bus = stack.daemon.bus
        async with asyncio.timeout(30):
            for n in range(300):
                await bus.publish(Signal(Channel.TASK, "ada", "orchestrator", "note", text=f"{n} " + "x" * 20_000))
        assert len(await bus.recent(Channel.TASK, "ada", count=300)) == 300
        for writer in stopped:
            writer.transport.abort()
        await until(lambda: not _tails(), "their tasks end", timeout=10)


def _tails() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if "tail" in repr(task.get_coro())]
