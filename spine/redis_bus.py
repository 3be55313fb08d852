"""The door to a Redis or Valkey server: the only file that imports redis, and hiredis, its parser.

Commands go out and replies come back as the protocol has them (RESP2). From the client we take its connections:
connecting, signing in and parsing. Its command layer (pool, retries, decoding, observation) would cost a publish
another third (88 against 70 us for one XADD of 1 KB over a Unix socket). Every call ends within two seconds, as a
reply or as a typed error.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Protocol, TypeAlias, cast
from urllib.parse import urlsplit

import hiredis
from redis import asyncio as client
from redis import exceptions as broken
from redis._parsers.hiredis import NOT_ENOUGH_DATA
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from spine.errors import BadUrl, StoreRefused, StoreState, StoreUnavailable

Arg: TypeAlias = bytes | str | int | float
Command: TypeAlias = tuple[Arg, ...]
Reply: TypeAlias = int | bytes | list["Reply"] | None

# Its stub says that a command has one part.
_pack = cast("Callable[[Command], bytes]", hiredis.pack_command)

# Seconds to connect, and to wait for a reply; a call does at most both, so no state of the server hangs it for 2 s.
SOCKET = 0.9
# Seconds to wait for a free connection when all are in use.
QUEUE = 0.9
# Seconds after which an idle connection is not trusted any more: the server may have closed it.
IDLE = 30.0

# Errors that have a class of their own in the client, which then has cut the code off the message.
_STATES: tuple[tuple[type[Exception], StoreState], ...] = (
    (broken.OutOfMemoryError, StoreState.OOM),
    (broken.ReadOnlyError, StoreState.READONLY),
    (broken.BusyLoadingError, StoreState.LOADING),
    (broken.NoPermissionError, StoreState.NOPERM),
    (broken.AuthenticationError, StoreState.NOAUTH),
)


class _Connection(Protocol):
    """The little of the client's connections that we use, with the types they have when nothing is decoded."""

    async def connect(self) -> None: ...

    async def disconnect(self, nowait: bool = False) -> None: ...

    async def send_packed_command(self, command: bytes) -> None: ...

    async def read_response(self) -> Reply: ...

    @property
    def _parser(self) -> "_Parser": ...


class _Parser(Protocol):
    @property
    def _reader(self) -> hiredis.Reader: ...


class _Factory(Protocol):
    def make_connection(self) -> _Connection: ...


