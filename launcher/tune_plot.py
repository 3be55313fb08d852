"""A measured curve as a picture: lines of text for a terminal, and a PNG file written by hand."""

import struct
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise

from launcher.knee import Level, best, knee

BAR = 32  # characters of the longest bar
WIDTH, HEIGHT = 720, 420  # pixels
LEFT, RIGHT, TOP, BOTTOM = 64, 64, 40, 48  # margins around the plot

Colour = tuple[int, int, int]
WHITE, BLACK, GREY = (255, 255, 255), (30, 30, 30), (215, 215, 215)
BLUE, RED = (31, 90, 180), (200, 70, 30)

# Five columns a character, the lowest bit on top: what the labels need and no more.
FONT: dict[str, tuple[int, int, int, int, int]] = {
    " ": (0, 0, 0, 0, 0),
    ".": (0, 96, 96, 0, 0),
    "/": (32, 16, 8, 4, 2),
    "0": (62, 81, 73, 69, 62),
    "1": (0, 66, 127, 64, 0),
    "2": (66, 97, 81, 73, 70),
    "3": (33, 65, 69, 75, 49),
    "4": (24, 20, 18, 127, 16),
    "5": (39, 69, 69, 69, 57),
    "6": (60, 74, 73, 73, 48),
    "7": (1, 113, 9, 5, 3),
    "8": (54, 73, 73, 73, 54),
    "9": (6, 73, 73, 41, 30),
    "F": (127, 9, 9, 9, 1),
    "T": (1, 1, 127, 1, 1),
    "e": (56, 84, 84, 84, 24),
    "k": (127, 16, 40, 68, 0),
    "l": (0, 65, 127, 64, 0),
    "n": (124, 8, 4, 4, 120),
    "o": (56, 68, 68, 68, 56),
    "s": (72, 84, 84, 84, 32),
    "t": (4, 63, 68, 64, 32),
}


def text_plot(curve: Sequence[Level]) -> str:
    """Return the curve as one line per level, a bar for tokens/s; the knee is marked."""
    top, marked = best(curve).tokens_per_second, knee(curve).slots
    return "\n".join(
        f"{level.slots:4d} {'#' * max(1, round(BAR * level.tokens_per_second / top)):{BAR}} "
        f"{level.tokens_per_second:7.1f} tokens/s  TTFT {level.ttft:.2f} s{'  <- knee' * (level.slots == marked)}"
        for level in curve
    )


def png_plot(curve: Sequence[Level]) -> bytes:
    """Return a PNG image (8-bit RGB) of tokens/s, in blue on the left, and TTFT, in red on the right, against slots."""
    canvas = Canvas(WIDTH, HEIGHT)
    most, fastest = curve[-1].slots, _round_up(best(curve).tokens_per_second)
    slowest = _round_up(max(level.ttft for level in curve))
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT

    def x(slots: float) -> int:
        return round(LEFT + (right - LEFT) * slots / most)

    def y(part: float) -> int:
        return round(bottom - (bottom - TOP) * part)

    for step in range(5):
        canvas.line(LEFT, y(step / 4), right, y(step / 4), GREY)
        canvas.text(6, y(step / 4) - 3, _label(fastest * step / 4), BLUE)
        canvas.text(right + 8, y(step / 4) - 3, _label(slowest * step / 4), RED)
    for level in curve:
        canvas.text(x(level.slots) - 5, bottom + 10, str(level.slots), BLACK)
    marked = x(knee(curve).slots)
    canvas.line(marked, TOP, marked, bottom, BLACK)
    canvas.text(marked + 4, TOP + 4, "knee", BLACK)
    canvas.curve([(x(level.slots), y(level.tokens_per_second / fastest)) for level in curve], BLUE)
    canvas.curve([(x(level.slots), y(level.ttft / slowest)) for level in curve], RED)
    canvas.text(6, 14, "tokens/s", BLUE)
    canvas.text(right - 8, 14, "TTFT s", RED)
    canvas.text((LEFT + right) // 2 - 15, HEIGHT - 18, "slots", BLACK)
    return canvas.png()


class Canvas:
    """A white picture of RGB pixels; what falls outside is not drawn."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._pixels = bytearray(bytes(WHITE) * (width * height))

    def dot(self, x: int, y: int, colour: Colour) -> None:
        """Colour one pixel."""
        if 0 <= x < self.width and 0 <= y < self.height:
            place = 3 * (y * self.width + x)
            self._pixels[place : place + 3] = bytes(colour)

    def line(self, x0: int, y0: int, x1: int, y1: int, colour: Colour) -> None:
        """Draw a straight line, its ends included."""
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        for step in range(steps + 1):
            self.dot(round(x0 + (x1 - x0) * step / steps), round(y0 + (y1 - y0) * step / steps), colour)

    def curve(self, points: Sequence[tuple[int, int]], colour: Colour) -> None:
        """Draw lines of two pixels from point to point, and a square on each point."""
        for (x0, y0), (x1, y1) in pairwise(points):
            self.line(x0, y0, x1, y1, colour)
            self.line(x0, y0 + 1, x1, y1 + 1, colour)
        for x, y in points:
            for row in range(-3, 4):
                self.line(x - 3, y + row, x + 3, y + row, colour)

    def text(self, x: int, y: int, words: str, colour: Colour) -> None:
        """Write *words* with the upper left corner at x, y; six pixels a character."""
        for place, character in enumerate(words):
            for column, bits in enumerate(FONT[character]):
                for row in range(8):
                    if bits >> row & 1:
                        self.dot(x + 6 * place + column, y + row, colour)

    def png(self) -> bytes:
        """Return the picture as a PNG file."""
        head = struct.pack(">2I5B", self.width, self.height, 8, 2, 0, 0, 0)
        rows = b"".join(b"\0" + row for row in self._rows())  # 0: each row as it is, no filter
        chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)

    def _rows(self) -> Iterator[bytes]:
        size = 3 * self.width
        for start in range(0, len(self._pixels), size):
            yield bytes(self._pixels[start : start + size])


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _label(value: float) -> str:
    """Return *value* without an exponent, which the font cannot write.

    >>> _label(12500.0), _label(0.125), _label(0.0)
    ('12500', '0.125', '0')
    """
    return f"{value:.0f}" if value >= 100 else f"{value:.4f}".rstrip("0").rstrip(".")


def _round_up(value: float) -> float:
    """Return the next 1, 2 or 5 times a power of ten, so that quarters of it read well.

    >>> _round_up(63.2), _round_up(0.13)
    (100.0, 0.2)
    """
    power = 10.0 ** (len(str(int(value))) - 1) if value >= 1 else 10.0 ** -len(f"{1 / max(value, 1e-6):.0f}")
    return next(power * step for step in (1, 2, 5, 10, 20, 50, 100) if power * step >= value)
