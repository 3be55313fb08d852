"""Which engines run: for each server of the plan one of three kinds, behind the seam of engine.py."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from launcher.embedded_engine import embedded_engine
from launcher.engine import Engine, EngineSettings, Report
from launcher.ollama_engine import ollama_engine
from launcher.openai_engine import openai_engine
from launcher.plan_types import Plan


@asynccontextmanager
async def running_engines(
    settings: Mapping[str, EngineSettings], plan: Plan, *, run_dir: Path, log_dir: Path, report: Report
) -> AsyncIterator[Mapping[str, Engine]]:
    """Start or reach an engine for every server of *plan*; yields them by the server's name, stops ours at the end.

    *settings* holds the settings of each engine by the name that its pools have for it. The first server's log and
    record lie in the folders given, those of the others in folders called after them. Raises what `running_engine`
    raises; what had been started before is then stopped again.
    """
    async with AsyncExitStack() as parts:
        engines: dict[str, Engine] = {}
        for server in plan.servers:
            part = plan.part(server)
            own = Path(server) if engines else Path()
            for folder in (run_dir / own, log_dir / own):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            engines[server] = await parts.enter_async_context(
                running_engine(
                    settings[part.pools[0].engine], part, run_dir=run_dir / own, log_dir=log_dir / own, report=report
                )
            )
        yield engines


@asynccontextmanager
async def running_engine(
    settings: EngineSettings, plan: Plan, *, run_dir: Path, log_dir: Path, report: Report
) -> AsyncIterator[Engine]:
    """Start or reach the engine that *settings* ask for, ready to serve *plan*; stop it at the end if it is ours.

    *report* is told of each step in a sentence. Raises EngineUnreachable, EngineFailed, EngineNotReady, UnknownModel,
    BadModelFile and NoModel; of Ollama also OllamaMissing, ModelMissing and ModelNotLoaded.
    """
    if settings.kind == "openai" or (settings.kind == "auto" and settings.url is not None):
        async with openai_engine(settings, plan, report=report) as remote:
            yield remote
    elif settings.kind == "ollama":
        async with ollama_engine(settings, plan, run_dir=run_dir, log_dir=log_dir, report=report) as ollama:
            yield ollama
    else:
        async with embedded_engine(settings, plan, run_dir=run_dir, log_dir=log_dir, report=report) as own:
            yield own
