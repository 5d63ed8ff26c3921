"""What to expect of a model on an old PC: memory, streaming, speed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.core.model import known
from deployer.core.model.expect import expect
from deployer.core.payload.fit import MODELLED, EnginePace

MODELS = {one.name.split()[0]: one for one in known.MODELS}


@pytest.mark.parametrize(
    ("name", "memory", "least", "most"),
    [
        ("SmolLM2-135M-Instruct", 128, 1.3, 1.7),
        ("Qwen2.5-0.5B-Instruct", 512, 0.38, 0.5),
        ("TinyLlama-1.1B-Chat", 128, 1 / 60, 1 / 48),
        ("Llama-3.2-1B-Instruct", 128, 1 / 80, 1 / 64),
        ("bitnet_b1_58-large", 128, 1 / 12, 1 / 8),
    ],
)
def test_the_speeds_are_those_of_the_design(
    name: str, memory: int, least: float, most: float
) -> None:
    """Counted under cachegrind with prototypes of the kernels, on a disk of 12 MB/s."""
    one = MODELS[name]
    found = expect(one.shape, one.sections, memory << 20)
    assert least < found.tokens < most
    assert found.fits


def test_a_small_model_costs_what_the_benchmark_counts() -> None:
    """Mostly tables of sums, norms and attention: benchmarks/engine says 227 at 256 positions."""
    one = MODELS["campfire158"]
    assert 215 < expect(one.shape, one.sections, 64 << 20, steps=256).tokens < 250


def test_more_memory_never_makes_it_slower() -> None:
    for one in known.MODELS:
        speeds = [expect(one.shape, one.sections, size << 20).tokens for size in (64, 96, 128, 256)]
        assert speeds == sorted(speeds), one.name


def test_what_stays_and_what_is_read_make_the_whole() -> None:
    one = MODELS["SmolLM2-360M-Instruct"]
    found = expect(one.shape, one.sections, 128 << 20)
    items = dict(found.items)
    assert found.resident + found.streamed == items["layers"] + items["classifier"]
    assert found.streamed > 0
    assert found.wanted > found.memory


def test_a_model_whose_buffers_have_no_room_does_not_fit() -> None:
    one = MODELS["Llama-3.2-1B-Instruct"]
    assert not expect(one.shape, one.sections, 32 << 20).fits


def test_old_disks_and_fast_processors_count() -> None:
    one = MODELS["SmolLM2-360M-Instruct"]
    usual = expect(one.shape, one.sections, 128 << 20).tokens
    assert expect(one.shape, one.sections, 128 << 20, pace=EnginePace(disk=4e6)).tokens < usual / 2
    small = MODELS["campfire158"]
    at_700 = expect(small.shape, small.sections, 128 << 20, pace=EnginePace(mhz=700)).tokens
    usual = expect(small.shape, small.sections, 128 << 20).tokens
    assert 1.6 < at_700 / usual < 2, "memory is no faster with it"


@pytest.mark.parametrize(
    ("name", "memory", "pace"),
    [
        ("SmolLM2-135M-Instruct", 256, "int4"),
        ("bitnet_b1_58-large", 512, "ternary"),
        ("campfire158", 64, "ternary"),
        ("SmolLM2-135M-Instruct", 256, "memory"),
        ("TinyLlama-1.1B-Chat", 128, "disk"),
    ],
)
def test_what_a_survey_measured_counts_where_a_model_needs_it(
    name: str, memory: int, pace: str
) -> None:
    """Twice as fast there is faster, half as fast is slower, and no model needs that alone."""
    one = MODELS[name]
    usual = expect(one.shape, one.sections, memory << 20).tokens
    for times in (0.5, 2.0):
        known = replace(MODELLED, **{pace: getattr(MODELLED, pace) * times})
        found = expect(one.shape, one.sections, memory << 20, pace=known).tokens / usual
        assert min(times, 1.0) < found < max(times, 1.0)
        assert abs(found - 1) > 0.02


def test_a_kernel_that_a_model_has_not_changes_nothing() -> None:
    one = MODELS["campfire158"]
    usual = expect(one.shape, one.sections, 64 << 20)
    assert expect(one.shape, one.sections, 64 << 20, pace=replace(MODELLED, int4=9.0)) == usual
