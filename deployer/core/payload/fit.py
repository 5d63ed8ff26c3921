"""Whether a payload fits a target, and how long it will take: from headers, before a byte moves.

Lengths are bytes. Memory is counted exactly as LLAMA98 lays it out. Speed is either what this
target has shown before (`measured`) or comes from a model of a Pentium II (`modelled`): a token
costs instructions and cache misses, and both are counted for two sizes of model and three widths
of weight by `python -m benchmarks.engine`; between them it is a straight line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from deployer.core.payload.modelfile import Checkpoint
from deployer.model import Profile, Report

MIB = 1 << 20
SLACK = 64 << 10
"""What the helper leaves free beside the payload and its largest part."""
WINDOWS = 24 * MIB
"""Memory that Windows 98 itself wants; with less left for the engine it begins to swap."""
ENGINE_STEPS = 256
"""Positions that the engine makes room for when it is not told otherwise."""

_L2 = 512 << 10
_LINE = 32
_MISS_NS = 100.0
"""35 cycles of 350 MHz: a line of memory on a 100 MHz bus."""
_CYCLES_PER_INSTRUCTION = 0.75
_USUAL_MEMORY = 128 * MIB
"""Of a PC that has not said how much it has."""

#: Instructions per multiply-add and per row of a matrix, from the counts for 260K and 15M weights.
_FP32 = (3.06, 60.0)
_INT8_MMX = (0.78, 83.0)
_INT8_PLAIN = (6.35, 83.0)

#: Bytes per second until a wire has shown its own: 10 Mbit/s Ethernet with FTP.EXE at its end.
DEFAULT_WIRE = 1_000_000.0

Source = Literal["measured", "surveyed", "modelled"]
"""Shown by this very machine, modelled and corrected by its survey, or modelled alone."""


@dataclass(frozen=True, slots=True)
class EnginePace:
    """What a PC's survey measured, of its engine by what is modelled: 2.0 is twice as fast.

    `fp32` and `int8` are of a whole model, `int4` and `ternary` of those kernels. `mhz` is the
    clock that they stand for. `memory` and `disk` are bytes per second that were read of them.
    """

    fp32: float = 1.0
    int8: float = 1.0
    int4: float = 1.0
    ternary: float = 1.0
    mhz: int = 350
    memory: float = 320e6
    disk: float = 12e6


MODELLED = EnginePace()
"""A Pentium II of 350 MHz: memory gives a line of 32 bytes in 35 cycles, the disk has UDMA. Old
disks without it read 3 to 5 MB/s."""


@dataclass(frozen=True, slots=True)
class KnownPc:
    """What is known of the target. None: not known. `said` is when its own words are used.

    `engine` is how its survey corrects what is modelled.
    """

    memory: int | None = None
    disk_free: int | None = None
    cluster: int | None = None
    mhz: int | None = None
    mmx: bool = True
    said: bool = False
    engine: EnginePace | None = None


class Expected(Protocol):
    """What a converted model takes: `core/model/expect` works it out."""

    @property
    def wanted(self) -> int:
        """Memory in which all of it stays."""

    @property
    def streamed(self) -> int:
        """Bytes that are read from disk for each token."""

    @property
    def tokens(self) -> float:
        """Tokens per second, modelled."""

    @property
    def fits(self) -> bool:
        """Whether it runs at all."""


class Expecting(Protocol):
    """Tells what to expect on a PC with so much memory."""

    def __call__(self, memory: int, *, steps: int, pace: EnginePace) -> Expected:
        """Memory in bytes, positions, how fast the PC is."""


@dataclass(frozen=True, slots=True)
class Load:
    """What goes there: lengths of the files, parts, the largest part, the model if any.

    `bits` is the width of the engine's weights, 0 for fp32; `steps` its positions. `expect` tells
    about a converted model.
    """

    lengths: tuple[int, ...]
    parts: int
    largest_part: int
    model: Checkpoint | None = None
    bits: int = 8
    steps: int = ENGINE_STEPS
    expect: Expecting | None = None

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return sum(self.lengths)


@dataclass(frozen=True, slots=True)
class PcPace:
    """What a PC takes beside its wire to check, join and prove: seconds at least, and for each.

    A small file costs what it takes to make it, to read it back and to date it. `shown` says that
    the PC has shown it before; until then it is guessed for a disk of 1998.
    """

    least: float = 3.0
    file: float = 0.05
    byte: float = 1 / 2_500_000
    shown: bool = False

    def seconds(self, files: int, count: int) -> float:
        """For so many files of `count` bytes together."""
        return self.least + files * self.file + count * self.byte

    def after(self, files: int, count: int, took: float) -> PcPace:
        """What is known when so many files took so long: what cost most has cost the rest.

        Nothing is learnt from what took no longer than the least, but that.
        """
        rest = took - self.least
        if rest <= 0:
            return replace(self, least=(self.least + took) / 2)
        if files * self.file > count * self.byte:
            file = max(rest - count * self.byte, 0.0) / files
            return replace(self, file=self._mean(self.file, file), shown=True)
        byte = max(rest - files * self.file, 0.0) / count
        return replace(self, byte=self._mean(self.byte, byte), shown=True)

    def _mean(self, before: float, now: float) -> float:
        return (before + now) / 2 if self.shown else now


SIMULATED = PcPace(least=1.5, file=0.003)
"""The simulated PC's, by `python -m benchmarks.trees`."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What this target has shown before: bytes per second on its wire, tok/s of this very model."""

    wire: float | None = None
    tokens: float | None = None
    pace: PcPace = PcPace()


