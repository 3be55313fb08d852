"""What Ollama notes of interrupted pulls, and waiting until it has."""

import asyncio
import json
from pathlib import Path

from launcher.ollama_partial import parts_noted, unfinished_parts


def note(folder: Path, part: int, completed: int, *, size: int = 100) -> Path:
    path = folder / "blobs" / f"sha256-ab-partial-{part}"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"N": part, "Offset": part * size, "Size": size, "Completed": completed}))
    return path


def test_only_parts_that_are_not_whole_and_can_be_read_count(tmp_path: Path) -> None:
    note(tmp_path, 0, 100)
    note(tmp_path, 1, 40)
    note(tmp_path, 2, 0).write_text("")
    (tmp_path / "blobs" / "sha256-ab-partial").write_bytes(b"the data")
    assert unfinished_parts({"OLLAMA_MODELS": str(tmp_path)}) == {"sha256-ab-partial-1": 40}


async def test_it_waits_until_more_is_noted_than_before(tmp_path: Path) -> None:
    environ = {"OLLAMA_MODELS": str(tmp_path)}
    note(tmp_path, 0, 40)
    waiting = asyncio.create_task(parts_noted(unfinished_parts(environ), environ))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    note(tmp_path, 0, 60)
    await waiting


async def test_with_nothing_unfinished_it_does_not_wait(tmp_path: Path) -> None:
    note(tmp_path, 0, 100)
    async with asyncio.timeout(1):
        await parts_noted({}, {"OLLAMA_MODELS": str(tmp_path)})
