"""The plan's rules with the figures that people are promised."""

from dataclasses import replace

import pytest

from launcher.errors import DoesNotFit, UnknownModel
from launcher.form import PROCESS_BYTES
from launcher.plan import plan, plan_elsewhere, tier_share
from launcher.plan_types import Plan
from launcher.profiles import nominal_hardware, profile_named
from launcher.types import AgentSpec, Bytes, Calibration, ModelFacts

# The shapes of Qwen3 in Q4_K_M: 36 (40 for the 14B) layers of 8 key-value heads of 128.
SMALL = ModelFacts("qwen3:4b", Bytes(2_500_000_000), Bytes(147_456), train_context=40_960)
MIDDLE = ModelFacts("qwen3:8b", Bytes(5_020_000_000), Bytes(147_456), 40_960, untied_embedding=Bytes(350_000_000))
LARGE = ModelFacts("qwen3:14b", Bytes(9_000_000_000), Bytes(163_840), 40_960)
MODELS = {facts.name: facts for facts in (SMALL, MIDDLE, LARGE)}

CREW = (
    AgentSpec("executive", 1, "qwen3:4b"),
    AgentSpec("operator", 1, "qwen3:4b"),
    AgentSpec("technical_director", 2, "qwen3:8b"),
    AgentSpec("analyst", 3, "qwen3:8b"),
    AgentSpec("coder", 3, "qwen3:14b"),
)


def plan_for(profile: str, *agents: AgentSpec, memory: int | None = None, **options) -> Plan:
    """Plan *agents* (or the crew) on the nominal box of *profile*, or on one with *memory* bytes."""
    known = profile_named(profile)
    if memory is not None:
        known = replace(known, nominal=Bytes(memory))
    options = {"context": 2048, "profile": known, **options}
    return plan(nominal_hardware(known), agents or CREW, MODELS, **options)


def slots_of(found: Plan) -> dict[str, int]:
    return {agent.name: agent.slots for agent in found.agents}


@pytest.mark.parametrize(
    ("peak", "shares"), [(16, [16, 12, 8, 5]), (12, [12, 9, 6, 3]), (4, [4, 3, 2, 1]), (1, [1, 1, 1, 1])]
)
def test_a_tier_gets_its_share_of_the_peak(peak: int, shares: list[int]) -> None:
    assert [tier_share(tier, peak) for tier in (1, 2, 3, 4)] == shares


def test_a_spark_gives_the_papers_slots_and_budget() -> None:
    found = plan_for("dgx-spark")
    assert slots_of(found) == {"executive": 16, "operator": 16, "technical_director": 12, "analyst": 8, "coder": 8}
    assert found.budget_bytes == 108_800_000_000
    assert found.profile == "dgx-spark"


def pools_of(found: Plan) -> dict[str, int]:
    return {pool.model: pool.slots for pool in found.pools}


def test_agents_on_the_same_weights_share_a_pool_of_at_most_the_peak() -> None:
    assert pools_of(plan_for("dgx-spark")) == {"qwen3:4b": 16, "qwen3:8b": 16, "qwen3:14b": 16}
    assert pools_of(plan_for("dgx-spark", CREW[4])) == {"qwen3:14b": 8}


def test_one_server_has_one_slot_count_and_each_of_its_pools_is_charged_for_it() -> None:
    found = plan_for("dgx-spark")
    assert {pool.server for pool in found.pools} == {"gpu0"}
    large = next(pool for pool in found.pools if pool.model == "qwen3:14b")
    assert large.bytes == 9_000_000_000 + 16 * 163_840 * 2048 + 750_000_000
    assert slots_of(found)["coder"] == 8
    assert any("(8 asked; its server has 16 for each model)" in line for line in found.decisions)


def test_where_the_common_slot_count_does_not_fit_a_second_server_keeps_every_agents_slots() -> None:
    one = plan_for("dgx-spark")
    two = plan_for("dgx-spark", memory=int(one.shared_bytes / 0.85) - 1)
    assert pools_of(two) == {"qwen3:4b": 16, "qwen3:8b": 16, "qwen3:14b": 8}
    assert [pool.server for pool in two.pools] == ["gpu0", "gpu0", "gpu0.2"]
    assert (slots_of(two), two.cache_type) == (slots_of(one), "f16")
    assert any("gpu0 runs 2 servers" in line for line in two.decisions)


def test_weights_are_counted_once_for_a_pool_and_once_for_each_agent_alone() -> None:
    found = plan_for("dgx-spark", CREW[0], CREW[1])
    slot = 147_456 * 2048
    assert found.shared_bytes == 2_500_000_000 + 16 * slot + 750_000_000
    assert found.isolated_bytes == 2 * found.shared_bytes


