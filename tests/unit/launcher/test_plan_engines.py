"""Plans for several engines: one sum for all, a server for each, no card for an engine without GPU code."""

from dataclasses import replace

import pytest

from launcher.ollama_env import ollama_variables
from launcher.plan import joined, plan, plan_elsewhere
from launcher.plan_types import Plan
from launcher.types import AgentSpec, Bytes, Cpu, Gpu, Hardware, ModelFacts

GB = 1_000_000_000
SMALL = ModelFacts("small", Bytes(2 * GB), Bytes(100_000), train_context=8192)
LARGE = ModelFacts("large", Bytes(14 * GB), Bytes(100_000), train_context=8192)
CARD = Gpu("nvidia", "NVIDIA L4", Bytes(24 * GB), unified=False, compute="8.9")
MODELS = {facts.name: facts for facts in (SMALL, LARGE)}


def box(*gpus: Gpu, memory: int = 32 * GB) -> Hardware:
    return Hardware(gpus, Cpu(None, 8, 8), Bytes(memory), Bytes(memory), None, "linux", "x86_64")


def planned(hardware: Hardware, *agents: AgentSpec, no_gpu: tuple[str, ...] = ("embedded",)) -> Plan:
    return plan(hardware, agents, MODELS, context=2048, no_gpu=no_gpu)


def places(found: Plan) -> dict[str, tuple[str, str]]:
    return {pool.name: (pool.server, pool.device) for pool in found.pools}


def test_two_cards_have_a_server_each_that_sees_its_own_alone() -> None:
    agents = (AgentSpec("a", 1, "large"), AgentSpec("b", 1, "small"))
    hardware = box(CARD, CARD)
    found = planned(hardware, *agents)
    assert places(found) == {"large": ("gpu0", "gpu0"), "small": ("gpu1", "gpu1")}
    for server, number in (("gpu0", "0"), ("gpu1", "1")):
        part = found.part(server)
        variables = ollama_variables("0.32.14", hardware, part, address="127.0.0.1:1")
        values = {variable.name: variable.value for variable in variables}
        assert len(part.pools) == len(part.agents) == 1
        assert values["CUDA_VISIBLE_DEVICES"] == number
        assert values["OLLAMA_MAX_LOADED_MODELS"] == "1"


def test_one_card_is_not_narrowed() -> None:
    hardware = box(CARD)
    found = planned(hardware, AgentSpec("a", 1, "small"))
    variables = ollama_variables("0.32.14", hardware, found, address="127.0.0.1:1")
    assert "CUDA_VISIBLE_DEVICES" not in {variable.name for variable in variables}


def test_a_card_of_another_vendor_is_counted_by_its_own_driver() -> None:
    radeon = Gpu("amd", "Radeon PRO W7900", Bytes(48 * GB), unified=False, compute="gfx1100")
    hardware = box(CARD, radeon)
    found = planned(hardware, AgentSpec("a", 1, "large"))
    values = {v.name: v.value for v in ollama_variables("0.32.14", hardware, found, address="127.0.0.1:1")}
    assert found.pools[0].device == "gpu1"
    assert (values["ROCR_VISIBLE_DEVICES"], values["CUDA_VISIBLE_DEVICES"]) == ("0", "-1")


def test_an_engine_without_gpu_code_takes_the_systems_memory_beside_a_card() -> None:
    found = planned(box(CARD), AgentSpec("a", 1, "large"), AgentSpec("b", 3, "small", "embedded"))
    assert places(found) == {"large": ("gpu0", "gpu0"), "small": ("cpu", "cpu")}
    assert found.budgets == {"gpu0": 21_600_000_000, "cpu": 24_000_000_000}


def test_two_engines_in_one_memory_share_its_budget_and_no_server() -> None:
    found = planned(box(), AgentSpec("a", 1, "large"), AgentSpec("b", 3, "small", "embedded"))
    assert places(found) == {"large": ("cpu", "cpu"), "small": ("cpu.2", "cpu")}
    assert found.shared_bytes <= found.budget_bytes == 24 * GB
    tight = planned(box(memory=20 * GB), AgentSpec("a", 1, "large"), AgentSpec("b", 3, "small", "embedded"))
    assert [agent.name for agent in tight.agents] == ["a"]
    (refused,) = tight.refused
    assert refused.needed > refused.left


def test_an_engines_slots_are_not_raised_for_another_engines_models() -> None:
    crew = (AgentSpec("a", 1, "large"), AgentSpec("b", 4, "small", "embedded"))
    roomy = Hardware((), Cpu(None, 8, 8), Bytes(128 * GB), Bytes(128 * GB), None, "linux", "x86_64")
    found = plan(roomy, crew, MODELS, context=2048, no_gpu=("embedded",), slots=None)
    assert {pool.server for pool in found.pools} == {"cpu", "cpu.2"}
    alone = plan(roomy, crew[1:], MODELS, context=2048, no_gpu=("embedded",))
    assert found.pools[1].slots == alone.pools[0].slots


def test_one_model_at_two_engines_is_two_pools_with_names_of_their_own() -> None:
    found = planned(box(), AgentSpec("a", 1, "small"), AgentSpec("b", 1, "small", "embedded"))
    assert [(pool.name, pool.model) for pool in found.pools] == [("small", "small"), ("small@cpu.2", "small")]
    assert [agent.pool for agent in found.agents] == ["small", "small@cpu.2"]


def test_what_runs_elsewhere_joins_a_plan_and_takes_no_memory() -> None:
    here = planned(box(), AgentSpec("b", 2, "small"))
    away = plan_elsewhere(
        [AgentSpec("a", 1, "small", "http://x"), AgentSpec("c", 3, "y", "http://z")], slots=2, context=8
    )
    found = joined(here, away, ["a", "b", "c"])
    assert [(agent.name, agent.pool) for agent in found.agents] == [
        ("a", "small@elsewhere"),
        ("b", "small"),
        ("c", "y"),
    ]
    assert found.servers == ("cpu", "elsewhere", "elsewhere.2")
    assert found.shared_bytes == here.shared_bytes
    assert [pool.engine for pool in found.pools] == ["", "http://x", "http://z"]


def test_an_engine_elsewhere_has_the_slots_that_it_told_and_the_others_those_that_are_set() -> None:
    agents = [
        AgentSpec("a", 1, "x", "http://x"),
        AgentSpec("b", 3, "x", "http://x"),
        AgentSpec("c", 3, "y", "http://z"),
    ]
    found = plan_elsewhere(agents, slots=2, context=8, told={"http://x": 24})
    assert {pool.engine: pool.slots for pool in found.pools} == {"http://x": 24, "http://z": 2}
    assert {agent.name: agent.slots for agent in found.agents} == {"a": 24, "b": 12, "c": 2}
    assert ["as it tells" in words for words in found.decisions] == [True, False]


@pytest.mark.parametrize("more", [0, 2 * GB, 9 * GB, 40 * GB])
def test_more_memory_drops_no_agent_of_any_engine(more: int) -> None:
    crew = (AgentSpec("a", 1, "small"), AgentSpec("b", 2, "large", "embedded"), AgentSpec("c", 3, "small", "embedded"))
    poor = box(replace(CARD, memory=Bytes(8 * GB)), memory=24 * GB)
    rich = replace(poor, memory=Bytes(poor.memory + more))
    less, now = planned(poor, *crew), planned(rich, *crew)
    slots = {agent.name: agent.slots for agent in now.agents}
    assert all(slots[agent.name] >= agent.slots for agent in less.agents)
