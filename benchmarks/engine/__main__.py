"""Counts what a token costs LLAMA98 on a Pentium II: `python -m benchmarks.engine`.

The Linux i386 build, which is the same code as the .EXE, runs under cachegrind with the caches of
a Pentium II (16 + 16 KB, 512 KB). What is counted is exact and the same from run to run; a token's
cost is the difference between a long and a short run, divided, so loading does not count. The speed
is modelled, never measured: cycles = 0.75 x instructions + 35 x last-level data misses, at 350 MHz.

    --short       few tokens, only the gated cases: what CI compares with baseline.json
    --json        one JSON object instead of the table
    --baseline    writes the figures of --short into baseline.json
    --large       instead: models larger than a PC's memory (large.py), compared with large.json
    --losses GGUF instead: what is lost of SmolLM2-135M-Instruct (losses.py), with losses.json
                  With --baseline each writes its own.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.engine import containers, figures, large, losses
from benchmarks.engine.shapes import STORIES_15M, write_model, write_tokenizer
from tests.payloads import l98

ROOT = Path(__file__).resolve().parents[2]
BASELINE = Path(__file__).with_name("baseline.json")
CAMPFIRE = ROOT / "payloads" / "models" / "campfire"
CAMPFIRE_158 = ROOT / "payloads" / "models" / "campfire158" / "campfire158.l98"
REFERENCE = ROOT.parent / "shared" / "models"
CACHES = ("--I1=16384,4,32", "--D1=16384,4,32", "--LL=524288,4,32")
MHZ = 350
#: tokens a second of llama98.c on a real Pentium II at 350 MHz, as its authors published them
PUBLISHED = {"260K": 39.31, "15M": 1.03}


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the table. `limit` is the most instructions a token may cost.

    The likeliest token is taken, unless `drawn`: then any, which needs the logits of all.
    """

    name: str
    size: str
    bits: str
    limit: int | None
    tokens: int  # the long run; the short one is a single token
    short: int  # the long run of --short; 0 = not in it
    least: float = 0.0  # wanted: modelled tokens a second
    drawn: bool = False
    memory: int = 0  # what it may take, in MB; 0 = as much as it likes


