"""How much the pools of a plan may have: a ladder of ever larger forms, and the highest that fits on the devices.

One ladder for a plan, whatever its memory: more memory only ever climbs it, so no pool loses a slot for having more.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from launcher.budget import Cost, Device
from launcher.types import AgentSpec, Bytes, CacheType, ModelFacts


@dataclass(frozen=True)
class Wish:
    """A pool on its way: its agents, and the slots that they ask for at each of the peaks up to the box's own.

    Every box climbs over the peaks of smaller ones: so a larger box gives no pool less than those do, and no pool gets
    its last slots before every other has its share at half of them.
    """

    facts: ModelFacts
    agents: tuple[AgentSpec, ...]
    steps: tuple[int, ...]  # never falling, as long as those of every other wish
    engine: str = ""
    no_gpu: bool = False  # its engine computes in the system's memory alone

    @property
    def slots(self) -> int:
        """What it asks for in the end."""
        return self.steps[-1]

    @property
    def tier(self) -> int:
        """The tier of its most important agent."""
        return min(agent.tier for agent in self.agents)

    def among(self, devices: Sequence[Device]) -> list[Device]:
        """Return the devices that its engine can use."""
        return [device for device in devices if (not device.discrete if self.no_gpu else not device.spare)]


@dataclass(frozen=True)
class Rung:
    """One form of all pools: the slots of each, and the cache type of all."""

    slots: tuple[int, ...]
    cache_type: CacheType


@dataclass(frozen=True)
class Fit:
    """A form that fits, with the device of each pool."""

    rung: Rung
    cost: Cost
    devices: tuple[Device, ...]


def smallest(cache_type: CacheType) -> CacheType:
    """Return the smallest cache type that we choose ourselves: q4_0 is the user's to set."""
    return "q8_0" if cache_type == "f16" else cache_type


def ladder(wishes: Sequence[Wish], cache_type: CacheType) -> list[Rung]:
    """Return the forms of these pools, each at least as large as the one before.

    1. One slot each in the smallest cache type; then what they ask for step by step, the most important pool first.
    2. The cache type that was asked for.
    3. Pool after pool the slots of its engine's largest, so that one server, with its one slot count, can serve them.
    """
    small = smallest(cache_type)
    slots = [1] * len(wishes)
    rungs = [Rung(tuple(slots), small)]
    for step in range(len(wishes[0].steps)):  # 1
        for place, wish in enumerate(wishes):
            for count in range(slots[place] + 1, wish.steps[step] + 1):
                slots[place] = count
                rungs.append(Rung(tuple(slots), small))
    if small != cache_type:  # 2
        rungs.append(Rung(tuple(slots), cache_type))
    for place, wish in enumerate(wishes):  # 3
        largest = max(other.slots for other in wishes if other.engine == wish.engine)
        if slots[place] < largest:
            slots[place] = largest
            rungs.append(Rung(tuple(slots), cache_type))
    return rungs


def highest(wishes: Sequence[Wish], cost: Cost, devices: Sequence[Device]) -> Fit | None:
    """Return the highest rung that fits on the *devices*, None where not even the lowest does."""
    rungs = ladder(wishes, cost.cache_type)
    # A rung costs at least what the one below costs, on every device: what fits is a beginning of the ladder.
    count = bisect_right(rungs, False, key=lambda rung: place(wishes, rung, cost, devices) is None)
    if count == 0:
        return None
    rung = rungs[count - 1]
    placed = place(wishes, rung, cost, devices)
    return None if placed is None else Fit(rung, replace(cost, cache_type=rung.cache_type), placed)


def place(wishes: Sequence[Wish], rung: Rung, cost: Cost, devices: Sequence[Device]) -> tuple[Device, ...] | None:
    """Return a device for each pool such that each device's budget holds; None where there is no such placing.

    Important pools choose first and take the device with the fewest pools, the larger one of equals: models that have
    a card each do not share its time.
    """
    priced = replace(cost, cache_type=rung.cache_type)
    left = {device: device.budget for device in devices}
    placed: list[Device] = []
    least = [
        min(priced.of(wish.facts, slots, device) for device in wish.among(devices))
        for wish, slots in zip(wishes, rung.slots, strict=True)
    ]

    def fill(pool: int) -> bool:
        if pool == len(wishes):
            return True
        if sum(least[pool:]) > sum(left.values()):
            return False
        tried: set[tuple[Bytes, bool]] = set()
        for device in sorted(wishes[pool].among(devices), key=placed.count):
            alike = (left[device], device.discrete)
            needed = priced.of(wishes[pool].facts, rung.slots[pool], device)
            if needed > left[device] or alike in tried:
                continue
            tried.add(alike)
            placed.append(device)
            left[device] = Bytes(left[device] - needed)
            if fill(pool + 1):
                return True
            placed.pop()
            left[device] = Bytes(left[device] + needed)
        return False

    return tuple(placed) if fill(0) else None
