"""The folder that an old PC gets: SURVEY.BAT, the files of the probes, and what reads them.

SURVEY.BAT works in a folder of its own, named by the run. Before a probe starts the file MARK.ARM
with its name is there and closed; afterwards that is MARK.RAN. So whatever stops the PC in between,
a hang or a power cut, is known by that file when SURVEY.BAT is started again, and it goes on after
it. What the probe works in is the folder T beside that file, what it prints is OUT. Each probe has
a COMMAND.COM of its own, whose environment and ERRORLEVEL are new.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from deployer.core.lint import check
from deployer.core.survey.cases import placed
from deployer.core.survey.probe import OF_A_PERSON, SurveyProbe, SurveySection
from deployer.model import Payload

SURVEY_BAT = "SURVEY.BAT"
PROBE_EXE = "PROBE98.EXE"
_KEPT = "IN"
"""The folder with the files of the probes as they were sent; each run copies them."""
_DELTREE = r"%windir%\COMMAND\DELTREE.EXE"


def chosen(
    probes: Iterable[SurveyProbe], *, full: bool, sections: Collection[SurveySection] = ()
) -> tuple[SurveyProbe, ...]:
    """The probes that are asked, what may hang last; what needs a person only by itself."""
    found = [
        probe
        for probe in probes
        if (full or not probe.full)
        and (probe.section in sections if sections else probe.section not in OF_A_PERSON)
    ]
    return tuple(sorted(found, key=lambda probe: probe.hangs))


def seconds(probes: Iterable[SurveyProbe]) -> float:
    """How long they take, modelled."""
    return sum(probe.seconds for probe in probes)


def slots(probes: Sequence[SurveyProbe]) -> dict[str, SurveyProbe]:
    """The names that probes have in a run: P001 and so on."""
    return {f"P{number:03}": probe for number, probe in enumerate(probes, 1)}


def home_of(directory: str, run: str, slot: str) -> str:
    """The folder that a probe works in."""
    return f"{directory}\\{run}\\{slot}\\T"


def folder(probes: Sequence[SurveyProbe], run: str, directory: str) -> dict[str, bytes]:
    """The files of the folder, by their paths with a slash, without PROBE98.EXE.

    Raises RuntimeError if lint objects to SURVEY.BAT.
    """
    found = {SURVEY_BAT: batch(probes, run, directory)}
    for slot, probe in slots(probes).items():
        home = home_of(directory, run, slot)
        for name, data in probe.files.items():
            path = f"{_KEPT}/{slot}/{name}".replace("\\", "/")
            found[path] = placed(data, home) if name.endswith(".BAT") else data
    return found


def batch(probes: Sequence[SurveyProbe], run: str, directory: str) -> bytes:
    """SURVEY.BAT. Raises RuntimeError if lint objects to it."""
    lines = [
        "@ECHO OFF",
        f"IF EXIST {run}.TXT GOTO TELL",
        f"IF EXIST {run}\\HERE.TXT GOTO P001",
        f"MD {run}",
        f"ECHO {run}>{run}\\HERE.TXT",
    ]
    last = ""
    for slot, probe in slots(probes).items():
        lines += _probe(slot, probe, run, directory)
        last = slot
    lines += [
        f":{_after(last)}",
        f"IF NOT EXIST {PROBE_EXE} GOTO END",
        f"PROBE98 COLLECT {run}",
        f"IF NOT EXIST {run}.TXT GOTO END",
        f"IF NOT EXIST {_DELTREE} GOTO TELL",
        f"{_DELTREE} /Y {run} >NUL",
        ":TELL",
        f"TYPE {run}.TXT",
        ":END",
    ]
    data = "".join(f"{line}\r\n" for line in lines).encode("ascii")
    findings = check.check(data, name=SURVEY_BAT)
    if findings:
        raise RuntimeError(f"{SURVEY_BAT} has a mistake: {findings[0]}")
    return data


def goes_on(payload: Payload) -> bool:
    """Whether the command of a payload goes on where it was cut short, when it starts again."""
    return payload.run == SURVEY_BAT and any(file.name == PROBE_EXE for file in payload.files)


def _after(slot: str) -> str:
    return f"P{int(slot[1:] or 0) + 1:03}"


def _probe(slot: str, probe: SurveyProbe, run: str, directory: str) -> Iterable[str]:
    """The lines of one probe. COPY does not copy an empty file, but ECHO OFF says nothing."""
    home = f"{run}\\{slot}\\T"
    yield from (
        f":{slot}",
        f"IF EXIST {run}\\{slot}\\MARK.* GOTO {_after(slot)}",
        f"MD {run}\\{slot}",
        f"ECHO {probe.identity}>{run}\\{slot}\\MARK.ARM",
        f"ECHO {slot} {probe.identity}",
        f"MD {home}",
    )
    for inside in _folders(probe):
        yield f"MD {home}\\{inside}"
    for name, data in sorted(probe.files.items(), key=lambda file: ("\\" in file[0], file[0])):
        if data:
            yield f"COPY /B {_KEPT}\\{slot}\\{name} {home}\\{name} >NUL"
        else:
            yield f"ECHO OFF >{home}\\{name}"
    yield from (
        f"CD {home}",
        f"{_command(probe, directory)} >..\\OUT",
        directory[:2],
        f"CD {directory[2:]}",
        f"REN {run}\\{slot}\\MARK.ARM MARK.RAN",
    )


def _command(probe: SurveyProbe, directory: str) -> str:
    return re.sub(r"\{home\}", lambda _: directory, probe.command)


def _folders(probe: SurveyProbe) -> list[str]:
    """The folders in its folder, each after the one that it is in."""
    inside = {*probe.folders, *(name.rpartition("\\")[0] for name in probe.files)} - {""}
    return sorted(inside)
