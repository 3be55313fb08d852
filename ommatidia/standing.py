"""Where each sentence of several texts stands: is it to the point, and does another text say it too?

Two ways to tell, with one result. ``by_cosine`` asks an encoder that knows meaning. ``by_words`` asks the words
themselves: hashed vectors are too coarse for one sentence (two unrelated ones differ from cosine 0 by about
1/sqrt(512) = 0.04, as much as one shared word among many makes), so it compares stems exactly and counts kin ones too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ommatidia.encode import Encoder
from ommatidia.words import content_stems, kin

Figures = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]
Texts = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Standing:
    """For every sentence, text after text: how far it is to the point, and how near the nearest one elsewhere is.

    ``relevance`` = likeness to the question + mean likeness to the other texts. ``closest`` = likeness to the nearest
    sentence of any other text, 0 where there is none. ``said`` = how much of it the other texts say all together; not
    less than ``closest``.
    """

    relevance: tuple[float, ...]
    closest: tuple[float, ...]
    said: tuple[float, ...]


def by_cosine(question: str, texts: Texts, encoder: Encoder) -> Standing:
    """Tell by the cosines of *encoder*'s vectors; ``said`` is ``closest``: a vector has no parts."""
    sentences = [sentence for text in texts for sentence in text]
    vectors = encoder.encode([question, *(" ".join(text) for text in texts), *sentences])
    whole, single = vectors[1 : len(texts) + 1], vectors[len(texts) + 1 :]
    owners = _owners(texts)
    closest = _closest(single @ single.T, owners)
    return _standing(_relevance(single @ vectors[0], single @ whole.T, owners), closest, closest)


def by_words(question: str, texts: Texts) -> Standing:
    """Tell by shared stems and their kin.

    1. Likeness to a text is the cosine of stem counts, a kin stem counting by its strength: what a text says often is
       its topic, so a word that a long text happens to hold weighs little.
    2. Likeness to another sentence is the share of this sentence's stems that stand in the other or have kin there.
    3. Said is that share over the question and all other texts together.
    """
    counts = _count(question, texts)
    told, reach = counts.with_kin(counts.whole), np.minimum(counts.with_kin(counts.single), 1)
    lengths = np.maximum(np.sqrt((counts.whole**2).sum(axis=1)), 1)
    others = [np.minimum(np.max(np.delete(told, text + 1, axis=0), axis=0), 1) for text in range(len(texts))]
    sentences = len(counts.spots)
    likeness, covered, said = _zeros(sentences, len(told)), _zeros(sentences, sentences), _zeros(sentences)
    # Sentence by sentence: a sentence holds a dozen of the stems, so this beats multiplying the whole tables.
    for at, (spot, owner) in enumerate(zip(counts.spots, counts.owners, strict=True)):
        if len(spot):
            likeness[at] = told[:, spot].sum(axis=1) / lengths / np.sqrt(len(spot))
            covered[at] = reach[:, spot].mean(axis=1)
            said[at] = others[owner][spot].mean()
    closest = _closest(covered, counts.owners)
    return _standing(_relevance(likeness[:, 0], likeness[:, 1:], counts.owners), closest, np.maximum(said, closest))


@dataclass(frozen=True, slots=True)
class _Counts:
    """Which stems stand where. Columns are the vocabulary; ``spots`` are the columns of each sentence's stems."""

    owners: Places
    spots: list[Places]
    single: Figures  # (sentences, vocabulary), ones and zeros
    whole: Figures  # (1 + texts, vocabulary), the question first: in how many sentences of it
    relatives: list[tuple[int, int, float]]

    def with_kin(self, table: Figures) -> Figures:
        """*table* with each stem's count raised by those of its kin, by their strength."""
        told = table.copy()
        for one, other, strength in self.relatives:
            told[:, one] += strength * table[:, other]
            told[:, other] += strength * table[:, one]
        return told


def _count(question: str, texts: Texts) -> _Counts:
    stems = [content_stems(sentence) for text in texts for sentence in text]
    asked, owners = content_stems(question), _owners(texts)
    columns = {word: place for place, word in enumerate(dict.fromkeys([*asked, *(w for ws in stems for w in ws)]))}
    spots = [np.array([columns[word] for word in dict.fromkeys(words)], dtype=np.intp) for words in stems]
    single, whole = _zeros(len(stems), len(columns)), _zeros(len(texts) + 1, len(columns))
    for row, spot in zip(single, spots, strict=True):
        row[spot] = 1
    whole[0, [columns[word] for word in asked]] = 1
    np.add.at(whole, owners + 1, single)
    return _Counts(owners, spots, single, whole, kin(list(columns)))


def _standing(relevance: Figures, closest: Figures, said: Figures) -> Standing:
    return Standing(tuple(relevance.tolist()), tuple(closest.tolist()), tuple(said.tolist()))


def _relevance(to_question: Figures, to_texts: Figures, owners: Places) -> Figures:
    own = owners[:, None] == np.arange(to_texts.shape[1])
    others = np.maximum((~own).sum(axis=1), 1)
    figures: Figures = to_question + np.where(own, 0, to_texts).sum(axis=1) / others
    return figures


def _closest(to_sentences: Figures, owners: Places) -> Figures:
    figures: Figures = np.max(np.where(owners[:, None] == owners, 0, to_sentences), axis=1, initial=0)
    return figures


def _owners(texts: Texts) -> Places:
    return np.repeat(np.arange(len(texts)), [len(text) for text in texts]).astype(np.intp)


def _zeros(*shape: int) -> Figures:
    return np.zeros(shape, dtype=np.float32)
