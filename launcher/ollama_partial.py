"""How far the interrupted pulls of an Ollama are, as it notes it beside each model that is not whole yet.

Ollama fetches a file in parts and notes how far a part is when that part ends or its pull is called off, never in
between (read in its 0.32.14). A server that is stopped before it has noted that fetches the part from its start again.
"""

import asyncio
import json
import os
from collections.abc import Mapping

from launcher.ollama_store import model_folders

NOTING_SECONDS = 5.0  # it takes milliseconds, on a busy box longer
POLL = 0.05


def unfinished_parts(environ: Mapping[str, str] = os.environ) -> dict[str, int]:
    """Return the bytes that are noted as fetched for each part that is not whole, by the name of the note's file."""
    noted = {}
    for path in model_folders(environ)[0].glob("blobs/sha256-*-partial-*"):
        try:
            part = json.loads(path.read_bytes())
            size, completed = int(part["Size"]), int(part["Completed"])
        except (OSError, ValueError, LookupError, TypeError):
            continue  # it is being written
        if completed < size:
            noted[path.name] = completed
    return noted


async def parts_noted(before: Mapping[str, int], environ: Mapping[str, str] = os.environ) -> None:
    """Wait until an interrupted pull has noted more than *before*, and no more is being noted; at most 5 s.

    It returns at once where no part is unfinished.
    """
    last = None
    for _ in range(round(NOTING_SECONDS / POLL)):
        noted = unfinished_parts(environ)
        if not noted or (noted == last and any(done > before.get(name, 0) for name, done in noted.items())):
            return
        last = noted
        await asyncio.sleep(POLL)
