"""The settings written out: as an example file that loads to the defaults, and as tables for the documentation."""

import textwrap
from collections.abc import Iterator

from pydantic.fields import FieldInfo

from harmonic_stack.config.base import Section
from harmonic_stack.config.words import allowed_by, toml_value

HEAD = """\
# Every setting of Harmonic Stack at its default: keep what you change, delete the rest.
# Each can also be given as an environment variable, HARMONIC_SECTION__KEY, which wins over this file.
"""
WIDTH = 110


def example(model: type[Section]) -> str:
    """A TOML file with every key of *model* at its default, below what it means and allows."""
    lines = [HEAD]
    for name, info, section in _tables(model):
        if section is None:
            lines += [*_comment(info), f"{name} = {toml_value(info.default)}", ""]
            continue
        lines += [f"# {_title(section)}", f"[{name}]"]
        for key, found in section.model_fields.items():
            lines += [*_comment(found), f"{key} = {toml_value(found.default)}"]
        lines.append("")
    return "\n".join(lines)


def tables(model: type[Section]) -> str:
    """The sections of *model* as Markdown: a heading, what it is about, and a table of its keys."""
    parts = []
    for name, info, section in _tables(model):
        if section is None:
            parts.append(
                f"`{name}` stands outside of any section. {info.description} Default `{toml_value(info.default)}`."
            )
        else:
            parts.append(f"### [{name}]\n\n{_title(section)}\n\n{table_of(section)}")
    return "\n\n".join(parts)


def table_of(section: type[Section]) -> str:
    """The keys of one section as a Markdown table: key, default, what is allowed, meaning."""
    rows = [("key", "default", "allowed", "meaning"), ("---",) * 4]
    for key, info in section.model_fields.items():
        default = "required" if info.is_required() else f"`{toml_value(info.default)}`"
        rows.append((f"`{key}`", default, allowed_by(info), info.description or ""))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def _tables(model: type[Section]) -> Iterator[tuple[str, FieldInfo, type[Section] | None]]:
    for name, info in model.model_fields.items():
        kind = info.annotation
        yield name, info, kind if isinstance(kind, type) and issubclass(kind, Section) else None


def _title(section: type[Section]) -> str:
    return (section.__doc__ or "").splitlines()[0]


def _comment(info: FieldInfo) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(f"{info.description} Allowed: {allowed_by(info)}.", WIDTH)]
