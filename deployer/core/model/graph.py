"""The graph of a model in float32, a layer at a time: what the old PC's engine is measured against.

All positions of a text go through a layer before the next one is read, so no more than one layer is
in memory. Used for the loss of a conversion and for the keys and values that are shipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from deployer.core.model.shape import Shape

Floats = NDArray[np.float32]
Kept = Callable[[int, Floats, Floats], None]
"""Told the keys (turned) and values of each layer: (layer, positions x heads x size, the same)."""


class Weights(Protocol):
    """Where the numbers come from: a GGUF file or a container. Neighbours make a rope pair."""

    @property
    def shape(self) -> Shape:
        """The model's shape."""

    def vector(self, name: str, length: int) -> Floats:
        """A vector, zeros where it is missing."""

    def matrix(self, name: str) -> Floats:
        """A matrix."""

    def embeddings(self, tokens: Sequence[int]) -> Floats:
        """Rows of the table."""

    def classifier(self) -> Iterator[Floats]:
        """The rows of the classifier, in pieces."""


def _norm(x: Floats, weight: Floats, eps: float) -> Floats:
    mean = np.mean(x * x, axis=-1, keepdims=True, dtype=np.float32)
    return np.asarray(x / np.sqrt(mean + np.float32(eps)) * weight, np.float32)


def _turned(x: Floats, shape: Shape) -> Floats:
    """Queries or keys (positions x heads x size) turned by their positions."""
    positions = np.arange(len(x), dtype=np.float32)[:, None]
    frequencies = np.array(shape.frequencies, np.float32)
    angle: Floats = (positions * frequencies)[:, None, :]
    factor = np.float32(shape.rope_factor)
    cos, sin = np.cos(angle) * factor, np.sin(angle) * factor
    found = np.empty_like(x)
    found[..., 0::2] = x[..., 0::2] * cos - x[..., 1::2] * sin
    found[..., 1::2] = x[..., 0::2] * sin + x[..., 1::2] * cos
    return found


def _attention(q: Floats, k: Floats, v: Floats, shape: Shape) -> Floats:
    count, group = len(q), shape.heads // shape.kv_heads
    mask = np.triu(np.full((count, count), -np.inf, np.float32), 1)
    found = np.empty((count, shape.heads, shape.head_size), np.float32)
    for head in range(shape.heads):
        keys, values = k[:, head // group], v[:, head // group]
        score = q[:, head] @ keys.T * np.float32(shape.attention_scale) + mask
        score -= score.max(axis=1, keepdims=True)
        weight = np.exp(score)
        found[:, head] = weight / weight.sum(axis=1, keepdims=True) @ values
    return found.reshape(count, -1)


def _activated(x: Floats, shape: Shape) -> Floats:
    if shape.squared_relu:
        positive = np.maximum(x, 0)
        return positive * positive
    with np.errstate(over="ignore"):
        return np.asarray(x / (np.float32(1) + np.exp(-x)), np.float32)


def states(
    weights: Weights, tokens: Sequence[int], kept: Kept = lambda _layer, _keys, _values: None
) -> Floats:
    """What goes into the classifier at each position of a text."""
    shape = weights.shape
    x = weights.embeddings(tokens)
    for layer in range(shape.layers):

        def vector(name: str, length: int, at: int = layer) -> Floats:
            return weights.vector(f"blk.{at}.{name}", length)

        def times(x: Floats, name: str, at: int = layer) -> Floats:
            found: Floats = x @ weights.matrix(f"blk.{at}.{name}.weight").T
            return found

        h = _norm(x, vector("attn_norm.weight", shape.dim), shape.eps)
        q, k, v = times(h, "attn_q"), times(h, "attn_k"), times(h, "attn_v")
        if shape.biases:
            q = q + vector("attn_q.bias", shape.q_dim)
            k = k + vector("attn_k.bias", shape.kv_dim)
            v = v + vector("attn_v.bias", shape.kv_dim)
        q = q.reshape(len(x), shape.heads, shape.head_size)
        k = k.reshape(len(x), shape.kv_heads, shape.head_size)
        v = v.reshape(len(x), shape.kv_heads, shape.head_size)
        if shape.head_norms:
            q = _norm(q, vector("attn_q_norm.weight", shape.head_size), shape.eps)
            k = _norm(k, vector("attn_k_norm.weight", shape.head_size), shape.eps)
        q, k = _turned(q, shape), _turned(k, shape)
        kept(layer, k, v)
        a = _attention(q, k, v, shape)
        if shape.sub_norms:
            a = _norm(a, vector("attn_sub_norm.weight", shape.q_dim), shape.eps)
        x = x + times(a, "attn_output")
        h = _norm(x, vector("ffn_norm.weight", shape.dim), shape.eps)
        g = _activated(times(h, "ffn_gate"), shape) * times(h, "ffn_up")
        if shape.sub_norms:
            g = _norm(g, vector("ffn_sub_norm.weight", shape.hidden), shape.eps)
        x = x + times(g, "ffn_down")
    return _norm(x, weights.vector("output_norm.weight", shape.dim), shape.eps)


def logits(weights: Weights, tokens: Sequence[int]) -> Floats:
    """The logits after each token of a text."""
    x = states(weights, tokens)
    return np.concatenate([x @ rows.T for rows in weights.classifier()], axis=1)


def losses(weights: Weights, tokens: Sequence[int]) -> Floats:
    """Nats at each position but the first: how little the model expected what came."""
    found = logits(weights, tokens)[:-1]
    found -= found.max(axis=1, keepdims=True)
    total = np.log(np.exp(found).sum(axis=1))
    nats: Floats = total - found[np.arange(len(found)), list(tokens[1:])]
    return nats
