"""The last answer of a connection: how it ends for clients of HTTP/1.0, and for those that still send."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from harmonic_stack.api.asgi import Message, Receive, Scope, Send


def last_answer(app: Any, cycle: RequestResponseCycle) -> Any:
    """*app*, whose answer is the last of its connection.

    HTTP/1.0 knows no chunks: a body without a length is sent as it comes, and ends where the connection does. Such a
    client cannot tell it from one that was cut off; streams of ours end with an event that says so.

    Where the request is not whole by then, the connection is left open for its protocol to end: uvicorn would close it
    at once, and with unread bytes that takes the answer back.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        measured = True

        async def send_last(message: Message) -> None:
            nonlocal measured
            if message["type"] == "http.response.start":
                length = any(name.lower() == b"content-length" for name, _ in message.get("headers", ()))
                measured = length or scope["http_version"] != "1.0"
                if not measured:
                    cycle.chunked_encoding = False  # undecided until now; uvicorn would choose chunks
            else:
                if not measured:
                    cycle.expected_content_length += len(message.get("body", b""))
                if cycle.more_body and not message.get("more_body"):
                    cycle.keep_alive = True  # the client was told otherwise with the head
            await send(message)

        await app(scope, receive, send_last)

    return answer
