"""`core inspect` and `core verify` on real models: what they tell, and each kind of damage that they find."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from launcher import demo_model
from launcher.gguf_tensors import model_files, sha256_of
from tests.cli import Home
from tests.models import gemma_for_test
from tests.unit.launcher.gguf_builder import F32, llama_keys, write_gguf

pytestmark = pytest.mark.engine


@pytest.fixture(params=["SmolLM2 Q4_1", "Gemma 3 Q4_K_M"])
def copy(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A model's file to damage."""
    whole = demo_model() if request.param.startswith("Smol") else gemma_for_test(tmp_path)
    path = tmp_path / "copy.gguf"
    path.write_bytes(whole.read_bytes())
    return path


async def states(home: Home, *words: str, code: int) -> dict[str, str]:
    """The state of each check."""
    ran = await home.run("core", "verify", *words, "--json")
    assert ran.code == code, ran.err + ran.out
    found: dict[str, Any] = json.loads(ran.out)
    assert found["verified"] == (code == 0)
    return {check["name"]: check["state"] for check in found["checks"]}


@pytest.mark.slow
async def test_the_demonstration_model_is_verified_and_says_by_what(home: Home) -> None:
    ran = await home.run("core", "verify", "demo")
    assert ran.code == 0, ran.err
    *lines, verdict = ran.out.splitlines()
    assert verdict == "verified"
    assert [line.split()[:2] for line in lines] == [
        ["ok", name] for name in ("size", "source", "encoding", "finite", "engine")
    ]
    assert home.processes() == []


async def test_a_file_of_unknown_origin_is_not_called_verified(home: Home, copy: Path) -> None:
    ran = await home.run("core", "verify", str(copy), "--no-engine")
    assert ran.code == 1
    assert ran.out.splitlines()[-1] == "NOT verified; not run: hash; left out: engine"


@pytest.mark.slow
async def test_with_its_manifest_it_is_and_one_flipped_byte_is_found(home: Home, copy: Path, tmp_path: Path) -> None:
    manifest = str(tmp_path / "manifest.json")
    wrote = await home.run("core", "inspect", str(copy), "--write-manifest", manifest)
    assert wrote.code == 0, wrote.err
    all_good = dict.fromkeys(("size", "manifest", "tensors", "encoding", "finite", "engine"), "ok")
    assert await states(home, str(copy), "--manifest", manifest, code=0) == all_good

    tensor = model_files(copy)[0].tensors[-1]
    with copy.open("r+b") as file:
        file.seek(tensor.start + tensor.size // 2)
        byte = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes([byte ^ 1]))
    ran = await home.run("core", "verify", str(copy), "--manifest", manifest, "--no-engine")
    assert ran.code == 1
    assert f"wrong     tensors   1 are not as in the manifest: {tensor.name}\n" in ran.out
    assert ran.out.splitlines()[-1] == "NOT verified; wrong: manifest, tensors; left out: engine"


async def test_a_byte_of_the_header_is_no_tensors_and_is_found_too(home: Home, tmp_path: Path) -> None:
    path, manifest = write_gguf(tmp_path / "m.gguf", llama_keys()), str(tmp_path / "manifest.json")
    assert (await home.run("core", "inspect", str(path), "--write-manifest", manifest)).code == 0
    path.write_bytes(path.read_bytes().replace(b"llama.context_length", b"llama.context_Length"))
    found = await states(home, str(path), "--manifest", manifest, "--no-engine", code=1)
    assert (found["manifest"], found["tensors"]) == ("wrong", "ok")


async def test_a_truncated_file_is_wrong_and_what_needs_the_rest_is_not_run(home: Home, copy: Path) -> None:
    size = copy.stat().st_size
    with copy.open("r+b") as file:
        file.truncate(size - 1000)
    ran = await home.run("core", "verify", str(copy))
    assert ran.code == 1
    assert f"wrong     size      truncated: {size - 1000} bytes" in ran.out
    assert ran.out.splitlines()[-1] == "NOT verified; wrong: size; not run: hash, encoding, finite, engine"
    assert (await home.run("core", "inspect", str(copy))).code == 2


