"""What an engine cannot carry is refused by name before it is asked."""

from typing import get_args

import pytest

from harmonic_stack.chat_client import ChatCall
from harmonic_stack.engine.capabilities import CAPABILITIES, Capability, refuse_uncarried
from harmonic_stack.engine.ollama_dialect import chat_body
from harmonic_stack.errors import EngineStreamFailed, UnsupportedParameter
from harmonic_stack.query import Message, Sampling

SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}
EVERY = Sampling(logit_bias={"5": 1.0}, seed=1, frequency_penalty=0.5, presence_penalty=0.5, response_format=SCHEMA)


def test_every_name_is_one_that_is_known() -> None:
    known = set(get_args(Capability))
    assert all(can <= known for can in CAPABILITIES.values())


def test_ollama_is_not_asked_for_a_logit_bias() -> None:
    with pytest.raises(UnsupportedParameter) as refusal:
        refuse_uncarried(EVERY, CAPABILITIES["ollama"], "ollama")
    assert refusal.value.param == "logit_bias"


@pytest.mark.parametrize("engine", ["embedded", "openai"])
def test_llama_cpp_and_a_strangers_server_are_asked_for_all_of_it(engine: str) -> None:
    refuse_uncarried(EVERY, CAPABILITIES[engine], engine)


@pytest.mark.parametrize(
    ("sampling", "param"),
    [
        (Sampling(logit_bias={"5": 1.0}), "logit_bias"),
        (Sampling(seed=1), "seed"),
        (Sampling(frequency_penalty=1.0), "frequency_penalty"),
        (Sampling(presence_penalty=1.0), "presence_penalty"),
        (Sampling(response_format=SCHEMA), "response_format"),
    ],
)
def test_an_engine_that_can_nothing_is_asked_for_nothing(sampling: Sampling, param: str) -> None:
    with pytest.raises(UnsupportedParameter) as refusal:
        refuse_uncarried(sampling, frozenset(), "unknown")
    assert refusal.value.param == param


def test_what_is_granted_to_ollama_its_dialect_carries() -> None:
    call = ChatCall(
        "m", [Message("user", "x")], {"seed": 1, "min_p": 0.1, "frequency_penalty": 1, "presence_penalty": 1}
    )
    chat_body(call, {})
    with pytest.raises(EngineStreamFailed):
        chat_body(ChatCall("m", [Message("user", "x")], {"logit_bias": {"5": 1.0}}), {})
