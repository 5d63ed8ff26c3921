"""A PC's own survey corrects what is modelled, and it is said where a figure is known from."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.core.payload import fit
from deployer.core.payload.fit import MODELLED
from deployer.core.survey import record
from deployer.core.survey.record import Evidence, ProbeEnd, Survey
from deployer.edge import resources
from deployer.face.tui.app import DeployerApp
from deployer.face.tui.picker import Picked
from deployer.host import staging
from deployer.host.requests import Request
from deployer.host.surveys import asked, kept, pace
from deployer.settings import Settings
from tests.commandline import called
from tests.face.oldpc import world

PC = "192.168.1.2"
CAMPFIRE158 = resources.directory("models") / "campfire158" / "campfire158.l98"


MEASURED = {
    "speed.kernels": "counter=yes\r\nx87=2400\r\nint8=700\r\nint4=1770\r\nternary=330\r\n",
    "speed.memory": "sum=right\r\nread_kb_s=200000\r\nmhz=350\r\n",
    "speed.disk": "read_kb_s=90000\r\nuncached_kb_s=4000\r\n",
}
"""Its int4 takes twice the cycles that are modelled, its ternary weights half of them."""


def survey(
    fp32: str, int8: str, mhz: str = "350", measured: Mapping[str, str] | None = None
) -> Survey:
    """A Pentium II that reached so many tokens in a second, and what else it measured."""
    said = {
        "speed.fp32": f"a story\r\ntok/s={fp32}\r\n" if fp32 else "",
        "speed.int8": f"a story\r\ntok/s={int8}\r\n" if int8 else "",
        **(measured or {}),
    }
    return Survey(
        "S7K2QAB0",
        "C:\\SURVEY",
        {"cpu_mhz": mhz, "cpu_features": "fpu tsc mmx"},
        tuple(
            Evidence(f"P00{n}", probe, ProbeEnd.RAN, text.encode())
            for n, (probe, text) in enumerate(said.items())
            if text
        ),
    )


@pytest.fixture
def modelled() -> tuple[float, float]:
    """What is modelled for the survey's model and that processor: fp32 and int8."""
    shape = staging.inspect(asked.model_of_speed())
    return fit.modelled_speed(shape, 0, mhz=350), fit.modelled_speed(shape, 8, mhz=350)


def test_it_is_what_was_measured_by_what_is_modelled(modelled: tuple[float, float]) -> None:
    fp32, int8 = modelled
    found = pace.measured(survey(f"{fp32 / 2:.3f}", f"{int8 * 2:.3f}"))
    assert found is not None
    assert (found.fp32, found.int8) == pytest.approx((0.5, 2.0), rel=0.01)
    half = pace.measured(survey("", f"{int8:.3f}"))
    assert half is not None
    assert (half.fp32, half.int8) == pytest.approx((1.0, 1.0), rel=0.01)
    assert pace.measured(survey("", "")) is None
    assert pace.measured(survey("10", "10", mhz="0")) is None


def test_kernels_memory_and_disk_are_its_own() -> None:
    """Without them int4 and ternary weights are as fast as the engine with 8 bits."""
    found = pace.measured(survey("20", "60", "200", MEASURED))
    assert found is not None
    assert (found.int4, found.ternary) == pytest.approx((0.5, 2.0), rel=0.01)
    assert (found.mhz, found.memory, found.disk) == (200, 200_000 << 10, 4000 << 10)
    without = pace.measured(survey("20", "60", "200"))
    assert without is not None
    assert without.int4 == without.ternary == without.int8
    assert (without.memory, without.disk) == (MODELLED.memory, MODELLED.disk)


def test_only_a_pc_that_was_asked_has_one(tmp_path: Path) -> None:
    data = record.write(survey("20", "60"))
    kept.keep(tmp_path, "D1111111", data, PC)
    kept.keep(tmp_path, "D2222222", data, "sim")
    assert pace.of(tmp_path, PC) is not None
    assert pace.of(tmp_path, "192.168.1.3") is None
    assert pace.of(tmp_path, "sim") is None, "its speed is that of this computer"


def test_a_figure_says_where_it_is_from(tmp_path: Path, modelled: tuple[float, float]) -> None:
    state = ("--state-dir", str(tmp_path))
    small = str(asked.model_of_speed())
    assert "tok/s (modelled)" in called("model", "inspect", small, "--target", PC, *state)
    fast = record.write(survey(f"{modelled[0] * 2:.3f}", f"{modelled[1] * 2:.3f}"))
    kept.keep(tmp_path, "D1111111", fast, PC)
    shown = called("model", "inspect", small, "--target", PC, *state)
    assert "tok/s (measured by its survey)" in shown
    usual = [json.loads(line) for line in called("model", "list", "--json", *state).splitlines()]
    here = called("model", "list", "--json", "--target", PC, *state).splitlines()
    for one, other in zip(usual, map(json.loads, here), strict=True):
        for size, expected in one["expected"].items():
            surveyed = other["expected"][size]
            assert surveyed["tokens_per_second"] >= expected["tokens_per_second"]
            assert (expected["speed_source"], surveyed["speed_source"]) == ("modelled", "surveyed")
    assert "Measured by this PC's survey" in called("model", "list", "--target", PC, *state)


def test_a_converted_model_is_expected_with_the_kernels_of_the_survey(tmp_path: Path) -> None:
    """campfire158 has ternary weights, and all of it stays in memory."""
    pytest.importorskip("numpy", reason="needs the extra models")
    state = ("--state-dir", str(tmp_path))
    story = ("model", "inspect", str(CAMPFIRE158))
    assert "(modelled, 350 MHz)" in called(*story, "--target", PC, *state)
    kept.keep(tmp_path, "D1111111", record.write(survey("20", "600", "200", MEASURED)), PC)
    assert "(measured by its survey, 200 MHz)" in called(*story, "--target", PC, *state)
    found = json.loads(called(*story, "--json", "--target", PC, *state))
    assert found["speed_source"] == "surveyed"


def test_the_dialogue_of_the_tui_says_so_too(tmp_path: Path) -> None:
    state = tmp_path / "state"
    kept.keep(state, "D1111111", record.write(survey("20", "60")), PC)
    choice = Picked(Request((asked.model_of_speed(),)), PC)

    async def looked(target: str) -> str:
        async with world(tmp_path) as w:
            app = DeployerApp(w.host, Settings(state_dir=str(state)), start=tmp_path)
            return "\n".join(await app._look(replace(choice, target=target)))

    assert "(measured by its survey)" in asyncio.run(looked(PC))
    assert "(modelled)" in asyncio.run(looked("192.168.1.3"))
