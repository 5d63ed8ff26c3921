"""Keys and values of a conversation's beginning, computed here: the old PC starts with them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deployer.core.model import graph
from deployer.core.model.tokenize import Tokenizer
from deployer.core.model.vocabulary import CONTROL, USER_DEFINED

LEAST, MOST = 4, 512
"""Positions: fewer are not worth the room, more take too long here."""


def tokens_of(tokenizer: Tokenizer, first: str) -> list[int]:
    """The longest beginning of `first` that no text after it changes: up to its last special token.

    Empty when it is too short to be worth it, or too long.
    """
    tokens = tokenizer.encode(first.encode())
    types = tokenizer.vocabulary.types
    while tokens and types[tokens[-1]] not in (CONTROL, USER_DEFINED):
        tokens.pop()
    return tokens if LEAST <= len(tokens) <= MOST else []


def section(weights: graph.Weights, tokens: list[int]) -> bytes:
    """The container's PREFIX section; b"" for no tokens."""
    if not tokens:
        return b""
    parts = [np.array(tokens, "<u4").tobytes()]

    def kept(_layer: int, keys: NDArray[np.float32], values: NDArray[np.float32]) -> None:
        parts.extend((_records(keys), _records(values)))

    graph.states(weights, tokens, kept)
    data = b"".join(parts)
    return data + bytes(-len(data) % 16)


def _records(rows: NDArray[np.float32]) -> bytes:
    """For each position and head a scale and int8 numbers, padded to a multiple of 4."""
    flat = rows.reshape(-1, rows.shape[-1])
    scale = (np.abs(flat).max(axis=1) / np.float32(127)).astype("<f4")
    inverse = np.divide(np.float32(1), scale, out=np.zeros_like(scale), where=scale > 1e-35)
    whole = np.clip(np.rint(flat * inverse[:, None]), -127, 127).astype(np.int8)
    whole = np.pad(whole, ((0, 0), (0, -whole.shape[1] % 4)))
    return np.concatenate([scale[:, None].view(np.int8), whole], axis=1).tobytes()
