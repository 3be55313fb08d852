"""Grids of ten colours and the transforms of them: pure functions, each held to laws that tests check.

Read in this order: ``cells`` (what a grid is), ``registry`` (every operation by name), one file a family, ``laws``
(what operations promise), ``search`` (a program from examples), ``recognise`` (a puzzle in a message).
"""

from ommatidia.errors import BadGrid
from ommatidia.grid.cells import LARGEST, Grid, as_grid
from ommatidia.grid.families import FAMILIES
from ommatidia.grid.recognise import Task, find_task
from ommatidia.grid.registry import REGISTRY, Operation, operation
from ommatidia.grid.search import Found, solve

__all__ = [
    "FAMILIES",
    "LARGEST",
    "REGISTRY",
    "BadGrid",
    "Found",
    "Grid",
    "Operation",
    "Task",
    "as_grid",
    "find_task",
    "operation",
    "solve",
]
