"""Frames through which agents perceive each other: numpy arrays in, numpy arrays out, no state and no I/O.

Read in this order: ``words`` and ``signature`` (what a text names), ``encode`` (text to vector), ``frame`` (both,
packed), ``relate`` (new, relevant, agreed), ``standing`` (sentences against whole drafts), ``route`` (which agent
fits), ``gate`` (what is worth telling all), ``state`` (what a session was about).
"""

from ommatidia.disagree import Disagreement, contradictions, disagreement
from ommatidia.encode import Cached, Encoder, Hash512, best_encoder
from ommatidia.errors import BadFrame, EncoderMismatch, OmmatidiaError
from ommatidia.frame import Frame, frame_of, frames_of, stack
from ommatidia.gate import Gate, broadcast, salience
from ommatidia.relate import agreement, novelty, relevance, similarity
from ommatidia.route import Examples, Prototypes, Ranked
from ommatidia.signature import Signature, signature
from ommatidia.standing import Standing, by_cosine, by_words
from ommatidia.state import State, Surprise, projected

__all__ = [
    "BadFrame",
    "Cached",
    "Disagreement",
    "Encoder",
    "EncoderMismatch",
    "Examples",
    "Frame",
    "Gate",
    "Hash512",
    "OmmatidiaError",
    "Prototypes",
    "Ranked",
    "Signature",
    "Standing",
    "State",
    "Surprise",
    "agreement",
    "best_encoder",
    "broadcast",
    "by_cosine",
    "by_words",
    "contradictions",
    "disagreement",
    "frame_of",
    "frames_of",
    "novelty",
    "projected",
    "relevance",
    "salience",
    "signature",
    "similarity",
    "stack",
]
