"""How fast the engine really is on a PC that was surveyed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from deployer.core.model.expect import CYCLES
from deployer.core.payload.fit import MODELLED, EnginePace, modelled_speed
from deployer.core.survey.judge import judge
from deployer.core.survey.questions import KERNELS, TOK_S, questions
from deployer.core.survey.record import Survey
from deployer.host import staging
from deployer.host.surveys import asked, kept
from deployer.model import is_simulated


def of(state_dir: Path, target: str) -> EnginePace | None:
    """What the newest survey of a target says of it, None without one.

    A simulated PC has none: its speed is that of this computer.
    """
    if is_simulated(target):
        return None
    surveys = (one.survey for one in kept.every(state_dir) if one.target == target)
    return next((pace for survey in surveys if (pace := measured(survey)) is not None), None)


def measured(survey: Survey) -> EnginePace | None:
    """What a survey says: each speed by what is modelled for that processor; None without any.

    A kernel's pace is the cycles that are modelled for it by those that it took.
    """
    found = {one.probe.identity: one.found for one in judge(survey, questions())}
    machine = survey.machine
    mhz = _number(machine, "cpu_mhz")
    told = {probe: _number(found[probe], TOK_S) for probe in ("speed.fp32", "speed.int8")}
    if not mhz or not any(told.values()):
        return None
    shape = staging.inspect(asked.model_of_speed())
    mmx = "mmx" in machine.get("cpu_features", "").split()

    def by_model(probe: str, bits: int) -> float:
        return told[probe] / modelled_speed(shape, bits, mhz=round(mhz), mmx=mmx)

    fp32, int8 = by_model("speed.fp32", 0), by_model("speed.int8", 8)
    whole = int8 or fp32

    def by_kernel(name: str) -> float:
        cycles = _number(found["speed.kernels"], name)
        return KERNELS[name] * CYCLES * 1000 / cycles if cycles else whole

    return EnginePace(
        fp32=fp32 or int8, int8=whole, int4=by_kernel("int4"), ternary=by_kernel("ternary"),
        mhz=round(mhz),
        memory=1024 * _number(found["speed.memory"], "read_kb_s") or MODELLED.memory,
        disk=1024 * _number(found["speed.disk"], "uncached_kb_s") or MODELLED.disk,
    )  # fmt: skip


def _number(told: Mapping[str, str], name: str) -> float:
    """What an answer says, 0 where it says nothing."""
    text = told.get(name, "")
    return float(text) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) else 0.0
