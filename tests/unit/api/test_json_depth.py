"""Depth counted on the text alone is the depth of what the text means."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonic_stack.api.json_depth import MAX_DEPTH, too_deep

WORDS = st.text('[]{}"\\ aä', max_size=6)
VALUES = st.recursive(
    st.none() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=12,
)


def depth_of(value: Any) -> int:
    """How many lists and dictionaries are inside each other."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


@given(VALUES, st.integers(0, 6), st.booleans())
def test_the_text_is_as_deep_as_its_value(value: Any, limit: int, escaped: bool) -> None:
    text = json.dumps(value, ensure_ascii=escaped).encode()
    assert too_deep(text, limit) == (depth_of(value) > limit)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_the_limit_itself_is_allowed(opening: bytes, closing: bytes) -> None:
    for levels in (MAX_DEPTH, MAX_DEPTH + 1):
        text = opening * levels + b"1" * (opening != b"[") + closing * levels
        assert too_deep(text) == (levels > MAX_DEPTH)
