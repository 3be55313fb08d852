"""The house rules: arrows point one way, libraries keep to their homes, and the documents tell what is there.

That every config key is documented, and that every error class has an entry in the table of problems, stands in
tests/unit/config/test_documented.py.
"""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import typer
from fastapi import APIRouter

from harmonic_stack import __version__
from harmonic_stack.api.app import App, create_app
from harmonic_stack.api.door import SCOPES
from harmonic_stack.api.openapi import BODIES
from harmonic_stack.cli.main import command_line
from harmonic_stack.config import Config
from harmonic_stack.daemon import Daemon
from harmonic_stack.engine.capabilities import ALL
from harmonic_stack.host.keys import Keys
from harmonic_stack.metrics import Metrics
from harmonic_stack.model_names import Names
from harmonic_stack.problems import PROBLEMS, UNKNOWN, Problem

ROOT = Path(__file__).parents[1]
PACKAGES = ("harmonic_stack", "launcher", "spine", "ommatidia")
LONGEST = 400  # lines of one source file

# Where each library may be imported: file patterns below the root, "**" crossing folders.
HOMES: Mapping[str, tuple[str, ...]] = {
    "redis": ("spine/redis_*.py",),
    "numpy": ("ommatidia/**/*.py", "harmonic_stack/bridge.py"),
    "onnxruntime": ("ommatidia/minilm.py",),
    "tokenizers": ("ommatidia/minilm.py",),
    "pynvml": ("launcher/probe_nvidia.py",),
    "psutil": ("launcher/**/*.py", "harmonic_stack/host/ports.py"),
    "xllamacpp": ("launcher/embedded.py",),
    "fastapi": ("harmonic_stack/api/**/*.py",),
    "starlette": ("harmonic_stack/api/**/*.py",),
    "uvicorn": ("harmonic_stack/api/**/*.py",),
    "typer": ("harmonic_stack/cli/**/*.py",),
    "httpx": ("launcher/**/*.py", "harmonic_stack/cli/**/*.py"),
}
# Who may make processes: the supervisor, the guard between it and its child, and `up --detach`.
PROCESS_MAKERS = {"launcher/child.py", "launcher/guard.py", "harmonic_stack/cli/up.py"}
_PROCESS_CALL = re.compile(
    r"os\.(fork(pty)?|posix_spawnp?|spawn[lv]p?e?|exec[lv]p?e?|system|popen)|asyncio\.create_subprocess_\w+"
)
_PROCESS_MODULES = {"subprocess", "multiprocessing", "pty"}

# Written with a class of one character, so that this file does not hold what it looks for.
FORBIDDEN = {
    "a package index": re.compile(r"pypi[.]org|pythonhosted[.]org|--(extra-)?index[-]url[ =]|registry[.]npmjs"),
    "a path of one machine": re.compile(r"[/]work/|[/]root/"),
}


def files_of(packages: tuple[str, ...]) -> list[Path]:
    """Every Python file of some top-level folders."""
    return [file for package in packages for file in sorted((ROOT / package).rglob("*.py"))]


def name_of(file: Path) -> str:
    """A file's path below the root, as it is written here."""
    return file.relative_to(ROOT).as_posix()


