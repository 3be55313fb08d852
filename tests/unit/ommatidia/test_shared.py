"""Points that the base lacks though several hold them: found once, and not what the base says or one alone holds."""

from collections.abc import Sequence

import numpy as np

from ommatidia import shared_points
from ommatidia.encode import Vectors

SUBJECTS = ("salt", "smoke", "ice")


class ByWord:
    """An encoder for which a text is the subjects that it names, and what any text has in common."""

    tag, dim = "by word", len(SUBJECTS) + 1

    def encode(self, texts: Sequence[str]) -> Vectors:
        found = np.array([[*(word in text for word in SUBJECTS), 0.3] for text in texts], dtype=np.float32)
        return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_a_point_of_two_that_the_base_lacks_is_found_once() -> None:
    texts = [["salt it"], ["salt meat", "smoke fish"], ["hang it in smoke"], ["use ice"]]
    found = shared_points("how with smoke", texts, ByWord())
    assert [(point.held, "smoke" in point.sentence) for point in found] == [(2, True)]


def test_nothing_is_found_where_the_base_says_it_or_one_alone_holds_it() -> None:
    assert shared_points("how", [["salt and smoke"], ["ice"], ["salt"]], ByWord()) == []
    assert shared_points("how", [["salt"]], ByWord()) == []
