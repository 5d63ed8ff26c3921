"""A model's numbers as the container wants them: rows in its order, scales beside them applied.

Where the source turns halves of a head, rows of queries and keys are put into the order in which
neighbours turn, once and here: everything after this has one kind of rope.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deployer.core.model import weights
from deployer.core.model.gguf import Gguf, Read, Tensor
from deployer.core.model.shape import Shape, shape_of

Floats = NDArray[np.float32]
_STEP = 1 << 22
_LARGEST = 1e30


@dataclass(frozen=True, slots=True)
class Source:
    """A GGUF file with its shape, and what reads it."""

    file: Gguf
    shape: Shape
    read: Read

    def vector(self, name: str, length: int) -> Floats:
        """A vector; zeros where an optional one is missing. Heads are in the container's order."""
        tensor = self.file.tensors.get(name)
        if tensor is None:
            return np.zeros(length, np.float32)
        found = weights.rows_of(self.file, tensor, self.read).reshape(-1)
        self.refuse_strange(name, found)
        order = self._order(name, len(found))
        return found if order is None else found[order]

    def tensor(self, name: str) -> Tensor:
        """A matrix of the file."""
        return self.file.tensors[name]

    def scale(self, name: str) -> float:
        """The number with which a matrix is multiplied: `.scale` beside it, else 1."""
        beside = self.file.tensors.get(name.removesuffix(".weight") + ".scale")
        if beside is None:
            return 1.0
        return float(weights.rows_of(self.file, beside, self.read).reshape(-1)[0])

    def step(self, name: str) -> int:
        """Rows that are read at a time: a multiple of 64."""
        return max(64, _STEP // self.tensor(name).columns // 64 * 64)

    def raw(self, name: str, first: int, count: int) -> NDArray[np.uint8]:
        """Rows as bytes of the file, in the container's order."""
        tensor = self.tensor(name)
        order = self._order(name, tensor.rows)
        if order is None:
            return weights.raw(self.file, tensor, self.read, first, count)
        whole = weights.raw(self.file, tensor, self.read, 0, tensor.rows)
        return whole[order[first : first + count]]

    def rows(self, name: str, first: int, count: int) -> Floats:
        """Rows as float32, in the container's order. Raises ModelDamaged."""
        tensor = self.tensor(name)
        found = weights.dequantised(tensor.kind.name, self.raw(name, first, count))
        scale = self.scale(name)
        with np.errstate(all="ignore"):
            found = found if scale == 1.0 else found * np.float32(scale)
        self.refuse_strange(name, found)
        return found

    def refuse_strange(self, name: str, numbers: Floats) -> None:
        """Raises ModelDamaged for numbers that are none, or beyond all reason."""
        if numbers.size and not np.abs(numbers).max() < _LARGEST:
            raise self.file.refuse(f"{name} has numbers that are none (NaN, infinite or over 1e30)")

    def matrix(self, name: str) -> Floats:
        """A whole matrix."""
        return self.rows(name, 0, self.tensor(name).rows)

    def embeddings(self, tokens: Sequence[int]) -> Floats:
        """Rows of the table of embeddings."""
        rows = [self.rows("token_embd.weight", token, 1)[0] for token in tokens]
        return np.stack(rows)

    def classifier(self) -> Iterator[Floats]:
        """The rows of the classifier, in pieces."""
        name = "token_embd.weight" if self.shape.tied else "output.weight"
        count, step = self.tensor(name).rows, self.step(name)
        for first in range(0, count, step):
            yield self.rows(name, first, min(step, count - first))

    def _order(self, name: str, rows: int) -> NDArray[np.int64] | None:
        """Which row of the file stands at each place; None for the file's own order."""
        turned = (".attn_q.", ".attn_k.", ".attn_q_norm.", ".attn_k_norm.")
        if not self.shape.halves or not any(part in name for part in turned):
            return None
        size = self.shape.head_size
        within = np.arange(size).reshape(2, size // 2).T.reshape(-1)
        return (np.arange(0, rows, size)[:, None] + within).reshape(-1)


def source_of(file: Gguf, read: Read) -> Source:
    """A model's source. Raises ModelDamaged, ModelUnsupported."""
    factors = file.tensors.get("rope_freqs.weight")
    numbers = weights.rows_of(file, factors, read).reshape(-1).tolist() if factors else ()
    return Source(file, shape_of(file, numbers), read)
