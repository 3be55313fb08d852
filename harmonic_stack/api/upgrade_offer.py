"""A head without its offer to speak another protocol."""

from collections.abc import Sequence

# Only of use to a server that takes the offer; the second one came with that of HTTP/2 (RFC 7540, 3.2.1).
_OFFER = frozenset({b"upgrade", b"http2-settings"})


def without_offer(method: bytes, target: bytes, version: str, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The head as it would have come from a client that offers nothing, with its empty line.

    >>> without_offer(b"GET", b"/", "1.1", [(b"upgrade", b"h2c"), (b"connection", b"close, Upgrade"), (b"host", b"x")])
    b'GET / HTTP/1.1\\r\\nconnection: close\\r\\nhost: x\\r\\n\\r\\n'
    """
    lines = [b"%b %b HTTP/%b" % (method, target, version.encode())]
    for name, value in headers:
        if name == b"connection":
            kept = b", ".join(each for part in value.split(b",") if (each := part.strip()).lower() not in _OFFER)
            lines.append(b"connection: " + kept)
        elif name not in _OFFER:
            lines.append(name + b": " + value)
    return b"\r\n".join([*lines, b"", b""])
