"""`python -m benchmarks.convert FILE.gguf`: how long a conversion takes, and how much memory.

Without a file, of a model with the shape of Llama 3.2 1B and random weights, 0.8 GB that is written
first and deleted after.
As a ratio to reading the file with the gguf package and numpy: every tensor as float32, a tensor at
a time, nothing kept. Each in a process of its own, in turns. With `--mutate N` it converts N
damaged files instead, made of the small models in tests/data/gold, and none may end otherwise than
by a container or by an error of two lines.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.convert import mutate

GOLD = Path(__file__).resolve().parents[2] / "tests" / "data" / "gold" / "small"
SMALL = (
    "bitnet-scales", "llama-cols96-mix-q4-k", "llama-q-q1-0", "llama-smolshape-mix-q4-k",
    "llama-yarn-rope", "qwen2-tied", "bitnet-q-tq2-0",
)  # fmt: skip


def read_with_gguf(path: Path, _to: Path) -> None:
    """The measure: the gguf package reads the file and makes float32 of every tensor."""
    from gguf import GGUFReader, quants  # noqa: PLC0415 - in the child only

    for tensor in GGUFReader(path).tensors:
        quants.dequantize(tensor.data, tensor.tensor_type)


def convert(path: Path, to: Path) -> None:
    """The conversion, as the command does it."""
    from deployer.host.models import extra  # noqa: PLC0415 - in the child only

    extra.need("Converting a model")
    from deployer.host.models import conversion  # noqa: PLC0415 - in the child only

    conversion.convert(path, to, conversion.ConversionOptions())


WORK = {"reading": read_with_gguf, "converting": convert}


def once(name: str, path: Path, to: Path) -> None:
    """Do the work and print its seconds and the most memory that it took."""
    began = time.perf_counter()
    WORK[name](path, to)
    spent = time.perf_counter() - began
    print(json.dumps([spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10]))


def measured(name: str, path: Path, to: Path) -> tuple[float, int]:
    """Seconds and the most memory of the work, in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.convert", path, "--once", name, "--to", to]
    done = subprocess.run([str(word) for word in words], capture_output=True, check=True)
    seconds, memory = json.loads(done.stdout)
    return seconds, memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE.gguf")
    parser.add_argument("--mutate", type=int, default=0, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--once", choices=sorted(WORK), help=argparse.SUPPRESS)
    parser.add_argument("--to", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.once:
        once(given.once, given.file, given.to)
        return
    if given.mutate:
        began = time.monotonic()
        tally = mutate.run([GOLD / f"{name}.gguf" for name in SMALL], given.mutate, given.seed)
        refused = ", ".join(f"{count:,} {name}" for name, count in sorted(tally.refused.items()))
        spent = time.monotonic() - began
        print(f"{tally.total:,} damaged files in {spent:.0f} s")
        print(f"{tally.converted:,} converted, {refused}")
        return
    with tempfile.TemporaryDirectory() as folder:
        to, path = Path(folder, "m.l98"), given.file
        if path is None:
            from benchmarks.convert import shapes  # noqa: PLC0415 - needs numpy

            path = Path(folder, "random-1b.gguf")
            shapes.write(path)
        rounds = [
            (measured("reading", path, to), measured("converting", path, to))
            for _ in range(given.rounds)
        ]
        size = path.stat().st_size
    reading, converting = (min(pair[which][0] for pair in rounds) for which in (0, 1))
    memory = max(pair[1][1] for pair in rounds)
    found = {
        "file": size, "seconds": round(converting, 2),
        "reading": round(reading, 2), "ratio": round(converting / reading, 2), "memory": memory,
    }  # fmt: skip
    if given.json:
        print(json.dumps(found))
        return
    print(f"{path.name}: converted in {converting:.1f} s, at most {memory >> 20} MiB of memory")
    print(f"{converting / reading:.1f} times as long as gguf and numpy read it ({reading:.1f} s)")


if __name__ == "__main__":
    sys.exit(main())
