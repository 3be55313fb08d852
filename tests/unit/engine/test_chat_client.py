"""One streamed completion: every way in which an engine can fail ends in a typed failure, and a cancel frees it."""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from harmonic_stack.chat_client import ChatCall, ChatClient, OnText, Patience
from harmonic_stack.engine.connection import ANSWER, DRAFT, Rest, Upstream
from harmonic_stack.engine.openai_dialect import OPENAI
from harmonic_stack.errors import EngineStreamFailed, StreamFault
from harmonic_stack.query import Completion, Message
from tests.fake_engine import Act, FakeEngine, fake_engine
from tests.helpers import until

CALL = ChatCall("fake", [Message("user", "hello")], {"max_tokens": 5})
either_way = pytest.mark.parametrize("call", [CALL, replace(CALL, patient=True)], ids=["eager", "patient"])


async def _ask(
    engine: FakeEngine, patience: Patience | None = None, got: list[str] | None = None, *, call: ChatCall = CALL
) -> Completion:
    client = ChatClient(Upstream(engine.url, key="secret"), OPENAI, patience or Patience())
    try:
        heard: list[str] = got if got is not None else []
        return await client.stream_chat(call, lambda text, _: heard.append(text))
    finally:
        client.close()


@either_way
async def test_text_arrives_piece_by_piece_and_whole_with_its_usage(call: ChatCall) -> None:
    got: list[str] = []
    async with fake_engine(lambda _: Act("one two three")) as engine:
        completion = await _ask(engine, got=got, call=call)
    assert "".join(got) == "one two three"
    assert (completion.text, completion.finish) == ("one two three", "stop")
    assert (completion.prompt_tokens, completion.completion_tokens) == (10, 3)
    assert engine.requests[0]["stream"] is True
    assert engine.requests[0]["max_tokens"] == 5
    assert "authorization: Bearer secret" in engine.headers[0]


async def test_tokens_are_counted_where_the_engine_reports_no_usage() -> None:
    async with fake_engine(lambda _: Act("one two", usage=False)) as engine:
        completion = await _ask(engine)
    assert (completion.prompt_tokens, completion.completion_tokens) == (None, 2)


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_thoughts_are_kept_apart_from_the_text(field: str) -> None:
    event = b'data: {"choices":[{"delta":{"%b":"hm"}}]}\n\n' % field.encode()
    rest = b'data: {"choices":[{"delta":{"content":"four"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    async with fake_engine(lambda _: Act(raw=[event, event, rest])) as engine:
        completion = await _ask(engine)
    assert (completion.text, completion.reasoning) == ("four", "hmhm")


async def test_a_call_to_an_engine_that_is_starting_anew_waits_for_it_and_asks_once_more() -> None:
    async with AsyncExitStack() as parts, AsyncExitStack() as first:
        gone = await first.enter_async_context(fake_engine())
        port = int(gone.url.rsplit(":", 1)[1].partition("/")[0])
        await first.aclose()

        async def restart(seconds: float) -> bool:
            assert seconds == Patience().first_token
            await parts.enter_async_context(fake_engine(lambda _: Act("back"), port=port))
            return True

        client = ChatClient(Upstream(gone.url), OPENAI, serves_again=restart)
        parts.callback(client.close)
        assert (await client.stream_chat(CALL, lambda *_: None)).text == "back"


async def test_an_engine_that_ends_while_its_connections_are_kept_is_waited_for() -> None:
    """The first try meets a dropped connection, the second an engine that is gone; the third is answered."""
    gone = Act(head=b"")  # closed without a word
    acts = iter([Act("here"), gone, gone, Act("back"), gone, gone, gone])
    waited: list[float] = []

    async def wait(seconds: float) -> bool:
        waited.append(seconds)
        return True

    async with fake_engine(lambda _: next(acts)) as engine:
        client = ChatClient(Upstream(engine.url), OPENAI, serves_again=wait)
        assert [(await client.stream_chat(CALL, lambda *_: None)).text for _ in range(2)] == ["here", "back"]
        with pytest.raises(EngineStreamFailed):
            await client.stream_chat(CALL, lambda *_: None)
        client.close()
    assert (len(waited), len(engine.requests)) == (2, 7)


async def test_an_engine_that_reads_its_model_again_is_waited_for_once() -> None:
    acts = iter([Act(status=503, body=b"Loading model"), Act("back"), Act(status=503), Act(status=503)])
    waited: list[float] = []

    async def wait(seconds: float) -> bool:
        waited.append(seconds)
        return True

    async with fake_engine(lambda _: next(acts)) as engine:
        client = ChatClient(Upstream(engine.url), OPENAI, serves_again=wait)
        assert (await client.stream_chat(CALL, lambda *_: None)).text == "back"
        with pytest.raises(EngineStreamFailed, match="503"):
            await client.stream_chat(CALL, lambda *_: None)
        client.close()
    assert len(waited) == 2


@pytest.mark.parametrize("act", [Act("a b", die_after=1), Act(status=500, body=b"broken")])
async def test_an_engine_that_had_begun_or_refused_is_not_waited_for(act: Act) -> None:
    waited: list[float] = []

    async def wait(seconds: float) -> bool:
        waited.append(seconds)
        return True

    async with fake_engine(lambda _: act) as engine:
        client = ChatClient(Upstream(engine.url), OPENAI, serves_again=wait)
        with pytest.raises(EngineStreamFailed):
            await client.stream_chat(CALL, lambda *_: None)
        client.close()
    assert (waited, len(engine.requests)) == ([], 1)


