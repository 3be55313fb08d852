"""The engine's throughput levers: which there are, and when one pays. Arithmetic and lists; `trial.py` measures."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

#: A lever must bring at least this much beyond what its own repeats vary by; less is not worth another setting.
MARGIN = 0.05

BACKEND_SAMPLING, FLASH_ATTENTION, UBATCH, THREADS = "--backend-sampling", "--flash-attn", "--ubatch-size", "--threads"
CACHE_TYPE = "--cache-type-k"


@dataclass(frozen=True)
class Levers:
    """What an engine is told for its speed, whatever it serves; None or False: as the engine's build has it."""

    backend_sampling: bool = False  # tokens are chosen on the device, not by one thread of the host
    flash_attention: bool | None = None
    ubatch: int | None = None  # tokens that are computed at a time
    threads: int | None = None
    cache_type: str | None = None  # tried here; what an engine serves with is the plan's to say

    def words(self) -> str:
        """Return them as people read them; "" where nothing is set.

        >>> Levers(backend_sampling=True, ubatch=1024).words()
        'backend sampling, 1024 tokens a step'
        """
        said = [
            "backend sampling" if self.backend_sampling else "",
            "" if self.flash_attention is None else f"flash attention {'on' if self.flash_attention else 'off'}",
            "" if self.ubatch is None else f"{self.ubatch} tokens a step",
            "" if self.threads is None else f"{self.threads} threads",
            "" if self.cache_type is None else f"{self.cache_type} cache",
        ]
        return ", ".join(word for word in said if word)


STOCK = Levers()


@dataclass(frozen=True)
class Lever:
    """One lever to try; *option* is the word of llama-server that a build must know for it."""

    name: str
    option: str
    change: Levers  # what it sets, the rest as it was
    yours: str = ""  # it is measured and never kept: what the user would set, and what that costs

    def on(self, levers: Levers) -> Levers:
        """Return *levers* with this one pulled."""
        stock = asdict(STOCK)
        return replace(levers, **{name: value for name, value in asdict(self.change).items() if value != stock[name]})


def candidates(
    cores: int, *, threads: int, fixed_threads: bool, gpu: bool, cache_type: str = "f16"
) -> tuple[Lever, ...]:
    """Return the levers worth a try on a box of so many *cores*, in the order of trial; *threads* are in use now.

    What is kept changes what a model computes by no more than rounding. A smaller cache type does change it, and all
    cores serve badly beside a busy program (docs/launcher.md), so these two are measured and left to the user, as are
    threads that the user has set (*fixed_threads*). A longer step takes a larger buffer: only where a GPU can use it.
    """
    levers = [
        Lever("backend sampling", BACKEND_SAMPLING, Levers(backend_sampling=True)),
        Lever("flash attention on", FLASH_ATTENTION, Levers(flash_attention=True)),
        Lever("flash attention off", FLASH_ATTENTION, Levers(flash_attention=False)),
        Lever("256 tokens a step", UBATCH, Levers(ubatch=256)),
    ]
    if gpu:
        levers.append(Lever("1024 tokens a step", UBATCH, Levers(ubatch=1024)))
    half = max(1, threads // 2)
    if not fixed_threads and half != threads:
        levers.append(Lever(f"{half} threads", THREADS, Levers(threads=half)))
    if not fixed_threads and cores != threads:
        own = f"engine.threads = {cores}; all cores fall far behind beside any busy program"
        levers.append(Lever(f"{cores} threads", THREADS, Levers(threads=cores), yours=own))
    if cache_type == "f16":
        own = (
            'engine.cache_type = "q8_0"; it changes answers a little, and the plan takes it only where memory is short'
        )
        levers.append(Lever("q8_0 cache", CACHE_TYPE, Levers(cache_type="q8_0"), yours=own))
    return tuple(levers)


@dataclass(frozen=True)
class Tried:
    """What became of one lever at *slots* streams: each pair ran one after the other, without it and with it."""

    name: str
    slots: int
    without: tuple[float, ...] = ()  # tokens/s
    with_it: tuple[float, ...] = ()
    kept: bool = False
    pays: bool = False
    yours: str = ""  # see Lever
    why: str = ""  # it was not measured

    @property
    def gain(self) -> float:
        """The median of the pairs' ratios, less 1; 0 where nothing was measured."""
        return gain(self.without, self.with_it) if self.without else 0.0


def gain(without: Sequence[float], with_it: Sequence[float]) -> float:
    """Return the median of the pairs' ratios, less 1.

    >>> round(gain([10, 11, 9], [20, 22, 19]), 2)
    1.0
    """
    return statistics.median(_ratios(without, with_it)) - 1


def pays(without: Sequence[float], with_it: Sequence[float]) -> bool:
    """Tell whether these pairs of tokens/s show a gain: at least MARGIN more than half the range of the pairs' ratios.

    Half the range is the noise of the repeats: a burst beside another program moves one pair, and then the pairs
    disagree by as much as they seem to gain. One pair has no noise to tell, so it shows nothing.
    """
    ratios = _ratios(without, with_it)
    return len(ratios) > 1 and statistics.median(ratios) - 1 >= MARGIN + (max(ratios) - min(ratios)) / 2


def _ratios(without: Sequence[float], with_it: Sequence[float]) -> list[float]:
    return [after / before for before, after in zip(without, with_it, strict=True)]
