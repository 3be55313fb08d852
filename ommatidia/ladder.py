"""Which encoder serves: the best one installed here, loaded once for the whole process."""

import logging
from threading import Lock

from ommatidia.encode import Encoder, Hash512
from ommatidia.errors import EncoderMissing
from ommatidia.minilm import MiniLM

log = logging.getLogger(__name__)
_lock = Lock()
_loaded: list[Encoder] = []


def best_encoder() -> Encoder:
    """MiniLM where the extra ``embed`` is installed, else ``Hash512``; the same object for every thread that asks.

    The first call takes about half a second where MiniLM is installed: make it off the event loop.
    """
    with _lock:
        if not _loaded:
            _loaded.append(_best())
        return _loaded[0]


def _best() -> Encoder:
    try:
        return MiniLM()
    except EncoderMissing as missing:
        log.info("no encoder for meaning: texts are compared by words", extra={"what": missing.what})
        return Hash512()
