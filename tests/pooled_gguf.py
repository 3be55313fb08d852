"""A chat model's file as one that Ollama takes for an embedding model."""

import struct

# Keys of a GGUF header: what makes Ollama take a model for one that embeds (mean pooling), and one that fills up to 96
# bytes, so that the tensors stay aligned as they were.
POOLED = b"".join(
    struct.pack("<Q", len(key)) + key + value
    for key, value in (
        (b"llama.pooling_type", struct.pack("<II", 4, 1)),
        (b"general.filler", struct.pack("<IQ", 8, 28) + b"." * 28),
    )
)


def pooled(model: bytes) -> bytes:
    """A GGUF whose vectors are the mean of all its states: the file with two keys more."""
    magic, version, tensors, keys = struct.unpack_from("<4sIQQ", model)
    assert len(POOLED) % 32 == 0
    return struct.pack("<4sIQQ", magic, version, tensors, keys + 2) + POOLED + model[24:]
