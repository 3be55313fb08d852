"""One whole JSON answer from an engine, over the connections that its streams use."""

import asyncio

from harmonic_stack.engine.connection import AT_ONCE, Connection, Upstream
from harmonic_stack.errors import EngineStreamFailed, StreamFault

MAX_ANSWER = 64 << 20  # bytes: 2,048 vectors of 4,096 numbers, as text


class _Whole:
    """Collects one response."""

    rest = AT_ONCE

    def __init__(self) -> None:
        self.finished: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._status, self._data = 0, bytearray()

    def head(self, status: int, _content_type: str) -> None:
        self._status = status

    def body(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > MAX_ANSWER:
            self.lost(EngineStreamFailed(StreamFault.TOO_LARGE, f"more than {MAX_ANSWER} bytes"))

    def end(self) -> None:
        if self.finished.done():
            return
        if self._status == 200:
            self.finished.set_result(bytes(self._data))
        else:
            text = self._data[:500].decode("utf-8", "replace")
            self.lost(EngineStreamFailed(StreamFault.STATUS, f"HTTP {self._status}: {text}", self._status))

    def lost(self, fault: EngineStreamFailed) -> None:
        if not self.finished.done():
            self.finished.set_exception(fault)


async def post_json(upstream: Upstream, path: str, body: bytes, *, seconds: float) -> bytes:
    """POST *body*; give the answer's body.

    Raises:
        EngineStreamFailed: no answer within *seconds*, none that is whole, or a refusal.
    """
    for fresh in (False, True):
        reply = _Whole()
        connection: Connection | None = None
        try:
            async with asyncio.timeout(seconds):
                connection = await upstream.post(path, body, reply, fresh=fresh)
                return await reply.finished
        except TimeoutError:
            raise EngineStreamFailed(StreamFault.TIMEOUT, f"waited {seconds:g} s for its answer") from None
        except EngineStreamFailed as error:
            stale = connection is not None and connection.used and not connection.answered
            if fresh or error.reason is not StreamFault.CUT or not stale:
                raise
        finally:
            if connection is not None and not (reply.finished.done() and not reply.finished.cancelled()):
                connection.abort()
    raise AssertionError("the second try returns or raises")
