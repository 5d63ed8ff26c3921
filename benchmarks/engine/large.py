"""Models larger than the memory of a PC with 128 MB: `python -m benchmarks.engine --large`.

Random weights in the shape of real models, 2 GB of them on this disk while it runs. A token costs
what it computes, modelled as elsewhere, and then what it reads from disk, one after the other: the
engine reads what a kernel asks for. Ten minutes.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.engine import containers
from benchmarks.engine.figures import Measured
from tests.payloads import l98

ROOM = 128 - 40
"""MB that LLAMA98 takes of 128: Windows keeps 40."""
ALL = 1500
DISK = 12e6
"""Bytes a second, as INFO measures: into a program's memory."""
HERTZ = 350e6


@dataclass(frozen=True, slots=True)
class Large:
    """A shape, what its layers hold, the seconds that a token may take streamed and in memory."""

    name: str
    shape: l98.Shape
    kind: int
    streamed: float
    fitting: float | None = None


CASES = (
    Large("Llama-3.2-1B shape, int4", containers.LLAMA_1B, l98.INT4, 75),
    Large("1.7B shape, 1 bit", containers.QWEN3_1_7B, l98.BIT, 18, 1 / 0.38),
)


def measure(
    build: Callable[[Path, str, str], Path],
    count: Callable[[Path, list[str], int], tuple[int, int]],
) -> Iterator[Measured]:
    """Seconds and megabytes for each; AssertionError when the text or what is read is wrong."""
    with tempfile.TemporaryDirectory(prefix="engine-") as name:
        folder = Path(name)
        program, probe = (build(folder / "build", *what) for what in (
            ("linux32", "LLAMA98"), ("hosted", "llama98-probe"),
        ))  # fmt: skip
        for case in CASES:
            path = folder / "BIG.L01"
            multiplied = containers.write_large(path, case.shape, case.kind)
            yield from _one(case, path, multiplied, program, probe, count)
            for part in folder.glob("BIG.*"):
                part.unlink()


def _one(
    case: Large,
    path: Path,
    multiplied: int,
    program: Path,
    probe: Path,
    count: Callable[[Path, list[str], int], tuple[int, int]],
) -> Iterator[Measured]:
    texts = {room: _text(program, path, room) for room in (ROOM, ALL)}
    assert texts[ROOM] == texts[ALL], "the text differs when it is streamed"
    resident, read = _read(probe, path, case.shape)
    assert multiplied - resident <= read <= multiplied - resident + 2 * case.shape.dim
    for room, most in ((ROOM, case.streamed), (ALL, case.fitting)):
        if most is None:
            continue
        arguments = [str(path), "-i", " w0", "-t", "0", "--memory", str(room)]
        long, short = (count(program, arguments, n) for n in (2, 1))
        computed = (0.75 * (long[0] - short[0]) + 35 * (long[1] - short[1])) / HERTZ
        bytes_read = read if room == ROOM else 0
        seconds = computed + bytes_read / DISK
        line = (
            f"{case.name}, {room} MB: {seconds:.1f} s a token (at most {most:.1f}): computes "
            f"{computed:.1f} s, reads {bytes_read / 1e6:.1f} MB of {multiplied / 1e6:.1f} MB"
        )
        yield Measured(f"{case.name}, {room} MB: seconds", seconds, most, line)


def _text(program: Path, path: Path, room: int) -> bytes:
    command = [str(program), str(path), "-i", " w0", "-t", "0", "-n", "6", "--memory", str(room)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=600)
    return done.stdout.partition(b"\r\ntokens=")[0]


def _read(probe: Path, path: Path, shape: l98.Shape) -> tuple[int, int]:
    """Bytes of the multiplied weights that stay in memory, and bytes that a token reads."""
    command = [str(probe), "logits", str(path), "mmx", str(ROOM << 20), "1", "3"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=600)
    loaded, read = (int(line.split()[-1]) for line in done.stderr.splitlines())
    others = l98.up(2 * shape.head_size, 16) + 4 * shape.dim  # frequencies, the last norm
    if not shape.flags & l98.TIED:
        others += 4 * l98.up(shape.vocab, 4)  # the scales of the embeddings
    return loaded - others, read