CASES = (
    Case("260K fp32", "260K", "0", 2_200_000, 200, 20),
    Case("260K int8", "260K", "8", 600_000, 200, 20, 740),
    Case("15M fp32", "15M", "0", None, 50, 0),
    Case("15M int8", "15M", "8", 22_000_000, 50, 5, 11.9),
    Case("campfire158 ternary", "campfire158", "", None, 200, 20, 250),
    Case("15M l98 int8", "15M8.L98", "", None, 50, 0, 11.9),
    Case("15M l98 int8, drawn", "15M8.L98", "", None, 50, 0, drawn=True),
    Case("15M l98 int4", "15M4.L98", "", None, 50, 5, 15),
    Case("15M l98 int4, drawn", "15M4.L98", "", None, 50, 0, drawn=True),
    Case("15M all int4", "15M44.L98", "", None, 50, 0, 13.5),
    Case("2048 x 2048 int4", "int4.L98", "", None, 4, 2),
    Case("2048 x 2048 ternary", "tern.L98", "", None, 4, 2),
    Case("2048 x 2048 1 bit", "bit.L98", "", None, 4, 2),
    Case("SmolLM2-135M int4", "smol.L98", "", 170_000_000, 8, 0, 1.45),
    Case("SmolLM2-135M, 100 MB", "smol.L98", "", 170_000_000, 8, 0, 1.45, memory=100),
    Case("SmolLM2-135M, drawn", "smol.L98", "", None, 8, 0, drawn=True),
)
#: The containers among them: shape and encoding of the layers.
CONTAINERS = {
    "campfire158": (containers.CAMPFIRE_158, l98.TERNARY),
    "15M8.L98": (containers.STORIES_15M, l98.INT8),
    "15M4.L98": (containers.STORIES_15M, l98.INT4),
    "15M44.L98": (containers.STORIES_15M_UNTIED, l98.INT4),
    "int4.L98": (containers.KERNEL, l98.INT4),
    "tern.L98": (containers.KERNEL, l98.TERNARY),
    "bit.L98": (containers.KERNEL, l98.BIT),
    "smol.L98": (containers.SMOLLM2_135M, l98.INT4),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """What one token costs."""

    name: str
    tokens: int
    instructions: int
    misses: int
    limit: int | None
    least: float
    modelled: float
    published: float
    weights: int  # of a container's layers and classifier
    load: float  # instructions for a byte of a container, until its first token


def build(out: Path, flavour: str = "linux32", name: str = "LLAMA98") -> Path:
    """Compiles a program into `out` and returns it; the Linux i386 build unless told otherwise."""
    program = out / flavour / name
    command = ["make", "-s", "-C", str(ROOT / "payloads"), f"OUT={out}", str(program)]
    subprocess.run(command, check=True, timeout=300)
    return program


def count(program: Path, arguments: list[str], tokens: int) -> tuple[int, int]:
    """Instructions and last-level data misses of a run of so many tokens."""
    valgrind = shutil.which("valgrind") or sys.exit("valgrind is needed: apt install valgrind")
    command = [valgrind, "--tool=cachegrind", "--cache-sim=yes", *CACHES]
    command += ["--cachegrind-out-file=/dev/null", str(program), *arguments]
    command += ["-n", str(tokens), "--cpu", "mmx"]  # as a Pentium II, without a prefetch
    done = subprocess.run(command, env={}, capture_output=True, check=True, timeout=1800)
    if f"tokens={tokens - 1} ".encode() not in done.stdout:
        sys.exit(f"the run of {tokens} tokens ended early; nothing can be counted")
    report = done.stderr.decode()
    found = [re.search(rf"{name}:\s+([\d,]+)", report) for name in ("I\\s+refs", "LLd misses")]
    instructions, misses = (int(m[1].replace(",", "")) for m in found if m)
    return instructions, misses


def weights_of(shape: l98.Shape) -> int:
    """What a token is multiplied by."""
    matrices = (shape.rows(name) for name in l98.MATRICES)
    layer = sum(rows * columns for rows, columns in matrices)
    return shape.layers * layer + shape.vocab * shape.dim


def measure(program: Path, case: Case, arguments: list[str], tokens: int) -> Figure:
    """The cost of a token of `case`, averaged over a run of `tokens`."""
    long = count(program, arguments, tokens)
    short = count(program, arguments, 1)
    instructions, misses = ((a - b) // (tokens - 1) for a, b in zip(long, short, strict=True))
    speed = MHZ * 1e6 / (0.75 * instructions + 35 * misses)
    weights, load = 0, 0.0
    if case.size in CONTAINERS:
        weights = weights_of(CONTAINERS[case.size][0])
        load = round((short[0] - instructions) / Path(arguments[0]).stat().st_size, 2)
    published = PUBLISHED.get(case.size, 0.0)
    return Figure(
        case.name,
        tokens,
        instructions,
        misses,
        case.limit,
        case.least,
        round(speed, 2),
        published,
        weights,
        load,
    )


def arguments_of(case: Case, folder: Path, *, short: bool) -> list[str]:
    """The model of a case, made if need be, and what the program is told with it.

    Of 260K weights there are stories260K, which the published figure is for, and our own, which is
    everywhere, so the short run uses it; they differ in the number of heads only.
    """
    how = ["-t", "1", "-p", "1", "-s", "98"] if case.drawn else ["-t", "0"]
    if case.memory:
        how += ["--memory", str(case.memory)]
    if case.size == "campfire158":
        return [str(CAMPFIRE_158), *how]
    if case.size in CONTAINERS:
        shape, kind = CONTAINERS[case.size]
        if not (folder / case.size).exists():
            containers.write(folder / case.size, shape, kind)
        return [str(folder / case.size), "-i", " w0", *how]
    small = (REFERENCE / "stories260K.bin", REFERENCE / "tok512.bin")
    if short or not small[0].is_file():
        small = (CAMPFIRE / "campfire260K.bin", CAMPFIRE / "campfire.tok.bin")
    large = (folder / "15m.bin", folder / "15m.tok")
    if case.size == "15M" and not large[0].exists():
        write_model(large[0], STORIES_15M)
        write_tokenizer(large[1], STORIES_15M.vocab)
    model, tokenizer = {"260K": small, "15M": large}[case.size]
    return [str(model), "-z", str(tokenizer), "-q", case.bits, *how]


def measured(*, short: bool, only: str = "") -> Iterator[Figure]:
    """All cases, one after the other, in a directory that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="engine-") as name:
        program = build(Path(name) / "build")
        for case in CASES:
            tokens = case.short if short else case.tokens
            if tokens and case.name.startswith(only):
                arguments = arguments_of(case, Path(name), short=short)
                yield measure(program, case, arguments, tokens)


def table(rows: list[Figure]) -> Iterator[str]:
    """The figures for people."""
    yield (
        "per token              instructions    at most    misses   modelled tok/s   at least"
        "    published"
    )
    for row in rows:
        limit = f"{row.limit / 1e6:7.1f} M" if row.limit else "        -"
        published = f"{row.published:12.2f}" if row.published else " " * 11 + "-"
        least = f"{row.least:10.2f}" if row.least else " " * 9 + "-"
        more = ""
        if row.weights:
            each = row.instructions / row.weights
            missed = 32 * row.misses / row.weights
            more = f"   {each:.2f} instr, {missed:.2f} B a weight; load {row.load:.2f} instr a byte"
        yield (
            f"{row.name:<21}{row.instructions / 1e6:12.3f} M {limit} {row.misses / 1e3:7.1f} k"
            f"{row.modelled:14.2f} {least} {published}{more}"
        )
    yield f"modelled: 0.75 x instructions + 35 x misses cycles at {MHZ} MHz; nothing ran on the PC"
    yield "published: llama98.c on a real Pentium II; B a weight: what comes from memory"


def compared(model: Path | None, *, write: bool) -> int:
    """Prints --losses of a model, or --large; 1 when a figure is worse than it may be."""
    name = "losses" if model else "large"
    found = []
    for one in losses.measure(model, build) if model else large.measure(build, count):
        print(one.line, flush=True)
        found.append(one)
    if write:
        figures.write(name, found)
    wrong = figures.complaints(name, found)
    print("\n".join(wrong) or "nothing is worse than before")
    return int(bool(wrong))


def main() -> int:
    """Measures and prints; 1 when a figure is over its limit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--baseline", action="store_true")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--losses", type=Path, metavar="GGUF")
    parser.add_argument("--only", default="", help="cases whose name begins so")
    asked = parser.parse_args()
    if asked.large or asked.losses:
        return compared(asked.losses, write=asked.baseline)
    rows = list(measured(short=asked.short or asked.baseline, only=asked.only))
    if asked.baseline:
        values = {row.name: row.instructions for row in rows}
        BASELINE.write_text(json.dumps(values, indent=2) + "\n")
    if asked.json:
        print(json.dumps({"mhz": MHZ, "figures": [asdict(row) for row in rows]}, indent=2))
    else:
        print("\n".join(table(rows)))
    return int(any(row.limit and row.instructions > row.limit for row in rows))


if __name__ == "__main__":
    sys.exit(main())
