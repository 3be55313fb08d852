"""Every machine of tests/machines is detected and planned as its reviewed snapshot says, and the documents show it."""

import re
from pathlib import Path

import pytest

from tests.machines import FOLDER, Machine, machines, plan_on, row, snapshot, table

PAGE = Path(__file__).parents[3] / "docs/machines.md"
HINT = "if the new plan is right: python -m tests.machines"

# The list of what must be there: GB10, both carve-outs, cards, none, a limit, and drivers that hang or lie.
LEAST = {
    "dgx-spark", "strix-halo-small", "strix-halo-large", "rtx-4090", "rtx-3060", "two-unequal-cards", "h100",
    "rx-7900-xtx", "cpu-only", "container", "driver-hangs", "driver-lies",
}  # fmt: skip

every_machine = pytest.mark.parametrize("machine", machines(), ids=lambda machine: machine.name)


@every_machine
def test_a_machine_is_detected_and_planned_as_reviewed(machine: Machine, tmp_path: Path) -> None:
    hardware = machine.hardware(tmp_path)
    reviewed = (FOLDER / f"{machine.name}.txt").read_text("utf-8")
    assert snapshot(machine, hardware, plan_on(hardware)) == reviewed, HINT


@every_machine
def test_a_machines_plan_is_within_each_devices_budget(machine: Machine, tmp_path: Path) -> None:
    planned = plan_on(machine.hardware(tmp_path))
    for device, budget in planned.budgets.items():
        assert sum(pool.bytes for pool in planned.pools if pool.device == device) <= budget


@every_machine
def test_a_machine_says_where_its_input_comes_from(machine: Machine) -> None:
    assert re.match(
        r"recorded \d{4}-\d\d-\d\d|from github\.com/\S+/\S+/(issues|pull)/\d+|synthetic", machine.provenance
    )


def test_every_kind_of_machine_is_there() -> None:
    assert {machine.name for machine in machines()} >= LEAST


def test_the_documents_show_every_machine(tmp_path: Path) -> None:
    rows = []
    for machine in machines():
        hardware = machine.hardware(tmp_path / machine.name)
        rows.append(row(machine, hardware, plan_on(hardware)))
    told = PAGE.read_text("utf-8").partition("<!-- machines: begin -->\n")[2].partition("<!-- machines: end -->")[0]
    assert told == table(rows), HINT