async def test_weights_that_are_no_numbers_are_found(home: Home, tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "m.gguf", llama_keys(), (("good", (8,), F32), ("bad", (8,), F32)))
    path.write_bytes(path.read_bytes()[:-32] + struct.pack("<f", float("nan")) + bytes(28))
    found = await home.run("core", "verify", str(path), "--no-engine")
    assert "wrong     finite    1 of 2 tensors hold NaN or infinite weights: bad\n" in found.out


async def test_types_that_are_not_decoded_are_told_and_never_verified(home: Home, tmp_path: Path) -> None:
    path, manifest = write_gguf(tmp_path / "m.gguf", llama_keys()), str(tmp_path / "manifest.json")
    content = path.read_bytes()
    kind = content.index(b"token_embd.weight") + 17 + 4 + 16
    path.write_bytes(content[:kind] + struct.pack("<I", 17) + content[kind + 4 :])  # IQ2_XS
    told = await home.run("core", "inspect", str(path), "--tensors", "--write-manifest", manifest)
    assert "not decoded" in told.out
    found = await states(home, str(path), "--manifest", manifest, "--no-engine", code=1)
    good, unknown = ("size", "manifest", "tensors"), ("encoding", "finite")
    assert found == dict.fromkeys(good, "ok") | dict.fromkeys(unknown, "not run") | {"engine": "left out"}


async def test_a_model_that_the_engine_cannot_load_is_wrong(home: Home, tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "m.gguf", llama_keys())
    assert (await states(home, str(path), code=1))["engine"] == "wrong"
    assert home.processes() == []


async def test_inspect_tells_of_each_type_and_each_tensor(home: Home) -> None:
    found = await home.json("core", "inspect", "demo", "--tensors")
    assert found["bytes"] == demo_model().stat().st_size
    assert {kind: row["tensors"] for kind, row in found["types"].items()} == {"F32": 61, "Q4_1": 210, "Q8_0": 1}
    assert found["types"]["Q4_1"]["stored_bits"] == 5.0
    tensor = next(each for each in found["tensors"] if each["name"] == "token_embd.weight")
    assert (tensor["shape"], tensor["type"], tensor["repacked"]) == ([576, 49152], "Q8_0", True)
    assert 0 < tensor["code_entropy"] < 8 < tensor["entropy"] < 17
    assert sum(each["bytes"] for each in found["tensors"]) == sum(row["bytes"] for row in found["types"].values())


async def test_a_model_of_ollamas_is_checked_against_its_manifest(home: Home) -> None:
    folder = home.path / "ollama"
    digest = sha256_of(demo_model())
    blob = folder / "blobs" / f"sha256-{digest}"
    place = folder / "manifests/registry.ollama.ai/library/tiny/latest"
    for path in (blob, place):
        path.parent.mkdir(parents=True)
    blob.write_bytes(demo_model().read_bytes())
    layer = {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{digest}", "size": 1}
    place.write_text(json.dumps({"layers": [layer]}))
    home.env["OLLAMA_MODELS"] = str(folder)
    assert (await states(home, "tiny", "--no-engine", code=0))["source"] == "ok"
    with blob.open("r+b") as file:
        file.truncate(1_000_000)
    assert (await states(home, "tiny", "--no-engine", code=1))["source"] == "wrong"
    assert (await states(home, str(blob), "--no-engine", code=1))["source"] == "wrong"  # by its name


async def test_what_is_no_model_is_wrong_use(home: Home, tmp_path: Path) -> None:
    unknown = await home.run("core", "verify", "no-such-model")
    assert (unknown.code, "no-such-model" in unknown.err, "smollm2" in unknown.err) == (2, True, True)
    text = tmp_path / "notes.json"
    text.write_text("{}")
    assert (await home.run("core", "inspect", str(text))).code == 2
    ran = await home.run("core", "verify", "demo", "--manifest", str(text))
    assert (ran.code, "is no manifest" in ran.err) == (2, True)
    again = await home.run("core", "inspect", "demo", "--write-manifest", str(text))
    assert (again.code, text.read_text()) == (2, "{}")
