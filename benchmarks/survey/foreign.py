"""The section COMMAND.COM in DOSBox, a shell that we did not write, from a staged folder.

    python -m benchmarks.survey.foreign OUT.txt

What DOSBox waits for, or never ends, is a probe that stopped the PC: it is started again, as a
person would, and SURVEY.BAT goes on after it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from deployer.core.survey import script, share
from deployer.core.survey.judge import judge
from deployer.core.survey.probe import SurveyProbe, SurveySection
from deployer.core.survey.record import Survey
from deployer.edge.surveyed import collect
from deployer.host.surveys import asked

RUN = "SDOSBOX0"
STANDS_STILL, BYTES = 12.0, 1 << 20
"""Seconds without a new mark after which it is switched off; bytes that a file may have."""


def survey(root: Path, probes: Sequence[SurveyProbe], most: int = 40) -> Survey:
    """Run the probes in DOSBox with `root` as drive C:, switched off and on at most so often."""
    folder = root / "SURVEY"
    asked.fill(folder, tuple(probes), RUN, asked.DIRECTORY)
    for _ in range(most):
        if _run(root, folder, len(probes)):
            break
    return collect(folder, RUN, asked.DIRECTORY)


def _run(root: Path, folder: Path, count: int) -> bool:
    """One start of DOSBox; whether SURVEY.BAT came to its end."""
    typed = (f"MOUNT C {root}", "C:", "CD \\SURVEY", "CALL SURVEY", "EXIT")
    words = [word for line in typed for word in ("-c", line)]
    environment = {
        **os.environ, "SDL_VIDEODRIVER": "dummy", "SDL_AUDIODRIVER": "dummy",
        "HOME": str(root.parent),
    }  # fmt: skip
    nobody = subprocess.DEVNULL
    with subprocess.Popen(
        ["prlimit", f"--fsize={BYTES}", "dosbox", "-noconsole", "-noautoexec", *words],
        env=environment, stdin=nobody, stdout=nobody, stderr=nobody,
    ) as box:  # fmt: skip
        seen, since = -1, time.monotonic()
        while time.monotonic() - since < STANDS_STILL:
            try:
                box.wait(0.2)
            except subprocess.TimeoutExpired:
                marks = len(list(folder.glob(f"{RUN}/P???/MARK.*")))
                if marks != seen:
                    seen, since = marks, time.monotonic()
                continue
            break
        else:
            box.kill()
    armed = len(list(folder.glob(f"{RUN}/P???/MARK.*")))
    return armed == count and (box.returncode == 0 or folder.joinpath(f"{RUN}.TXT").exists())


def main() -> None:
    """Write the export."""
    every = asked.every_probe()
    probes = script.chosen(every, full=True, sections={SurveySection.COMMAND})
    with tempfile.TemporaryDirectory() as folder:
        found = survey(Path(folder) / "C", probes)
    Path(sys.argv[1]).write_bytes(share.write(share.export(found, judge(found, every))))


if __name__ == "__main__":
    main()
