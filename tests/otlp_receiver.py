"""A collector for tests: takes OTLP over HTTP, and can be slow, refuse, or say nothing at all.

`python -m tests.otlp_receiver [PORT]` runs it by itself (4318 is OTLP's own port) and prints each trace as it comes.
"""

import asyncio
import gzip
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.helpers import close_server


@dataclass(frozen=True)
class Told:
    """One span as it came; times in seconds since the epoch."""

    name: str
    id: str
    parent: str
    trace: str
    kind: str
    begun: float
    ended: float
    error: bool
    said: str  # the status' own words
    more: int  # events and links
    attributes: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.attributes[name]


@dataclass
class Receiver:
    """A running collector; ``bodies`` are the requests as they came, ``heads`` their heads."""

    status: int = 200
    hold: asyncio.Event | None = None  # wait for it before each answer
    bodies: list[bytes] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    url: str = ""
    port: int = 0

    def requests(self) -> Iterator[ExportTraceServiceRequest]:
        """The bodies, parsed."""
        for body in self.bodies:
            yield ExportTraceServiceRequest.FromString(body)

    def spans(self) -> list[Told]:
        """Every span, in the order of its beginning."""
        found = [
            _told(span)
            for request in self.requests()
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        return sorted(found, key=lambda span: span.begun)

    def resource(self) -> dict[str, Any]:
        """What the newest request says of the program that sent it."""
        *_, last = self.requests()
        return {pair.key: _value(pair.value) for pair in last.resource_spans[0].resource.attributes}

    def queries(self) -> list[Told]:
        """The spans of whole queries; each is the last of its trace to be sent."""
        return [span for span in self.spans() if span.kind == "server"]

    def below(self, parent: Told) -> list[Told]:
        """The spans right below one."""
        return [span for span in self.spans() if span.parent == parent.id]

    def calls(self) -> list[Told]:
        """The spans of engine calls."""
        return [span for span in self.spans() if span.kind == "client"]

    def tree(self, root: Told, depth: int = 0) -> list[str]:
        """The names of a span and of all below it, indented."""
        return ["  " * depth + root.name, *(line for child in self.below(root) for line in self.tree(child, depth + 1))]

    def page(self, span: Told, start: float) -> list[str]:
        """A span and all below it as lines to read: when it began and how long it took, in ms, and what it tells."""
        told = " ".join(f"{_short(name)}={value}" for name, value in span.attributes.items())
        line = f"{(span.begun - start) * 1e3:7.1f} {(span.ended - span.begun) * 1e3:7.1f}  {span.name}  {told}"
        below = [line for child in self.below(span) for line in self.page(child, start)]
        return [line.rstrip(), *(f"{line[:15]}  {line[15:]}" for line in below)]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = next(int(line.split(":")[1]) for line in head.split("\r\n") if "content-length:" in line)
                body = await reader.readexactly(length)
                self.heads.append(head)
                if self.hold is not None:
                    await self.hold.wait()
                if self.status == 200:
                    self.bodies.append(gzip.decompress(body) if "content-encoding: gzip" in head else body)
                writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % self.status)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def otlp_receiver(port: int = 0) -> AsyncIterator[Receiver]:
    """A collector on a port of loopback; 0 is a free one."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver._serve, "127.0.0.1", port)
    receiver.port = server.sockets[0].getsockname()[1]
    receiver.url = f"http://127.0.0.1:{receiver.port}"
    try:
        yield receiver
    finally:
        await close_server(server)


def _told(span: Span) -> Told:
    return Told(
        name=span.name,
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        trace=span.trace_id.hex(),
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        begun=span.start_time_unix_nano / 1e9,
        ended=span.end_time_unix_nano / 1e9,
        error=span.status.code == Status.STATUS_CODE_ERROR,
        said=span.status.message,
        more=len(span.events) + len(span.links),
        attributes={pair.key: _value(pair.value) for pair in span.attributes},
    )


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    return getattr(value, kind)


def _short(name: str) -> str:
    return name.removeprefix("gen_ai.").removeprefix("harmonic.")


async def _print_traces(port: int) -> None:
    printed: set[str] = set()
    async with otlp_receiver(port) as receiver:
        sys.stdout.write(f"waiting for traces at {receiver.url}\n")
        while True:
            for query in receiver.queries():
                if query.id not in printed:
                    sys.stdout.write("\n".join(["", *receiver.page(query, query.begun), ""]))
                    printed.add(query.id)
            sys.stdout.flush()
            await asyncio.sleep(0.5)


if __name__ == "__main__":
    asyncio.run(_print_traces(int(sys.argv[1]) if len(sys.argv) > 1 else 4318))
