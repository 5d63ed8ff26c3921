"""GGUF files: the header read strictly, every count and length bounded before it is believed.

`parse` walks the header once and gives the values and where each tensor lies. Nothing is allocated
that the file does not hold. The numbers of the tensors are read by `weights`, with the gguf
package's own code. Versions 2 and 3, little-endian; offsets and lengths are bytes.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deployer.core.model import types
from deployer.core.model.types import NumberKind
from deployer.errors import ModelDamaged, ModelUnsupported

Scalar = bool | int | float | bytes
Value = Scalar | tuple[Scalar, ...]
Read = Callable[[int, int], bytes]
"""Gives so many bytes from an offset, or fewer at the end of the file."""

_MAGIC = b"GGUF"
_LONGEST_HEADER = 128 << 20
_MOST_TENSORS = 1 << 16
_MOST_KEYS = 1 << 16
_LONGEST_KEY = 1 << 16
_MOST_NUMBERS = 1 << 40
_BLOCK = 1 << 20

_SCALARS: Mapping[int, struct.Struct] = {
    0: struct.Struct("<B"),
    1: struct.Struct("<b"),
    2: struct.Struct("<H"),
    3: struct.Struct("<h"),
    4: struct.Struct("<I"),
    5: struct.Struct("<i"),
    6: struct.Struct("<f"),
    7: struct.Struct("<B"),
    10: struct.Struct("<Q"),
    11: struct.Struct("<q"),
    12: struct.Struct("<d"),
}
_BOOL, _STRING, _ARRAY = 7, 8, 9


@dataclass(frozen=True, slots=True)
class Tensor:
    """Where a tensor lies. `shape` is in GGUF's order: the first number is the row's length."""

    name: str
    shape: tuple[int, ...]
    kind: NumberKind
    offset: int

    @property
    def columns(self) -> int:
        """Numbers in a row."""
        return self.shape[0]

    @property
    def rows(self) -> int:
        """Rows of that length."""
        return math.prod(self.shape[1:])

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self.kind.size(math.prod(self.shape))


@dataclass(frozen=True, slots=True)
class Gguf:
    """What a header says. Texts are bytes: a token need not be UTF-8. Offsets are of the file."""

    path: str
    version: int
    length: int
    values: Mapping[str, Value]
    tensors: Mapping[str, Tensor]

    def refuse(self, why: str) -> ModelDamaged:
        """The error for a file that contradicts itself."""
        return ModelDamaged(path=self.path, why=why)

    def unsupported(self, why: str, remedy: str) -> ModelUnsupported:
        """The error for a good file that cannot be used here."""
        return ModelUnsupported(path=self.path, why=why, remedy=remedy)

    def text(self, key: str, default: str | None = None) -> str:
        """A text. Raises ModelDamaged where it is missing without a default, or something else."""
        value = self.values.get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, bytes):
            raise self.refuse(f"it has no text {key}" if value is None else f"{key} is no text")
        return value.decode("utf-8", "replace")

    def whole(self, key: str, least: int, most: int, default: int | None = None) -> int:
        """A whole number within bounds. Raises ModelDamaged for any other value."""
        value = self.values.get(key, default)
        if value is None:
            raise self.refuse(f"its header has no {key}")
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.refuse(f"{key} is {_shown(value)}, not a number from {least} to {most}")
        return value

    def real(self, key: str, least: float, most: float, default: float | None = None) -> float:
        """A number within bounds. Raises ModelDamaged for any other value, NaN included."""
        value = self.values.get(key, default)
        if value is None:
            raise self.refuse(f"its header has no {key}")
        good = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not good or not least <= value <= most:  # type: ignore[operator]
            raise self.refuse(f"{key} is {_shown(value)}, not a number from {least:g} to {most:g}")
        return float(value)  # type: ignore[arg-type]

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false. Raises ModelDamaged for any other value."""
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise self.refuse(f"{key} is neither true nor false")
        return value


