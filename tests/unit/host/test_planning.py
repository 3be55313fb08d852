"""Plans for boxes that are not here: the profile's models, or what the settings name."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harmonic_stack.cli.main import command_line
from harmonic_stack.crew import PAPERS_CREW, load_crew
from harmonic_stack.host.planning import plan_as_papers, plan_for_profile
from launcher import EngineSettings, UnknownModel, UnknownProfile, nominal_models, profiles

SETTINGS = EngineSettings(kind="embedded", model=None, slots=None, context=2048, cache_type="f16")
CREW = load_crew()


@pytest.mark.parametrize("profile", profiles(), ids=lambda profile: profile.name)
def test_a_profiles_models_fit_its_nominal_box_with_every_agent_at_its_full_share(profile) -> None:
    found = plan_for_profile(profile.name, CREW, SETTINGS)
    assert found.refused == ()
    assert found.cache_type == "f16"
    assert found.shared_bytes <= found.budget_bytes
    assert {pool.model for pool in found.pools} <= nominal_models().keys()
    executive = found.agents[0]
    assert (executive.name, executive.slots) == ("executive", profile.peak)


def test_a_spark_runs_the_papers_models_by_role() -> None:
    models = {agent.name: agent.model for agent in plan_for_profile("dgx-spark", CREW, SETTINGS).agents}
    assert models["executive"] == models["operator"] == "qwen3:4b"
    assert models["technical_director"] == models["analyst"] == "qwen3:8b"
    assert models["coder"] == "qwen3:14b"


@pytest.mark.parametrize("model", ["qwen3:8b", Path("/home/someone/qwen3:8b")])
def test_a_configured_model_of_a_known_name_takes_their_place(model: str | Path) -> None:
    found = plan_for_profile("gpu-24", CREW, replace(SETTINGS, model=model))
    assert {agent.model for agent in found.agents} == {"qwen3:8b"}


def test_an_agents_own_model_must_be_known() -> None:
    crew = replace(CREW, agents=(replace(CREW.agents[0], model="poet:1b"),))
    with pytest.raises(UnknownModel) as refusal:
        plan_for_profile("gpu-24", crew, SETTINGS)
    assert refusal.value.name == "poet:1b"


def test_the_papers_crew_has_the_papers_agents() -> None:
    assert [(agent.name, agent.tier, agent.model) for agent in load_crew(PAPERS_CREW).agents] == [
        ("executive", 1, "qwen3:4b"),
        ("operator", 1, "qwen3:4b"),
        ("technical_director", 2, "qwen3:8b"),
        ("research_director", 2, "qwen3:8b"),
        ("creative_director", 2, "qwen3:8b"),
        ("coder", 3, "qwen3:14b"),
        ("analyst", 3, "qwen3:8b"),
    ]


def test_an_unknown_box_is_refused_by_either_accounting() -> None:
    with pytest.raises(UnknownProfile):
        plan_as_papers("gpu-25")
    with pytest.raises(UnknownProfile):
        plan_for_profile("gpu-25", CREW, SETTINGS)


def run(*words: str) -> str:
    result = CliRunner().invoke(command_line(), ["plan", "--hardware", "dgx-spark", *words])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_command_prints_the_papers_plan_as_json() -> None:
    found = json.loads(run("--accounting", "papers", "--json"))
    assert list(found) == ["agents", "pools", "isolated_bytes", "shared_bytes", "budget_bytes", "decisions"]
    assert {agent["name"]: agent["slots"] for agent in found["agents"]} == {
        "executive": 16,
        "operator": 16,
        "technical_director": 12,
        "research_director": 12,
        "creative_director": 12,
        "coder": 8,
        "analyst": 8,
    }
    assert (found["isolated_bytes"], found["shared_bytes"]) == (73_100_000_000, 55_000_000_000)
    assert found["budget_bytes"] == 108_800_000_000


def test_the_command_tells_both_sums_and_each_decision_in_a_sentence() -> None:
    text = run("--accounting", "papers", "--explain")
    assert "memory: 55.0 GB of 108.8 GB (dgx-spark)" in text
    assert "with an engine for every agent it would be: 73.1 GB" in text
    sentences = [line for line in text.splitlines() if line.startswith("- ")]
    assert len(sentences) >= 9
    assert all(sentence.endswith(".") for sentence in sentences)
