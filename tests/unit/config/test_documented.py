"""Every config key is documented, and every error is explained."""

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from harmonic_stack.config import Config, example_toml
from harmonic_stack.config.base import keys_of
from harmonic_stack.config.text import table_of, tables
from harmonic_stack.crew import AgentTable
from harmonic_stack.metrics import Metrics
from harmonic_stack.problems import PROBLEMS, UNKNOWN, problem_of

ROOT = Path(__file__).parents[3]
PACKAGES = ("harmonic_stack", "launcher", "spine", "ommatidia")

# Caught where they are raised, or one call above: nobody outside ever sees them.
INTERNAL = {
    "harmonic_stack.config.base.Conflicts": "config/check.py turns it into ConfigError",
    "harmonic_stack.engine.sse.EventTooLong": "chat_client.py turns it into EngineStreamFailed",
    "harmonic_stack.api.asgi.ClientGone": "there is nobody left to answer",
}


def section(name: str, page: str = "config.md") -> str:
    """What a page holds between two markers."""
    text = (ROOT / "docs" / page).read_text()
    return text.partition(f"<!-- {name}: begin -->\n")[2].partition(f"\n<!-- {name}: end -->")[0]


def test_the_example_file_lists_every_key_at_its_default() -> None:
    assert (ROOT / "deploy" / "harmonic.example.toml").read_text() == example_toml()


def test_the_documentation_lists_every_key() -> None:
    assert section("keys") == tables(Config)
    assert section("agent") == table_of(AgentTable)


def test_the_documentation_lists_every_metric() -> None:
    assert section("metrics", page="metrics.md") == Metrics().table()


def test_every_key_says_what_it_means() -> None:
    keys = [*keys_of(Config), *((("agents", key), info) for key, info in AgentTable.model_fields.items())]
    assert [path for path, info in keys if not (info.description or "").endswith(".")] == []


def errors_of(name: str) -> Iterator[type[Exception]]:
    """Every exception class that a package defines, in whichever of its modules."""
    package = importlib.import_module(name)
    inside = [info.name for info in pkgutil.walk_packages(package.__path__, f"{name}.")]
    for module in [package, *(importlib.import_module(each) for each in inside if not each.endswith("__main__"))]:
        for found in vars(module).values():
            if isinstance(found, type) and issubclass(found, Exception) and found.__module__ == module.__name__:
                yield found


@pytest.mark.parametrize("package", PACKAGES)
def test_every_error_is_explained(package: str) -> None:
    public = {
        f"{kind.__module__}.{kind.__qualname__}": kind
        for kind in errors_of(package)
        if not kind.__name__.startswith("_")
    }
    unexplained = {name for name, kind in public.items() if problem_of(kind.__new__(kind)) is UNKNOWN}
    assert unexplained == INTERNAL.keys() & public.keys(), "each needs an entry in harmonic_stack/problems.py"
    assert [name for name, kind in public.items() if not kind.__doc__] == []


def test_the_table_holds_no_nonsense() -> None:
    for kind, problem in PROBLEMS.items():
        assert 400 <= problem.status <= 599, kind
        assert problem.exit_code in (1, 2, 3, 4), kind
        assert problem.code.replace("_", "").isalpha(), kind
        assert not problem.remedy or problem.remedy.endswith("."), kind


def test_a_class_that_is_no_error_of_ours_has_no_entry() -> None:
    assert problem_of(ZeroDivisionError()).code == "internal_error"
