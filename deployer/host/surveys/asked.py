"""The folder of a survey that goes to an old PC."""

from __future__ import annotations

import secrets
import shutil
import string
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from deployer.core.survey import script
from deployer.core.survey.catalogue import catalogue
from deployer.core.survey.probe import SurveyProbe, SurveySection
from deployer.core.survey.questions import ENGINES
from deployer.edge import resources
from deployer.host.surveys.kept import FOLDER
from deployer.model import ENGINE_EXE

DIRECTORY = "C:\\SURVEY"
"""Where a survey works on the old PC, unless told otherwise."""
_MODELS = {
    "CAMP260.BIN": "campfire/campfire260K.bin",
    "CAMP260.TOK": "campfire/campfire.tok.bin",
    "CAMP158.L98": "campfire158/campfire158.l98",
}
_LETTERS = string.digits + string.ascii_uppercase


@dataclass(frozen=True, slots=True)
class Prepared:
    """A folder that is ready to go: its path, the run's name, and what is asked."""

    folder: Path
    run: str
    probes: tuple[SurveyProbe, ...]

    @property
    def seconds(self) -> float:
        """How long the old PC needs, modelled."""
        return script.seconds(self.probes)

    def remove(self) -> None:
        """Delete the folder: the survey is here."""
        shutil.rmtree(self.folder, ignore_errors=True)


def model_of_speed() -> Path:
    """The model that the engine's speed is measured with, in fp32 and int8."""
    return resources.directory("models") / _MODELS["CAMP260.BIN"]


def every_probe() -> tuple[SurveyProbe, ...]:
    """All probes that there are."""
    return catalogue(resources.batch_cases(), resources.surveyed_settings())


def prepare(
    state_dir: Path, *, full: bool, sections: Collection[SurveySection], directory: str
) -> Prepared:
    """Write the folder of a new run into the state directory. Raises OSError, ProgramDamaged."""
    probes = script.chosen(every_probe(), full=full, sections=sections)
    run = "S" + "".join(secrets.choice(_LETTERS) for _ in range(7))
    folder = state_dir / FOLDER / run
    fill(folder, probes, run, directory)
    return Prepared(folder, run, probes)


def fill(folder: Path, probes: tuple[SurveyProbe, ...], run: str, directory: str) -> None:
    """Write the folder of a run. Raises OSError, ProgramDamaged."""
    found = script.folder(probes, run, directory)
    found[script.PROBE_EXE] = resources.program(script.PROBE_EXE)
    if any(probe.identity in ENGINES for probe in probes):
        found[ENGINE_EXE] = resources.program(ENGINE_EXE)
        models = resources.directory("models")
        for name, model in _MODELS.items():
            found[name] = (models / model).read_bytes()
    for name, data in found.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
