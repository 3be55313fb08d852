"""A client's header `traceparent`: read as W3C Trace Context has it, and ignored where it is anything else."""

import pytest

from harmonic_stack.tracing import Parent, parent_of

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GOOD = f"00-{TRACE}-{SPAN}-01"


def read(*values: str) -> Parent | None:
    return parent_of([(b"host", b"box"), *((b"traceparent", value.encode("latin-1")) for value in values)])


@pytest.mark.parametrize(
    ("value", "sampled"),
    [
        (GOOD, True),
        (GOOD[:-2] + "00", False),
        (GOOD[:-2] + "03", True),  # other flags are nobody's business
        (GOOD[:-2] + "fe", False),
        (f"01-{TRACE}-{SPAN}-01", True),  # a later version may say more
        (f"cc-{TRACE}-{SPAN}-01-what-comes", True),
    ],
)
def test_a_good_header_names_a_span(value: str, sampled: bool) -> None:
    assert read(value) == Parent(int(TRACE, 16), int(SPAN, 16), sampled=sampled)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        GOOD.upper(),
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-0",
        GOOD + "-more",
        GOOD + "\n",
        " " + GOOD,
        f"00-\u0660{TRACE[1:]}-{SPAN}-01".encode().decode("latin-1"),  # a digit, but none of ASCII
        f"01-{TRACE}-{SPAN}-01-" + "x" * 5_000,
    ],
)
def test_any_other_header_is_none(value: str) -> None:
    assert read(value) is None


def test_no_header_and_two_of_them_are_none() -> None:
    assert read() is None
    assert read(GOOD, GOOD) is None
