"""Stored weights by hand: each block is written byte by byte here, and its weights reckoned by hand."""

import struct

import numpy as np
import pytest

from ommatidia.weights import LAYOUTS, dequantise, unpack


def f16(*numbers: float) -> bytes:
    return struct.pack(f"<{len(numbers)}e", *numbers)


def test_plain_numbers_are_themselves() -> None:
    assert dequantise("F32", struct.pack("<2f", 1.5, -0.1)).tolist() == [1.5, np.float32(-0.1)]
    assert dequantise("F16", f16(1.5, -65504.0)).tolist() == [1.5, -65504.0]
    assert dequantise("BF16", struct.pack("<2H", 0x3FC0, 0xC000)).tolist() == [1.5, -2.0]


def test_q4_0_counts_from_minus_eight_low_halves_first() -> None:
    found = dequantise("Q4_0", f16(0.5) + bytes([0xF0] + [0x88] * 15))
    assert (found[0], found[16]) == (0.5 * (0 - 8), 0.5 * (15 - 8))
    assert not np.delete(found, [0, 16]).any()  # 8 is nought


def test_q4_1_adds_its_minimum() -> None:
    found = dequantise("Q4_1", f16(0.25, -1.0) + bytes([0x21] + [0x00] * 15))
    assert (found[0], found[16], found[1]) == (0.25 * 1 - 1, 0.25 * 2 - 1, -1.0)


def test_q5_0_takes_the_fifth_bit_from_a_word_of_its_own() -> None:
    found = dequantise("Q5_0", f16(2.0) + struct.pack("<I", 1 << 0 | 1 << 17) + bytes([0x03, 0x40] + [0x00] * 14))
    assert (found[0], found[17], found[16], found[2]) == (2 * (16 + 3 - 16), 2 * (16 + 4 - 16), -32.0, -32.0)


def test_q5_1_has_both() -> None:
    found = dequantise("Q5_1", f16(1.0, 100.0) + struct.pack("<I", 1 << 31) + bytes(15) + bytes([0xF0]))
    assert (found[31], found[0]) == (131.0, 100.0)


def test_q8_0_is_signed() -> None:
    found = dequantise("Q8_0", f16(0.5) + struct.pack("<32b", *range(-16, 16)))
    assert found.tolist() == [0.5 * code for code in range(-16, 16)]


@pytest.mark.parametrize(("kind", "fifth"), [("Q4_K", b""), ("Q5_K", bytes([0b1000_0010]) + bytes(31))])
def test_k_blocks_scale_eight_groups_in_six_bits_each(kind: str, fifth: bytes) -> None:
    # Scales: group 0 has 5, group 7 has 0b10_0011 (upper bits with group 3); minima: group 1 has 9, the others none.
    packed = bytearray(12)
    packed[0], packed[3], packed[5], packed[11] = 5, 0b10 << 6, 9, 0b0011
    codes = bytearray(128)
    codes[0], codes[96] = 0x07, 0xC0  # group 0 element 0; group 7 element 0
    found = dequantise(kind, f16(0.5, 0.25) + bytes(packed) + fifth + bytes(codes))
    more = 16 if fifth else 0  # bit 7 of the first byte is group 7's, bit 1 that of group 1, whose scale is nought
    assert found[0] == 0.5 * 5 * 7
    assert found[224] == 0.5 * 0b10_0011 * (12 + more)
    assert found[32:64].tolist() == [-0.25 * 9] * 32
    assert not np.delete(found, [0, 224, *range(32, 64)]).any()


def test_q6_k_puts_two_upper_bits_beside_four() -> None:
    low, high, scales = bytearray(128), bytearray([0b10_10_10_10] * 64), bytearray([1] * 16)
    low[0], high[0] = 0x5F, 0b11_01_10_00  # elements 0, 32, 64, 96 of the first half
    scales[2] = 0xFF  # minus one, for elements 32 to 47
    scales[15] = 4  # for the last 16
    low[127] = 0x10
    found = dequantise("Q6_K", bytes(low) + bytes(high) + bytes(scales) + f16(0.5))
    assert found[[0, 32, 64, 96]].tolist() == [0.5 * -17, -0.5 * (32 - 32), 0.5 * (16 + 5 - 32), 0.5 * (48 - 32)]
    assert found[255] == 0.5 * 4 * (0b10_0001 - 32)
    assert np.count_nonzero(found) == 4


@pytest.mark.parametrize("kind", LAYOUTS)
def test_data_that_ends_inside_a_block_is_refused(kind: str) -> None:
    with pytest.raises(ValueError):
        unpack(kind, bytes(LAYOUTS[kind].stored.itemsize + 1))


def test_an_unknown_format_is_not_guessed() -> None:
    with pytest.raises(KeyError):
        dequantise("IQ2_XS", bytes(74))
