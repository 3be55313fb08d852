"""No room now, or an engine that failed."""

from collections.abc import Mapping
from enum import StrEnum
from math import ceil

from harmonic_stack.errors.base import HarmonicError, one_line, shortened


class TooBusy(HarmonicError):
    """The box has no room for the request now; ``retry_after`` is in seconds, at least 1."""

    def __init__(self, retry_after: float) -> None:
        self.retry_after = max(1.0, retry_after)
        super().__init__(f"the server is busy; try again in {ceil(self.retry_after)} s")


class KeyTooBusy(TooBusy):
    """This key has as many requests under way as one key may have."""


class ShuttingDown(TooBusy):
    """The daemon finishes what it has and takes nothing new."""


class StreamFault(StrEnum):
    """Why an engine's stream is not a complete answer."""

    CONNECT = "no connection"
    STATUS = "refused"
    ENGINE = "engine error"
    MALFORMED = "malformed answer"
    CUT = "cut off"
    TIMEOUT = "too slow"
    TOO_LARGE = "too large"


class EngineStreamFailed(HarmonicError):
    """One call to the engine failed; ``reason`` says how, ``detail`` is for a person."""

    def __init__(self, reason: StreamFault, detail: str, status: int | None = None) -> None:
        """*status* is the engine's HTTP status, where it refused."""
        super().__init__(one_line(f"{reason}: {detail}"))
        self.reason, self.detail, self.status = reason, detail, status

    @property
    def blames_the_request(self) -> bool:
        """True where the engine found the request itself at fault."""
        return self.status in (400, 422)


class EncoderFailed(HarmonicError):
    """The embedding model that the settings declare gave no vectors; ``reason`` says why."""

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(one_line(f"the encoder {shortened(model)} cannot be used: {reason}"))
        self.model, self.reason = model, one_line(reason)


class EncoderUnfit(EncoderFailed):
    """It does not tell sentences that belong together from others; ``told_apart`` is its AUC, a coin's is 0.5."""

    def __init__(self, model: str, *, told_apart: float, least: float) -> None:
        super().__init__(
            model, f"it tells related sentences from unrelated ones with an AUC of {told_apart:.2f}, below {least:g}"
        )
        self.told_apart, self.least = told_apart, least


class EncoderUnsteady(EncoderFailed):
    """Its engine gives a text other vectors beside other texts than alone; ``likeness`` is the least cosine of two."""

    def __init__(self, model: str, *, likeness: float) -> None:
        super().__init__(
            model, f"its engine gives one text other vectors beside other texts than alone: a cosine of {likeness:.3f}"
        )
        self.likeness = likeness


class EncoderChanged(EncoderFailed):
    """Another model answers than the one that was measured; ``likeness`` is the cosine of one text's two vectors.

    Where they have other ``widths``, that measured and that found, there is no cosine of them, and it is 0.
    """

    def __init__(self, model: str, *, likeness: float = 0.0, widths: tuple[int, int] | None = None) -> None:
        how = f"the cosine {likeness:.3f}" if widths is None else f"{widths[1]} numbers in place of {widths[0]}"
        super().__init__(model, f"another model answers under its name: one text's vectors have {how}")
        self.likeness, self.widths = likeness, widths


class AllAgentsFailed(HarmonicError):
    """Not one draft came; ``failures`` says why, by agent."""

    def __init__(self, failures: Mapping[str, str]) -> None:
        self.failures = dict(failures)
        reasons = "; ".join(f"{agent}: {reason}" for agent, reason in self.failures.items())
        super().__init__(one_line(f"no agent answered ({reasons or 'none was asked'})"))
