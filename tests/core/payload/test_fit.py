"""The fit of a payload: memory as the engine lays it out, speed from counted instructions."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.core.payload import fit
from deployer.core.payload.fit import Fit, KnownPc, Load, PcPace, Shown
from deployer.core.payload.modelfile import Checkpoint
from deployer.model import Profile, Report

PROFILE = Profile("win98-fat32", 2**31 - 1)
S260K = Checkpoint(64, 172, 5, 8, 4, 512, 512, True)
S15M = Checkpoint(288, 768, 6, 6, 6, 32000, 256, True)
S110M = Checkpoint(768, 2048, 12, 12, 12, 32000, 1024, True)
S7B = Checkpoint(4096, 11008, 32, 32, 32, 32000, 2048, False)


def of(model: Checkpoint, machine: KnownPc, shown: Shown | None = None, **more: int) -> Fit:
    load = Load((model.file_length,), 15, 4 << 20, model, **more)
    return fit.fit(load, machine, shown or Shown(), PROFILE)


@pytest.mark.parametrize(
    ("model", "machine", "problem"),
    [
        (S15M, KnownPc(), ""),
        (S15M, KnownPc(memory=128 << 20, disk_free=10**9), ""),
        (S15M, KnownPc(disk_free=60_000_000), "too big on disk: needs 65.1 MB, has 60.0 MB"),
        (S15M, KnownPc(memory=15_000_000), "too big in memory: needs 15.9 MB, has 14.3 MB"),
        (S7B, KnownPc(), "too big as one file: needs 26,955 MB, has 2,147 MB"),
    ],
)
def test_too_big_says_what_it_needs_and_what_there_is(
    model: Checkpoint, machine: KnownPc, problem: str
) -> None:
    found = of(model, machine)
    assert found.fits == (not problem)
    assert not problem or problem in found.problems


def test_the_disk_must_hold_the_payload_and_its_largest_part() -> None:
    load = Load((1_000_000,), 4, 262_144)
    exactly = 245 * 4096 + 262_144 + fit.SLACK + 4 * 4096 + 256
    assert fit.fit(load, KnownPc(disk_free=exactly), Shown(), PROFILE).fits
    assert not fit.fit(load, KnownPc(disk_free=exactly - 1), Shown(), PROFILE).fits


@pytest.mark.parametrize("cluster", [4096, 32768])
def test_small_files_take_whole_clusters(cluster: int) -> None:
    load = Load((7,) * 60, 1, 420)
    known = fit.fit(load, KnownPc(cluster=cluster), Shown(), PROFILE)
    assert known.disk >= 61 * cluster
    assert fit.fit(load, KnownPc(), Shown(), replace(PROFILE, cluster=cluster)).disk == known.disk


def test_swapping_is_a_warning_not_a_problem() -> None:
    found = of(S15M, KnownPc(memory=32 << 20))
    assert found.fits
    assert "swap" in found.warnings[0]


def test_fewer_steps_need_less_memory() -> None:
    assert fit.engine_memory(S110M, steps=16) < fit.engine_memory(S110M, steps=256)
    assert fit.engine_memory(S110M, steps=0) == fit.engine_memory(S110M, steps=9999)
    assert fit.engine_memory(S15M, bits=0) > 3 * fit.engine_memory(S15M, bits=8)


def test_modelled_speed_agrees_with_the_counts(root: Path) -> None:
    """Instructions from `python -m benchmarks.engine --short`, within a fifth."""
    counted = json.loads((root / "benchmarks" / "engine" / "baseline.json").read_text())
    misses = {"260K fp32": 33_500, "260K int8": 0, "15M int8": 496_000}
    for name, shape, bits in (
        ("260K fp32", S260K, 0),
        ("260K int8", S260K, 8),
        ("15M int8", S15M, 8),
    ):
        speed = 350e6 / (0.75 * counted[name] + 35 * misses[name])
        assert fit.modelled_speed(shape, bits) == pytest.approx(speed, rel=0.2), name


def test_speed_is_measured_when_the_target_has_shown_it() -> None:
    assert of(S15M, KnownPc()).tokens_source == "modelled"
    pace = PcPace(least=2.0, file=0.1, byte=1e-6, shown=True)
    shown = of(S15M, KnownPc(), Shown(wire=500_000.0, tokens=9.5, pace=pace))
    assert (shown.tokens, shown.tokens_source) == (9.5, "measured")
    fetched, done = S15M.file_length / 500_000, 2.0 + 0.1 + S15M.file_length * 1e-6
    assert shown.seconds == pytest.approx(fetched + done)
    assert shown.seconds_source == "measured"


def test_a_slower_clock_and_no_mmx_are_slower() -> None:
    fast = fit.modelled_speed(S15M, mhz=350)
    assert fit.modelled_speed(S15M, mhz=233) < fast
    assert fit.modelled_speed(S15M, mhz=350, mmx=False) < fast


def test_the_machine_speaks_for_itself() -> None:
    told = Report(
        "", True, cpu_mhz=233, cpu_features="fpu tsc", memory=64 << 20, disk_free=500_000_000
    )
    machine = fit.machine_of(told)
    assert machine == KnownPc(64 << 20, 500_000_000, mhz=233, mmx=False, said=True)
    assert fit.machine_of(None) == KnownPc()
    assert fit.machine_of(Report("", True)) == KnownPc()


def test_memory_is_the_sum_of_the_engines_own_layout(root: Path, cc: str, tmp_path: Path) -> None:
    """`lay_out` of payloads/llama98/model.c, compiled as it stands, counts the same."""
    source = root / "payloads" / "llama98" / "model.c"
    program, built = tmp_path / "count.c", tmp_path / "count"
    beside = "".join(
        f'#include "{source.with_name(name)}"\n'
        for name in ("layout.c", "multiply.c", "classify.c")
    )
    program.write_text(f'#include "{source}"\n#define times times_again\n{beside}{_COUNT}')
    flags = ["-w", "-static", "-no-pie", "-Wl,--unresolved-symbols=ignore-all"]
    flags += ["-I", str(root / "payloads" / "platform")]
    subprocess.run([cc, *flags, "-o", str(built), str(program)], check=True, timeout=60)
    for shape, bits in ((S260K, 8), (S260K, 0), (S15M, 8), (S15M, 0), (S110M, 8)):
        kv = shape.head_size * shape.kv_heads
        numbers = [shape.dim, shape.hidden_dim, shape.layers, kv, shape.vocabulary]
        numbers += [shape.head_size, 256, bits, shape.kv_heads]
        out = subprocess.run(
            [str(built), *map(str, numbers)], capture_output=True, timeout=10, check=True
        ).stdout
        need, layer, vector = map(int, out.split())
        pointers = fit._carve(layer * shape.layers) - fit._carve(fit._STRUCT_LAYER * shape.layers)
        pointers += fit._carve(8 * vector) - fit._carve(8 * fit._STRUCT_INPUT)
        assert need - pointers == fit.engine_memory(shape, bits), (shape, bits)


_COUNT = """
extern int printf(const char *, ...);
extern int atoi(const char *);
int main(int argc, char **argv)
{
    static struct model m;
    m.config.dim = atoi(argv[1]);
    m.config.hidden_dim = atoi(argv[2]);
    m.config.n_layers = atoi(argv[3]);
    m.config.kv_dim = atoi(argv[4]);
    m.config.vocab_size = atoi(argv[5]);
    m.config.head_size = atoi(argv[6]);
    m.config.flags = FLAG_TIED;
    m.config.q_dim = m.config.dim;
    m.config.n_kv_heads = atoi(argv[9]);
    m.most = 8;
    m.steps = atoi(argv[7]);
    m.bits = atoi(argv[8]);
    printf("%llu %u %u", (unsigned long long)lay_out(&m, 0), (unsigned)sizeof(struct layer),
           (unsigned)sizeof(struct input));
    return 0;
}
"""


def test_many_small_files_take_what_the_files_cost_and_not_what_the_bytes_do() -> None:
    """300 files of 228 KB on an unknown PC: not `1 s`, as the bytes alone would say."""
    load = Load((760,) * 300, 1, 228_000)
    assert 15 < fit.fit(load, KnownPc(), Shown(), PROFILE).seconds < 25
    assert fit.fit(Load((228_000,), 1, 228_000), KnownPc(), Shown(), PROFILE).seconds < 5


@given(
    st.lists(
        st.tuples(st.integers(1, 5000), st.integers(1, 50_000_000)), min_size=6, max_size=12
    ),
    st.floats(0.001, 0.2), st.floats(1e-8, 1e-5),
)  # fmt: skip
def test_after_pushes_of_both_kinds_a_prediction_is_what_happens(
    pushes: list[tuple[int, int]], file: float, byte: float
) -> None:
    true = PcPace(3.0, file, byte)
    known = PcPace()
    kinds = [(1, 20_000_000), (2000, 4000)]
    for files, count in (*kinds, *kinds, *pushes, *kinds, *kinds):
        known = known.after(files, count, true.seconds(files, count))
    for files, count in kinds:
        told, took = known.seconds(files, count), true.seconds(files, count)
        assert took / 2 < told < took * 2
