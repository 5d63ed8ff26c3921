"""`python -m benchmarks.survey > configs/surveys/settings.json`: a few minutes."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.survey.flips import asked_about, flips
from benchmarks.survey.served import serving
from deployer.core.survey.catalogue import catalogue
from deployer.edge import resources
from deployer.sim.commandcom import SETTINGS


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser("benchmarks.survey", description=__doc__).parse_args()
    every = [probe for probe in catalogue(resources.batch_cases(), {}) if probe.expected]
    found = {}
    for setting in SETTINGS:
        probes = [probe for probe in every if probe.section in asked_about(setting)]
        with tempfile.TemporaryDirectory() as folder, serving(Path(folder) / "inbox") as link:
            disk = Path(folder) / "C"
            disk.mkdir()
            found[setting] = flips(probes, setting, disk, link)
        sys.stderr.write(f"{setting}: {len(found[setting])}\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
