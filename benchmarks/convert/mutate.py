"""GGUF files with something wrong in them, converted: an answer or two lines, nothing else."""

from __future__ import annotations

import random
import struct
import warnings
from dataclasses import dataclass, field
from pathlib import Path

from deployer.core.model import convert, gguf, tables
from deployer.core.model.convert import Extras, Quant
from deployer.core.model.source import source_of
from deployer.core.model.vocabulary import vocabulary_of
from deployer.errors import DeployerError

NUMBERS = (0, 1, 2, 3, 7, 15, 31, 32, 64, 255, 256, 65535, 1 << 31, (1 << 32) - 1)
LARGE = (0, 1, 1 << 31, 1 << 32, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
FLOATS = (0.0, -1.0, 1e-30, 1e30, float("inf"), float("nan"))
_MOST_WRITTEN = 64 << 20


@dataclass(slots=True)
class Tally:
    """How many files were converted, and how many were refused with which error."""

    converted: int = 0
    refused: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All of them."""
        return self.converted + sum(self.refused.values())


def mutated(data: bytes, header: int, chance: random.Random) -> bytes:
    """A file with one to three things changed, most of them in its header."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        end = min(len(changed), header if chance.random() < 0.6 else len(changed))
        if end < 16:
            break
        at = chance.randrange(end)
        match chance.choice((0, 0, 0, 1, 1, 2, 3, 3, 4, 5, 6, 7, 7, 7)):
            case 0:
                changed[at] ^= 1 << chance.randrange(8)
            case 1:
                changed[at : at + 4] = struct.pack("<I", chance.choice(NUMBERS))
            case 2:
                changed[at : at + 8] = struct.pack("<Q", chance.choice(LARGE))
            case 3:
                changed[at : at + 4] = struct.pack("<f", chance.choice(FLOATS))
            case 4:
                del changed[at : at + chance.randrange(1, 40)]
            case 5:
                other = chance.randrange(end)
                changed[at:at] = changed[other : other + chance.randrange(1, 40)]
            case 6:
                del changed[chance.randrange(16, len(changed)) :]
            case _:
                changed[at] = chance.randrange(256)
    return bytes(changed)


def attempt(data: bytes, tally: Tally) -> None:
    """Convert a file. Raises whatever is no error for users, a warning of numpy too."""

    def read(offset: int, count: int) -> bytes:
        return data[offset : offset + count]

    def write(_volume: int, offset: int, piece: bytes) -> None:
        assert offset + len(piece) < _MOST_WRITTEN

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            file = gguf.parse(read, len(data), "m.gguf")
            source = source_of(file, read)
            extras = Extras(tables.section(vocabulary_of(file), 437))
            convert.convert(source, convert.survey(source, Quant.AUTO), extras, bytes(16), write)
        except DeployerError as error:
            if "\n" in error.what or not error.remedy:
                raise AssertionError(f"no two lines: {error.what!r}") from error
            name = type(error).__name__
            tally.refused[name] = tally.refused.get(name, 0) + 1
        else:
            tally.converted += 1


def run(models: list[Path], count: int, seed: int) -> Tally:
    """So many mutated files of these models. An exception names the seed that makes it again."""
    tally = Tally()
    files = [path.read_bytes() for path in models]
    headers = [
        min(t.offset for t in gguf.parse(lambda o, n, d=data: d[o : o + n], len(data), "")
            .tensors.values())
        for data in files
    ]  # fmt: skip
    for number in range(count):
        chance = random.Random(f"{seed} {number}")
        which = chance.randrange(len(files))
        data = mutated(files[which], headers[which], chance)
        try:
            attempt(data, tally)
        except Exception as error:
            error.add_note(f"{models[which].name}, seed {seed}, number {number}")
            raise
    return tally
