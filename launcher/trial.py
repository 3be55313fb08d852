"""Levers tried on a running engine: one at a time, against what was kept so far, in turn."""

import itertools
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from launcher.engine import Engine
from launcher.errors import EngineFailed, EngineNotReady, EngineUnreachable
from launcher.levers import STOCK, Lever, Levers, Tried, pays
from launcher.power import Ask
from launcher.tune import burst

Start = Callable[[Levers], AbstractAsyncContextManager[Engine]]


async def try_levers(
    start: Start,
    model: str,
    levers: Sequence[Lever],
    *,
    slots: int,
    tokens: int = 32,
    pairs: int = 4,
    begin: Levers = STOCK,
    on_tried: Callable[[Tried], None] | None = None,
    ask: Ask | None = None,
) -> tuple[Levers, tuple[Tried, ...]]:
    """Try each of *levers* at *slots* streams and return what is worth keeping, and what became of each.

    1. An engine with what was kept so far runs; one with the next lever as well is started beside it (*start*).
    2. *pairs* times a burst on the one, a burst on the other, the first in turn: a box that drifts meets both.
    3. The lever is kept where it pays (`levers.pays`) and is ours to keep, and its engine takes the first one's place.

    An engine that does not start with a lever, or fails under it, costs that lever and nothing else.
    """
    numbers = itertools.count(1_000_000)
    kept, tried = begin, []
    async with AsyncExitStack() as stack:
        base_stack = await stack.enter_async_context(AsyncExitStack())
        base = await base_stack.enter_async_context(start(kept))
        await burst(base, model, slots, tokens=4, numbers=numbers)
        for lever in levers:
            if lever.on(kept) == kept:
                continue
            own_stack = await stack.enter_async_context(AsyncExitStack())
            without: list[float] = []
            with_it: list[float] = []
            try:
                engine = await own_stack.enter_async_context(start(lever.on(kept)))
                await burst(engine, model, slots, tokens=4, numbers=numbers)
                for pair in range(pairs):
                    turn = ((base, without), (engine, with_it))
                    for asked, speeds in turn if pair % 2 == 0 else turn[::-1]:
                        run = await burst(asked, model, slots, tokens=tokens, numbers=numbers, ask=ask)
                        speeds.append(run.tokens_per_second)
            except (EngineFailed, EngineNotReady, EngineUnreachable) as exc:
                await own_stack.aclose()
                tried.append(Tried(lever.name, slots, why=f"the engine failed with it: {exc}"))
            else:
                paid = pays(without, with_it)
                keep = paid and not lever.yours
                tried.append(Tried(lever.name, slots, tuple(without), tuple(with_it), keep, paid, lever.yours))
                if keep:
                    kept, base = lever.on(kept), engine
                    own_stack, base_stack = base_stack, own_stack
                await own_stack.aclose()
            if on_tried is not None:
                on_tried(tried[-1])
    return kept, tuple(tried)
