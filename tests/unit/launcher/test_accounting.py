"""The papers' accounting gives the papers' figures, to the byte."""

from dataclasses import replace

import pytest

from launcher.accounting import papers_plan
from launcher.errors import DoesNotFit, UnknownModel
from launcher.plan_types import Plan
from launcher.profiles import nominal_hardware, profile_named
from launcher.types import AgentSpec, Bytes

# "Harmonic Stack: Parallel Inference Scaling on Consumer Hardware" 5.4: agent, tier, model, slots, GB.
DEPLOYMENT = [
    ("executive", 1, "qwen3:4b", 16, 7.3),
    ("operator", 1, "qwen3:4b", 16, 7.3),
    ("technical_director", 2, "qwen3:8b", 12, 11.2),
    ("research_director", 2, "qwen3:8b", 12, 11.2),
    ("creative_director", 2, "qwen3:8b", 12, 11.2),
    ("coder", 3, "qwen3:14b", 8, 15.7),
    ("analyst", 3, "qwen3:8b", 8, 9.2),
]
CREW = [AgentSpec(name, tier, model) for name, tier, model, _, _ in DEPLOYMENT]


def papers(*agents: AgentSpec, memory: int = 128_000_000_000, box: str = "dgx-spark") -> Plan:
    profile = replace(profile_named(box), nominal=Bytes(memory))
    return papers_plan(nominal_hardware(profile), agents or CREW, profile=profile)


def test_the_papers_deployment_on_a_spark_is_met_exactly() -> None:
    found = papers()
    assert [(agent.name, agent.slots) for agent in found.agents] == [
        (name, slots) for name, _, _, slots, _ in DEPLOYMENT
    ]
    assert found.isolated_bytes == 73_100_000_000
    assert found.budget_bytes == 108_800_000_000
    assert found.shared_bytes == 55_000_000_000


@pytest.mark.parametrize(("name", "tier", "model", "slots", "gb"), DEPLOYMENT)
def test_each_agent_alone_takes_what_the_paper_says(name: str, tier: int, model: str, slots: int, gb: float) -> None:
    found = papers(AgentSpec(name, tier, model))
    assert (found.agents[0].slots, found.isolated_bytes) == (slots, round(gb * 10) * 100_000_000)
    assert found.shared_bytes == found.isolated_bytes


# The papers' table 5.3: GB at 8, 12 and 16 slots.
@pytest.mark.parametrize(
    ("model", "gb"), [("qwen3:4b", (4.9, 6.1, 7.3)), ("qwen3:8b", (9.2, 11.2, 13.2)), ("qwen3:14b", (15.7, 18.9, 22.1))]
)
def test_the_papers_table_is_met(model: str, gb: tuple[float, ...]) -> None:
    sizes = [papers(AgentSpec("a", tier, model)).isolated_bytes for tier in (3, 2, 1)]
    assert sizes == [round(size * 10) * 100_000_000 for size in gb]


def test_the_budget_is_spent_in_tier_order_and_the_rest_is_named_with_both_figures() -> None:
    found = papers(*reversed(CREW), memory=60_000_000_000)  # 51.0 GB: 14.6, then three times 11.2, then 2.8 is left
    assert {agent.name for agent in found.agents} == {name for name, tier, *_ in DEPLOYMENT if tier < 3}
    assert found.isolated_bytes <= found.budget_bytes
    assert [refused.agents for refused in found.refused] == [("analyst",), ("coder",)]
    for refused in found.refused:
        assert refused.needed > refused.left
    assert any("Left out analyst: qwen3:8b needs 9.2 GB with 8 slots" in line for line in found.decisions)


def test_an_executive_that_does_not_fit_is_refused() -> None:
    with pytest.raises(DoesNotFit) as refusal:
        papers(memory=8_000_000_000)
    assert (refusal.value.needed, refusal.value.left) == (7_300_000_000, 6_800_000_000)


def test_a_model_outside_the_table_is_refused() -> None:
    with pytest.raises(UnknownModel) as refusal:
        papers(AgentSpec("a", 1, "llama"))
    assert refusal.value.known == ("qwen3:14b", "qwen3:4b", "qwen3:8b")
