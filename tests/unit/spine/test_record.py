"""The record keeps what it acknowledged, gives no id twice, and forgets for good."""

import asyncio
import os
import resource
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import pytest

from spine import Channel, RecordTooNew, RecordUnavailable, Signal, open_bus
from spine.ids import IdClock, order
from spine.record import Record
from spine.streams import LASTING, Entry
from spine.wire import decode, encode


def entry(text: str, session: str = "mine") -> Entry:
    signal = Signal(Channel.PERSISTENT, session, "orchestrator", "note", text=text, payload={"n": 1})
    return Entry(LASTING, "", encode(signal, time=1.0))


@asynccontextmanager
async def opened(path: Path | None, clock: IdClock | None = None) -> AsyncIterator[Record]:
    record = Record(path, clock or IdClock())
    await record.open()
    try:
        yield record
    finally:
        await record.aclose()


async def test_it_gives_back_what_it_was_given(tmp_path: Path) -> None:
    async with opened(tmp_path / "r") as record:
        said = await record.append([entry("a"), entry("b")])
    async with opened(tmp_path / "r") as record:
        [found] = await record.forward([(LASTING, "")], 10)
        assert found == said
        assert [decode(Channel.PERSISTENT, e.id, e.fields).text for e in found] == ["a", "b"]
        assert (await record.backward([(LASTING, "")], 1))[0] == said[1:]
        assert (await record.backward([(LASTING, said[1].id)], 9))[0] == said[:1]


async def test_it_commits_for_another_process_to_see(tmp_path: Path) -> None:
    async with opened(tmp_path / "r") as record:
        [said] = await record.append([entry("a")])
        with closing(sqlite3.connect(tmp_path / "r")) as other:
            rows = other.execute("SELECT ms, seq, text, session FROM signals").fetchall()
            modes = [other.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "user_version")]
        assert rows == [(*order(said.id), "a", "mine")]
        assert modes == ["wal", 1]


async def test_nobody_else_may_read_its_files(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        async with opened(tmp_path / "r") as record:
            await record.append([entry("a")])
            modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    finally:
        os.umask(umask)
    assert modes == {"r": 0o600, "r-wal": 0o600, "r-shm": 0o600}


async def test_no_id_is_given_twice_even_after_forgetting_and_a_clock_set_back(tmp_path: Path) -> None:
    async with opened(tmp_path / "r") as record:
        [said] = await record.append([entry("a")])
        assert await record.forget("mine") == 1
    async with opened(tmp_path / "r", IdClock(wall=lambda: 1.0)) as record:
        [again] = await record.append([entry("b")])
    assert order(again.id) > order(said.id)


async def test_it_remembers_what_the_store_still_has_to_forget(tmp_path: Path) -> None:
    async with opened(tmp_path / "r") as record:
        await record.forget("mine")
    async with opened(tmp_path / "r") as record:
        assert await record.owed() == ["mine"]
        await record.settle("mine")
        assert await record.owed() == []


async def test_a_cancelled_writer_leaves_all_or_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path / "r") as record:
        task = asyncio.create_task(record.append([entry("a"), entry("b")]))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        ids = await record.ids()
        assert len(ids) in (0, 2)
        assert record.last == (ids[-1] if ids else "0-0")


async def test_a_record_of_a_later_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    async with opened(tmp_path / "r"):
        pass
    with closing(sqlite3.connect(tmp_path / "r")) as db:
        db.execute("PRAGMA user_version = 7")
    before = (tmp_path / "r").read_bytes()
    with pytest.raises(RecordTooNew) as refused:
        async with open_bus("memory://", record=tmp_path / "r"):
            pass
    assert (refused.value.found, refused.value.supported) == (7, 1)
    assert (tmp_path / "r").read_bytes() == before


async def test_what_is_no_record_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r").write_bytes(b"not a database, but long enough to be looked at as one" * 30)
    for path in (tmp_path / "r", tmp_path / "missing" / "r", tmp_path):
        with pytest.raises(RecordUnavailable) as refused:
            async with opened(path):
                pass
        assert refused.value.path == path


@contextmanager
def no_file_may_grow_beyond(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_refuses_the_write_shows_and_passes(tmp_path: Path) -> None:
    path = tmp_path / "r"
    async with open_bus("memory://", record=path) as bus:
        small = Signal(Channel.PERSISTENT, "mine", "orchestrator", "note", text="small")
        first = await bus.publish(small)
        # Python ignores SIGXFSZ, so a write beyond the limit fails as on a full disk.
        with no_file_may_grow_beyond((tmp_path / "r-wal").stat().st_size + 10_000):
            with pytest.raises(RecordUnavailable):
                await bus.publish(Signal(Channel.PERSISTENT, "mine", "orchestrator", "note", text="x" * 200_000))
            assert bus.health().state == "degraded"
            assert bus.health().since is not None
            assert await bus.publish(Signal(Channel.SESSION, "mine", "coder", "note"))
        second = await bus.publish(small)
        assert bus.health().state == "ok"
        assert [s.id for s in await bus.recent(Channel.PERSISTENT)] == [first, second]


async def test_it_says_so_when_it_is_closed() -> None:
    async with opened(None) as record:
        pass
    await record.aclose()
    with pytest.raises(RecordUnavailable):
        await record.append([entry("late")])
