"""Machines as files: what each one's kernel and driver said, what we detect of it, and the plan that it yields.

A machine is NAME.toml: `provenance` (recorded | from SOURCE | synthetic), `nvidia` (what NVML said of each card),
`cpuinfo` (one processor's block, {n} its number, {core} its core where two processors share one) and `files` below
the root. NAME.txt beside it is the reviewed snapshot; `python -m tests.machines` writes it and docs/machines.md anew.
"""

import threading
import tomllib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from launcher import (
    AgentSpec,
    Hardware,
    Plan,
    choose_profile,
    detect_hardware,
    in_gb,
    nominal_models,
    plan,
    probe_nvidia,
)

FOLDER = Path(__file__).parent
CONTEXT = 2048  # tokens a slot, the default of engine.context

# The papers' crew; the models are the profile's.
CREW = (
    ("executive", 1), ("operator", 1), ("technical_director", 2), ("research_director", 2), ("creative_director", 2),
    ("coder", 3), ("analyst", 3),
)  # fmt: skip


@dataclass(frozen=True)
class Machine:
    """One machine of this folder."""

    name: str
    table: dict[str, Any]

    @property
    def provenance(self) -> str:
        """Where its input comes from."""
        return str(self.table["provenance"])

    def hardware(self, root: Path) -> Hardware:
        """Return what we detect when its files stand below *root*, an empty folder, and its driver is asked."""
        blocks = [self.table["cpuinfo"].format(n=n, core=n // 2) for n in range(self.table["processors"])]
        for name, text in {"proc/cpuinfo": "".join(blocks), **self.table["files"]}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        return detect_hardware(root, ask_nvidia=self._ask(), system=self.table["system"], machine=self.table["machine"])

    def _ask(self) -> "partial[tuple[probe_nvidia.Card, ...]]":
        if self.table.get("nvidia_hangs"):
            return partial(probe_nvidia.ask, 0.01, _never)
        return partial(probe_nvidia.ask, 10.0, lambda: [_card(row) for row in self.table.get("nvidia", ())])


def _never() -> list[probe_nvidia.Card]:
    threading.Event().wait()
    return []


def _card(row: dict[str, Any]) -> probe_nvidia.Card:
    # TOML's integers end at 2^63; a driver's do not, so that one is written as text.
    memory = int(row["memory"]) if str(row["memory"]).isdigit() else row["memory"]
    return probe_nvidia.Card(row["name"], memory, tuple(row["compute"]), row["driver"])


def machines() -> list[Machine]:
    """Return every machine of this folder, by name."""
    return [Machine(path.stem, tomllib.loads(path.read_text("utf-8"))) for path in sorted(FOLDER.glob("*.toml"))]


def plan_on(hardware: Hardware) -> Plan:
    """Return the plan for the papers' crew with the profile's models, for an engine that has GPU code."""
    profile = choose_profile(hardware)
    agents = [AgentSpec(name, tier, profile.model_for(name, tier)) for name, tier in CREW]
    return plan(hardware, agents, nominal_models(), context=CONTEXT)


def snapshot(machine: Machine, hardware: Hardware, planned: Plan) -> str:
    """Return what is reviewed: the hardware, then the plan with every decision."""
    cpu = hardware.cpu
    lines = [
        f"# {machine.name}: {machine.provenance}",
        *(f"gpu: {gpu}" for gpu in hardware.gpus),
        f"cpu: {cpu.model}, {cpu.physical_cores} cores, {cpu.logical_cores} processors, quota {cpu.quota}",
        f"memory: {hardware.memory} bytes, available {hardware.available}, limit {hardware.memory_limit}",
        f"os: {hardware.os} {hardware.arch}",
        "",
        f"profile: {planned.profile}, {planned.context} tokens a slot, {planned.cache_type} cache",
        f"budget: {planned.budget_bytes} bytes, shared {planned.shared_bytes}, isolated {planned.isolated_bytes}",
        *(f"pool {pool.name}: {pool.slots} slots, {pool.bytes} bytes, server {pool.server}" for pool in planned.pools),
        *(f"agent {agent.name}: {agent.slots} slots of {agent.pool}" for agent in planned.agents),
        *(f"left out: {refused}" for refused in planned.refused),
        "",
        *planned.decisions,
    ]
    return "\n".join(lines) + "\n"


def row(machine: Machine, hardware: Hardware, planned: Plan) -> str:
    """Return the machine's row in docs/machines.md."""
    source = machine.provenance.replace("github.com/", "")
    pools = "; ".join(f"{pool.model} x {pool.slots} ({pool.server})" for pool in planned.pools)
    left_out = "; left out: " + ", ".join(name for refused in planned.refused for name in refused.agents)
    budget = " + ".join(in_gb(budget) for budget in planned.budgets.values())
    return (
        f"| {machine.name} | {source} | {_detected(hardware)} | {planned.profile} | {budget} | "
        f"{pools}{left_out if planned.refused else ''}; {in_gb(planned.shared_bytes)} |"
    )


def _detected(hardware: Hardware) -> str:
    words = []
    for gpu in hardware.gpus:
        memory = "memory unknown" if gpu.memory is None else in_gb(gpu.memory)
        words.append(
            f"{gpu.name}: {memory}{', unified' if gpu.unified else ''}{f', {gpu.compute}' if gpu.compute else ''}"
        )
    limit = "" if hardware.memory_limit is None else f", limited to {in_gb(hardware.memory_limit)}"
    return "; ".join([*words, f"{in_gb(hardware.memory)} of system memory{limit}"])


def table(rows: list[str]) -> str:
    """Return the table of docs/machines.md."""
    head = [
        "| machine | input | detected | profile | budget | pools: model x slots (server) |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *rows]) + "\n"
