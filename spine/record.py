"""The record: channel 2's truth, an SQLite file of our own.

What it acknowledged has been committed and synced, whatever store the bus stands on; the bus only carries a copy.
One thread owns the connection, so no commit ever blocks the event loop and writes keep their order.
"""

import asyncio
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import replace

from spine import ids
from spine.bus import SessionInfo, Taken
from spine.cursor import StreamId
from spine.errors import RecordTooNew, RecordUnavailable
from spine.ids import IdClock
from spine.signal import Channel
from spine.streams import LASTING, Ask, Census, Entry
from spine.wire import NAMES

T = TypeVar("T")

SCHEMA = 1  # kept in the file as user_version; a file with a greater one is refused
LOCK_WAIT = 1.5  # seconds to wait for another process that has the file locked

# The columns after ms and seq are those of `wire.NAMES`, as text: `sqlite3 FILE` shows what is remembered.
TABLES = """
BEGIN;
CREATE TABLE signals (
    ms INTEGER NOT NULL, seq INTEGER NOT NULL, v TEXT NOT NULL, session TEXT NOT NULL, writer TEXT NOT NULL,
    kind TEXT NOT NULL, query TEXT NOT NULL, trust TEXT NOT NULL, time TEXT NOT NULL, text TEXT NOT NULL,
    payload TEXT NOT NULL, frame TEXT NOT NULL, size TEXT NOT NULL, PRIMARY KEY (ms, seq)
);
CREATE INDEX by_session ON signals (session);
-- The greatest id ever given: no id is given twice, also after its entry was forgotten.
CREATE TABLE last_id (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL);
-- Sessions that were forgotten here and not yet in the store.
CREATE TABLE owed (session TEXT PRIMARY KEY);
PRAGMA user_version = 1;
COMMIT;
"""
INSERT = "INSERT INTO signals VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
FORWARD = "SELECT * FROM signals WHERE (ms, seq) > (?, ?) ORDER BY ms, seq LIMIT ?"
BACKWARD = "SELECT * FROM signals WHERE (ms, seq) < (?, ?) ORDER BY ms DESC, seq DESC LIMIT ?"
GREATEST = 2**63 - 1  # SQLite's greatest number; no id here has a greater one, ids that are asked for may
BEYOND = f"{2**62}-0"  # an id after all entries