def test_an_untied_embedding_stays_off_a_discrete_card_but_not_off_unified_memory() -> None:
    director = CREW[2]
    card = plan_for("gpu-24", director).pools[0]
    shared = plan_for("dgx-spark", director).pools[0]
    slot = 147_456 * 2048
    assert card.bytes == 5_020_000_000 - 350_000_000 + card.slots * slot + 750_000_000
    assert shared.bytes == 5_020_000_000 + shared.slots * slot + 750_000_000


def test_the_h100s_measured_memory_is_met_within_five_percent() -> None:
    """NVML on an H100 with random weights of the 4B's shape, 2048 tokens a slot, f16: 8.050 GB at 16 slots."""
    found = plan_for("gpu-80", CREW[0], slots=16, calibration=None)
    assert found.shared_bytes == pytest.approx(8_050_000_000, rel=0.05)


def test_a_cpu_gets_four_slots_whatever_its_knee() -> None:
    assert plan_for("cpu", CREW[2], calibration=Calibration(peak=1)).pools[0].slots == 4


def test_a_calibration_beats_the_profile_up_to_its_most() -> None:
    assert plan_for("dgx-spark", CREW[0], calibration=Calibration(peak=24)).pools[0].slots == 24
    assert plan_for("dgx-spark", CREW[0], calibration=Calibration(peak=500)).pools[0].slots == 32


def test_a_calibrated_process_size_replaces_the_constant() -> None:
    plain = plan_for("cpu", CREW[0]).shared_bytes
    measured = plan_for("cpu", CREW[0], calibration=Calibration(4, Bytes(1_080_000_000))).shared_bytes
    assert measured - plain == 1_000_000_000


def test_a_cpus_process_grows_with_the_models_vocabulary() -> None:
    """Gemma 3 270M, 262 144 entries, slots of 8192 tokens in the embedded engine: 386 to 722 MB resident."""
    gemma = ModelFacts(
        "gemma",
        Bytes(246_587_904),
        Bytes(3072),
        32_768,
        vocabulary=262_144,
        window_kv_per_token=Bytes(15_360),
        window=1024,
    )
    box = nominal_hardware(profile_named("cpu"))
    agent = AgentSpec("a", 1, "gemma")
    known = Calibration(None, PROCESS_BYTES["xllamacpp"])
    resident = {1: 386_000_000, 4: 527_000_000, 8: 722_000_000}
    sizes = {
        slots: plan(box, [agent], {"gemma": gemma}, context=8192, slots=slots, calibration=known).shared_bytes
        for slots in resident
    }
    assert sizes == {slots: pytest.approx(size, rel=0.02) for slots, size in resident.items()}


def test_the_users_slots_are_taken_beyond_the_tested_and_said_so() -> None:
    found = plan_for("dgx-spark", CREW[0], slots=64)
    assert found.pools[0].slots == found.agents[0].slots == 64
    assert any("set by you, above the 32 we tested" in line for line in found.decisions)


def test_a_tight_budget_first_shrinks_the_cache_and_keeps_every_slot() -> None:
    full = plan_for("gpu-80", slots=16)
    tight = plan_for("gpu-80", slots=16, memory=int(full.shared_bytes / 0.9) - 1)
    assert (full.cache_type, tight.cache_type) == ("f16", "q8_0")
    assert slots_of(tight) == slots_of(full)


def test_then_slots_go_from_the_lowest_tier_up_each_to_its_share_at_half_the_peak_before_any_goes_on() -> None:
    tight = [plan_for("dgx-spark", memory=memory * 10**9) for memory in (30, 29, 28, 27, 26, 25, 24)]
    assert [tuple(pools_of(found).values()) for found in tight] == [
        (16, 16, 8),
        (16, 16, 4),
        (16, 10, 4),
        (13, 8, 4),
        (8, 8, 4),
        (8, 5, 2),
        (4, 4, 1),
    ]
    assert any("4 slots (8 do not fit)" in line for line in tight[1].decisions)


def test_a_card_of_the_next_profile_takes_no_slot_from_the_crew() -> None:
    """By tier alone the executive's 32 slots of the larger card would leave the director 3 of 6, the coder 1 of 4."""
    cards = [nominal_hardware(replace(profile_named("gpu-80"), nominal=Bytes(gb * 10**9))) for gb in (71, 73)]
    less, more = (plan(card, CREW, MODELS, context=16_384) for card in cards)
    assert (less.profile, more.profile) == ("gpu-48", "gpu-80")
    assert all(slots_of(more)[name] >= slots for name, slots in slots_of(less).items())


