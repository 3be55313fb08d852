"""What holds of every plan, whatever the crew, the models and the memory."""

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from launcher.errors import DoesNotFit
from launcher.plan import plan
from launcher.plan_types import Plan
from launcher.profiles import nominal_hardware, profile_named, profiles
from launcher.types import AgentSpec, Bytes, Cpu, Gpu, Hardware, ModelFacts

NAMES = ("a", "b", "c", "d")

sizes = st.integers(10**8, 4 * 10**10)
facts = st.builds(
    ModelFacts,
    name=st.just("unnamed"),
    weights=sizes,
    kv_per_token=st.integers(0, 400_000),
    train_context=st.sampled_from([512, 4096, 131_072]),
    untied_embedding=st.sampled_from([0, 10**7]),
    window_kv_per_token=st.sampled_from([0, 50_000]),
    window=st.just(1024),
    state=st.sampled_from([0, 10**8]),
)
models = st.fixed_dictionaries(dict.fromkeys(NAMES, facts))
crews = st.lists(st.tuples(st.integers(1, 4), st.sampled_from(NAMES)), min_size=1, max_size=9).map(
    lambda rows: [AgentSpec(f"agent{i}", tier, model) for i, (tier, model) in enumerate(rows)]
)
memories = st.integers(10**9, 2 * 10**11)
settings = st.fixed_dictionaries(
    {
        "context": st.sampled_from([600, 2048, 8192]),
        "slots": st.sampled_from([None, 1, 4, 128]),
        "cache_type": st.sampled_from(["f16", "q8_0", "q4_0"]),
    }
)
kinds = st.sampled_from(profiles())


def try_plan(kind, memory: int, crew, known, options) -> Plan | DoesNotFit:
    kind = replace(kind, nominal=Bytes(memory))
    try:
        return plan(nominal_hardware(kind), crew, known, profile=kind, **options)
    except DoesNotFit as refusal:
        return refusal


@given(kinds, memories, crews, models, settings)
def test_a_plan_never_spends_more_than_the_budget(kind, memory, crew, known, options) -> None:
    found = try_plan(kind, memory, crew, known, options)
    if isinstance(found, DoesNotFit):
        assert found.needed > found.left
    else:
        assert found.shared_bytes == sum(pool.bytes for pool in found.pools) <= found.budget_bytes


@given(kinds, memories, crews, models, settings)
def test_every_agent_is_planned_or_refused_with_both_figures(kind, memory, crew, known, options) -> None:
    found = try_plan(kind, memory, crew, known, options)
    assume(isinstance(found, Plan))
    refused = [name for refusal in found.refused for name in refusal.agents]
    assert sorted([*refused, *(agent.name for agent in found.agents)]) == sorted(agent.name for agent in crew)
    for refusal in found.refused:
        assert refusal.needed > refusal.left >= 0


@given(kinds, memories, crews, models, settings)
def test_an_executive_never_has_fewer_slots_than_a_lower_tier(kind, memory, crew, known, options) -> None:
    found = try_plan(kind, memory, crew, known, options)
    assume(isinstance(found, Plan))
    for upper in found.agents:
        for lower in found.agents:
            assert upper.slots >= lower.slots or upper.tier >= lower.tier


@given(kinds, memories, crews, models, settings)
def test_every_agent_kept_has_a_slot_within_its_pool(kind, memory, crew, known, options) -> None:
    found = try_plan(kind, memory, crew, known, options)
    assume(isinstance(found, Plan))
    pools = {pool.name: pool.slots for pool in found.pools}
    assert all(1 <= agent.slots <= pools[agent.pool] for agent in found.agents)


@given(kinds, memories, crews, models, settings)
def test_weights_are_counted_once_per_model(kind, memory, crew, known, options) -> None:
    found = try_plan(kind, memory, crew, known, options)
    assume(isinstance(found, Plan))
    assert len({pool.model for pool in found.pools}) == len(found.pools)
    for pool in found.pools:
        model = known[pool.model]
        slots = pool.slots * model.slot_bytes(found.context, found.cache_type)
        # What is left is the process, less an embedding that stays off a discrete card.
        assert 0 < pool.bytes - model.weights - slots <= 750_000_000


@given(kinds, memories, st.integers(0, 10**11), crews, models, settings)
def test_more_memory_never_drops_an_agent_nor_takes_a_slot(kind, memory, more, crew, known, options) -> None:
    less, rich = (try_plan(kind, size, crew, known, options) for size in (memory, memory + more))
    assume(isinstance(less, Plan))
    assert isinstance(rich, Plan)
    kept = {agent.name: agent.slots for agent in less.agents}
    now = {agent.name: agent.slots for agent in rich.agents}
    assert kept.keys() <= now.keys()
    if kept.keys() == now.keys():
        assert all(now[name] >= slots for name, slots in kept.items())