@dataclass(frozen=True, slots=True)
class Fit:
    """The answer. `problems` are why it cannot work; `warnings` why it may be no joy."""

    total: int
    disk: int
    files: int
    parts: int
    memory: int | None
    seconds: float
    seconds_source: Source
    tokens: float | None
    tokens_source: Source
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """True when nothing is known that speaks against it."""
        return not self.problems


def machine_of(report: Report | None) -> KnownPc:
    """The target in its own words (INFO.TXT or any report), or an unknown one."""
    if report is None or (report.memory is None and report.disk_free is None):
        return KnownPc()
    features = report.cpu_features.split()
    return KnownPc(
        memory=report.memory,
        disk_free=report.disk_free,
        cluster=report.disk_cluster,
        mhz=report.cpu_mhz,
        mmx=not features or "mmx" in features,
        said=True,
    )


def fit(load: Load, machine: KnownPc, shown: Shown, profile: Profile) -> Fit:
    """Whether the load fits, and what to expect."""
    disk = disk_need(load, machine.cluster or profile.cluster)
    memory = None
    tokens: float | None = None
    problems: list[str] = []
    warnings: list[str] = []
    longest = max(load.lengths, default=0)
    if longest > profile.max_file:
        problems.append(_too_big("as one file", longest, profile.max_file))
    if machine.disk_free is not None and disk > machine.disk_free:
        problems.append(_too_big("on disk", disk, machine.disk_free))
    pace = machine.engine or MODELLED
    pace = replace(pace, mhz=machine.mhz or pace.mhz)
    if load.model is not None:
        memory = engine_memory(load.model, load.bits, load.steps)
        modelled = modelled_speed(load.model, load.bits, mhz=pace.mhz, mmx=machine.mmx)
        tokens = shown.tokens or modelled * (pace.int8 if load.bits else pace.fp32)
        problems += _memory_problems(memory, machine)
        if not problems and machine.memory is not None and memory > machine.memory - WINDOWS:
            warnings.append("with Windows in the same memory it will swap and be slow")
    elif load.expect is not None:
        expected = load.expect(machine.memory or _USUAL_MEMORY, steps=load.steps, pace=pace)
        memory = expected.wanted
        tokens = shown.tokens or expected.tokens
        if machine.memory is not None and not expected.fits:
            problems.append(_too_big("in memory", memory, machine.memory))
        elif machine.memory is not None and expected.streamed:
            read = _mb(expected.streamed, 1_000_000)
            warnings.append(f"{read} of it are read from its disk for each token")
    return Fit(
        total=load.total,
        disk=disk,
        files=len(load.lengths),
        parts=load.parts,
        memory=memory,
        seconds=load.total / (shown.wire or DEFAULT_WIRE)
        + shown.pace.seconds(len(load.lengths), load.total),
        seconds_source="measured" if shown.wire and shown.pace.shown else "modelled",
        tokens=tokens,
        tokens_source=_tokens_source(machine, shown),
        problems=tuple(problems),
        warnings=tuple(warnings),
    )


def _tokens_source(machine: KnownPc, shown: Shown) -> Source:
    if shown.tokens:
        return "measured"
    return "modelled" if machine.engine is None else "surveyed"


