"""Only the URLs that the spine knows are opened, and a wrong one leaves nothing behind."""

from pathlib import Path

import pytest

from spine import BadSignal, BadUrl, open_bus
from spine.redis_bus import without_secrets


@pytest.mark.parametrize(
    "url",
    ["", "memory", "memory://x", "http://127.0.0.1", "rediss://127.0.0.1", "redis:/x", "file:///etc/passwd", "/tmp/s"],
)
async def test_other_urls_are_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(BadUrl) as refused:
        async with open_bus(url, record=tmp_path / "record"):
            pass
    assert "memory://" in refused.value.allowed
    assert list(tmp_path.iterdir()) == []


async def test_a_refused_url_is_told_without_its_password() -> None:
    with pytest.raises(BadUrl) as refused:
        async with open_bus("rediss://me:secret@box/0"):
            pass
    assert "secret" not in str(refused.value)
    assert without_secrets("unix:///run/s?db=0&password=secret") == "unix:///run/s"


@pytest.mark.parametrize("prefix", ["{x}", "a:b", "..", "a b"])
async def test_a_prefix_is_a_name(prefix: str) -> None:
    with pytest.raises(BadSignal):
        async with open_bus("memory://", prefix=prefix):
            pass
