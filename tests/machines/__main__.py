"""Write every machine's snapshot and the table of docs/machines.md anew. Review what changed before you commit it."""

import tempfile
from pathlib import Path

from tests.machines import FOLDER, machines, plan_on, row, snapshot, table

PAGE = Path(__file__).parents[2] / "docs/machines.md"
BEGIN, END = "<!-- machines: begin -->\n", "<!-- machines: end -->"


def main() -> None:
    """Plan for every machine and write what came out."""
    rows = []
    for machine in machines():
        with tempfile.TemporaryDirectory() as folder:
            hardware = machine.hardware(Path(folder))
        planned = plan_on(hardware)
        (FOLDER / f"{machine.name}.txt").write_text(snapshot(machine, hardware, planned), "utf-8")
        rows.append(row(machine, hardware, planned))
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    PAGE.write_text(before + BEGIN + table(rows) + END + rest.partition(END)[2], "utf-8")


if __name__ == "__main__":
    main()
