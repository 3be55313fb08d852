"""What a model wrote reaches a terminal as text, never as a command to it."""

import json

import pytest

from harmonic_stack.cli.output import safe, show_json


@pytest.mark.parametrize(
    "text",
    [
        "\x1b]0;a title\x07",
        "\x1b]52;c;YQ==\x07",
        "\x1b[2J\x1b[H",
        "\x9b2J",
        "\x9d0;t\x9c",
        "overwritten\rby this",
        "a\x08\x08\x7fb",
        "\x0e\x0f\x00",
    ],
)
def test_no_character_that_commands_a_terminal_is_left(text: str) -> None:
    assert not any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in safe(text))


def test_words_of_any_script_lines_and_columns_stay() -> None:
    text = "Größe\t日本語 😀\nعربى\n"
    assert safe(text) == text
    assert safe("a\r\nb") == "a\nb"


def test_json_is_the_same_when_it_is_read_again(capsys: pytest.CaptureFixture[str]) -> None:
    content = {"text": "a\x1b\x7f\x9bü😀"}
    show_json(content)
    said = capsys.readouterr().out
    assert json.loads(said) == content
    assert safe(said) == said
