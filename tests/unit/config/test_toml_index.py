"""Where keys stand in a TOML document."""

import pytest

from harmonic_stack.config.toml_index import index_toml


@pytest.mark.parametrize(
    ("text", "path", "place"),
    [
        ("port = 1", ("port",), (1, 1)),
        ("\n  [ server ]\nport = 1", ("server",), (2, 5)),
        ("[server]\nport = 1", ("server", "port"), (2, 1)),
        ("server.port = 1", ("server", "port"), (1, 8)),
        ("\"a b\" . 'c.d' = 1", ("a b", "c.d"), (1, 9)),
        ('"\\u00e9" = 1', ("é",), (1, 1)),
        ("a = {b = 1, c = {d = 2}}", ("a", "c", "d"), (1, 18)),
        ("a = [1, # ]\n 2]\nb = 3", ("a", 1), (2, 2)),
        ("a = [1, # ]\n 2]\nb = 3", ("b",), (3, 1)),
        ("[[a]]\nb = 1\n[[a]]\nb = 2", ("a", 1, "b"), (4, 1)),
        ("[[a]]\n[a.c]\nb = 1\n[[a]]\n[a.c]\nb = 2", ("a", 1, "c", "b"), (6, 1)),
        ('a = """\nb = 1\n[x]"""\nb = 2', ("b",), (4, 1)),
        ('a = """ends with two quotes\\\\"""""\nb = 2', ("b",), (2, 1)),
        ("a = '''\n]'''''\nb = 2", ("b",), (3, 1)),
        ('a = "# \\" no comment = 1" # b = 1\nb = 2', ("b",), (2, 1)),
        ("a = 1979-05-27 07:32:00 # when\nb = 2", ("b",), (2, 1)),
        ("[a.b]\nc = 1\n[a]\nd = 1", ("a",), (3, 2)),
        ("\té = 1".replace("é", '"é"') + "\n", ("é",), (1, 2)),
    ],
)
def test_a_key_is_found_where_it_is_written(text: str, path: tuple[str | int, ...], place: tuple[int, int]) -> None:
    assert index_toml(text)[path] == place


def test_what_looks_like_a_key_inside_a_string_is_none() -> None:
    assert set(index_toml('a = """\nb = 1\n"""\nc = "d = 1"')) == {("a",), ("c",)}
