"""What is installed and shipped: nothing that runs by itself, nothing without its digest, nothing of the tests."""

import ast
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.test_house import PACKAGES, ROOT, files_of, kept_files, name_of

# Files that Python runs at every start. Ours makes the checkout importable; the other is setuptools' own.
KNOWN_STARTERS = (r"__editable__\.harmonic_stack-[\d.]+\.pth", r"distutils-precedence\.pth")
# Asks a model registry how large a pull will be, the way Ollama will fetch it; no engine and no caller is involved.
THROUGH_PROXIES = {"launcher/ollama_names.py"}
SHIPPED = re.compile(r"(\.py|\.toml|py\.typed|ommatidia/meanings\.npy)$")


def test_no_unknown_file_runs_at_the_start_of_python() -> None:
    folder = Path(sysconfig.get_paths()["purelib"])
    found = {file.name for file in folder.glob("*.pth")} | {file.name for file in folder.glob("*customize.py")}
    assert {name for name in found if not any(re.fullmatch(known, name) for known in KNOWN_STARTERS)} == set()


@pytest.mark.parametrize("lock", sorted(file.name for file in (ROOT / "requirements").glob("*.txt")))
def test_every_requirement_is_locked_to_a_version_and_a_digest(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert lines
    assert [line.split()[0] for line in lines if not re.search(r"==[^ ]+.*--hash=sha256:[0-9a-f]{64}", line)] == []


@pytest.mark.slow
def test_the_wheel_holds_the_four_packages_and_nothing_else(tmp_path: Path) -> None:
    for name in kept_files():  # a copy: a build leaves its traces where it runs
        target = tmp_path / "tree" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    built = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "wheel", "--quiet"),
            *("--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", tmp_path / "out", tmp_path / "tree"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = (tmp_path / "out").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    ours = {name for name in names if ".dist-info/" not in name}
    assert {name.partition("/")[0] for name in ours} == set(PACKAGES)
    assert {name for name in ours if not SHIPPED.search(name)} == set()
    kept = {name for name in kept_files() if name.startswith(PACKAGES) and SHIPPED.search(name)}
    assert ours == kept
    others = {name.partition(".dist-info/")[2] for name in names if ".dist-info/" in name}
    assert others == {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "top_level.txt", "licenses/LICENSE"}


def test_no_client_of_ours_heeds_the_environments_proxies() -> None:
    calls = [
        (name_of(file), ast.unparse(node))
        for file in files_of(PACKAGES)
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and re.fullmatch(r"httpx\.(Client|AsyncClient|get|post|put|delete|request|stream)", ast.unparse(node.func))
    ]
    bare = {file for file, call in calls if "trust_env=False" not in call}
    assert bare == THROUGH_PROXIES
    assert [call for call in calls if "follow_redirects=True" in call[1]] == []
