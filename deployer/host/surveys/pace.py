"""How fast the engine really is on a PC that was surveyed."""

from __future__ import annotations

from pathlib import Path

from deployer.core.payload.fit import EnginePace, modelled_speed
from deployer.core.survey.judge import judge
from deployer.core.survey.questions import TOK_S, questions
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
    """What a survey says: each speed by what is modelled for that processor; None without any."""
    told = {
        one.probe.identity: float(one.found[TOK_S])
        for one in judge(survey, questions())
        if TOK_S in one.found
    }
    machine = survey.machine
    clock = machine.get("cpu_mhz", "")
    if not told.keys() & {"speed.fp32", "speed.int8"} or not clock.isdecimal() or not int(clock):
        return None
    shape = staging.inspect(asked.model_of_speed())
    mmx = "mmx" in machine.get("cpu_features", "").split()

    def by_model(probe: str, bits: int) -> float | None:
        modelled = modelled_speed(shape, bits, mhz=int(clock), mmx=mmx)
        return told[probe] / modelled if probe in told else None

    fp32, int8 = by_model("speed.fp32", 0), by_model("speed.int8", 8)
    return EnginePace(fp32 or int8 or 1.0, int8 or fp32 or 1.0)
