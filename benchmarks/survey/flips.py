"""What the probes answer on a simulated PC with settings that are the other way round."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable
from pathlib import Path

from benchmarks.survey.served import put_manifest
from deployer.core.survey.cases import placed
from deployer.core.survey.judge import Judged, judge
from deployer.core.survey.probe import SurveyProbe
from deployer.core.survey.record import ProbeEnd
from deployer.core.survey.script import PROBE_EXE, home_of
from deployer.edge import resources
from deployer.edge.surveyed import collect
from deployer.sim.cable import Hang, Link
from deployer.sim.commandcom import WIN98, flipped
from deployer.sim.disk import Disk
from deployer.sim.machine import Machine

RUN, THERE = "S7K2QAB0", "C:\\SURVEY"


def asked_about(setting: str) -> Collection[str]:
    """The sections in which a setting is looked for: FTP.EXE's are those of its own alone."""
    if setting == "deletes_open":
        return ("disk", "win32")
    return ("ftp",) if setting.startswith("ftp_") else ("command", "ftp", "network")


def ask(
    probe: SurveyProbe, unlike: Collection[str], folder: Path, link: Link | None = None
) -> Judged:
    """One probe on a simulated PC; `folder` is its disk, and is empty. `link` leads to a host."""
    home = folder / "SURVEY" / RUN / "P001" / "T"
    for name, data in probe.files.items():
        path = home / name.replace("\\", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        known = placed(data, home_of(THERE, RUN, "P001")) if name.endswith(".BAT") else data
        path.write_bytes(known)
    for name in ("", *probe.folders):
        (home / name).mkdir(parents=True, exist_ok=True)
    end = ProbeEnd.RAN
    machine = Machine(
        Disk(folder), wait=lambda _seconds: None, dialect=flipped(WIN98, unlike), patience=0.1,
        link=link or Link(),
    )  # fmt: skip
    machine.boot()
    if link is not None:
        put_manifest(folder)
    program = folder / "SURVEY" / PROBE_EXE
    program.write_bytes(resources.program(PROBE_EXE))
    command = probe.command.replace("{home}", THERE)
    lines = ("@ECHO OFF", f"CD {home_of(THERE, RUN, 'P001')}", f"{command} >..\\OUT")
    (folder / "ASK.BAT").write_bytes("".join(f"{line}\r\n" for line in lines).encode())
    try:
        machine.run_line("C:\\ASK")
    except Hang:
        end = ProbeEnd.STOPPED
    mark = "MARK.RAN" if end is ProbeEnd.RAN else "MARK.ARM"
    (home.parent / mark).write_text(probe.identity)
    (one,) = judge(collect(folder / "SURVEY", RUN, THERE), [probe])
    shutil.rmtree(folder / "SURVEY")
    return one


def flips(
    probes: Iterable[SurveyProbe], setting: str, folder: Path, link: Link | None = None
) -> dict[str, dict[str, str]]:
    """By probe that a setting decides: what differs when it is the other way round."""
    asked = (ask(probe, [setting], folder, link) for probe in probes)
    return {
        one.probe.identity: {name: one.found.get(name, "") for name in one.differing}
        for one in asked
        if one.differing
    }
