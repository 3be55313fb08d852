"""What one slot of a model keeps while it runs: the keys of its header in, bytes per token and per slot out.

The rules are those by which llama.cpp sizes its caches (its hparams and the iswa, recurrent and hybrid caches), written
down once for every architecture: a layer keeps the whole context, a sliding window of it, or a state of fixed size.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from launcher.gguf_header import Value
from launcher.types import Bytes

F16, F32 = 2, 4  # bytes of an element: caches default to f16, recurrent states are f32
BATCH = 512  # tokens that llama.cpp computes at a time (ubatch); a sliding window keeps those beside its own
STEP = 256  # cells to which llama.cpp rounds a sliding window's cache

# Every n-th layer keeps the whole context, the others slide; llama.cpp holds these where the file does not tell.
PERIODS = {
    "gemma2": 2, "gemma3": 6, "gemma3n": 5, "gpt-oss": 2, "cohere2": 4, "llama4": 4, "exaone4": 4, "olmo2": 4,
    "afmoe": 4, "plamo3": 8, "smallthinker": 4,
}  # fmt: skip
FULL_FIRST = {"smallthinker"}  # the full layer is the first of its group, not the last
NOT_SLIDING = {"llama", "phi3", "phimoe"}  # llama.cpp reads no window for these, or switches it off
LLAMA4_CHUNK = 8192  # tokens; fixed in llama.cpp, whatever the file says

INTERVALS = {"qwen3next": 4, "qwen35": 4, "qwen35moe": 4}  # every n-th layer attends, the others are recurrent
ALL_RECURRENT = ("mamba", "rwkv", "arwkv")  # beginnings of architectures without any attention
BOTH = {"falcon-h1"}  # each layer attends and has a recurrent state

# Keys of caches that we cannot size yet; what they cost is left out.
UNKNOWN = ("attention.indexer.head_count", "kda.head_dim")


class Keys:
    """The keys of one architecture, looked up by what follows its name."""

    def __init__(self, keys: Mapping[str, Value]) -> None:
        self._keys = keys
        self.architecture = str(keys.get("general.architecture", ""))

    def get(self, key: str) -> Value | None:
        """Return the value of *key*; None where there is none, or an empty list in its place."""
        value = self._keys.get(f"{self.architecture}.{key}")
        return None if value == [] else value

    def number(self, key: str, default: int | None = None) -> int:
        """Return the number at *key*; raise ValueError, naming the key, where there is neither it nor a default."""
        value = self.get(key)
        if isinstance(value, int) and value >= 0:
            return int(value)
        if default is None:
            raise ValueError(f"key {self.architecture}.{key} is missing or no number")
        return default

    def per_layer(self, key: str, layers: int) -> list[int] | None:
        """Return one number for each layer, from a list or from one number for all; None where there is none."""
        value = self.get(key)
        if isinstance(value, list):
            numbers = [int(item) if isinstance(item, int) else 0 for item in value]
            return (numbers + [0] * layers)[:layers]
        return [int(value)] * layers if isinstance(value, int) else None

    def holds_list(self, key: str) -> bool:
        """Return whether each layer has its own value at *key*."""
        return isinstance(self.get(key), list)

    def is_hidden(self, key: str) -> bool:
        """Return whether *key* is there without its value, as `/api/show` sends long lists."""
        name = f"{self.architecture}.{key}"
        return name in self._keys and not isinstance(self._keys[name], int) and not self._keys[name]


@dataclass(frozen=True)
class SlotCost:
    """The cache of one slot."""

    full: Bytes  # per token, f16: the layers that keep the whole context
    sliding: Bytes  # per token, f16: the layers that keep a window
    window: int  # tokens that those keep
    state: Bytes  # per slot: the recurrent layers
    approximate: tuple[str, ...]  # keys whose effect is left out


def slot_cost(keys: Keys) -> SlotCost:
    """Return what a slot of the model with these *keys* keeps; raise ValueError, naming the key that is missing."""
    layers = keys.number("block_count") - keys.number("nextn_predict_layers", 0)
    recurrent = _recurrent(keys, layers)
    slides, window = _sliding(keys, layers)
    cached = layers - keys.number("attention.shared_kv_layers", 0)  # the last layers may reuse the cache of others
    full = sliding = 0
    for layer, elements in enumerate(_elements(keys, layers, slides)):
        if layer >= cached or (recurrent[layer] and keys.architecture not in BOTH):
            continue
        if slides[layer]:
            sliding += elements * F16
        else:
            full += elements * F16
    state = sum(recurrent) * _state_elements(keys) * F32
    return SlotCost(Bytes(full), Bytes(sliding), window, Bytes(state), _approximate(keys, recurrent, state))


def _elements(keys: Keys, layers: int, slides: Sequence[bool]) -> list[int]:
    """Return the elements that each layer would keep of one token if it attended."""
    if _is_latent(keys):
        latent = keys.number("attention.kv_lora_rank") + keys.number("rope.dimension_count")
        return [latent] * layers
    if keys.architecture.startswith(ALL_RECURRENT):
        return [0] * layers
    heads = keys.per_layer("attention.head_count_kv", layers) or keys.per_layer("attention.head_count", layers)
    if heads is None:
        raise ValueError(f"key {keys.architecture}.attention.head_count is missing or no number")
    whole, windowed = _head_elements(keys, layers), _head_elements(keys, layers, "_swa")
    return [count * (windowed if slid else whole) for count, slid in zip(heads, slides, strict=True)]


def _head_elements(keys: Keys, layers: int, suffix: str = "") -> int:
    """Return the elements of one head's key and value; Gemma 4's sliding layers have lengths of their own."""
    lengths = []
    for part in ("key", "value"):
        length = keys.number(f"attention.{part}_length{suffix}", 0) or keys.number(f"attention.{part}_length", 0)
        lengths.append(length or _derived_length(keys, layers))
    return sum(lengths)


def _derived_length(keys: Keys, layers: int) -> int:
    heads = max(keys.per_layer("attention.head_count", layers) or [0])
    if not heads:
        raise ValueError(f"key {keys.architecture}.attention.head_count is missing or no number")
    return keys.number("embedding_length") // heads


def _is_latent(keys: Keys) -> bool:
    """Return whether the cache holds one latent vector a token (MLA).

    Files from before llama.cpp's MLA kernels declare all their heads and no `key_length_mla`: their cache is expanded.
    """
    if not keys.number("attention.kv_lora_rank", 0):
        return False
    return keys.number("attention.key_length_mla", 0) > 0 or keys.number("attention.head_count_kv", 1) == 1


def _sliding(keys: Keys, layers: int) -> tuple[list[bool], int]:
    """Return which layers slide, and the tokens that those keep of a context."""
    size = keys.number("attention.sliding_window", 0)
    if keys.architecture == "llama4" and (size or keys.get("attention.sliding_window") is None):
        size = LLAMA4_CHUNK
    pattern = keys.per_layer("attention.sliding_window_pattern", layers)
    if not size or keys.architecture in NOT_SLIDING or (pattern is None and keys.architecture not in PERIODS):
        return [False] * layers, 0
    window = -(-(size + BATCH) // STEP) * STEP
    if pattern is not None and keys.holds_list("attention.sliding_window_pattern"):
        return [bool(slides) for slides in pattern], window
    period = keys.number("attention.sliding_window_pattern", PERIODS.get(keys.architecture, 1)) or layers + 1
    full = 0 if keys.architecture in FULL_FIRST else period - 1
    return [layer % period != full for layer in range(layers)], window


def _recurrent(keys: Keys, layers: int) -> list[bool]:
    """Return which layers keep a state of fixed size."""
    if keys.architecture in BOTH or keys.architecture.startswith(ALL_RECURRENT):
        return [True] * layers
    if (told := keys.per_layer("attention.recurrent_layers", layers)) is not None:
        return [bool(value) for value in told]
    if interval := keys.number("full_attention_interval", INTERVALS.get(keys.architecture, 0)):
        return [(layer + 1) % interval != 0 for layer in range(layers)]
    if not keys.holds_list("attention.head_count_kv") or not _state_elements(keys):
        return [False] * layers
    heads = keys.per_layer("attention.head_count_kv", layers) or []
    # Nemotron-H has layers that are a feed-forward network alone: no heads, and no state either.
    alone = keys.architecture.startswith("nemotron_h") and keys.holds_list("feed_forward_length")
    wide = (keys.per_layer("feed_forward_length", layers) if alone else None) or [0] * layers
    return [count == 0 and width == 0 for count, width in zip(heads, wide, strict=True)]


def _state_elements(keys: Keys) -> int:
    """Return the elements of one recurrent layer's state: convolution and recurrence together."""
    if head := keys.number("wkv.head_size", 0):  # RWKV
        return keys.number("embedding_length") * (keys.number("token_shift_count", 2) + head)
    if length := keys.number("shortconv.l_cache", 0):  # LFM2
        return keys.number("embedding_length") * (length - 1)
    inner, state = keys.number("ssm.inner_size", 0), keys.number("ssm.state_size", 0)
    mixed = inner + 2 * keys.number("ssm.group_count", 0) * state
    return max(0, keys.number("ssm.conv_kernel", 0) - 1) * mixed + state * inner


def _approximate(keys: Keys, recurrent: Sequence[bool], state: int) -> tuple[str, ...]:
    found = [key for key in UNKNOWN if keys.get(key)]
    slides = keys.number("attention.sliding_window", 0) > 0 and keys.get("attention.sliding_window_pattern") is None
    if slides and keys.architecture not in (*PERIODS, *NOT_SLIDING):
        found.append("attention.sliding_window")
    if any(recurrent) and not state:
        found.append("recurrent state")
    hidden = ("attention.head_count_kv", "attention.head_count", "attention.sliding_window_pattern")
    found += [key for key in hidden if keys.is_hidden(key)]
    return tuple(f"{keys.architecture}.{key}" for key in found)
