"""Every setting of the daemon: where it may come from, what it may be, and what is wrong with one that may not."""

from harmonic_stack.config.model import (
    Config,
    CrewSource,
    Draft,
    Engine,
    Limits,
    Loaded,
    Log,
    Merge,
    Recall,
    Route,
    Server,
    Spine,
    example_toml,
)

__all__ = [
    "Config",
    "CrewSource",
    "Draft",
    "Engine",
    "Limits",
    "Loaded",
    "Log",
    "Merge",
    "Recall",
    "Route",
    "Server",
    "Spine",
    "example_toml",
]
