"""A plain client keeps its session by its history, once."""

from harmonic_stack.query import Message
from harmonic_stack.sessions import SessionChain, new_session

FIRST = [Message("user", "I am Ada.")]
SECOND = [*FIRST, Message("assistant", "Hello Ada."), Message("user", "Who am I?")]


def test_a_history_that_matches_continues_its_session() -> None:
    chain = SessionChain()
    assert chain.session_of("k", FIRST) is None
    session = new_session()
    chain.remember("k", FIRST, "Hello Ada.", session)
    assert chain.session_of("k", SECOND) == session


def test_a_second_match_another_key_or_another_answer_starts_a_new_session() -> None:
    chain = SessionChain()
    chain.remember("k", FIRST, "Hello Ada.", "s-1")
    assert chain.session_of("other", SECOND) is None
    changed = [*FIRST, Message("assistant", "Hello Bob."), Message("user", "Who am I?")]
    assert chain.session_of("k", changed) is None
    assert chain.session_of("k", SECOND) == "s-1"
    assert chain.session_of("k", SECOND) is None


def test_a_changed_system_message_is_no_new_conversation() -> None:
    chain = SessionChain()
    chain.remember("k", [Message("system", "today is Monday"), *FIRST], "Hello Ada.", "s-1")
    assert chain.session_of("k", [Message("system", "today is Tuesday"), *SECOND]) == "s-1"


def test_the_oldest_conversations_are_forgotten_first() -> None:
    chain = SessionChain(limit=2)
    for number in range(3):
        chain.remember("k", [Message("user", f"question {number}")], "answer", f"s-{number}")

    def history(number: int) -> list[Message]:
        return [Message("user", f"question {number}"), Message("assistant", "answer"), Message("user", "and?")]

    assert [chain.session_of("k", history(number)) == f"s-{number}" for number in range(3)] == [False, True, True]
