"""Forms of addresses."""

import pytest

from harmonic_stack.config.forms import is_spine_url


@pytest.mark.parametrize(
    "url",
    [
        "embedded",
        "memory://",
        "redis://box",
        "redis://me:word@box:6380/2",
        "unix:///run/s",
        "unix://me:word@/run/s?db=1",
    ],
)
def test_an_address_of_a_bus(url: str) -> None:
    assert is_spine_url(url)


@pytest.mark.parametrize(
    "url", ["", "unix://", "unix://run/s", "unix://me@", "unix://a@b@/s", "http://box", "redis://"]
)
def test_no_address_of_a_bus(url: str) -> None:
    assert not is_spine_url(url)
