"""Which graph a GGUF file holds, and with which numbers: read, bounded, and compared with tensors.

Graphs: llama (Llama 2 and 3, TinyLlama, SmolLM), qwen2, qwen3, bitnet and bitnet-b1.58. Every other
is refused by its name. Rope factors of every kind become one table of frequencies.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from deployer.core.model.gguf import Gguf, Tensor

ARCHITECTURES = ("llama", "qwen2", "qwen3", "bitnet", "bitnet-b1.58")
_BITNET = ("bitnet", "bitnet-b1.58")
MATRICES = ("attn_k", "attn_v", "attn_q", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
"""The matrices of a layer, in the order of the container."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The numbers of a model. `frequencies` are angles a position, one for each pair of a head.

    `halves`: number i of a head turns with i + head_size / 2, not with its neighbour.
    """

    name: str
    architecture: str
    dim: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_size: int
    vocabulary: int
    context: int
    eps: float
    attention_scale: float
    rope_factor: float
    frequencies: tuple[float, ...]
    tied: bool
    biases: bool
    head_norms: bool
    sub_norms: bool
    squared_relu: bool
    halves: bool

    @property
    def q_dim(self) -> int:
        """Numbers of all queries."""
        return self.heads * self.head_size

    @property
    def kv_dim(self) -> int:
        """Numbers of all keys."""
        return self.kv_heads * self.head_size

    def matrix(self, name: str) -> tuple[int, int]:
        """Rows and columns of a layer's matrix."""
        return {
            "attn_k": (self.kv_dim, self.dim),
            "attn_v": (self.kv_dim, self.dim),
            "attn_q": (self.q_dim, self.dim),
            "attn_output": (self.dim, self.q_dim),
            "ffn_gate": (self.hidden, self.dim),
            "ffn_up": (self.hidden, self.dim),
            "ffn_down": (self.dim, self.hidden),
        }[name]

    @property
    def parameters(self) -> int:
        """What people call the size of the model."""
        layer = sum(rows * columns for rows, columns in map(self.matrix, MATRICES))
        tables = self.vocabulary * self.dim * (1 if self.tied else 2)
        return tables + self.layers * layer


