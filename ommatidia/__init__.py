"""Frames through which agents perceive each other: numpy arrays in, numpy arrays out, no state and no I/O.

Read in this order: ``words`` and ``signature`` (what a text names), ``encode`` (text to vector), ``minilm`` and
``ladder`` (the encoder that knows meaning, where it is installed), ``projection`` (any width at another), ``scale`` and
``pairs`` (where the cosines of another encoder lie), ``frame`` (vector and signature, packed), ``relate`` (new,
relevant, agreed), ``disagree`` (may contradict), ``standing`` (sentences against whole drafts), ``shared`` (points that
one lacks and several make), ``route`` (which agent fits), ``gate`` (what is worth telling all), ``state`` (what a
session was about). ``grid`` stands apart: transforms of small coloured grids, and a search for programs made of them.
"""

from ommatidia.disagree import Disagreement, disagreements
from ommatidia.encode import Cached, Encoder, Hash512
from ommatidia.errors import BadFrame, EncoderMismatch, EncoderMissing, OmmatidiaError
from ommatidia.frame import Frame, frame_of, frames_of, stack
from ommatidia.gate import Gate, broadcast, salience
from ommatidia.ladder import best_encoder
from ommatidia.minilm import MiniLM
from ommatidia.projection import project
from ommatidia.relate import agreement, novelty, relevance, similarity
from ommatidia.route import Examples, Prototypes, Ranked
from ommatidia.scale import Scale, as_high
from ommatidia.shared import Shared, shared_points
from ommatidia.signature import Signature, signature
from ommatidia.standing import Standing, by_cosine, by_words
from ommatidia.state import State, Surprise, projected

__all__ = [
    "BadFrame",
    "Cached",
    "Disagreement",
    "Encoder",
    "EncoderMismatch",
    "EncoderMissing",
    "Examples",
    "Frame",
    "Gate",
    "Hash512",
    "MiniLM",
    "OmmatidiaError",
    "Prototypes",
    "Ranked",
    "Scale",
    "Shared",
    "Signature",
    "Standing",
    "State",
    "Surprise",
    "agreement",
    "as_high",
    "best_encoder",
    "broadcast",
    "by_cosine",
    "by_words",
    "disagreements",
    "frame_of",
    "frames_of",
    "novelty",
    "project",
    "projected",
    "relevance",
    "salience",
    "shared_points",
    "signature",
    "similarity",
    "stack",
]