class Link:
    """At most *connections* connections to one server, opened as they are needed.

    *url* is ``redis://`` or ``unix://``; raises ``BadUrl`` when its options make no sense.
    """

    def __init__(self, url: str, *, connections: int) -> None:
        self.url = without_secrets(url)
        try:
            pool = client.ConnectionPool.from_url(
                url,
                protocol=2,
                socket_timeout=None,  # ours holds for a whole exchange: one for each reply would cost as much as it
                socket_connect_timeout=SOCKET,
                retry=Retry(NoBackoff(), 0),  # a retry takes time that the caller has not
            )
        except ValueError:
            raise BadUrl(self.url, ("redis://[user:password@]host[:port][/db]", "unix:///path[?db=0]")) from None
        self._factory = cast("_Factory", pool)
        self._most = connections
        self._free = asyncio.Semaphore(connections)
        self._idle: list[tuple[float, _Connection]] = []
        self._closed = False
        self.sent = 0  # bytes of all commands so far: what tells how much may have been written

    async def call(self, *command: Arg) -> Reply:
        """Return the reply to one command; raise ``StoreRefused`` or ``StoreUnavailable``."""
        connection = await self._take()
        try:
            packed = _pack(command)
            self.sent += len(packed)
            async with asyncio.timeout(SOCKET):
                await connection.send_packed_command(packed)
                reply = await connection.read_response()
        except broken.ResponseError as error:
            self._give_back(connection)
            raise _refusal(error) from error
        except BaseException as error:
            await self._drop(connection)
            self._explain(error)
            raise
        self._give_back(connection)
        return reply

    async def batch(self, commands: Sequence[Command]) -> list[Reply | StoreRefused]:
        """Return the replies to all *commands* after one round trip; a refusal stands in its command's place."""
        if not commands:
            return []
        async with self.alone() as ask:
            return await ask(commands)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[Callable[[Sequence[Command]], Awaitable[list[Reply | StoreRefused]]]]:
        """Give a connection that nobody else uses meanwhile, as what `batch` is: for WATCH and what it guards."""
        connection = await self._take()

        async def ask(commands: Sequence[Command]) -> list[Reply | StoreRefused]:
            packed = b"".join(map(_pack, commands))
            self.sent += len(packed)
            async with asyncio.timeout(SOCKET):
                await connection.send_packed_command(packed)
                return await _replies(connection, len(commands))

        try:
            yield ask
        except BaseException as error:
            await self._drop(connection)
            self._explain(error)
            raise
        self._give_back(connection)

    async def aclose(self) -> None:
        """Let the calls that are under way end, and close all connections."""
        if self._closed:
            return
        self._closed = True
        for _ in range(self._most):
            await self._free.acquire()
        while self._idle:
            await _disconnect(self._idle.pop()[1])

    async def _take(self) -> _Connection:
        try:
            if self._free.locked():
                async with asyncio.timeout(QUEUE):
                    await self._free.acquire()
            else:
                await self._free.acquire()
        except TimeoutError as error:
            raise StoreUnavailable(self.url, f"no connection became free in {QUEUE} s") from error
        if self._closed:
            self._free.release()
            raise StoreUnavailable(self.url, "the connections are closed")
        while self._idle:
            since, connection = self._idle.pop()
            if time.monotonic() - since < IDLE:
                return connection
            await _disconnect(connection)
        connection = self._factory.make_connection()
        try:
            async with asyncio.timeout(SOCKET):  # signing in included
                await connection.connect()
        except BaseException as error:
            await self._drop(connection)
            self._explain(error)
            raise
        return connection

    def _give_back(self, connection: _Connection) -> None:
        self._idle.append((time.monotonic(), connection))
        self._free.release()

    async def _drop(self, connection: _Connection) -> None:
        """Close a connection that stopped in mid-exchange: what it would read next belongs to another command."""
        self._free.release()
        await _disconnect(connection)

    def _explain(self, error: BaseException) -> None:
        """Raise the typed error for one of the client's; return for any other, such as a cancellation."""
        # While it connects, the client wraps what the server refused into a plain ConnectionError.
        for told in (error, error.__cause__):
            if isinstance(told, broken.ResponseError | broken.AuthenticationError | broken.BusyLoadingError):
                raise _refusal(told) from error
        if isinstance(error, TimeoutError | broken.TimeoutError):
            raise StoreUnavailable(self.url, f"no answer within {SOCKET} s") from error
        if isinstance(error, broken.RedisError | OSError):
            raise StoreUnavailable(self.url, str(error) or type(error).__name__) from error


async def _disconnect(connection: _Connection) -> None:
    with suppress(broken.RedisError, OSError):
        await connection.disconnect(nowait=True)


async def _replies(connection: _Connection, count: int) -> list[Reply | StoreRefused]:
    """Wait for *count* replies.

    What came together with one that was waited for is taken from the parser as it is: the client's own way to each
    reply takes three coroutines, which cost as much as the rest of a batch.
    """
    replies: list[Reply | StoreRefused] = []
    parsed = connection._parser._reader
    while len(replies) < count:
        reply = parsed.gets()
        if reply is NOT_ENOUGH_DATA:
            try:
                reply = await connection.read_response()
            except broken.ResponseError as error:
                reply = error
        if isinstance(reply, broken.ResponseError):
            replies.append(_refusal(reply))
        elif isinstance(reply, Exception):
            raise reply
        else:
            replies.append(reply)
    return replies


def without_secrets(url: str) -> str:
    """Return *url* as it may be shown: without user, password and options.

    >>> without_secrets("redis://me:secret@box:6379/0?password=x")
    'redis://box:6379/0'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _refusal(error: Exception) -> StoreRefused:
    for kind, state in _STATES:
        if isinstance(error, kind):
            return StoreRefused(state, str(error))
    # An error reply opens with its code, one upper-case word: that is the protocol, not the message.
    code = str(error).partition(" ")[0]
    return StoreRefused(StoreState(code) if code in set(StoreState) else StoreState.OTHER, str(error))
