"""Family *extract*, second part: objects and panels, chosen by what sets them apart.

An object is 8-connected; a one-colour object joins cells of like colour alone. What is tied is not chosen at all.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence

import numpy as np
import numpy.typing as npt

from ommatidia.grid.cells import COLOURS, Grid, commonest, counts, kept, key_of
from ommatidia.grid.extract import FAMILY
from ommatidia.grid.objects import Objects, objects
from ommatidia.grid.panels import joined, panels
from ommatidia.grid.registry import operation

_CUT = ["no new colour but 0"]
Scores = npt.NDArray[np.int64] | npt.NDArray[np.float64]


def _best(scores: Scores) -> int | None:
    """Where the highest score stands alone."""
    if not len(scores):
        return None
    best = int(scores.argmax())
    return best if np.count_nonzero(scores == scores[best]) == 1 else None


def _density(found: Objects) -> Scores:
    return found.sizes / ((found.bottom - found.top) * (found.right - found.left))


def _square(found: Objects) -> Scores:
    square: Scores = np.equal(found.bottom - found.top, found.right - found.left).astype(np.int64)
    return square


SCORES: dict[str, Callable[[Objects], Scores]] = {
    "largest": lambda found: found.sizes,
    "smallest": lambda found: -found.sizes,
    "topmost": lambda found: -found.top,
    "bottommost": lambda found: found.bottom,
    "leftmost": lambda found: -found.left,
    "rightmost": lambda found: found.right,
    "tallest": lambda found: found.bottom - found.top,
    "widest": lambda found: found.right - found.left,
    "densest": _density,
    "square": _square,
}


def _object(which: str, score: Callable[[Objects], Scores], *, one_colour: bool) -> None:
    kind = "one-colour object" if one_colour else "object"

    @operation(
        family=FAMILY,
        laws=_CUT,
        name=f"object_{which}_mono" if one_colour else f"object_{which}",
        meaning=f"Cut out the one {which} {kind}.",
    )
    def cut(grid: Grid) -> Grid | None:
        found = objects(grid, one_colour=one_colour)
        scores = score(found)
        best = _best(scores)
        if best is None or (which == "square" and not scores[best]):
            return None
        return found.cut(grid, best)


for _which, _score in SCORES.items():
    _object(_which, _score, one_colour=False)
    _object(_which, _score, one_colour=True)


@operation(family=FAMILY, laws=_CUT)
def object_most_colours(grid: Grid) -> Grid | None:
    """Cut out the one object of most colours."""
    found = objects(grid)
    table = np.zeros((len(found) + 1, COLOURS), dtype=np.bool_)
    table[found.labels, grid] = True
    best = _best(table[1:].sum(axis=1))
    return None if best is None else found.cut(grid, best)


def _by_size(size: str, *, keep: bool) -> None:
    @operation(
        family=FAMILY,
        laws=[*(["idempotent"] if keep else []), "keeps shape", *_CUT, "never adds", "only erases"],
        name=f"{'keep' if keep else 'drop'}_{size}",
        meaning=f"Zero all but the {size} object." if keep else f"Zero the {size} object.",
    )
    def chosen(grid: Grid) -> Grid | None:
        found = objects(grid)
        best = _best(SCORES[size](found))
        return None if best is None else kept(grid, found.mask(best) == keep)


for _size in ("largest", "smallest"):
    _by_size(_size, keep=True)
    _by_size(_size, keep=False)


@operation(family=FAMILY, laws=_CUT)
def object_odd_shape(grid: Grid) -> Grid | None:
    """Cut out the one object whose shape no other has."""
    found = objects(grid)
    # Of two objects of two shapes, both are odd.
    shapes = [key_of(found.cut(grid, which).astype(np.bool_).view(np.uint8)) for which in range(len(found))]
    odd = _once(shapes)
    return None if odd is None else found.cut(grid, odd)


@operation(family=FAMILY, laws=_CUT)
def object_most_repeated(grid: Grid) -> Grid | None:
    """Cut out the object that occurs most often."""
    found = objects(grid)
    cuts = [found.cut(grid, which) for which in range(len(found))]
    times = Counter(key_of(cut) for cut in cuts).most_common(2)
    if not times or times[0][1] < 2 or (len(times) > 1 and times[0][1] == times[1][1]):
        return None
    return next(cut for cut in cuts if key_of(cut) == times[0][0])


def _once(keys: Sequence[Hashable]) -> int | None:
    """Where the one key stands that occurs once."""
    times = Counter(keys)
    odd = [at for at, key in enumerate(keys) if times[key] == 1]
    return odd[0] if len(odd) == 1 else None


# --- Panels ----------------------------------------------------------------------------------------------------------


def _panel(name: str, meaning: str, score: Callable[[Grid], int]) -> None:
    @operation(family=FAMILY, laws=["no new colour"], name=name, meaning=meaning)
    def panel(grid: Grid) -> Grid | None:
        found = panels(grid)
        if found is None:
            return None
        best = _best(np.array([score(panel) for panel in found.all]))
        return None if best is None else found.all[best]


_panel("panel_fullest", "Take the panel with most non-zero cells.", lambda panel: int(np.count_nonzero(panel)))
_panel("panel_emptiest", "Take the panel with fewest non-zero cells.", lambda panel: -int(np.count_nonzero(panel)))
_panel("panel_most_colours", "Take the panel with most colours.", lambda panel: int(np.count_nonzero(counts(panel))))


@operation(family=FAMILY, laws=["no new colour"])
def panel_odd(grid: Grid) -> Grid | None:
    """Take the one panel that is unlike all others, which come more than once."""
    found = panels(grid)
    if found is None:
        return None
    odd = _once([key_of(panel) for panel in found.all])
    return None if odd is None else found.all[odd]


def _cell_per_panel(name: str, meaning: str, colour: Callable[[Grid], int], laws: Sequence[str]) -> None:
    @operation(family=FAMILY, laws=laws, name=name, meaning=meaning)
    def cells(grid: Grid) -> Grid | None:
        found = panels(grid)
        if found is None:
            return None
        return np.array([[colour(panel) for panel in row] for row in found.rows], dtype=np.uint8)


def _commonest_ink(panel: Grid) -> int:
    """The commonest non-zero colour, else 0."""
    found = counts(panel)
    return int(found[1:].argmax()) + 1 if found[1:].any() else 0


_cell_per_panel("panel_majority", "Make each panel one cell of its commonest colour.", commonest, ["no new colour"])
_cell_per_panel("panel_colour", "Make each panel one cell of its commonest non-zero colour.", _commonest_ink, _CUT)


@operation(family=FAMILY, laws=["no new colour"])
def remove_separators(grid: Grid) -> Grid | None:
    """Join the panels without their separator lines."""
    found = panels(grid)
    return None if found is None else joined(found.rows)