async def test_an_engine_that_does_not_come_back_is_the_first_fault() -> None:
    async def give_up(_: float) -> bool:
        return False

    client = ChatClient(Upstream("http://127.0.0.1:1/v1"), OPENAI, serves_again=give_up)
    with pytest.raises(EngineStreamFailed) as failure:
        await client.stream_chat(CALL, lambda *_: None)
    assert failure.value.reason is StreamFault.CONNECT


FAULTS = {
    "closed before the first piece": (Act(die_after=0), StreamFault.CUT),
    "closed after one piece": (Act("a b c", die_after=1), StreamFault.CUT),
    "refused": (Act(status=503, body=b'{"error": "busy"}'), StreamFault.STATUS),
    "a web page": (Act(raw=[b"<html>"], content_type="text/html"), StreamFault.MALFORMED),
    "broken JSON": (Act(raw=[b"data: {nonsense\n\n"]), StreamFault.MALFORMED),
    "bad UTF-8": (Act(raw=[b'data: {"choices":[{"delta":{"content":"\xff\xfe"}}]}\n\n']), StreamFault.MALFORMED),
    "an error in the stream": (Act(raw=[b'data: {"error": {"message": "boom"}}\n\n']), StreamFault.ENGINE),
    "an end without a finish": (Act(raw=[b'data: {"choices":[]}\n\n']), StreamFault.CUT),
    "one endless event": (Act(raw=[b"data: " + b"x" * 70_000] * 20), StreamFault.TOO_LARGE),
}


@either_way
@pytest.mark.parametrize("name", FAULTS)
async def test_a_faulty_stream_is_a_typed_failure(name: str, call: ChatCall) -> None:
    act, fault = FAULTS[name]
    async with fake_engine(lambda _: act) as engine:
        with pytest.raises(EngineStreamFailed) as failure:
            await _ask(engine, call=call)
    assert failure.value.reason is fault


async def test_split_multibyte_characters_and_a_missing_done_mark_are_no_fault() -> None:
    data = b'data: {"choices":[{"delta":{"content":"\xc3\xa4\xe2\x82\xac"},"finish_reason":"stop"}]}\r\n\r\n'
    async with fake_engine(lambda _: Act(raw=[data[:40], data[40:41], data[41:]])) as engine:
        assert (await _ask(engine)).text == "ä€"


async def test_an_engine_without_an_answer_runs_into_the_time_limit() -> None:
    async with fake_engine(lambda _: Act(hold=asyncio.Event())) as engine:
        with pytest.raises(EngineStreamFailed) as failure:
            await _ask(engine, Patience(first_token=0.1))
    assert failure.value.reason is StreamFault.TIMEOUT


@either_way
async def test_an_engine_that_stalls_between_tokens_runs_into_the_time_limit(call: ChatCall) -> None:
    async with fake_engine(lambda _: Act("a b c", delay=0.4)) as engine:
        with pytest.raises(EngineStreamFailed) as failure:
            await _ask(engine, Patience(first_token=5, token=0.1), call=call)
    assert failure.value.reason is StreamFault.TIMEOUT


async def test_nobody_listens() -> None:
    async with fake_engine() as engine:
        pass
    with pytest.raises(EngineStreamFailed) as failure:
        await _ask(engine)
    assert failure.value.reason is StreamFault.CONNECT


@either_way
async def test_cancelling_closes_the_connection(call: ChatCall) -> None:
    async with fake_engine(lambda _: Act("a " * 500, delay=0.01)) as engine:
        task = asyncio.create_task(_ask(engine, call=call))
        await until(lambda: engine.streaming == 1, "the engine streams")
        task.cancel()
        await until(lambda: engine.closed == 1, "the engine notices that the caller left")


@either_way
async def test_connections_are_used_again_and_a_dropped_one_is_replaced_unseen(call: ChatCall) -> None:
    acts = iter([Act("one"), Act("two", drop_kept=True), Act("three")])
    async with fake_engine(lambda _: next(acts)) as engine:
        client = ChatClient(Upstream(engine.url), OPENAI)
        texts = [(await client.stream_chat(call, lambda text, pieces: None)).text for _ in range(3)]
        client.close()
    assert texts == ["one", "two", "three"]
    assert (len(engine.requests), engine.connections) == (3, 2)


@pytest.mark.parametrize(
    ("call", "rest"), [(CALL, ANSWER), (replace(CALL, patient=True), DRAFT)], ids=["answers", "drafts"]
)
async def test_the_sockets_of_many_streams_are_read_seldom(call: ChatCall, rest: Rest) -> None:
    """Each stream's socket rests after a read: it is read twice in such a time at most, however often words come."""
    streams, words = 64, 60
    reads = [0] * streams
    async with fake_engine(lambda _: Act("word " * words, delay=0.005)) as engine:
        client = ChatClient(Upstream(engine.url), OPENAI)
        begun = time.monotonic()

        def counted(place: int) -> OnText:
            def heard(_: str, __: int) -> None:
                reads[place] += 1

            return heard

        calls = (client.stream_chat(call, counted(place)) for place in range(streams))
        texts = [completion.text for completion in await asyncio.gather(*calls)]
        seconds = time.monotonic() - begun
        client.close()
    assert texts == ["word " * words] * streams
    assert max(reads) <= 2 * seconds / (rest.each * streams) + 3
