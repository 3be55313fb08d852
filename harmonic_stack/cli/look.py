"""`status`, `agents`, `hardware`, `plan`: looking at the box, running or not."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from harmonic_stack.cli.client import change, fetch
from harmonic_stack.cli.output import show_json, show_table
from harmonic_stack.config import Config
from harmonic_stack.crew import load_crew
from harmonic_stack.host.describe import hardware_line, hardware_object
from harmonic_stack.host.planning import engine_settings, plan_as_papers, plan_for_profile, plan_now
from launcher import Plan, detect_hardware, in_gb

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="Settings file to use instead of your own.")]


class Accounting(StrEnum):
    """Whose figures a plan reckons with."""

    OURS = "ours"
    PAPERS = "papers"


def status(as_json: AsJson = False) -> None:
    """Show how the running stack is."""
    found: dict[str, Any] = fetch("/admin/status")
    if as_json:
        show_json(found)
        return
    slots, spine = found["slots"], found["spine"]
    achieved = "not measured" if slots["achieved"] is None else slots["achieved"]
    why = f" ({slots['reason']})" if slots["reason"] else ""
    bus = "off" if not spine["enabled"] else f"{spine['state']} on {spine['backend']}"
    if spine["reason"]:
        bus += f" ({spine['reason']})"
    bus += "".join(f"; {line}" for line in memory_lines(spine["memory"]))
    rows = [
        ("address", f"{found['url']}/v1, up for {found['seconds']:.0f} s"),
        *(("engine", _engine_line(each, several=len(found["engines"]) > 1)) for each in found["engines"]),
        ("slots", f"promised {slots['promised']}, achieved {achieved}{why}; {slots['busy']} busy"),
        ("warm", _warm_line(found["warm"])),
        ("judge", _judge_line(found["judge"])),
        *([("energy", _energy_line(found["energy"]))] if found["energy"]["joules"] is not None else []),
        *([("encoder", _encoder_line(found["encoder"]))] if found["encoder"]["declared"] else []),
        ("spine", bus),
        ("agents", ", ".join(found["agents"])),
        *([("rested", ", ".join(found["rested"]))] if found["rested"] else []),
        *(("absent", f"{', '.join(each['agents'])}: {each['reason']}") for each in found["absent"]),
        *([("failing", f"{', '.join(found['failing'])}: asked last for a while")] if found["failing"] else []),
        *(("note", each["note"]) for each in found["engines"] if each["note"]),
    ]
    for name, text in rows:
        typer.echo(f"{name:8} {text}")


def memory_lines(memory: dict[str, Any] | None) -> list[str]:
    """What the spine's store holds of what it may, in words; none where nobody has looked yet.

    >>> memory_lines({"used": 21e6, "limit": 512e6, "bound": 384e6, "own": None, "own_bound": None, "evicted": 3,
    ...     "trouble": ""})
    ['21 of 512 MB used', '3 sessions made room at 384 MB']
    """
    if memory is None:
        return []
    lines = []
    if memory["limit"] is not None:
        lines.append(f"{memory['used'] / 1e6:.0f} of {memory['limit'] / 1e6:.0f} MB used")
    if memory["own"] is not None:
        lines.append(f"{memory['own'] / 1e6:.0f} of {memory['own_bound'] / 1e6:.0f} MB for the bus taken")
    if memory["evicted"]:
        bounds = [bound for bound in (memory["bound"], memory["own_bound"]) if bound is not None]
        lines.append(f"{memory['evicted']} sessions made room at {min(bounds, default=0) / 1e6:.0f} MB")
    return [*lines, memory["trouble"]] if memory["trouble"] else lines


def _warm_line(warm: dict[str, Any]) -> str:
    if not warm["enabled"]:
        return "off (engine.warm)"
    why = f" ({warm['reason']})" if warm["reason"] else ""
    return f"warmed {warm['warmed']} of {warm['agents']} agents{why}"


def _judge_line(judge: dict[str, Any]) -> str:
    if not judge["enabled"]:
        return "off (merge.judge): of tied answers the one asked first stands"
    if judge["fit"] is None:
        why = judge["reason"] or f"{judge['asked']} of {judge['pairs']} pairs asked, it goes on while nobody asks"
        return f"not measured, so ties stay with the answer asked first ({why})"
    figures = judge["reason"] or f"{judge['right']} of {judge['pairs']} pairs right, {judge['needed']} needed"
    what = "settles ties" if judge["fit"] else "unfit, so ties stay with the answer asked first"
    return f"{judge['model']} {what} ({figures})"


def _encoder_line(encoder: dict[str, Any]) -> str:
    declared = encoder["declared"]
    if declared["state"] == "ready":
        return f"{encoder['tag']}, as declared"
    return f"{encoder['tag']} in place of {declared['model']}, which is tried again: {declared['reason']}"


def _energy_line(energy: dict[str, Any]) -> str:
    busy = "" if energy["utilisation"] is None else f", {energy['utilisation']:.0%} busy"
    each = "" if energy["tokens_per_joule"] is None else f", {energy['tokens_per_joule']:.2f} tokens per joule"
    return f"{energy['joules']:.0f} J of the {energy['device']} while queries ran{each}{busy}"


def _engine_line(engine: dict[str, Any], *, several: bool) -> str:
    build = " ".join(filter(None, (engine["form"], engine["version"])))
    where = f" on {engine['server']}" if several else ""
    silent = "" if engine["healthy"] else ", does not answer"
    models = ", ".join(engine["models"])
    told = f"; told what paid here: {engine['levers']}" if engine["levers"] else ""
    return f"{engine['name']}{f' ({build})' if build else ''}{where}, {engine['state']}{silent}: {models}{told}"


def agents(
    as_json: AsJson = False,
    rest: Annotated[str | None, typer.Option("--rest", help="Ask this agent nothing until it is woken.")] = None,
    wake: Annotated[str | None, typer.Option("--wake", help="Ask this agent again.")] = None,
) -> None:
    """Show the crew of the running stack; rest one agent, or wake it, until the stack stops."""
    for name, enabled in ((rest, False), (wake, True)):
        if name is not None:
            change(f"/admin/agents/{quote(name, safe='')}", {"enabled": enabled})
    found = fetch("/admin/agents")
    if as_json:
        show_json(found)
        return
    show_table(
        ("agent", "tier", "slots", "model", "calls", "what for"),
        [(a["name"], a["tier"], a["slots"], a["model"], _calls(a["record"]), _purpose(a)) for a in found["agents"]],
    )
    for agent in found["agents"]:
        if known := agent["knowledge"]:
            files = ", ".join(f"{file['file']} ({file['chunks']})" for file in known["files"])
            typer.echo(f"{agent['name']} alone knows (passages in brackets): {files}")
            if known["trouble"]:
                typer.echo(f"{agent['name']}: {known['trouble']}", err=True)


def _purpose(agent: dict[str, Any]) -> str:
    if agent["rested"]:
        return f"(rested) {agent['description']}"
    return str(agent["description"])


def _calls(record: dict[str, Any] | None) -> str:
    """An agent's newest calls in a few words: how many came whole, and how many of its answers won a vote."""
    if record is None:
        return "-"
    voted = f", {record['agreed']}/{record['voted']} agreed" if record["voted"] else ""
    return f"{record['ok']}/{record['calls']} ok{voted}"


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
    accounting: Annotated[
        Accounting, typer.Option("--accounting", help="Reckon with our figures, or with the papers' crew and table.")
    ] = Accounting.OURS,
    explain: Annotated[bool, typer.Option("--explain", help="Tell each decision in a sentence.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show which agent gets how many slots, and what that takes of the memory. Starts nothing."""
    if accounting is Accounting.PAPERS:
        found = plan_as_papers(box)
    else:
        loaded = Config.load(config)
        if box is not None:
            found = plan_for_profile(box, load_crew(loaded.path_of("crew", "file")), engine_settings(loaded))
        else:
            found = asyncio.run(plan_now(loaded, detect_hardware()))
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
    long = f" of {found.context} tokens" if found.context else ""
    for pool in found.pools:
        typer.echo(f"pool {pool.name}: {pool.slots} slots{long}, {in_gb(pool.bytes)} (server {pool.server})")
    typer.echo(f"memory: {in_gb(found.shared_bytes)} of {in_gb(found.budget_bytes)} ({found.profile})")
    typer.echo(f"with an engine for every agent it would be: {in_gb(found.isolated_bytes)}")
    for refused in found.refused:
        typer.echo(
            f"left out: {', '.join(refused.agents)} ({refused.model} needs {in_gb(refused.needed)}, "
            f"{in_gb(refused.left)} are left)"
        )
    for absent in found.absent:
        typer.echo(f"left out: {', '.join(absent.agents)} ({absent.reason})")
