"""Laws of stored weights, for any bytes whatever."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ommatidia.tally import Tally, entropy, tally
from ommatidia.weights import LAYOUTS, dequantise, pack, unpack

kinds = st.sampled_from(sorted(LAYOUTS))


@st.composite
def stored(draw: st.DrawFn) -> tuple[str, bytes]:
    """A format, and one to five blocks of it with every bit free."""
    kind = draw(kinds)
    size = LAYOUTS[kind].stored.itemsize * draw(st.integers(1, 5))
    return kind, draw(st.binary(min_size=size, max_size=size))


@given(stored())
def test_taken_apart_and_packed_again_the_bytes_are_the_same(case: tuple[str, bytes]) -> None:
    kind, data = case
    assert pack(kind, unpack(kind, data)) == data


@given(stored(), st.data())
def test_a_changed_bit_changes_what_is_unpacked(case: tuple[str, bytes], data: st.DataObject) -> None:
    kind, raw = case
    bit = data.draw(st.integers(0, 8 * len(raw) - 1))
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << bit % 8
    one, other = unpack(kind, raw), unpack(kind, bytes(changed))
    assert not (
        np.array_equal(one.codes, other.codes)
        and all(np.array_equal(one.scales[name], other.scales[name]) for name in one.scales)
    )


@given(stored())
def test_pieces_count_as_the_whole(case: tuple[str, bytes]) -> None:
    kind, data = case
    size = LAYOUTS[kind].stored.itemsize
    whole = tally(kind, iter([data]))
    pieces = tally(kind, (data[at : at + size] for at in range(0, len(data), size)))
    assert whole.entropy == pytest.approx(pieces.entropy)
    assert (whole.distinct, whole.not_finite, whole.weights) == (pieces.distinct, pieces.not_finite, pieces.weights)


@given(stored())
def test_figures_agree_with_numpy(case: tuple[str, bytes]) -> None:
    kind, data = case
    counted = Tally(kind)
    counted.add(data)
    figures, found = counted.figures(), dequantise(kind, data)
    finite = found[np.isfinite(found)]
    values, counts = np.unique(finite, return_counts=True)
    assert (figures.weights, figures.not_finite) == (found.size, found.size - finite.size)
    assert figures.distinct == len(values)
    assert figures.entropy == pytest.approx(entropy(counts))
    assert figures.repacked
    assert 0 <= figures.entropy <= np.log2(max(1, len(values))) + 1e-9