def shape_of(file: Gguf, read_factors: Sequence[float] = ()) -> Shape:
    """The shape of a model; `read_factors` are the numbers of rope_freqs.weight, if it has one.

    Raises ModelUnsupported for a graph that is not known, ModelDamaged for numbers that contradict
    each other or the tensors.
    """
    architecture = file.text("general.architecture")
    if architecture not in ARCHITECTURES:
        raise file.unsupported(
            f"its architecture is {_plain(architecture)}, which the engine does not have",
            f"Use a model of one of these: {', '.join(ARCHITECTURES)}. See: deployer model list",
        )
    if "split.count" in file.values and file.whole("split.count", 0, 1 << 16) > 1:
        raise file.unsupported(
            "it is one of several files of one model", "Join them with llama-gguf-split --merge."
        )
    key = architecture + "."
    if file.whole(key + "expert_count", 0, 1 << 16, 0):
        raise file.unsupported(
            "it is a mixture of experts, which the engine does not have",
            "Use a model without experts. See: deployer model list",
        )
    dim = file.whole(key + "embedding_length", 16, 16384)
    heads = _heads(file, key + "attention.head_count", None)
    kv_heads = _heads(file, key + "attention.head_count_kv", heads)
    head_size = file.whole(key + "attention.key_length", 2, 512, dim // heads)
    value_size = file.whole(key + "attention.value_length", 2, 512, head_size)
    turned = file.whole(key + "rope.dimension_count", 0, 512, head_size)
    if heads % kv_heads or head_size % 2 or heads * head_size > 32768 or dim % 2:
        raise file.refuse(f"{heads} heads and {kv_heads} for keys of {head_size} make no sense")
    if (value_size, turned) != (head_size, head_size):
        raise file.unsupported(
            f"its heads have {head_size} numbers, of which {turned} turn, and values of "
            f"{value_size}; the engine wants these to be the same",
            "Use another model. See: deployer model list",
        )
    context = file.whole(key + "context_length", 2, 1 << 20)
    scale = file.real(key + "attention.scale", 0, 16, 0.0) or head_size**-0.5
    frequencies, factor = _rope(file, key, head_size, context, read_factors)
    shape = Shape(
        name=_name(file, architecture),
        architecture=architecture,
        dim=dim,
        hidden=_hidden(file, key + "feed_forward_length"),
        layers=file.whole(key + "block_count", 1, 1024),
        heads=heads,
        kv_heads=kv_heads,
        head_size=head_size,
        vocabulary=_tokens(file),
        context=context,
        eps=max(file.real(key + "attention.layer_norm_rms_epsilon", 0, 0.5), 1e-30),
        attention_scale=scale,
        rope_factor=factor,
        frequencies=frequencies,
        tied="output.weight" not in file.tensors,
        biases=any(f"blk.0.{name}.bias" in file.tensors for name in ("attn_q", "attn_k", "attn_v")),
        head_norms=architecture == "qwen3",
        sub_norms=architecture in _BITNET,
        squared_relu=architecture == "bitnet-b1.58",
        halves=architecture != "llama",
    )
    _compare(file, shape)
    return shape


def _heads(file: Gguf, key: str, default: int | None) -> int:
    return _one_for_all(file, key, 256, default)


def _hidden(file: Gguf, key: str) -> int:
    return _one_for_all(file, key, 65536, None)


def _one_for_all(file: Gguf, key: str, most: int, default: int | None) -> int:
    """A number that some files give for each layer."""
    value = file.values.get(key)
    if isinstance(value, tuple):
        if len(set(value)) != 1 or not isinstance(value[0], int) or not 1 <= value[0] <= most:
            raise file.unsupported(
                f"{key} differs from layer to layer",
                "Use a model whose layers are alike. See: deployer model list",
            )
        return int(value[0])
    return file.whole(key, 1, most, default)


def _tokens(file: Gguf) -> int:
    tokens = file.values.get("tokenizer.ggml.tokens")
    if not isinstance(tokens, tuple):
        raise file.refuse("it has no tokenizer")
    if not 16 <= len(tokens) <= 524288:
        raise file.refuse(f"its tokenizer has {len(tokens):,} tokens")
    return len(tokens)


def _name(file: Gguf, architecture: str) -> str:
    given = file.text("general.name", "") or architecture
    return "".join(char if " " <= char <= "~" else "?" for char in given)[:63]


def _plain(text: str) -> str:
    return "".join(char if " " <= char <= "~" else "?" for char in text)[:40] or "empty"


def _rope(
    file: Gguf, key: str, head_size: int, context: int, factors: Sequence[float]
) -> tuple[tuple[float, ...], float]:
    """Frequencies with theta, rope_freqs, linear scaling and YaRN in them, as llama.cpp turns."""
    base = file.real(key + "rope.freq_base", 1e-3, 1e12, 10000.0)
    pairs = head_size // 2
    angles = [base ** (-2 * pair / head_size) for pair in range(pairs)]
    if factors:
        if len(factors) != pairs or not all(1e-3 <= one <= 1e6 for one in factors):
            raise file.refuse(f"rope_freqs.weight has {len(factors)} numbers for {pairs} pairs")
        angles = [angle / one for angle, one in zip(angles, factors, strict=True)]
    kind = file.text(key + "rope.scaling.type", "linear")
    old = file.real(key + "rope.scale_linear", 0, 1e6, 0.0)
    factor = file.real(key + "rope.scaling.factor", 0, 1e6, old) or 1.0
    mscale = file.real(key + "rope.scaling.attn_factor", 1e-3, 16, 1.0)
    match kind:
        case "none":
            return tuple(angles), mscale
        case "linear":
            return tuple(angle / factor for angle in angles), mscale
        case "yarn":
            original = file.whole(key + "rope.scaling.original_context_length", 1, 1 << 20, context)
            low, high = _yarn_bounds(file, key, head_size, original, base)
            mixed = []
            for pair, angle in enumerate(angles):
                ramp = 1 - min(1.0, max(0.0, (pair - low) / max(0.001, high - low)))
                mixed.append(angle / factor * (1 - ramp) + angle * ramp)
            return tuple(mixed), mscale * (1 + 0.1 * math.log(factor))
        case _:
            raise file.unsupported(
                f"its rope scaling is {_plain(kind)}, which the engine does not have",
                "Use another model. See: deployer model list",
            )


def _yarn_bounds(
    file: Gguf, key: str, head_size: int, original: int, base: float
) -> tuple[float, float]:
    def bound(beta: float) -> float:
        turns = math.log(original / (beta * 2 * math.pi))
        return head_size * turns / (2 * math.log(base))

    fast = file.real(key + "rope.scaling.yarn_beta_fast", 1e-3, 1e4, 32.0)
    slow = file.real(key + "rope.scaling.yarn_beta_slow", 1e-3, 1e4, 1.0)
    low = max(0.0, math.floor(bound(fast)))
    return low, min(head_size - 1.0, math.ceil(bound(slow)))


def wanted(shape: Shape) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Every tensor that a model of the shape must have: name, and shape in GGUF's order."""
    yield "token_embd.weight", (shape.dim, shape.vocabulary)
    yield "output_norm.weight", (shape.dim,)
    for layer in range(shape.layers):
        for name in MATRICES:
            rows, columns = shape.matrix(name)
            yield f"blk.{layer}.{name}.weight", (columns, rows)
        for name, length in layer_norms(shape):
            yield f"blk.{layer}.{name}.weight", (length,)


def layer_norms(shape: Shape) -> Iterator[tuple[str, int]]:
    """The norms of a layer and their lengths."""
    yield "attn_norm", shape.dim
    yield "ffn_norm", shape.dim
    if shape.head_norms:
        yield "attn_k_norm", shape.head_size
        yield "attn_q_norm", shape.head_size
    if shape.sub_norms:
        yield "attn_sub_norm", shape.q_dim
        yield "ffn_sub_norm", shape.hidden


def optional(shape: Shape) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Tensors that may be there as well."""
    yield "rope_freqs.weight", (shape.head_size // 2,)
    if shape.architecture != "bitnet":
        yield "output.weight", (shape.dim, shape.vocabulary)
    for layer in range(shape.layers):
        if not shape.head_norms:
            yield f"blk.{layer}.attn_q.bias", (shape.q_dim,)
            yield f"blk.{layer}.attn_k.bias", (shape.kv_dim,)
            yield f"blk.{layer}.attn_v.bias", (shape.kv_dim,)
        if shape.sub_norms:
            for name in MATRICES:
                yield f"blk.{layer}.{name}.scale", (1,)


def _compare(file: Gguf, shape: Shape) -> None:
    """Raises ModelDamaged or ModelUnsupported unless the tensors are those of the shape."""
    if shape.layers * len(MATRICES) > len(file.tensors):
        raise file.refuse(
            f"the header says {shape.layers} layers, and {len(file.tensors)} tensors are there"
        )
    needed, more = dict(wanted(shape)), dict(optional(shape))
    for name, dimensions in needed.items():
        if name not in file.tensors:
            raise file.refuse(f"the tensor {name} is missing")
        _same(file, file.tensors[name], dimensions)
    for name, tensor in file.tensors.items():
        if name in needed:
            continue
        if name not in more:
            raise file.unsupported(
                f"its tensor {_plain(name)} is none of the graph {shape.architecture}",
                "Use a file of the model that was made for llama.cpp.",
            )
        _same(file, tensor, more[name])


def _same(file: Gguf, tensor: Tensor, dimensions: tuple[int, ...]) -> None:
    given = tensor.shape
    while len(given) > len(dimensions) and given[-1] == 1:
        given = given[:-1]
    if given == dimensions:
        return
    if tensor.name == "token_embd.weight" and given[0] == dimensions[0]:
        raise file.refuse(
            f"its tokenizer has {dimensions[1]:,} tokens and its table {math.prod(given[1:]):,}"
        )
    raise file.refuse(f"{tensor.name} is of the shape {list(given)}, not {list(dimensions)}")
