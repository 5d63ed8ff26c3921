"""What a survey found beside what was expected: passes, differs, stopped, told, unknown."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from deployer.core.survey import messages
from deployer.core.survey.cases import placed, unplaced
from deployer.core.survey.ftp import NO_SERVER
from deployer.core.survey.probe import SurveyProbe, SurveySection
from deployer.core.survey.questions import NOT_THERE, TOK_S
from deployer.core.survey.record import Evidence, LeftFile, ProbeEnd, Survey
from deployer.core.survey.script import home_of
from deployer.core.target.proof import tokens_per_second

ENDS = "ends"
"""The answer that says how a probe ended."""
_SHELL = "%COMSPEC% "


class Verdict(StrEnum):
    """What became of a probe."""

    PASS = "pass"  # noqa: S105 - no password
    DIFFERS = "differs"
    STOPPED = "stopped"  # the PC stopped in it, and was started again
    TOLD = "told"  # nobody knew what to expect: now this PC has said it
    UNKNOWN = "unknown"  # it was not asked


@dataclass(frozen=True, slots=True)
class Judged:
    """One probe: its verdict, what was found, and the names of the answers that differ."""

    probe: SurveyProbe
    verdict: Verdict
    found: Mapping[str, str]
    differing: tuple[str, ...] = ()


def judge(survey: Survey, probes: Iterable[SurveyProbe]) -> tuple[Judged, ...]:
    """Each probe with its verdict, in the order of the catalogue."""
    by_name = {one.probe: one for one in survey.evidence}
    return tuple(_judged(probe, by_name.get(probe.identity), survey) for probe in probes)


def _judged(probe: SurveyProbe, evidence: Evidence | None, survey: Survey) -> Judged:
    if evidence is None:
        return Judged(probe, Verdict.UNKNOWN, {})
    found = answers(probe, evidence, survey)
    lacking = any(found.get(name) == text for name, text in NOT_THERE.items())
    if lacking or found.get("OUT.TXT", "").startswith(NO_SERVER):
        return Judged(probe, Verdict.UNKNOWN, found)
    if evidence.end is ProbeEnd.STOPPED and probe.expected.get(ENDS) != ProbeEnd.STOPPED:
        return Judged(probe, Verdict.STOPPED, found, (ENDS,))
    differing = tuple(
        name
        for name, wanted in probe.expected.items()
        if not messages.agree(wanted, found.get(name, ""))
    )
    if differing:
        return Judged(probe, Verdict.DIFFERS, found, differing)
    return Judged(probe, Verdict.PASS if probe.expected else Verdict.TOLD, found)


def answers(probe: SurveyProbe, evidence: Evidence, survey: Survey) -> dict[str, str]:
    """What was found, by the names that `SurveyProbe.expected` has.

    A batch file answers by what it wrote into OUT.TXT and by what it left; a program by the lines
    `name=value` that it printed. Everything has `ends`.
    """
    home = home_of(survey.at, survey.run, evidence.slot)
    if probe.command.startswith(_SHELL):
        found = _of_a_batch_file(probe, evidence, home)
    else:
        found = _of_a_program(evidence)
    return {ENDS: evidence.end.value, **found}


def _of_a_program(evidence: Evidence) -> dict[str, str]:
    said = evidence.printed.decode("cp437")
    speed = tokens_per_second(said)
    found = {} if speed is None else {TOK_S: f"{speed:g}"}
    lines = said.replace("\r", "").split("\n")
    return found | {
        match[1]: match[2]
        for line in lines
        if (match := re.fullmatch(r"([a-z][a-z0-9_]{0,40})=([ -~]*?) *", line))
    }


def _of_a_batch_file(probe: SurveyProbe, evidence: Evidence, home: str) -> dict[str, str]:
    before = {name: placed(data, home) for name, data in probe.files.items()}
    found: dict[str, str] = {"OUT.TXT": ""}
    for file in sorted(evidence.files, key=lambda file: file.name):
        if file.name == "OUT.TXT":
            text = unplaced(file.content.decode("cp437"), home)
            found["OUT.TXT"] = "".join(f"{line}\n" for line in messages.lines(text))
        elif not _is_unchanged(before.get(file.name), file.length, file.content):
            found[file.name] = _sum(file, home)
    here = {file.name for file in evidence.files} | set(evidence.folders)
    inside = {name.rpartition("\\")[0] for name in before} - {""}
    found["gone"] = " ".join(sorted(({*before, *inside, *probe.folders}) - here))
    found["folders"] = " ".join(sorted(set(evidence.folders) - inside - {*probe.folders}))
    return found


def _sum(file: LeftFile, home: str) -> str:
    """Length and SHA-256; the folder's own path in it is that of the observed case."""
    if len(file.content) < file.length:
        return f"{file.length} {file.sha256}"
    data = unplaced(file.content.decode("cp437"), home).encode("cp437")
    return f"{len(data)} {hashlib.sha256(data).hexdigest()}"


def _is_unchanged(before: bytes | None, length: int, content: bytes) -> bool:
    return before is not None and len(before) == length and before[: len(content)] == content


def counts(judged: Sequence[Judged]) -> dict[SurveySection, Counter[Verdict]]:
    """How many of each verdict, by section; sections without probes are left out."""
    found: dict[SurveySection, Counter[Verdict]] = {}
    for section in SurveySection:
        of_it = [one.verdict for one in judged if one.probe.section is section]
        if of_it:
            found[section] = Counter(of_it)
    return found
