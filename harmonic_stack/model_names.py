"""The names that a request's ``model`` may have."""

from collections.abc import Collection
from dataclasses import dataclass

from harmonic_stack.query import Mode


@dataclass(slots=True)
class Names:
    """The names a request may use: agents (and who is the executive), the engine's models, and encoders of our own.

    One object for the whole daemon: ``agents`` changes as agents are rested and woken.
    """

    agents: Collection[str]
    executive: str
    models: Collection[str]
    encoders: Collection[str] = ()

    @property
    def all(self) -> list[str]:
        """Every name that ``model`` may have where text is asked for, in the order that ``/v1/models`` lists them."""
        merged = [Mode.AUTO.value, Mode.FULL.value, Mode.FAST.value, Mode.DEEP.value]
        return [*merged, *self.agents, *(model for model in self.models if model not in self.agents)]

    @property
    def listed(self) -> list[str]:
        """All of them, and the names of encoders, which make embeddings."""
        return [*self.all, *self.encoders]
