"""Every operation by its name, with the laws that tests hold it to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from types import MappingProxyType

from ommatidia.grid.cells import Grid

Transform = Callable[[Grid], Grid | None]


@dataclass(frozen=True, slots=True)
class Operation:
    """One named transform: ``fn`` returns a read-only grid, or None where it does not apply.

    ``laws`` are sentences of the language in ``laws``; ``meaning`` is the first sentence of its docstring.
    """

    name: str
    fn: Transform
    family: str
    laws: tuple[str, ...]
    meaning: str


_known: dict[str, Operation] = {}
REGISTRY: Mapping[str, Operation] = MappingProxyType(_known)


def operation(
    *, family: str, laws: Sequence[str] = (), name: str = "", meaning: str = ""
) -> Callable[[Transform], Transform]:
    """Put a function into the registry, under its own name unless another is given, and freeze what it returns."""

    def register(fn: Transform) -> Transform:
        @wraps(fn)
        def frozen(grid: Grid) -> Grid | None:
            result = fn(grid)
            if result is not None:
                result.setflags(write=False)
            return result

        called = name or fn.__name__
        if called in _known:
            raise ValueError(f"two operations are called {called}")
        frozen.__name__ = frozen.__qualname__ = called
        frozen.__doc__ = meaning or fn.__doc__
        said = (frozen.__doc__ or "").strip().partition("\n")[0].rstrip(".")
        _known[called] = Operation(called, frozen, family, tuple(laws), said)
        return frozen

    return register