def parse(read: Read, length: int, path: str) -> Gguf:
    """The header of a file of that many bytes.

    Raises ModelDamaged for what is no GGUF file, is cut off or contradicts itself, and
    ModelUnsupported for versions and types that are not read.
    """
    head = read(0, 64)
    if head[:4] != _MAGIC:
        raise _stranger(head, length, path)
    cursor = _Cursor(read, length, path)
    cursor.skip(4)
    version = cursor.number(_SCALARS[4])
    _refuse_version(int(version), path)
    tensor_count = cursor.count(_SCALARS[10], _MOST_TENSORS, "tensors")
    key_count = cursor.count(_SCALARS[10], _MOST_KEYS, "entries in its header")
    values: dict[str, Value] = {}
    for _ in range(key_count):
        key = cursor.string(_LONGEST_KEY).decode("utf-8", "replace")
        if key in values:
            raise cursor.damaged(f"its header has {_printed(key)} twice")
        values[key] = cursor.value(key)
    infos = [_tensor_info(cursor) for _ in range(tensor_count)]
    alignment = _alignment(cursor, values)
    start = -(-cursor.at // alignment) * alignment
    tensors = _placed(cursor, infos, start, alignment)
    return Gguf(path, int(version), length, values, tensors)


class _Cursor:
    """A place in the header. Every step is checked against the file's length first."""

    def __init__(self, read: Read, length: int, path: str) -> None:
        self._read = read
        self.length = length
        self.path = path
        self._end = min(length, _LONGEST_HEADER)
        self._block = b""
        self._start = 0
        self.at = 0

    def damaged(self, why: str) -> ModelDamaged:
        return ModelDamaged(path=self.path, why=why)

    def skip(self, count: int) -> None:
        self.at += count

    def take(self, count: int) -> bytes:
        """The next bytes."""
        if count > self._end - self.at:
            if self.length > _LONGEST_HEADER:
                raise self.damaged(f"its header is longer than {_LONGEST_HEADER >> 20} MiB")
            raise self.damaged(
                f"its header ends after {self.length:,} bytes in the middle: it was cut off, or a "
                "length in it is wrong"
            )
        offset = self.at - self._start
        if not 0 <= offset <= offset + count <= len(self._block):
            self._start, offset = self.at, 0
            self._block = self._read(self.at, max(count, _BLOCK))
            if len(self._block) < count:
                raise self.damaged("it became shorter while it was read")
        self.at += count
        return self._block[offset : offset + count]

    def number(self, form: struct.Struct) -> int | float:
        value: int | float = form.unpack(self.take(form.size))[0]
        return value

    def count(self, form: struct.Struct, most: int, what: str) -> int:
        value = self.number(form)
        if value > most:
            raise self.damaged(f"it claims to have {value:,} {what}; no model has over {most:,}")
        return int(value)

    def string(self, most: int) -> bytes:
        length = int(self.number(_SCALARS[10]))
        if length > most or length > self._end - self.at:
            raise self.damaged(f"a text in its header claims to have {length:,} bytes")
        return self.take(length)

    def value(self, key: str) -> Value:
        kind = int(self.number(_SCALARS[4]))
        if kind == _ARRAY:
            return self._array(key)
        return self._scalars(key, kind, 1)[0]

    def _array(self, key: str) -> tuple[Scalar, ...]:
        kind = int(self.number(_SCALARS[4]))
        count = int(self.number(_SCALARS[10]))
        least = 8 if kind == _STRING else _SCALARS[kind].size if kind in _SCALARS else 1
        if count * least > self._end - self.at:
            raise self.damaged(f"{_printed(key)} claims to have {count:,} entries")
        return self._scalars(key, kind, count)

    def _scalars(self, key: str, kind: int, count: int) -> tuple[Scalar, ...]:
        if kind == _STRING:
            return tuple(self.string(self._end) for _ in range(count))
        form = _SCALARS.get(kind)
        if form is None:
            raise self.damaged(f"{_printed(key)} is of kind {kind}, which GGUF does not have")
        data = self.take(count * form.size)
        if kind == _BOOL:
            if data.strip(b"\0\1"):
                raise self.damaged(f"{_printed(key)} is neither true nor false")
            return tuple(map(bool, data))
        return struct.unpack(f"<{count}{form.format[1:]}", data)


_Info = tuple[str, tuple[int, ...], int, int]


def _tensor_info(cursor: _Cursor) -> _Info:
    name = cursor.string(_LONGEST_KEY).decode("utf-8", "replace")
    dimensions = cursor.count(_SCALARS[4], 4, f"dimensions of {_printed(name)}")
    shape = tuple(int(cursor.number(_SCALARS[10])) for _ in range(dimensions))
    kind = int(cursor.number(_SCALARS[4]))
    offset = int(cursor.number(_SCALARS[10]))
    if not shape or 0 in shape or math.prod(shape) > _MOST_NUMBERS:
        raise cursor.damaged(f"{_printed(name)} claims to be of the shape {list(shape)}")
    return name, shape, kind, offset


def _alignment(cursor: _Cursor, values: Mapping[str, Value]) -> int:
    given = values.get("general.alignment", 32)
    good = isinstance(given, int) and not isinstance(given, bool)
    if not good or not 1 <= given <= 1 << 20 or given & (given - 1):  # type: ignore[operator]
        raise cursor.damaged(f"general.alignment is {_shown(given)}, not a power of two")
    return int(given)  # type: ignore[arg-type]


def _placed(
    cursor: _Cursor, infos: list[_Info], start: int, alignment: int
) -> Mapping[str, Tensor]:
    """The tensors with their places in the file, one after the other without holes, as ggml wants.

    So nothing overlaps, and a fork's type whose blocks have another size is noticed.
    """
    tensors: dict[str, Tensor] = {}
    at, before = 0, ""
    for name, shape, number, offset in infos:
        kind = types.KINDS.get(number)
        if kind is None:
            raise ModelUnsupported(
                path=cursor.path,
                why=f"the numbers of {_printed(name)} are {types.name_of(number)}",
                remedy=f"Use a file whose numbers are one of: {types.KNOWN}.",
            )
        if shape[0] % kind.block:
            raise cursor.damaged(
                f"a row of {_printed(name)} has {shape[0]:,} numbers, and {kind.name} has blocks "
                f"of {kind.block}"
            )
        if name in tensors:
            raise cursor.damaged(f"it has the tensor {_printed(name)} twice")
        if offset != at:
            forked = tensors[before].kind.name if before in tensors else ""
            if forked in ("Q1_0", "Q2_0"):
                raise ModelUnsupported(
                    path=cursor.path,
                    why=f"its {forked} has blocks of another size than llama.cpp's: a fork of it "
                    "wrote this file",
                    remedy="Use a file that llama.cpp itself reads.",
                )
            raise cursor.damaged(
                f"{_printed(name)} begins at {offset:,} by its header, and the tensor before it "
                f"ends at {at:,}"
            )
        tensor = Tensor(name, shape, kind, start + offset)
        if tensor.offset + tensor.size > cursor.length:
            raise cursor.damaged(
                f"it ends within {_printed(name)}: {cursor.length:,} bytes are here, and at least "
                f"{tensor.offset + tensor.size:,} belong to it; it was cut off"
            )
        tensors[name] = tensor
        at, before = -(-(at + tensor.size) // alignment) * alignment, name
    return tensors


def _refuse_version(version: int, path: str) -> None:
    if version in (2, 3):
        return
    swapped = int.from_bytes(version.to_bytes(4, "little"), "big")
    if swapped in (1, 2, 3):
        why = f"it is a GGUF file of version {swapped} for big-endian machines"
        remedy = "Use the usual, little-endian file."
    elif version == 1:
        why = "it is a GGUF file of version 1, which was in use for a few weeks in 2023"
        remedy = "Use a newer file of the same model."
    else:
        why = f"it is a GGUF file of version {version}; versions 2 and 3 are read"
        remedy = "Use a file of version 3."
    raise ModelUnsupported(path=path, why=why, remedy=remedy)


def _stranger(head: bytes, length: int, path: str) -> ModelDamaged | ModelUnsupported:
    """The error for a file that does not begin as GGUF does, by what it is instead."""
    text = head.lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if head.startswith(b"version https://git-lfs"):
        why = "it is only a pointer of Git LFS to the model: git downloaded no more than that"
        return ModelUnsupported(path=path, why=why, remedy="Run git lfs pull, or download it.")
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return ModelDamaged(path=path, why="it is a web page, not the model that it links to")
    if text.startswith(b"{"):
        why = "it is JSON, perhaps the index of a model in several safetensors files"
        return ModelUnsupported(path=path, why=why, remedy=_GET_GGUF)
    names = (
        (b"PK\3\4", "it is a ZIP archive, as PyTorch and wheels are"),
        (b"\x80\2", "it is a pickle of PyTorch"),
        (b"tjgg", "it is a model file of llama.cpp from before GGUF (ggjt)"),
        (b"fmgg", "it is a model file of llama.cpp from before GGUF (ggmf)"),
        (b"lmgg", "it is a model file of llama.cpp from before GGUF (ggml)"),
        (b"FUGG", "it is a GGUF file with its bytes in the foreign order"),
        (b"\x1f\x8b", "it is compressed with gzip"),
    )
    for magic, why in names:
        if head.startswith(magic):
            return ModelUnsupported(path=path, why=why, remedy=_GET_GGUF)
    if len(head) > 9 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < length:
        return ModelUnsupported(path=path, why="it is a safetensors file", remedy=_GET_GGUF)
    if not head.strip(b"\0"):
        return ModelDamaged(path=path, why="it begins with zeros: the download is not complete")
    return ModelDamaged(path=path, why="it does not begin as a GGUF file does")


_GET_GGUF = "Use the model's .gguf file; many models are published in that form too."


def _printed(text: str) -> str:
    """A name of the file for a message: short, and without what a terminal would act on."""
    shown = "".join(char if char.isprintable() else "?" for char in text[:60])
    return f"{shown}..." if len(text) > 60 else shown or "a tensor without a name"


def _shown(value: object) -> str:
    match value:
        case bytes():
            return "a text"
        case tuple():
            return "a list"
        case _:
            return str(value)