class Record:
    """The lasting memory at *path* (None: in memory, for tests).

    What cannot be read or written raises ``RecordUnavailable``, and ``trouble`` keeps since when (unix seconds) and
    why writing fails, until a write succeeds again; ``changes`` grows with every write. Whoever changes the record and
    its copy together holds ``changing``, so that both see the same order.
    """

    def __init__(self, path: Path | None, clock: IdClock, *, wall: Callable[[], float] = time.time) -> None:
        self.path = path
        self.last = ids.START  # the greatest id that is committed
        self.trouble: tuple[float, str] | None = None
        self.changes = 0
        self.changing = asyncio.Lock()
        self._clock = clock
        self._wall = wall
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="record")
        self._db: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open the file, making it where there is none; raise ``RecordTooNew`` for one of a later version."""
        try:
            self._db, self.last = await self._run(lambda: _open(self.path))
        except BaseException:
            self._thread.shutdown()
            raise
        self._clock.saw(self.last)

    async def append(self, entries: Sequence[Entry]) -> list[Entry]:
        """Commit *entries* under new ids and return them with those."""
        named = [replace(entry, id=self._clock.next()) for entry in entries]

        def write(db: sqlite3.Connection) -> None:
            db.executemany(INSERT, [_row(entry) for entry in named])
            db.execute("INSERT OR REPLACE INTO last_id VALUES (1, ?)", (named[-1].id,))

        def committed() -> None:
            self.last = named[-1].id  # in the record's thread: also when the caller was cancelled meanwhile

        await self._write(write, committed)
        return named

    async def insert(self, entries: Sequence[Entry]) -> list[Taken]:
        """Commit *entries* under the ids they carry, except those that are here already."""
        last = max([self.last, *(entry.id for entry in entries)], key=ids.order)

        def write(db: sqlite3.Connection) -> list[Taken]:
            added = [db.execute(f"INSERT OR IGNORE{INSERT[6:]}", _row(entry)).rowcount for entry in entries]
            db.execute("INSERT OR REPLACE INTO last_id VALUES (1, ?)", (last,))
            return [Taken.NEW if rows else Taken.KNOWN for rows in added]

        def committed() -> None:
            self.last = max(self.last, last, key=ids.order)

        taken = await self._write(write, committed)
        self._clock.saw(last)
        return taken

    async def delete(self, entry: Entry) -> None:
        """Delete one entry, from the file's free pages and its log too."""

        def write(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM signals WHERE ms = ? AND seq = ?", ids.order(entry.id))

        await self._write(write, self._truncate_log)

    async def streams(self, _channel: Channel, _session: str | None, /) -> list[StreamId]:
        """Return the one stream that a record holds."""
        return [LASTING]

    async def forward(self, asks: Sequence[Ask], count: int) -> list[list[Entry]]:
        """Return for each ask up to *count* entries after its id, oldest first."""
        return [await self._entries(FORWARD, after, count) for _, after in asks]

    async def backward(self, asks: Sequence[Ask], count: int) -> list[list[Entry]]:
        """Return for each ask up to *count* entries before its id (``""``: from the end), newest first."""
        return [await self._entries(BACKWARD, before or BEYOND, count) for _, before in asks]

    async def _entries(self, query: str, entry_id: str, count: int) -> list[Entry]:
        ms, seq = (min(part, GREATEST) for part in ids.order(entry_id))
        return [_entry(row) for row in await self._select(query, ms, seq, count)]

    async def ids(self) -> list[str]:
        """Return the ids of all entries in their order."""
        return [f"{ms}-{seq}" for ms, seq in await self._select("SELECT ms, seq FROM signals ORDER BY ms, seq")]

    async def sessions(self) -> list[SessionInfo]:
        """Return the sessions that left something here."""
        rows = await self._select("SELECT session, min(ms), max(ms), count(*) FROM signals GROUP BY session")
        return [
            SessionInfo(name, first / 1000, last / 1000, Counter({Channel.PERSISTENT: count}))
            for name, first, last, count in rows
        ]

    async def census(self) -> Census:
        """Return what the record holds."""
        [(entries, size, first, last)] = await self._select(
            "SELECT count(*), coalesce(sum(size), 0), min(ms), max(ms) FROM signals"
        )
        return Census(entries, size, 0, first and first / 1000, last and last / 1000)

    async def forget(self, session: str) -> int:
        """Delete what *session* left, from the file's free pages and its log too; return how many entries."""

        def write(db: sqlite3.Connection) -> int:
            db.execute("INSERT OR IGNORE INTO owed VALUES (?)", (session,))
            return db.execute("DELETE FROM signals WHERE session = ?", (session,)).rowcount

        return await self._write(write, self._truncate_log)

    async def owed(self) -> list[str]:
        """Return the sessions that the store has not forgotten yet."""
        return [session for (session,) in await self._select("SELECT session FROM owed")]

    async def settle(self, session: str) -> None:
        """Take note that the store has forgotten *session* as well."""

        def write(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM owed WHERE session = ?", (session,))

        await self._write(write, self._truncate_log)

    async def aclose(self) -> None:
        """Close the file; closing twice is fine."""
        db, self._db = self._db, None
        if db is not None:
            await self._run(db.close)
            self._thread.shutdown()

    def _truncate_log(self) -> None:
        self._connection().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _connection(self) -> sqlite3.Connection:
        if self._db is None:
            raise RecordUnavailable(self.path, "it is closed")
        return self._db

    async def _select(self, query: str, *values: int) -> list[tuple[Any, ...]]:
        db = self._connection()
        return await self._run(lambda: db.execute(query, values).fetchall())

    async def _write(self, work: Callable[[sqlite3.Connection], T], committed: Callable[[], None]) -> T:
        """Run *work* as one transaction and then *committed*, both in the record's thread."""
        db = self._connection()

        def write() -> T:
            with _transaction(db):
                done = work(db)
            self.changes += 1  # here, not after the wait: the caller may have been cancelled meanwhile
            committed()
            return done

        try:
            done = await self._run(write)
        except RecordUnavailable as error:
            self.trouble = self.trouble or (self._wall(), error.reason)
            raise
        self.trouble = None
        return done

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (sqlite3.Error, OSError) as error:
            raise RecordUnavailable(self.path, str(error)) from error


def _open(path: Path | None) -> tuple[sqlite3.Connection, str]:
    """Return the connection, and the greatest id ever given."""
    if path is not None:
        # Made before SQLite would, with a mode that lets nobody else read it.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    db = sqlite3.connect(path or ":memory:", timeout=LOCK_WAIT, isolation_level=None)
    try:
        [(found,)] = db.execute("PRAGMA user_version").fetchall()
        if found > SCHEMA:
            raise RecordTooNew(path, found, SCHEMA)
        for setting in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
            db.execute(f"PRAGMA {setting}")
        if found == 0:
            db.executescript(TABLES)
        last = [given for (given,) in db.execute("SELECT id FROM last_id")]
    except BaseException:
        db.close()
        raise
    return db, (last or [ids.START])[0]


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # a full disk may have rolled back already
            db.execute("ROLLBACK")
        raise


def _row(entry: Entry) -> tuple[int | str, ...]:
    return (*ids.order(entry.id), *(entry.fields[name].decode() for name in NAMES))


def _entry(row: Sequence[object]) -> Entry:
    ms, seq, *values = row
    fields = dict(zip(NAMES, (str(value).encode() for value in values), strict=True))
    return Entry(LASTING, f"{ms}-{seq}", fields)
