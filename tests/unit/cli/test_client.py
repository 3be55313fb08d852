"""How the command line reads a stream."""

import httpx

from harmonic_stack.cli.client import lines_of


def test_only_a_line_feed_ends_a_line_wherever_the_network_cut_it() -> None:
    body = 'data: "a\u2028b\x85c\u00fc"\n\ndata: d\n'.encode()
    for size in (1, 2, 5, len(body)):
        pieces = [body[place : place + size] for place in range(0, len(body), size)]
        answer = httpx.Response(200, content=iter(pieces))
        assert list(lines_of(answer)) == ['data: "a\u2028b\x85c\u00fc"', "", "data: d"]