def disk_need(load: Load, cluster: int) -> int:
    """Bytes of disk as DEPLOY98's CHECK counts them: each file takes whole clusters of it.

    Beside the files, the largest part, and what scripts and reports take.
    """
    pieces = (*load.lengths, load.largest_part)
    return (
        sum(-(-length // cluster) for length in pieces) * cluster
        + SLACK
        + 4 * cluster
        + 256 * len(load.lengths)
    )


def _memory_problems(memory: int, machine: KnownPc) -> Sequence[str]:
    if machine.memory is not None and memory > machine.memory:
        return [_too_big("in memory", memory, machine.memory)]
    if memory >= 0x7FFF0000:
        return [_too_big("in the memory of a 32-bit program", memory, 0x7FFF0000)]
    return []


def _too_big(where: str, needs: int, has: int) -> str:
    unit = MIB if "memory" in where else 1_000_000
    return f"too big {where}: needs {_mb(needs, unit)}, has {_mb(has, unit)}"


def _mb(count: int, unit: int) -> str:
    """Memory is sold in units of 2^20 bytes, disks and files in units of 10^6."""
    value = count / unit
    return f"{value:,.1f} MB" if value < 100 else f"{value:,.0f} MB"


# --- the engine


def engine_memory(shape: Checkpoint, bits: int = 8, steps: int = ENGINE_STEPS) -> int:
    """Bytes that LLAMA98 asks Windows for, tokenizer and program (under 1 MB) not counted.

    The same sum as `lay_out` in `payloads/llama98/model.c` and `layout_state` in `layout.c`.
    """
    steps = shape.longest if steps <= 0 else min(steps, shape.longest)
    most = min(steps, _AT_ONCE)
    kv = shape.head_size * shape.kv_heads
    dim, hidden, vocabulary = shape.dim, shape.hidden_dim, shape.vocabulary
    matrices = [(dim, dim), (kv, dim), (kv, dim), (dim, dim)]
    matrices += [(hidden, dim), (dim, hidden), (hidden, dim)]
    layer = sum(_matrix(rows, columns, bits) for rows, columns in matrices) + 2 * _carve(4 * dim)
    tables = _matrix(vocabulary, dim, bits) * (1 if shape.shared_classifier else 2)
    rest = _carve(_STRUCT_LAYER * shape.layers) + _carve(4 * dim)
    widest = max(dim, hidden)
    state = 2 * _carve(4 * (shape.head_size * steps // 2))
    state += 2 * _carve(4 * most * dim) + _carve(4 * most * hidden)
    state += _carve(4 * most * max(hidden, dim + 2 * kv))
    state += _carve(4 * (steps + 16)) + _carve(4 * vocabulary) + _carve(4 * widest) + 32768
    ready = 2 * _carve(2 * (widest + _BEYOND)) + _carve(16 + (widest + _BEYOND) // 32 * 80)
    inputs = _carve(_STRUCT_INPUT * most) + _carve(4 * widest) + most * ready
    cache = _cache(shape, bits, steps)
    return tables + shape.layers * layer + rest + state + inputs + cache


def _cache(shape: Checkpoint, bits: int, steps: int) -> int:
    """Keys and values: 8 or 12 bits with a scale for each head and position, or fp32."""
    steps = (steps + 15) & ~15 if bits else steps
    size, heads = shape.head_size, shape.layers * shape.kv_heads
    width = (size + 7) & ~7
    work = _carve(4 * (max(steps, size) + 16)) + _carve(2 * (steps + 16))
    work += _carve(2 * (2 * size + 16)) + _carve(4 * heads)
    places = heads * steps
    if not bits:
        return work + 2 * _carve(4 * places * size)
    wide = 2 * places * width
    keys = _carve(2 * (places * width // (1 if wide <= _WIDE_KEYS else 2)))
    values = _carve(2 * places * (size if wide <= _WIDE_VALUES else (size + 1) // 2))
    return work + keys + values + 2 * _carve(4 * places)


_STRUCT_LAYER = 9 * 4 + 7 * 32
_STRUCT_INPUT = 11 * 4
_BEYOND = 64
_AT_ONCE = 8
_WIDE_KEYS, _WIDE_VALUES = 128 << 10, 512 << 10


def _carve(count: int) -> int:
    return (count + 31) & ~31


def _matrix(rows: int, columns: int, bits: int) -> int:
    if bits == 0:
        return _carve(4 * rows * columns)
    padded = (columns + 15) & ~15
    return _carve(2 * ((rows + 1) // 2) * padded) + _carve(4 * rows)


def _work(shape: Checkpoint) -> tuple[int, int]:
    """Multiply-adds and matrix rows of one token."""
    kv = shape.head_size * shape.kv_heads
    dim, hidden = shape.dim, shape.hidden_dim
    products = 2 * dim * dim + 2 * dim * kv + 3 * dim * hidden
    rows = 3 * dim + 2 * kv + 2 * hidden
    return (
        shape.layers * products + shape.vocabulary * dim,
        shape.layers * rows + shape.vocabulary,
    )


def modelled_speed(
    shape: Checkpoint, bits: int = 8, *, mhz: int = MODELLED.mhz, mmx: bool = True
) -> float:
    """Tokens per second of LLAMA98 on a Pentium II of that clock; always to be called modelled.

    Without MMX the int8 kernel is plain C, which is slower than fp32.
    """
    products, rows = _work(shape)
    per_product, per_row = _FP32 if bits == 0 else _INT8_MMX if mmx else _INT8_PLAIN
    weights = products * (4 if bits == 0 else 1)
    misses = weights / _LINE if weights > _L2 else 0.0
    instructions = per_product * products + per_row * rows
    seconds = instructions * _CYCLES_PER_INSTRUCTION / (mhz * 1e6) + misses * _MISS_NS * 1e-9
    return 1.0 / seconds
