"""Control calls to Ollama: what it answers is typed, and each way of failing has its class."""

from pathlib import Path

import pytest

from launcher.errors import EngineUnreachable, ModelMissing, ModelNotLoaded, OllamaMissing, OllamaRefused, PullFailed
from launcher.loopback import free_port
from launcher.ollama_api import OllamaApi, PullProgress, version_at
from launcher.ollama_site import look_at_ollama, server_address
from tests.fake_ollama import FakeOllama, fake_ollama, listed

MODELS = [
    listed("old:latest", age=9),
    listed("new:latest", family="qwen3", age=1),
    listed("words:latest", family="bert", can=["embedding"]),
]
PULLED = [
    b'{"status":"pulling manifest"}',
    b'{"status":"pulling b179c9523d0e","digest":"sha256:b1","total":100}',
    b'{"status":"pulling b179c9523d0e","digest":"sha256:b1","total":100,"completed":40}',
    b'{"status":"success"}',
]


async def test_models_are_listed_the_newest_first() -> None:
    async with fake_ollama(FakeOllama(models=MODELS)) as fake:
        api = OllamaApi(fake.url)
        assert await api.version() == "0.32.14"
        found = await api.models()
    assert [model.name for model in found] == ["words:latest", "new:latest", "old:latest"]
    assert [model.completes for model in found] == [False, True, True]
    assert [model.family for model in found] == ["bert", "qwen3", "llama"]


async def test_an_older_server_that_lists_no_capabilities_is_read_by_family() -> None:
    models = [{name: value for name, value in model.items() if name != "capabilities"} for model in MODELS]
    async with fake_ollama(FakeOllama(models=models)) as fake:
        assert [model.completes for model in await OllamaApi(fake.url).models()] == [False, True, True]


async def test_a_pull_tells_its_progress_and_names_a_registry_without_tls() -> None:
    async with fake_ollama(FakeOllama(pulls=PULLED)) as fake:
        told = [each async for each in OllamaApi(fake.url).pull("http://127.0.0.1:1/library/tiny")]
        await anext(OllamaApi(fake.url).pull("tiny"))
    assert told[2] == PullProgress("pulling b179c9523d0e", "sha256:b1", 100, 40)
    assert told[-1].status == "success"
    assert [body["insecure"] for _, body in fake.asked] == [True, False]


BROKEN = {
    "no space": [PULLED[0], b'{"error":"write /models/x: no space left on device"}'],
    "ended at 'pulling manifest'": PULLED[:1],
    "answered '<html>'": [b"<html>"],
}


@pytest.mark.parametrize("reason", BROKEN)
async def test_a_pull_that_does_not_end_well_is_a_failure_with_its_reason(reason: str) -> None:
    async with fake_ollama(FakeOllama(pulls=BROKEN[reason])) as fake:
        with pytest.raises(PullFailed, match=reason) as failure:
            async for _ in OllamaApi(fake.url).pull("tiny"):
                pass
    assert failure.value.name == "tiny"


async def test_a_model_that_cannot_be_loaded_carries_the_servers_reason() -> None:
    async with fake_ollama(FakeOllama(refusals={"/api/chat": (500, b'{"error":"unable to load model"}')})) as fake:
        with pytest.raises(ModelNotLoaded, match="unable to load model"):
            await OllamaApi(fake.url).load("tiny", {"keep_alive": -1}, timeout=5)


async def test_a_model_that_is_not_there_is_missing() -> None:
    async with fake_ollama(FakeOllama(refusals={"/api/show": (404, b'{"error":"not found"}')})) as fake:
        with pytest.raises(ModelMissing):
            await OllamaApi(fake.url).blob("tiny")


@pytest.mark.parametrize(
    ("answer", "error"),
    [((500, b'{"error":"boom"}'), OllamaRefused), ((403, b""), OllamaRefused), ((200, b"[1]"), EngineUnreachable)],
)
async def test_an_odd_answer_is_typed(answer: tuple[int, bytes], error: type[Exception]) -> None:
    async with fake_ollama(FakeOllama(refusals={"/api/tags": answer})) as fake:
        with pytest.raises(error):
            await OllamaApi(fake.url).models()


async def test_nobody_listens() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert await version_at(url) is None
    with pytest.raises(EngineUnreachable):
        await OllamaApi(url).models()
    with pytest.raises(EngineUnreachable) as unreachable:
        await look_at_ollama(url, [])
    assert unreachable.value.url == url


async def test_without_server_and_program_there_is_no_ollama(tmp_path: Path) -> None:
    host = f"127.0.0.1:{free_port()}"
    with pytest.raises(OllamaMissing) as missing:
        await look_at_ollama(None, [], environ={"PATH": str(tmp_path), "OLLAMA_HOST": host})
    assert missing.value.url == f"http://{host}"


async def test_a_server_that_runs_is_found_by_its_variable_and_only_looked_at(tmp_path: Path) -> None:
    async with fake_ollama(FakeOllama(models=MODELS)) as fake:
        host = fake.url.removeprefix("http://")
        site = await look_at_ollama(None, ["", "old"], environ={"PATH": str(tmp_path), "OLLAMA_HOST": host})
    assert (site.url, site.program, site.version) == (fake.url, None, "0.32.14")
    assert site.find("").name == "new:latest"
    assert site.find("old").blob == Path("/models/blobs/sha256-0")
    assert site.find("words").blob is None
    with pytest.raises(ModelMissing) as missing:
        site.find("huge")
    assert missing.value.known == ("words:latest", "new:latest", "old:latest")
    assert {path for path, _ in fake.asked} == {"/api/version", "/api/tags", "/api/show"}


@pytest.mark.parametrize(
    ("variable", "address"),
    [
        ("", "http://127.0.0.1:11434"),
        (":8080", "http://127.0.0.1:8080"),
        ("0.0.0.0:9", "http://127.0.0.1:9"),
        ("https://box", "https://box:443"),
        ("[::1]:7", "http://[::1]:7"),
        ("box:port", "http://box:11434"),
    ],
)
def test_the_variable_is_read_as_ollama_reads_it(variable: str, address: str) -> None:
    assert server_address({"OLLAMA_HOST": variable}) == address
