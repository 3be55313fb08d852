"""Clients that are slow, too many, or gone: each is bounded in time and memory, and the others are served."""

import asyncio
import random
import socket
from collections import Counter
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from tests.abuse.box import Box, Reply, read_reply
from tests.fake_engine import Act
from tests.helpers import until
from tests.stack import asking

pytestmark = pytest.mark.asyncio(loop_scope="module")

FAST = "harmonic-fast"
MORE: dict[str, object] = {"server.max_connections": 600, "server.max_in_flight": 24}


def play(body: dict[str, Any]) -> Act:
    """What the last message asks of the engine."""
    wish = body["messages"][-1]["content"]
    if wish.startswith("slowly"):
        return Act("word " * 200, delay=0.02)
    if wish.startswith("much"):
        return Act(" ".join(["w" * 2_000] * 2_000))
    return Act()


PLAY = play


def stream(box: Box, wish: str) -> bytes:
    """A streamed request."""
    return box.post({**asking(wish, FAST), "stream": True})


async def ordinary(box: Box) -> None:
    """An honest client is served."""
    assert (await box.send(box.post(asking("hi", FAST)))).status == 200


# --- Slow ------------------------------------------------------------------------------------------------------------


async def test_heads_that_dribble_are_given_up(box: Box) -> None:
    drops = [b"GET /health HTTP/1.1\r\n"] + [b"X: y\r\n"] * 100
    slow = [asyncio.create_task(box.send(*drops, pause=0.1)) for _ in range(40)]
    await ordinary(box)
    replies = await asyncio.gather(*slow)
    assert {(reply.status, reply.code) for reply in replies} == {(408, "request_timeout")}


async def test_a_connection_without_a_request_is_closed(box: Box) -> None:
    reader, writer = await box.open()
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()


async def test_the_second_head_of_a_connection_has_a_deadline_too(box: Box) -> None:
    reader, writer = await box.open()
    whole = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    writer.write(whole)
    assert (await read_reply(reader)).status == 200
    writer.write(whole[:20])
    async with asyncio.timeout(5):
        assert (await read_reply(reader)).status == 408
    writer.close()


async def test_empty_lines_do_not_keep_a_connection(box: Box) -> None:
    assert (await box.send(*[b"\r\n"] * 100, pause=0.1)).status == 0


async def test_a_body_that_dribbles_is_given_up(box: Box) -> None:
    head = box.head("/v1/chat/completions", "POST", b"Content-Length: 1000") + b"\r\n"
    reply = await box.send(head, *[b" "] * 100, pause=0.1)
    assert (reply.status, reply.code) == (408, "request_timeout")
    chunked = box.head("/v1/chat/completions", "POST", b"Transfer-Encoding: chunked") + b"\r\n"
    reply = await box.send(chunked, *[b"1\r\n \r\n"] * 100, pause=0.1)
    assert (reply.status, reply.code) == (408, "request_timeout")


async def test_an_admin_body_that_dribbles_is_given_up(box: Box) -> None:
    head = box.head("/admin/spine/channels/2/signals", "POST", b"Content-Length: 1000") + b"\r\n"
    reply = await box.send(head.replace(box.key.encode(), box.admin.encode()), *[b" "] * 100, pause=0.1)
    assert (reply.status, reply.code) == (408, "request_timeout")


async def test_a_promised_body_that_never_comes_is_given_up(box: Box) -> None:
    head = box.head("/v1/chat/completions", "POST", b"Content-Length: 10", b"Expect: 100-continue") + b"\r\n"
    assert (await box.send(head)).status == 408


async def test_a_client_that_does_not_read_is_cut_off_and_its_slot_is_free(box: Box) -> None:
    before, asked = (await box.look())["rss"], len(box.engine.requests)
    with ExitStack() as sleepers:
        for _ in range(4):
            sleeper = sleepers.enter_context(socket.socket())
            sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            sleeper.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sleeper, ("127.0.0.1", box.port))
            await asyncio.get_running_loop().sock_sendall(sleeper, stream(box, "much"))
        # Counted, not seen at work: a fast engine may have said all of it between two looks.
        await until(lambda: len(box.engine.requests) > asked, "they are answered")
        await ordinary(box)
        await until(lambda: box.engine.streaming == 0, "nothing is generated for them any more", timeout=20)
        await box.quiet()
        log = box.log()
        assert "a client that does not read was cut off" in log
        assert (await box.look())["rss"] - before < 100_000_000  # 4 answers of 4 MB, as text and as what is sent of it


