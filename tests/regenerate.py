"""Writes what the documents say of the code anew, from the code: `make docs`. Tests fail where the two differ."""

from pathlib import Path

from harmonic_stack.config import Config, example_toml
from harmonic_stack.config.text import table_of, tables
from harmonic_stack.crew import AgentTable
from harmonic_stack.metrics import Metrics
from tests.test_house import error_table

HEAD = "| status | `code` |"


def between_marks(page: str, name: str, text: str) -> str:
    """*page* with *text* between the marks of that name."""
    before, _, rest = page.partition(f"<!-- {name}: begin -->\n")
    _, _, after = rest.partition(f"<!-- {name}: end -->")
    return f"{before}<!-- {name}: begin -->\n{text.strip()}\n<!-- {name}: end -->{after}"


def with_table(page: str, table: str) -> str:
    """*page* with its error table replaced."""
    lines = page.splitlines()
    first = next(place for place, line in enumerate(lines) if line.startswith(HEAD))
    last = next(
        place for place in range(first, len(lines) + 1) if not "".join(lines[place : place + 1]).startswith("|")
    )
    return "\n".join([*lines[:first], *table.strip().splitlines(), *lines[last:]]) + "\n"


def main() -> None:
    """Write the example settings, and the tables of docs/config.md, docs/metrics.md and docs/api.md."""
    Path("deploy/harmonic.example.toml").write_text(example_toml(), "utf-8")
    settings = Path("docs/config.md")
    page = between_marks(settings.read_text("utf-8"), "keys", tables(Config))
    settings.write_text(between_marks(page, "agent", table_of(AgentTable)), "utf-8")
    metrics = Path("docs/metrics.md")
    metrics.write_text(between_marks(metrics.read_text("utf-8"), "metrics", Metrics().table()), "utf-8")
    api = Path("docs/api.md")
    api.write_text(with_table(api.read_text("utf-8"), error_table()), "utf-8")


if __name__ == "__main__":
    main()
