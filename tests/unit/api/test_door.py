"""Which names of this box a request may use, and which pages are told that they may ask."""

from pathlib import Path
from typing import Any

import pytest

from harmonic_stack.api.door import Door
from harmonic_stack.config import Server
from harmonic_stack.errors import HostNotAllowed, OriginNotAllowed
from harmonic_stack.host.keys import Keys
from tests.stack import paths_in

PAGE = "http://box.lan:3000"


def scope(host: str, *, at: str = "192.168.1.5", origin: str | None = None) -> dict[str, Any]:
    """A request for /health that came in at the address *at*."""
    headers = [(b"host", host.encode())] + ([(b"origin", origin.encode())] if origin else [])
    return {"path": "/health", "headers": headers, "server": (at, 8420)}


@pytest.fixture
def door(tmp_path: Path) -> Door:
    """A door that listens everywhere, for one page."""
    return Door(Server(host="0.0.0.0", allowed_origins=(PAGE,)), Keys.open(paths_in(tmp_path)))


@pytest.mark.parametrize("host", ["192.168.1.5", "192.168.1.5:8420", "localhost:8420"])
def test_the_address_at_which_a_request_came_in_needs_no_entry(door: Door, host: str) -> None:
    assert door.admit(scope(host)) == ""


@pytest.mark.parametrize("host", ["192.168.1.6", "rebound.example", "", "192.168.1.5.nip.example"])
def test_another_address_or_a_name_needs_one(door: Door, host: str) -> None:
    with pytest.raises(HostNotAllowed):
        door.admit(scope(host))


def test_a_page_at_that_address_still_needs_to_be_allowed(door: Door) -> None:
    with pytest.raises(OriginNotAllowed):
        door.admit(scope("192.168.1.5", origin="http://192.168.1.5:9000"))
    assert door.admit(scope("192.168.1.5", origin=PAGE)) == ""


def test_only_an_allowed_page_at_a_name_of_ours_is_told_that_it_may_ask(door: Door) -> None:
    assert door.page(scope("192.168.1.5", origin=PAGE)) == PAGE
    assert door.page(scope("rebound.example", origin=PAGE)) is None
    assert door.page(scope("localhost", origin="http://localhost:3000")) is None
    assert door.page(scope("localhost")) is None
