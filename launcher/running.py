"""Which engine it will be: one of three, behind the seam of engine.py."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from launcher.embedded_engine import embedded_engine
from launcher.engine import Engine, EngineSettings, Report
from launcher.ollama_engine import ollama_engine
from launcher.openai_engine import openai_engine
from launcher.plan_types import Plan


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