async def test_an_answer_that_fits_no_buffer_is_cut_off_too_where_nobody_reads_it(box: Box) -> None:
    sleeper = socket.socket()
    sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    sleeper.connect(("127.0.0.1", box.port))
    sleeper.sendall(box.post(asking("much", FAST)))
    await box.quiet()
    sleeper.close()


# --- Gone ------------------------------------------------------------------------------------------------------------


async def test_a_half_closed_connection_is_a_client_that_left(box: Box) -> None:
    reply = await box.send(stream(box, "slowly"), half_close=True, seconds=15)
    await until(lambda: box.engine.streaming == 0, "the engine is let go", timeout=2)
    assert not reply.body.endswith(b"[DONE]\n\n")


async def leave(box: Box, request: bytes, seconds: float) -> None:
    """Ask, and hang up after some time."""
    _, writer = await box.open()
    writer.write(request)
    await writer.drain()
    await asyncio.sleep(seconds)
    writer.transport.abort()


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
async def test_fifty_that_leave_at_random_moments_leave_nothing(box: Box, streamed: bool) -> None:
    chance = random.Random(7)
    request = box.post({**asking("slowly, please", FAST), "stream": streamed})
    await asyncio.gather(*(leave(box, request, chance.uniform(0, 0.6)) for _ in range(50)))
    await until(lambda: box.engine.streaming == 0, "every engine call is ended", timeout=5)
    await box.quiet()
    await ordinary(box)


async def test_fifty_that_leave_in_the_middle_of_a_request_leave_nothing(box: Box) -> None:
    request, chance = stream(box, "hi"), random.Random(8)
    await asyncio.gather(*(leave(box, request[: chance.randrange(len(request))], 0.05) for _ in range(50)))
    await box.quiet()
    await ordinary(box)


async def test_requests_sent_ahead_are_answered_in_their_order(box: Box) -> None:
    reader, writer = await box.open()
    paths = ["/health", "/ready", "/nothing", "/health"]
    writer.write(
        b"".join(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n".encode() + box.auth + b"\r\n" for path in paths)
    )
    assert [(await read_reply(reader)).status for _ in paths] == [200, 200, 404, 200]
    writer.close()


async def test_a_thousand_requests_sent_ahead_end_the_connection(box: Box) -> None:
    reader, writer = await box.open()
    writer.write(stream(box, "slowly") + (b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1_000))
    async with asyncio.timeout(10):
        with suppress(ConnectionError):
            while await reader.read(65_536):
                pass
    writer.close()
    await until(lambda: box.engine.streaming == 0, "the first one is ended")


async def test_a_client_that_sent_ahead_and_left_frees_what_runs(box: Box) -> None:
    await leave(box, stream(box, "slowly") + b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", 0.3)
    await until(lambda: box.engine.streaming == 0, "the first one is ended", timeout=2)


# --- Many ------------------------------------------------------------------------------------------------------------


async def test_five_hundred_at_once_are_answered_or_told_to_come_back(box: Box) -> None:
    requests = [box.post({**asking("hi", FAST), "stream": n % 2 == 0}) for n in range(500)]
    replies = await asyncio.gather(*(box.send(request, seconds=60) for request in requests))
    found = Counter(reply.status for reply in replies)
    assert set(found) <= {200, 429, 503}, found
    assert found[200] > 0
    for reply in replies:
        if reply.status != 200:
            assert int(reply.headers["retry-after"]) >= 1
            assert reply.code in ("rate_limit_exceeded", "server_busy")


async def test_beyond_the_most_connections_the_longest_idle_one_ends(box: Box) -> None:
    idle = [await box.open() for _ in range(600)]
    await ordinary(box)
    first, last = idle[0][0], idle[-1][0]
    await until(first.at_eof, "the first idle one ends")
    assert not last.at_eof()
    for _, writer in idle:
        writer.transport.abort()


async def test_connections_in_a_row_leave_no_descriptor(box: Box) -> None:
    replies: list[Reply] = []
    for _ in range(200):
        replies.append(await box.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"))  # noqa: PERF401 - one by one
    assert {reply.status for reply in replies} == {200}
