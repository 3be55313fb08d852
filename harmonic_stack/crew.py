"""The crew: who can be asked, in which role, and what each is good at. It is data: a TOML file that users edit."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from harmonic_stack.config.base import Conflict, Conflicts, Section, Side
from harmonic_stack.config.check import check
from harmonic_stack.config.forms import FORMAT_VERSION, AgentEngine, FormatVersion, VariableName
from harmonic_stack.config.source import read_file
from harmonic_stack.names import RULE, is_name

DEFAULT_CREW = Path(__file__).parent / "crews" / "default.toml"
PAPERS_CREW = DEFAULT_CREW.with_name("papers.toml")
DEFAULT_EXECUTIVE = "executive"
# Model names that begin so are the crew's own ways of answering.
RESERVED = "harmonic"


@dataclass(frozen=True, slots=True)
class Agent:
    """One member of the crew.

    ``tier`` is 1 executive, 2 director, 3 specialist, 4 heavy; it sets the agent's share of the slots. An empty
    ``model`` is the engine's own; an empty ``engine`` is the one of the settings, else "embedded", "ollama" or a URL,
    whose key is in the environment variable ``api_key_env``. ``keywords`` and ``examples`` teach the router which
    queries are for this agent. ``knowledge`` are patterns of the files that this
    agent alone knows.
    """

    name: str
    tier: int
    role: str
    model: str = ""
    engine: str = ""
    api_key_env: str = field(default="", repr=False)
    think: bool = False
    description: str = ""
    keywords: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    enabled: bool = True
    samples: int = 1
    knowledge: tuple[str, ...] = ()


@dataclass(frozen=True)
class Crew:
    """All agents, in the order of their file; ``executive`` is the name of the one that answers for the crew.

    ``folder`` is where the file stands: relative patterns of ``knowledge`` start there.
    """

    agents: tuple[Agent, ...]
    executive: str
    folder: Path = Path()

    @cached_property
    def enabled(self) -> tuple[Agent, ...]:
        """The agents that may be asked."""
        return tuple(agent for agent in self.agents if agent.enabled)

    @cached_property
    def _by_name(self) -> dict[str, Agent]:
        return {agent.name: agent for agent in self.enabled}

    @cached_property
    def executive_agent(self) -> Agent:
        """The agent that answers for the crew."""
        return next(agent for agent in self.agents if agent.name == self.executive)

    def only(self, names: Collection[str]) -> "Crew":
        """The same crew, in which no other agents may be asked."""
        agents = (replace(agent, enabled=agent.enabled and agent.name in names) for agent in self.agents)
        return replace(self, agents=tuple(agents))

    def switched(self, name: str, *, enabled: bool) -> "Crew":
        """The same crew, in which one agent may be asked, or not."""
        agents = (replace(agent, enabled=enabled) if agent.name == name else agent for agent in self.agents)
        return replace(self, agents=tuple(agents))

    def get(self, name: str) -> Agent | None:
        """The enabled agent of that name, None if there is none."""
        return self._by_name.get(name)


Shorts = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=200)], ...],
    Field(json_schema_extra={"allowed": "a list of texts of 1 to 200 characters"}),
]


class AgentTable(Section):
    """One agent, as its table ``[agents.NAME]`` describes it."""

    tier: int = Field(ge=1, le=4, description="1 executive, 2 director, 3 specialist, 4 heavy: its share of the slots.")
    role: str = Field(
        min_length=1,
        max_length=8_000,
        description="System prompt: who the agent is and how it works.",
        json_schema_extra={"allowed": "1 to 8000 characters"},
    )
    model: str = Field(
        default="",
        max_length=200,
        description='Model that serves it; "" is the engine\'s own.',
        json_schema_extra={"allowed": "at most 200 characters"},
    )
    engine: AgentEngine = Field(default="", description='Engine that serves it; "" is the one of the settings.')
    api_key_env: VariableName = Field(
        default="", description="Name of the environment variable that holds the key of the engine at its URL."
    )
    think: bool = Field(
        default=False,
        description="Whether its model thinks before it answers, on Ollama; a model that cannot refuses.",
    )
    description: str = Field(
        default="",
        max_length=400,
        description="What it is good at, in a sentence; the router and `harmonic-stack agents` read it.",
        json_schema_extra={"allowed": "at most 400 characters"},
    )
    keywords: Shorts = Field(default=(), description="Words of queries that are for this agent.")
    examples: Shorts = Field(default=(), description="Whole queries that are for this agent.")
    enabled: bool = Field(default=True, description="Whether it may be asked.")
    samples: int = Field(default=1, ge=1, le=9, description="How often it drafts in one round.")
    knowledge: Shorts = Field(
        default=(),
        description="Text files that this agent alone knows, as patterns; relative ones start at this file's folder.",
    )
    executive: bool = Field(default=False, description="Whether it answers for the crew; else the agent `executive`.")


class CrewFile(Section):
    """A crew file, checked."""

    version: FormatVersion = Field(default=FORMAT_VERSION, description="Version of this file's format.")
    agents: dict[str, AgentTable] = Field(
        description="The agents, each in a table of its own.",
        json_schema_extra={"allowed": "at least one table [agents.NAME]"},
        min_length=1,
    )

    @model_validator(mode="after")
    def _check_agreement(self) -> "CrewFile":
        conflicts = [conflict for name in self.agents for conflict in _bad_names(name)]
        conflicts += _bad_executive(self.agents)
        if conflicts:
            raise Conflicts(conflicts)
        return self


def load_crew(path: Path | None = None) -> Crew:
    """The crew in the file at *path*; without one, the crew that comes with the program.

    Raises:
        ConfigError: every mistake in the file, each on one line with its place.
    """
    path = path or DEFAULT_CREW
    tables = check(CrewFile, [read_file(path)]).agents
    agents = tuple(Agent(name=name, **table.model_dump(exclude={"executive"})) for name, table in tables.items())
    return Crew(agents, executive=_executives(tables)[0], folder=path.parent)


def _executives(tables: dict[str, AgentTable]) -> list[str]:
    """The agents marked as executive; if there are none, the one with that name."""
    marked = [name for name, table in tables.items() if table.executive]
    return marked or [name for name in tables if name == DEFAULT_EXECUTIVE]


def _bad_names(name: str) -> list[Conflict]:
    path = ("agents", name)
    if not is_name(name):
        return [(Side(path, "is no name for an agent", RULE),)]
    if name.lower().startswith(RESERVED):
        return [(Side(path, "is a name of the crew's own models", f'names that do not begin with "{RESERVED}"'),)]
    return []


def _bad_executive(tables: dict[str, AgentTable]) -> list[Conflict]:
    found = _executives(tables)
    if not found:
        allowed = f'one agent with executive = true, or one named "{DEFAULT_EXECUTIVE}"'
        return [(Side(("agents",), "have no executive", allowed),)]
    if len(found) > 1:
        return [
            (Side(("agents", name, "executive"), f"is set for {found[0]} too", "one executive"),) for name in found[1:]
        ]
    if not tables[found[0]].enabled:
        return [(Side(("agents", found[0], "enabled"), "is off for the executive", "true"),)]
    return []
