"""Every setting of the daemon: where it may come from, what it may be, and what is wrong with one that may not."""

from harmonic_stack.config.box import Encoder, Engine, Log, Queue, Server, Spine, Telemetry
from harmonic_stack.config.model import Config, Loaded, example_toml
from harmonic_stack.config.thinking import CrewSource, Deep, Draft, Gate, Grid, Knowledge, Limits, Merge, Recall, Route

__all__ = [
    "Config",
    "CrewSource",
    "Deep",
    "Draft",
    "Encoder",
    "Engine",
    "Gate",
    "Grid",
    "Knowledge",
    "Limits",
    "Loaded",
    "Log",
    "Merge",
    "Queue",
    "Recall",
    "Route",
    "Server",
    "Spine",
    "Telemetry",
    "example_toml",
]
