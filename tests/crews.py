"""Small crews with knowledge of their own, for stories."""

from collections.abc import Mapping
from pathlib import Path


def crew_that_knows(folder: Path, notes: Mapping[str, str], *, executive: str = "") -> Path:
    """A crew file in *folder*: an executive, and one agent for each of *notes*, which that agent alone knows."""
    (folder / "notes").mkdir(parents=True, exist_ok=True)
    tables = ['[agents.executive]\ntier = 1\nrole = "You are the executive."']
    if executive:
        (folder / "notes" / "executive.md").write_text(executive, "utf-8")
        tables[0] += '\nknowledge = ["notes/executive.md"]'
    for name, text in notes.items():
        (folder / "notes" / f"{name}.md").write_text(text, "utf-8")
        tables.append(f'[agents.{name}]\ntier = 3\nrole = "You are {name}."\nknowledge = ["notes/{name}.md"]')
    crew = folder / "crew.toml"
    crew.write_text("\n\n".join(tables) + "\n", "utf-8")
    return crew
