"""What can go wrong with a frame. Each error carries the figures that explain it."""


class OmmatidiaError(Exception):
    """Any refusal of this package."""


class EncoderMismatch(OmmatidiaError):
    """Frames of two encoders were compared; *a* and *b* name the encoder, seed and width of each."""

    def __init__(self, a: str, b: str) -> None:
        super().__init__(f"a frame of encoder {a} cannot be compared with one of encoder {b}")
        self.a, self.b = a, b


class BadFrame(OmmatidiaError):
    """A stored frame cannot be read: its *field* is not what a frame has, and *reason* says how."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"frame field {field!r}: {reason}")
        self.field, self.reason = field, reason


class BadGrid(OmmatidiaError):
    """Something is not a grid; *reason* says in what: its cells, its rows or its size."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"not a grid: {reason}")
        self.reason = reason


class EncoderMissing(OmmatidiaError):
    """An encoder is not installed, or its files are not the ones that were checked; *what* and *reason* say which."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what}: {reason}")
        self.what, self.reason = what, reason