def test_what_does_not_fit_at_all_is_left_out_by_name_with_both_figures() -> None:
    small = plan_for("dgx-spark", memory=14_000_000_000)
    assert slots_of(small).keys() == {"executive", "operator", "technical_director", "analyst"}
    (refused,) = small.refused
    assert refused.agents == ("coder",)
    assert refused.needed > refused.left
    assert any("Left out coder: qwen3:14b needs 9.9 GB with 1 slot" in line for line in small.decisions)


def test_an_executive_that_does_not_fit_is_refused_with_both_figures() -> None:
    with pytest.raises(DoesNotFit) as refusal:
        plan_for("gpu-8", memory=2_000_000_000)
    assert refusal.value.model == "qwen3:4b"
    assert refusal.value.needed > refusal.value.left == 1_800_000_000


def test_a_slot_is_as_long_as_asked_in_whole_steps_and_no_longer_than_trained() -> None:
    assert plan_for("dgx-spark", context=600).context == 768
    assert plan_for("dgx-spark", context=1_000_000).context == 40_960


def test_an_agent_of_an_unknown_model_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownModel) as refusal:
        plan_for("cpu", AgentSpec("poet", 3, "qwen9"))
    assert refusal.value.known == ("qwen3:14b", "qwen3:4b", "qwen3:8b")


def test_figures_that_are_guessed_are_said() -> None:
    odd = {"qwen3:4b": replace(SMALL, approximate=("x.attention.sliding_window",))}
    known = profile_named("cpu")
    found = plan(nominal_hardware(known), [CREW[0]], odd, context=2048)
    assert any("approximate, by x.attention.sliding_window" in line for line in found.decisions)


def test_the_dictionary_has_exactly_the_promised_keys() -> None:
    found = plan_for("dgx-spark").as_dict()
    assert list(found) == ["agents", "pools", "isolated_bytes", "shared_bytes", "budget_bytes", "decisions"]
    assert list(found["agents"][0]) == ["name", "tier", "model", "slots", "pool"]
    assert list(found["pools"][0]) == ["name", "model", "server", "slots", "bytes"]


def test_an_engine_elsewhere_gets_the_configured_slots_and_no_memory() -> None:
    found = plan_elsewhere(CREW, slots=4, context=4096)
    assert {(pool.slots, pool.server) for pool in found.pools} == {(4, "elsewhere")}
    assert slots_of(found)["technical_director"] == 3
    assert found.shared_bytes == found.budget_bytes == 0


@pytest.mark.parametrize("tier", [0, 5, -1])
def test_a_tier_outside_one_to_four_is_refused(tier: int) -> None:
    with pytest.raises(ValueError, match="tier"):
        AgentSpec("x", tier, "m")


NOMIC = ModelFacts("nomic-embed-text", Bytes(274_000_000), Bytes(36_864), train_context=2_048)


def test_a_model_held_for_vectors_is_set_aside_before_the_agents_models() -> None:
    without, found = (plan_for("cpu", memory=12_000_000_000, beside=beside) for beside in ({}, {"": NOMIC}))
    (held,) = found.beside
    assert (held.model, held.engine, held.device) == ("nomic-embed-text", "", "cpu")
    assert held.bytes > NOMIC.weights + NOMIC.slot_bytes(2048, "f16")
    assert found.budget_bytes == without.budget_bytes
    assert found.shared_bytes == sum(pool.bytes for pool in found.pools) + held.bytes <= found.budget_bytes
    assert sum(pool.bytes for pool in found.pools) <= without.budget_bytes - held.bytes
    assert any("nomic-embed-text is held beside" in words for words in found.decisions)
    assert [found.part(server).beside for server in found.servers] == [(held,), *[()] * (len(found.servers) - 1)]


def test_a_model_held_for_vectors_can_cost_an_agent_its_place() -> None:
    executive = CREW[0]
    tight = next(memory for memory in range(2_500_000_000, 9_000_000_000, 50_000_000) if _fits(executive, memory))
    with pytest.raises(DoesNotFit) as refusal:
        plan_for("cpu", executive, memory=tight, beside={"": NOMIC})
    assert refusal.value.needed > refusal.value.left


def _fits(agent: AgentSpec, memory: int) -> bool:
    try:
        return bool(plan_for("cpu", agent, memory=memory).pools)
    except DoesNotFit:
        return False
