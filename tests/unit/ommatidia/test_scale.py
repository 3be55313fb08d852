"""Thresholds for an encoder that nobody measured: read off sentences that are shipped, and carried over by rank."""

from collections.abc import Sequence

import numpy as np
import pytest

from harmonic_stack.merge.minority import RULES, rule_of
from ommatidia import Hash512, MiniLM, as_high, best_encoder
from ommatidia.encode import Vectors
from ommatidia.pairs import known_pairs
from ommatidia.scale import _MINILM, Scale, known_texts, ranked, scale_of


class Squeezed(Hash512):
    """Hash512 with a direction added to every vector, as pooled states of a language model have one."""

    tag = "squeezed"

    def __init__(self, share: float) -> None:
        super().__init__()
        self._share, self.scale = share, None

    def encode(self, texts: Sequence[str]) -> Vectors:
        rows = super().encode(texts) * (1 - self._share)
        rows[:, 0] += self._share
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


class Measured(Hash512):
    """An encoder with a scale."""

    tag = "measured"

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        self.scale = scale


def test_the_known_pairs_name_sentences_and_no_pair_is_of_two_kinds() -> None:
    pairs = known_pairs()
    kinds = (pairs.same, pairs.related, pairs.unrelated)
    assert len(set(pairs.texts)) == len(pairs.texts) == 96
    assert [len(kind) for kind in kinds] == [24, 48, 72]
    assert len({frozenset(pair) for kind in kinds for pair in kind}) == 24 + 48 + 72


def test_the_written_ranks_are_minilms() -> None:
    encoder = best_encoder()
    if not isinstance(encoder, MiniLM):
        pytest.skip("the extra embed is not installed")
    vectors = encoder.encode(known_texts())
    assert np.allclose(ranked(vectors), _MINILM, atol=0.005)
    found = scale_of(vectors)
    assert found.told_apart > 0.95
    assert [found.like(cosine) for cosine in (0.15, 0.55, 0.8)] == pytest.approx([0.15, 0.55, 0.8], abs=0.01)


def test_an_encoder_whose_cosines_all_lie_high_gets_thresholds_as_high() -> None:
    plain, squeezed = (scale_of(encoder.encode(known_texts())) for encoder in (Hash512(), Squeezed(0.6)))
    for threshold in (0.15, 0.3, 0.55, 0.8):
        assert squeezed.like(threshold) > plain.like(threshold) + 0.05
    assert squeezed.like(0.15) < squeezed.like(0.3) < squeezed.like(0.55) < squeezed.like(0.8) < 1


def test_an_encoder_that_tells_nothing_apart_is_seen() -> None:
    noise = np.random.default_rng(0).standard_normal((96, 64)).astype(np.float32)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    assert 0.4 < scale_of(noise).told_apart < 0.6
    assert scale_of(np.ones((96, 4), np.float32) / 2).told_apart == 0.5


def test_without_a_scale_a_threshold_stays_and_the_merge_goes_by_words() -> None:
    assert as_high(Squeezed(0.6), 0.3) == 0.3
    assert rule_of(Squeezed(0.6)).by_words


def test_a_measured_encoder_is_judged_by_minilms_rule_carried_over() -> None:
    known, minilm = RULES["minilm384"], Scale(_MINILM, 1.0)
    rule = rule_of(Measured(minilm))
    assert (rule.closest, rule.said, rule.shared, rule.about) == pytest.approx(
        (known.closest, known.said, known.shared, known.about)
    )
    assert rule.relevance == pytest.approx(known.relevance)
    higher = rule_of(Measured(scale_of(Squeezed(0.6).encode(known_texts()))))
    assert not higher.by_words
    assert higher.said > rule.said
