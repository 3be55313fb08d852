"""What is granted to an engine is known by name, and its dialect carries it."""

import pytest

from harmonic_stack.chat_client import ChatCall
from harmonic_stack.engine.capabilities import ALL, CAPABILITIES, capabilities_of
from harmonic_stack.engine.ollama_dialect import chat_body
from harmonic_stack.errors import EngineStreamFailed
from harmonic_stack.query import Message


class Engine:
    """An engine's name is all that matters here."""

    def __init__(self, name: str) -> None:
        self.name = name


def test_every_name_is_one_that_is_known() -> None:
    assert all(can <= ALL for can in CAPABILITIES.values())


def test_an_engine_that_nobody_knows_can_nothing() -> None:
    assert capabilities_of(Engine("unknown")) == frozenset()
    assert "logit_bias" not in capabilities_of(Engine("ollama"))


def test_what_is_granted_to_ollama_its_dialect_carries() -> None:
    call = ChatCall(
        "m", [Message("user", "x")], {"seed": 1, "min_p": 0.1, "frequency_penalty": 1, "presence_penalty": 1}
    )
    chat_body(call, {})
    with pytest.raises(EngineStreamFailed):
        chat_body(ChatCall("m", [Message("user", "x")], {"logit_bias": {"5": 1.0}}), {})
