"""Every probe that there is."""

from __future__ import annotations

from collections.abc import Iterable

from deployer.core.survey.cases import UNFIT, BatchCase, probe_of
from deployer.core.survey.probe import SurveyProbe
from deployer.core.survey.tools import TOOLS


def catalogue(cases: Iterable[BatchCase]) -> tuple[SurveyProbe, ...]:
    """The probes of all sections; `cases` are the observed batch files."""
    return tuple(probe_of(case, TOOLS) for case in cases if case.name not in UNFIT)
