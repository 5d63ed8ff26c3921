"""Every probe that there is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from deployer.core.survey.cases import UNFIT, BatchCase, probe_of
from deployer.core.survey.ftp import ping, pulled_cable, scripts
from deployer.core.survey.probe import SurveyProbe
from deployer.core.survey.questions import questions
from deployer.core.survey.tools import TOOLS

Settings = Mapping[str, Mapping[str, Mapping[str, str]]]
"""By setting of the simulated PC, by probe: the answers when the setting is the other way round."""


def catalogue(cases: Iterable[BatchCase], settings: Settings) -> tuple[SurveyProbe, ...]:
    """The probes of all sections; `cases` are the batch files whose outcome is known."""
    found = [probe_of(case, TOOLS) for case in cases if case.name not in UNFIT]
    found += [*scripts(), ping(), pulled_cable(), *questions()]
    return tuple(
        replace(
            probe,
            settings={
                name: answers[probe.identity]
                for name, answers in settings.items()
                if probe.identity in answers
            },
        )
        for probe in found
    )
