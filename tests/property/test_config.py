"""What holds for any configuration file."""

import json
import re
import tomllib
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harmonic_stack.config import Config, example_toml
from harmonic_stack.config.base import dotted, keys_of, variable
from harmonic_stack.config.toml_index import index_toml
from harmonic_stack.config.words import toml_value
from harmonic_stack.errors import ConfigError, ConfigProblem

KEYS = [path for path, _ in keys_of(Config)]
NOWHERE = {"XDG_CONFIG_HOME": "/nowhere"}

quick = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
printable = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])
names = st.one_of(st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True), st.text(printable, max_size=5))
gaps = st.sampled_from(["", " ", "\t "])
breaks = st.sampled_from(["\n", "\n\n", " # a = 1\n", "\n  # [b]\n\t"])


def key_text(name: str) -> str:
    """How the documents below write a key: bare where that is possible, else in one kind of quotes or the other."""
    if re.fullmatch(r"[A-Za-z0-9_-]+", name):
        return name
    return f"'{name}'" if "'" not in name and len(name) % 2 else json.dumps(name, ensure_ascii=False)


def multi_line(inside: str, end: str) -> str:
    """A string over several lines; the quotes of *end* stand right before those that close it."""
    quote = end[0] * 3
    inside = inside.replace("\\", "\\\\") if end[0] == '"' else inside
    return f"{quote}{inside.replace(quote, '').rstrip(end[0])}{end[1:]}{quote}"


scalars = st.one_of(
    st.integers(-9, 9999).map(str),
    st.sampled_from(["true", "1.5e3", "-inf", "0x1F", "1979-05-27 07:32:00", "07:32:00", "1_000"]),
    st.text(printable, max_size=8).map(lambda text: json.dumps(text, ensure_ascii=False)),
    st.text(st.sampled_from('ab =[]{},#"\\'), max_size=8).map(lambda text: f"'{text}'"),
    st.builds(
        multi_line,
        st.text(st.sampled_from("ab =[]{},#\n\"'\\"), max_size=12),
        st.sampled_from(['"', '""', '"""', "'", "''", "'''"]),
    ),
)


@st.composite
def pairs(draw: st.DrawFn, values: st.SearchStrategy[str], end: st.SearchStrategy[str]) -> list[str]:
    """Lines such as ``a . "b c" = 1``, no two of which begin with the same key."""
    lines = []
    for name in draw(st.lists(names, unique=True, max_size=3)):
        path = [name, *draw(st.lists(names, max_size=2))]
        dot = f"{draw(gaps)}.{draw(gaps)}"
        lines.append(f"{dot.join(map(key_text, path))}{draw(gaps)}={draw(gaps)}{draw(values)}{draw(end)}")
    return lines


def nested(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    lists = st.tuples(breaks, st.lists(values, max_size=3), breaks, st.booleans()).map(
        lambda t: f"[{t[0]}{f' ,{t[2]}'.join(t[1])}{f',{t[2]}' if t[3] and t[1] else t[2]}]"
    )
    return st.one_of(lists, pairs(values, st.just("")).map(lambda found: "{ " + ", ".join(found) + " }"))


values = st.recursive(scalars, nested, max_leaves=6)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """TOML with pairs, tables, tables below tables and arrays of tables, in any of the ways to write them."""
    body = pairs(values, breaks).map("".join)
    parts = [draw(body)]
    for name in draw(st.lists(names, unique=True, max_size=4)):
        key = f"{draw(gaps)}{key_text(name)}{draw(gaps)}"
        below = f"[{key}.{key_text('below ' + name)}]{draw(breaks)}{draw(body)}"
        table = f"[{key}]{draw(breaks)}{draw(body)}"
        element = f"[[{key}]]{draw(breaks)}{draw(body)}"
        form = st.sampled_from(
            [table, table + below, below + table, below, element, element + below + element, element * 3]
        )
        parts.append(draw(form))
    return "".join(parts)


def refusal(file: Path | None, flags: dict[str, object]) -> tuple[ConfigProblem, ...]:
    """What is wrong with these settings; nothing if they are taken."""
    try:
        Config.load(file, env=NOWHERE, flags=flags)
    except ConfigError as error:
        return error.problems
    return ()


def paths_in(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for part, item in inside:
        yield (*path, part)
        yield from paths_in(item, (*path, part))


@quick
@given(documents())
def test_every_key_of_a_document_is_found_where_its_name_is_written(text: str) -> None:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # a key of the root that is a table further down
    found = index_toml(text)
    assert set(found) == set(paths_in(data))
    lines = text.split("\n")
    for path, place in found.items():
        rest = lines[place.line - 1][place.column - 1 :]
        if isinstance(path[-1], str):
            assert rest.startswith(key_text(path[-1]))


@quick
@given(st.data())
def test_what_a_file_sets_is_what_it_was_set_to_and_where(tmp_path: Path, data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(KEYS), unique=True, min_size=1))
    lines = [f"{dotted(path)} = {toml_value(Config().value(path))}" for path in chosen]
    file = tmp_path / "h.toml"
    file.write_text("\n".join(lines))
    loaded = Config.load(file, env={})
    assert loaded.config == Config()
    expected = {dotted(path): f"{file}:{number}" for number, path in enumerate(chosen, start=1)}
    assert {key: origin for key, origin in loaded.origins.items() if origin != "default"} == expected


@quick
@given(st.data())
def test_any_spoilt_file_loads_or_is_refused_in_single_lines(tmp_path: Path, data: st.DataObject) -> None:
    text = example_toml()
    at = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 12))
    put = data.draw(
        st.one_of(st.text(printable, max_size=4), st.sampled_from(["\n", '"', "[", "= 1\n", "]]", "'''", "."]))
    )
    file = tmp_path / "h.toml"
    file.write_text(text[:at] + put + text[at + cut :])
    for problem in refusal(file, {}):
        assert str(problem).isprintable()
        assert problem.line is not None
        assert str(problem).startswith(f"{file}:{problem.line}:{problem.column}")


@quick
@given(st.sampled_from(KEYS), st.data())
def test_one_wrong_letter_in_a_variable_is_seen_and_corrected(path: tuple[str, str], data: st.DataObject) -> None:
    name = variable(path)
    at = data.draw(st.integers(len("HARMONIC_"), len(name) - 1).filter(lambda at: name[at] != "_"))
    typo = name[:at] + data.draw(st.sampled_from(["", "9"])) + name[at + 1 :]
    with pytest.raises(ConfigError) as caught:
        Config.load(env={**NOWHERE, typo: "1"})
    (problem,) = caught.value.problems
    assert problem.key == typo
    # Another name can be as near: "slots" without its first letter is nearer to "most" than to nothing.
    assert problem.suggestion in get_close_matches(typo, map(variable, KEYS), n=3)


@quick
@given(st.sampled_from(KEYS), st.one_of(st.text(max_size=20), st.integers(), st.floats(), st.booleans(), st.none()))
def test_any_flag_is_taken_or_refused_in_one_line(path: tuple[str, str], value: object) -> None:
    problems = refusal(None, {dotted(path): value})
    if problems:
        assert [problem.where for problem in problems] == ["command line"]
        assert str(problems[0]).isprintable()
    else:
        origin = Config.load(env=NOWHERE, flags={dotted(path): value}).origins[dotted(path)]
        assert origin == ("default" if value is None else "flag")