@given(kinds, memories, crews, models, settings)
def test_a_servers_pools_have_one_slot_count_and_are_charged_for_it(kind, memory, crew, known, options) -> None:
    found = try_plan(kind, memory, crew, known, options)
    assume(isinstance(found, Plan))
    counts: dict[str, set[int]] = {}
    for pool in found.pools:
        counts.setdefault(pool.server, set()).add(pool.slots)
    assert all(len(slots) == 1 for slots in counts.values())


# --- Boxes whose own profile is taken --------------------------------------------------------------------------------

compute = st.sampled_from(["12.1", "8.7"])


def try_own(memory: int, unified: bool, compute: str, crew, known, options) -> Plan | DoesNotFit:
    """Plan for a box with one NVIDIA GPU by the profile that it gets itself."""
    system = Bytes(memory if unified else 64 * 10**9)
    gpu = Gpu("nvidia", "a GPU", None if unified else Bytes(memory), unified, compute=compute)
    box = Hardware((gpu,), Cpu(None, None, 1), system, system, None, "linux", "x86_64")
    try:
        return plan(box, crew, known, **options)
    except DoesNotFit as refusal:
        return refusal


gigabytes = st.integers(8, 130).map(lambda number: number * 10**9)  # numbers of this size meet the profiles' borders


@given(gigabytes, gigabytes, st.booleans(), compute, crews, models, settings)
def test_a_larger_box_of_a_kind_never_drops_an_agent_nor_takes_a_slot(
    memory, more, unified, compute, crew, known, options
) -> None:
    less, rich = (try_own(size, unified, compute, crew, known, options) for size in (memory, memory + more))
    assume(isinstance(less, Plan))
    assert isinstance(rich, Plan)
    assert rich.budget_bytes >= less.budget_bytes
    kept = {agent.name: agent.slots for agent in less.agents}
    now = {agent.name: agent.slots for agent in rich.agents}
    assert kept.keys() <= now.keys()
    if kept.keys() == now.keys():
        assert all(now[name] >= slots for name, slots in kept.items())


# --- Several cards ---------------------------------------------------------------------------------------------------

cards = st.lists(st.integers(8 * 10**9, 6 * 10**10), min_size=1, max_size=4)


def try_cards(memories: list[int], crew, known, options) -> Plan | DoesNotFit:
    gpus = tuple(Gpu("nvidia", f"card {place}", Bytes(memory), unified=False) for place, memory in enumerate(memories))
    system = Bytes(64 * 10**9)
    box = Hardware(gpus, Cpu(None, None, 1), system, system, None, "linux", "x86_64")
    try:
        return plan(box, crew, known, profile=profile_named("gpu-48"), **options)
    except DoesNotFit as refusal:
        return refusal


@given(cards, crews, models, settings)
def test_each_cards_budget_holds_and_no_model_is_split(memories, crew, known, options) -> None:
    found = try_cards(memories, crew, known, options)
    if isinstance(found, DoesNotFit):
        assert found.needed > found.left
        return
    assert len({pool.model for pool in found.pools}) == len(found.pools)
    for device, budget in found.budgets.items():
        assert sum(pool.bytes for pool in found.pools if pool.device == device) <= budget
    for refusal in found.refused:
        assert refusal.needed > refusal.left >= 0


@given(st.data(), cards, crews, models, settings)
def test_more_memory_on_any_card_never_drops_an_agent_nor_takes_a_slot(data, memories, crew, known, options) -> None:
    more = [memory + data.draw(st.integers(0, 3 * 10**10)) for memory in memories]
    less, rich = (try_cards(sizes, crew, known, options) for sizes in (memories, more))
    assume(isinstance(less, Plan))
    assert isinstance(rich, Plan)
    kept = {agent.name: agent.slots for agent in less.agents}
    now = {agent.name: agent.slots for agent in rich.agents}
    assert kept.keys() <= now.keys()
    if kept.keys() == now.keys():
        assert all(now[name] >= slots for name, slots in kept.items())
        before = {pool.name: pool.slots for pool in less.pools}
        assert all(pool.slots >= before[pool.name] for pool in rich.pools)


@given(cards, crews, models, settings)
def test_another_card_never_drops_an_agent(memories, crew, known, options) -> None:
    without, found = try_cards(memories, crew, known, options), try_cards([*memories, 8 * 10**9], crew, known, options)
    assume(isinstance(without, Plan))
    assert isinstance(found, Plan)
    assert {agent.name for agent in without.agents} <= {agent.name for agent in found.agents}