def imports_of(file: Path) -> Iterator[str]:
    """Every module that a file imports, also inside functions and by name through importlib."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield file.relative_to(ROOT).parts[0] if node.level else node.module or ""
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("import_module", "importlib.import_module"):
            yield from (str(arg.value) for arg in node.args[:1] if isinstance(arg, ast.Constant))


def makes_processes(file: Path) -> bool:
    """True where a file imports or calls what starts another process."""
    if any(module.partition(".")[0] in _PROCESS_MODULES for module in imports_of(file)):
        return True
    used: list[str] = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Attribute):
            used.append(ast.unparse(node))
        elif isinstance(node, ast.ImportFrom):
            used += [f"{node.module}.{alias.name}" for alias in node.names]
    return any(_PROCESS_CALL.fullmatch(name) for name in used)


def kept_files() -> list[str]:
    """Paths of all files that git keeps, or would: those that it does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        reason = f"git cannot list the files: {listed.stderr.strip()}"
        if os.environ.get("HARMONIC_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def document(name: str) -> str:
    """The text of a document."""
    return (ROOT / name).read_text("utf-8")


# --- Arrows and homes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("package", ["launcher", "spine", "ommatidia"])
def test_arrows_point_one_way(package: str) -> None:
    others = set(PACKAGES) - {package}
    found = [(name_of(f), m) for f in files_of((package,)) for m in imports_of(f) if m.partition(".")[0] in others]
    assert found == []


@pytest.mark.parametrize("library", HOMES)
def test_a_library_is_imported_in_its_home_alone(library: str) -> None:
    home = {file for pattern in HOMES[library] for file in ROOT.glob(pattern)}
    users = {f for f in files_of(PACKAGES) if library in {module.partition(".")[0] for module in imports_of(f)}}
    assert {name_of(file) for file in users - home} == set()
    assert users, f"nobody imports {library}: its line here is out of date"


def test_processes_are_made_in_three_places() -> None:
    assert {name_of(file) for file in files_of(PACKAGES) if makes_processes(file)} == PROCESS_MAKERS


def test_no_source_file_is_too_long() -> None:
    lengths = {name_of(f): len(f.read_text("utf-8").splitlines()) for f in files_of((*PACKAGES, "tests"))}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


# --- Routes and errors -----------------------------------------------------------------------------------------------


def idle_app() -> App:
    """The application without a stack behind it."""
    # The routes alone are looked at: nothing is asked, so the parts that would answer need not run.
    nothing = dict.fromkeys(("orchestrator", "bus"))
    names = Names([], "", [])
    more = {"metrics": Metrics(), "features": lambda *_: ALL, "encoders": None}
    parts = SimpleNamespace(config=Config(), keys=Keys([]), names=names, **more, **nothing)
    return create_app(cast("Daemon", parts))


def served_routes() -> set[tuple[str, str]]:
    """Method and path of every route, the plain ones and FastAPI's own included."""
    return routes_of(idle_app())


def routes_of(app: App) -> set[tuple[str, str]]:
    """Method and path of every route of *app*, those that its description leaves out too."""
    found = {(method.upper(), path) for path, item in app.openapi()["paths"].items() for method in item}
    walked = {(method, route.path) for route in _each(app.routes) for method in route.methods - {"HEAD"}}
    return found | {(method, path.replace(":path}", "}")) for method, path in walked}


def _each(routes: Iterable[Any]) -> Iterator[Any]:
    """Routes, those of included routers among them; what is neither has no methods, and fails whoever asks for them."""
    for route in routes:
        included = getattr(route, "original_router", None)
        yield from [route] if included is None else _each(included.routes)


def test_a_route_that_the_description_leaves_out_is_found() -> None:
    def nothing() -> None: ...

    app, hidden = idle_app(), APIRouter()
    hidden.add_api_route("/admin/hidden", nothing, include_in_schema=False)
    app.include_router(hidden)
    assert routes_of(app) - served_routes() == {("GET", "/admin/hidden")}


def test_the_description_has_every_plain_route() -> None:
    assert set(BODIES) == set(idle_app().plain)


def test_every_route_is_documented_and_nothing_else() -> None:
    told = re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[^\s`?]*)`", document("docs/api.md"))
    assert set(told) == served_routes()


def test_every_route_has_a_scope_of_its_own() -> None:
    starts = [start for start in SCOPES if start != "/"]
    assert [path for _, path in served_routes() if not path.startswith(tuple(starts))] == []


def error_table() -> str:
    """The table of docs/api.md: one row for each code, with what its first class says of itself."""
    rows: dict[tuple[int, str], str] = {}
    known: list[tuple[type[Exception], Problem]] = [*PROBLEMS.items(), (Exception, UNKNOWN)]
    for kind, problem in known:
        row = f"| {problem.status} | `{problem.code}` | `{problem.type}` | {happened(kind)} | {problem.exit_code} |"
        rows.setdefault((problem.status, problem.code), row)
    head = ["| status | `code` | `type` | what happened | exit |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([*head, *(rows[place] for place in sorted(rows))])


def happened(kind: type[Exception]) -> str:
    """What an error class says of itself, up to its figures."""
    if kind is Exception:
        return "A fault of ours, or of something that we did not foresee."
    if kind.__bases__ == (Exception,):
        return f"Any other refusal of `{kind.__module__.partition('.')[0]}`."
    first = (kind.__doc__ or "").partition("\n")[0].replace("``", "`")
    return re.split(r"; |[.:](?: |$)", first)[0] + "."


def test_every_error_code_is_documented() -> None:
    told = document("docs/api.md").partition("<!-- errors: begin -->\n")[2].partition("\n<!-- errors: end -->")[0]
    assert told == error_table(), "python -m tests.test_house prints the table as it has to be"


# --- Commands --------------------------------------------------------------------------------------------------------


def commands(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, set[str]]]:
    """Every command by its words, with its long options."""
    if not hasattr(group, "commands"):
        yield " ".join(words), {option for p in group.params for option in p.opts if option.startswith("--")}
        return
    for name, inner in group.commands.items():
        yield from commands(inner, (*words, name))


def told_commands() -> dict[str, str]:
    """The sections of docs/cli.md by the command that they are about."""
    parts = re.split(r"^### `harmonic-stack ([a-z -]+)`.*$", document("docs/cli.md"), flags=re.MULTILINE)
    return {
        words: re.split(r"^##? ", text, flags=re.MULTILINE)[0]
        for words, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def test_every_command_is_documented_with_its_options_and_nothing_else() -> None:
    told = {words: set(re.findall(r"`(--[a-z-]+)", text)) for words, text in told_commands().items()}
    assert told == dict(commands(typer.main.get_command(command_line())))


# --- Documents -------------------------------------------------------------------------------------------------------


def documents() -> list[Path]:
    """Every Markdown file that is ours."""
    return [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/*.md")]


def anchors_of(text: str) -> set[str]:
    """The names by which a page's headings can be linked, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(page: Path) -> Iterator[str]:
    """Links of a page to a file, or a heading in one, that is not there."""
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text("utf-8")):
        if "://" in target or target.startswith("mailto:"):
            continue
        file = (page.parent / target).resolve() if target else page
        if not file.exists() or (anchor and anchor not in anchors_of(file.read_text("utf-8"))):
            yield f"{target}#{anchor}" if anchor else target


def test_links_lead_somewhere() -> None:
    assert {name_of(page): dead for page in documents() if (dead := list(dead_links(page)))} == {}


def test_every_page_of_the_documents_is_in_their_index() -> None:
    linked = set(re.findall(r"\]\(([a-z0-9-]+\.md)\)", document("docs/README.md")))
    assert {page.name for page in ROOT.glob("docs/*.md")} - {"README.md"} == linked


def test_the_tree_in_the_readme_is_true() -> None:
    block = document("README.md").partition("## The repository")[2].partition("\n\n    ")[2].partition("\n\n")[0]
    told = re.findall(r"^\s*(\S+)/ ", block, re.MULTILINE)
    assert sorted(told) == sorted({name.partition("/")[0] for name in kept_files() if "/" in name})


def test_every_file_that_the_readme_names_exists() -> None:
    named = re.findall(r"`([a-z_]+/[\w./-]+\.(?:py|toml|md|txt))`", document("README.md"))
    assert named
    assert [
        name for name in named if not any((ROOT / start / name).is_file() for start in ("", "harmonic_stack"))
    ] == []


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_names_what_is_not_everybodys(what: str) -> None:
    found = []
    for name in kept_files():
        try:
            text = (ROOT / name).read_text("utf-8")
        except UnicodeDecodeError:  # not text
            continue
        found += [f"{name}:{text.count(chr(10), 0, hit.start()) + 1}" for hit in FORBIDDEN[what].finditer(text)]
    assert found == []


def test_the_version_is_told_once_more_and_the_same() -> None:
    assert tomllib.loads(document("pyproject.toml"))["project"]["version"] == __version__


if __name__ == "__main__":
    sys.stdout.write(error_table() + "\n")
