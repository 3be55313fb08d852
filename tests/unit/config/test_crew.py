"""The crew file, and the crew that comes with the program."""

from collections import Counter
from pathlib import Path

import pytest

from harmonic_stack.crew import AgentTable, load_crew
from harmonic_stack.errors import ConfigError
from harmonic_stack.names import RULE

EXECUTIVE = "[agents.executive]\ntier = 1\nrole = 'x'\n"
KEYS = ", ".join(AgentTable.model_fields)

# Seed 003's tiers; reviewer and architect are specialists.
TIERS = {
    "executive": 1,
    "operator": 1,
    "technical_director": 2,
    "research_director": 2,
    "creative_director": 2,
    "coder": 3,
    "analyst": 3,
    "reviewer": 3,
    "architect": 3,
}

BROKEN = {
    "": "h.toml agents: is missing (allowed at least one table [agents.NAME])",
    "[agents]": "h.toml:1:2 agents: is empty (got a table, allowed at least one table [agents.NAME])",
    "agents = 1": "h.toml:1:1 agents: must be a table (got 1, allowed at least one table [agents.NAME])",
    EXECUTIVE + "[agents.coder]\nrole = 'x'": (
        "h.toml:4:9 agents.coder.tier: is missing (allowed a whole number from 1 to 4)"
    ),
    EXECUTIVE + "[agents.coder]\ntier = 5\nrole = 'x'": (
        "h.toml:5:1 agents.coder.tier: is too large (got 5, allowed a whole number from 1 to 4)"
    ),
    EXECUTIVE + "[agents.coder]\ntier = 3\nrole = ''": (
        '6:1 agents.coder.role: is too short (got "", allowed 1 to 8000 characters)'
    ),
    EXECUTIVE + "[agents.coder]\ntier = 3\nrole = 'x'\nkeyword = []": (
        f'7:1 agents.coder.keyword: unknown key (allowed {KEYS}; did you mean "keywords"?)'
    ),
    EXECUTIVE + "keywords = ['ok',\n 7]": (
        "5:2 agents.executive.keywords[1]: must be text (got 7, allowed a list of texts of 1 to 200 characters)"
    ),
    EXECUTIVE + '[agents."my coder"]\ntier = 3\nrole = "x"': (
        f'4:9 agents."my coder": is no name for an agent (allowed {RULE})'
    ),
    EXECUTIVE + '[agents."a..b"]\ntier = 3\nrole = "x"': f'4:9 agents."a..b": is no name for an agent (allowed {RULE})',
    EXECUTIVE + "[agents.Harmonic-x]\ntier = 3\nrole = 'x'": (
        '4:9 agents.Harmonic-x: is a name of the crew\'s own models (allowed names that do not begin with "harmonic")'
    ),
    "[agents.coder]\ntier = 3\nrole = 'x'": (
        '1:2 agents: have no executive (allowed one agent with executive = true, or one named "executive")'
    ),
    EXECUTIVE + "executive = true\n[agents.b]\ntier = 1\nrole = 'x'\nexecutive = true": (
        "8:1 agents.b.executive: is set for executive too (got true, allowed one executive)"
    ),
    EXECUTIVE + "enabled = false": "4:1 agents.executive.enabled: is off for the executive (got false, allowed true)",
    EXECUTIVE + EXECUTIVE: "4:18: is not TOML: Cannot declare ('agents', 'executive') twice",
    "version = 9\n" + EXECUTIVE: "1:1 version: was written for a newer Harmonic Stack (got 9, allowed 1)",
}


def write(folder: Path, text: str) -> Path:
    file = folder / "h.toml"
    file.write_text(text)
    return file


@pytest.mark.parametrize("text", BROKEN, ids=lambda text: text.removeprefix(EXECUTIVE).replace("\n", " ")[:40])
def test_a_mistake_in_a_crew_is_told_in_one_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_crew(write(tmp_path, text))
    line = BROKEN[text]
    place = line if line.startswith("h.toml") else f"h.toml:{line}"
    assert str(caught.value) == f"{tmp_path}/{place}"


def test_the_agent_named_executive_is_it_unless_another_is_marked(tmp_path: Path) -> None:
    other = "[agents.boss]\ntier = 1\nrole = 'x'\n"
    assert load_crew(write(tmp_path, EXECUTIVE + other)).executive == "executive"
    crew = load_crew(write(tmp_path, EXECUTIVE + other + "executive = true\n"))
    assert (crew.executive, crew.executive_agent.name) == ("boss", "boss")


def test_a_disabled_agent_stays_in_the_crew_but_is_not_found(tmp_path: Path) -> None:
    crew = load_crew(write(tmp_path, EXECUTIVE + "[agents.b]\ntier = 4\nrole = 'x'\nenabled = false\nsamples = 2\n"))
    assert [agent.name for agent in crew.agents] == ["executive", "b"]
    assert [agent.name for agent in crew.enabled] == ["executive"]
    assert crew.get("b") is None
    assert crew.agents[1].samples == 2


def test_the_crew_shipped_has_the_papers_agents_in_their_tiers() -> None:
    crew = load_crew()
    assert {agent.name: agent.tier for agent in crew.enabled} == TIERS
    assert crew.executive == "executive"


@pytest.mark.parametrize("agent", load_crew().agents, ids=lambda agent: agent.name)
def test_every_agent_shipped_can_be_routed_to(agent) -> None:
    assert len(agent.examples) >= 12
    assert 8 <= len(agent.keywords) <= 12
    assert agent.description
    sentences = agent.role.count(". ") + agent.role.count("? ") + 1
    assert 2 <= sentences <= 4
    assert agent.model == ""


def test_no_keyword_and_no_example_stands_for_two_agents() -> None:
    agents = load_crew().agents
    for lists in ([agent.keywords for agent in agents], [agent.examples for agent in agents]):
        assert [text for text, times in Counter(text for texts in lists for text in texts).items() if times > 1] == []
