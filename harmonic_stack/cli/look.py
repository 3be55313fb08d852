"""`status`, `agents`, `hardware`, `plan`: looking at the box, running or not."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from harmonic_stack.cli.client import fetch
from harmonic_stack.cli.output import show_json, show_table
from harmonic_stack.config import Config
from harmonic_stack.crew import load_crew
from harmonic_stack.describe import hardware_line, hardware_object
from harmonic_stack.planning import engine_settings, plan_for, plan_for_profile
from launcher import Plan, detect_hardware, in_gb

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="Settings file to use instead of your own.")]


def status(as_json: AsJson = False) -> None:
    """Show how the running stack is."""
    found: dict[str, Any] = fetch("/admin/status")
    if as_json:
        show_json(found)
        return
    engine, slots, spine = found["engine"], found["slots"], found["spine"]
    achieved = "not measured" if slots["achieved"] is None else slots["achieved"]
    why = f" ({slots['reason']})" if slots["reason"] else ""
    bus = "off" if not spine["enabled"] else f"{spine['state']} on {spine['backend']}"
    if spine["reason"]:
        bus += f" ({spine['reason']})"
    rows = [
        ("address", f"{found['url']}/v1, up for {found['seconds']:.0f} s"),
        ("engine", f"{engine['name']}, {engine['state']}: {', '.join(engine['models'])}"),
        ("slots", f"promised {slots['promised']}, achieved {achieved}{why}; {slots['busy']} busy"),
        ("spine", bus),
        ("agents", ", ".join(found["agents"])),
        *([("note", engine["note"])] if engine["note"] else []),
    ]
    for name, text in rows:
        typer.echo(f"{name:8} {text}")


def agents(as_json: AsJson = False) -> None:
    """Show the crew of the running stack."""
    found = fetch("/admin/agents")
    if as_json:
        show_json(found)
        return
    show_table(
        ("agent", "tier", "slots", "model", "what for"),
        [(a["name"], a["tier"], a["slots"], a["model"], a["description"]) for a in found["agents"]],
    )


def hardware(as_json: AsJson = False) -> None:
    """Show what this box has; a dash is "the box does not tell"."""
    found = detect_hardware()
    if as_json:
        show_json(hardware_object(found))
        return
    typer.echo(hardware_line(found))


def plan(
    config: ConfigFile = None,
    box: Annotated[
        str | None, typer.Option("--hardware", help="Plan for another box: a profile such as dgx-spark or gpu-24.")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Tell each decision in a sentence.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show which agent gets how many slots, and what that takes of the memory. Starts nothing."""
    loaded = Config.load(config)
    crew, settings = load_crew(loaded.path_of("crew", "file")), engine_settings(loaded)
    if box is not None:
        found = plan_for_profile(box, crew, settings)
    else:
        found = asyncio.run(plan_for(detect_hardware(), crew, settings))
    if as_json:
        show_json(found.as_dict())
        return
    _show_plan(found)
    if explain:
        for decision in found.decisions:
            typer.echo(f"- {decision}")


def _show_plan(found: Plan) -> None:
    show_table(
        ("agent", "tier", "slots", "model"),
        [(agent.name, agent.tier, agent.slots, agent.model) for agent in found.agents],
    )
    for pool in found.pools:
        typer.echo(f"pool {pool.name}: {pool.slots} slots of {found.context} tokens, {in_gb(pool.bytes)}")
    typer.echo(f"memory: {in_gb(found.shared_bytes)} of {in_gb(found.budget_bytes)} ({found.profile})")
