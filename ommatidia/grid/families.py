"""The ten families. To import this is to fill REGISTRY, in the order in which a search tries its operations."""

# isort: off
from ommatidia.grid import orient
from ommatidia.grid import shift
from ommatidia.grid import extract
from ommatidia.grid import extract_objects
from ommatidia.grid import tile
from ommatidia.grid import overlay
from ommatidia.grid import colour
from ommatidia.grid import morph
from ommatidia.grid import morph_objects
from ommatidia.grid import draw
from ommatidia.grid import complete
from ommatidia.grid import order
# isort: on

_FILES = (
    orient, shift, extract, extract_objects, tile, overlay, colour, morph, morph_objects, draw, complete, order,
)  # fmt: skip
FAMILIES: tuple[str, ...] = tuple(dict.fromkeys(file.FAMILY for file in _FILES))
