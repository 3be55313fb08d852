"""Requests with an ``Idempotency-Key``: a repeat joins the answer under way, or is given the finished one again.

Without it a client that tries again after a lost connection would set the whole crew to work a second time.
"""

import asyncio
import hashlib
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress

from harmonic_stack.api.asgi import ClientGone, Message, Receive, Scope, Send, read_json_body
from harmonic_stack.config import Server
from harmonic_stack.errors import BadRequest

SECONDS = 600.0  # that a finished answer is kept
MOST = 1_000  # answers
MOST_BYTES = 16 << 20  # of all finished answers together; one alone may have a quarter
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
REPLAYED = (b"idempotent-replayed", b"true")

Route = Callable[[Scope, Receive, Send, str], Awaitable[None]]


class _Recording:
    """One answer: what was sent of it so far, and those who are being sent it."""

    def __init__(self, digest: bytes) -> None:
        self.digest = digest
        self.sent: list[Message] = []
        self.size = 0
        self.ended = 0.0  # monotonic seconds; 0: under way
        self.error: Exception | None = None
        self.followers = 0
        self.left = asyncio.Event()  # nobody wants it any more
        self._news = asyncio.Event()

    async def send(self, message: Message) -> None:
        """Take the next ASGI message."""
        self.sent.append(message)
        self.size += len(message.get("body", b""))
        self._tell()

    def end(self, error: Exception | None) -> None:
        """Nothing more will come."""
        self.error, self.ended = error, time.monotonic()
        self._tell()

    @property
    def worth_keeping(self) -> bool:
        """True of a whole, good answer: after a failure a repeat is a new try."""
        whole = bool(self.sent) and not self.sent[-1].get("more_body")
        good = bool(self.sent) and self.sent[0].get("status") == 200 and not self.sent[-1].get("failed")
        return whole and good and self.error is None and self.size <= MOST_BYTES // 4

    async def follow(self, send: Send, *, replayed: bool) -> None:
        """Send all of it, from the start to its end."""
        place = 0
        while True:
            while place < len(self.sent):
                message = dict(self.sent[place])
                if replayed and message["type"] == "http.response.start":
                    message["headers"] = [*message["headers"], REPLAYED]
                await send(message)
                place += 1
            if self.ended:
                if self.error is not None and not place:
                    raise self.error
                return
            await self._news.wait()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


class Replays:
    """The answers under way and those of the last minutes, by caller, path and key."""

    def __init__(self, limits: Server) -> None:
        self._limits = limits
        self._known: OrderedDict[tuple[str, str, str], _Recording] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, route: Route, key: str, scope: Scope, receive: Receive, send: Send, caller: str) -> None:
        """Answer one request that bears *key*; the work goes on as long as anybody waits for it.

        Raises:
            BadRequest: the key is none, or was used for another request.
        """
        if not _KEY.fullmatch(key):
            raise BadRequest("must have 1 to 255 printable characters without spaces", "Idempotency-Key")
        try:
            body = await read_json_body(scope, receive, self._limits)
        except ClientGone:
            return
        self._forget_old()
        place, digest = (caller, scope["path"], key), hashlib.sha256(body).digest()
        recording = self._known.get(place)
        if recording is not None and recording.left.is_set() and not recording.ended:
            recording = None  # it is being cancelled: nobody waited for it
        replayed = recording is not None
        if recording is None:
            recording = self._known[place] = _Recording(digest)
            task = asyncio.create_task(self._run(route, place, recording, scope, body, caller))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif recording.digest != digest:
            raise BadRequest("this key was used for another request", "Idempotency-Key", "idempotency_key_reused")
        await _attend(recording, receive, send, replayed=replayed)

    async def _run(
        self,
        route: Route,
        place: tuple[str, str, str],
        recording: _Recording,
        scope: Scope,
        body: bytes,
        caller: str,
    ) -> None:
        given = False

        async def receive() -> Message:
            nonlocal given
            if not given:
                given = True
                return {"type": "http.request", "body": body, "more_body": False}
            await recording.left.wait()
            return {"type": "http.disconnect"}

        error: Exception | None = None
        try:
            await route(scope, receive, recording.send, caller)
        except Exception as raised:  # noqa: BLE001 told to everybody who follows; a cancellation passes
            error = raised
        finally:
            recording.end(error)
            if not recording.worth_keeping and self._known.get(place) is recording:
                del self._known[place]

    def _forget_old(self) -> None:
        """Drop what is older than ``SECONDS``, and the oldest finished answers beyond the limits."""
        now = time.monotonic()
        ended = [(place, kept) for place, kept in self._known.items() if kept.ended]
        size = sum(kept.size for _, kept in ended)
        for place, kept in ended:
            if now - kept.ended > SECONDS or size > MOST_BYTES or len(self._known) >= MOST:
                size -= kept.size
                del self._known[place]


async def _attend(recording: _Recording, receive: Receive, send: Send, *, replayed: bool) -> None:
    """Follow a recording until its end, or until this client leaves."""
    recording.followers += 1
    following = asyncio.create_task(recording.follow(send, replayed=replayed))
    watching = asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait({following, watching}, return_when=asyncio.FIRST_COMPLETED)
        if following.done():
            await following
    finally:
        for task in (following, watching):
            task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await following
        recording.followers -= 1
        if not recording.followers:
            recording.left.set()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
