"""The way back to a client over ASGI: what is written waits here until the server takes it."""

import asyncio
from collections.abc import Callable

from harmonic_stack.api.asgi import Message, Send
from harmonic_stack.api.delivery import Headers


class AsgiLine:
    """A line whose messages ``pump`` sends, in the task of the request."""

    drained: Callable[[], None] | None = None

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._news = asyncio.Event()
        self._error: BaseException | None = None
        self._ended = False

    @property
    def writable(self) -> bool:
        """False while messages wait: what comes meanwhile is sent together."""
        return not self._messages

    def begin(self, headers: Headers, first: bytes) -> None:
        """Begin a streamed answer."""
        self._put({"type": "http.response.start", "status": 200, "headers": headers})
        self.write(first)

    def write(self, data: bytes) -> None:
        """Send the next bytes of it."""
        self._put({"type": "http.response.body", "body": data, "more_body": True})

    def end(self, data: bytes, *, failed: bool = False) -> None:
        """Send the last bytes of it; "failed" is for replays.py."""
        self._ended = True
        self._put({"type": "http.response.body", "body": data, **({"failed": True} if failed else {})})

    def whole(self, headers: Headers, body: bytes) -> None:
        """Send an answer that is not streamed."""
        headers = [*headers, (b"content-length", b"%d" % len(body))]
        self._put({"type": "http.response.start", "status": 200, "headers": headers})
        self.end(body)

    def refuse(self, error: BaseException) -> None:
        """Have ``pump`` raise *error*."""
        self._error = error
        self.drop()

    def drop(self) -> None:
        """Have ``pump`` return."""
        self._ended = True
        self._news.set()

    async def pump(self, send: Send) -> None:
        """Send all that is written, until the end; raises the error of a request that was refused."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._messages:
                await send(self._messages[0])
                del self._messages[0]
            if self._error is not None:
                raise self._error
            if self._ended:
                return
            if self.drained is not None:
                self.drained()

    def _put(self, message: Message) -> None:
        self._messages.append(message)
        self._news.set()
