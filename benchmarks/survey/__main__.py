"""`python -m benchmarks.survey > configs/surveys/settings.json`: a few minutes."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.survey.flips import flips
from deployer.core.survey.catalogue import catalogue
from deployer.edge import resources
from deployer.sim.commandcom import SETTINGS


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser("benchmarks.survey", description=__doc__).parse_args()
    every = catalogue(resources.batch_cases(), {})
    probes = [probe for probe in every if probe.expected and probe.section == "command"]
    found = {}
    for setting in SETTINGS:
        with tempfile.TemporaryDirectory() as folder:
            found[setting] = flips(probes, setting, Path(folder))
        sys.stderr.write(f"{setting}: {len(found[setting])}\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
