"""Reads streamed answers in tests."""

import json
from typing import Any


def chunks_of(text: str) -> list[dict[str, Any]]:
    """The chunks of a whole OpenAI stream; it must end as one."""
    lines = [line[6:] for line in text.split("\n") if line.startswith("data: ")]
    assert lines[-1] == "[DONE]", text[-300:]
    return [json.loads(line) for line in lines[:-1]]


def events_of(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The events of a stream that names them, each with its data."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(":"))
        if "event" in fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found
