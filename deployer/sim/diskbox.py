"""The person before the PC who changes disks: reads on the screen which label is wanted, and obeys.

    box = DiskBox(images); box.drive = machine's drive A:
    box.slips = ["wrong", "none", "bad"]      # what goes wrong first, one for each request

A critical error is answered by putting in the disk that was asked for, once, and then by F.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from deployer.sim.console import QueuedConsole
from deployer.sim.disk.images import Floppy
from deployer.sim.disk.removable import NOT_READY, RemovableDisk

_LABEL = re.compile(r"label ([A-Z0-9-]{1,11})")
SLIPS = ("wrong", "none", "bad")
"""What may go wrong: another disk is put in, none is, or one with sectors that cannot be read."""


class DiskBox(QueuedConsole):
    """A console whose person has a box of disks beside the PC."""

    def __init__(self, images: Iterable[Path], **others: object) -> None:
        super().__init__(**others)  # type: ignore[arg-type]
        self.images = {Floppy(path.read_bytes()).label: path for path in images}
        self.drive: RemovableDisk | None = None
        self.slips: list[str] = []
        self.bad: Mapping[str, Collection[int]] = {}
        self.asked: list[str] = []
        self._seen = 0

    def readkey(self, timeout: float | None = None) -> str:
        """Before a key is pressed, the disk that the screen asks for is put in."""
        if timeout is None:
            wanted = [found[1] for line in self.since(self._seen) if (found := _LABEL.search(line))]
            self._seen = self.shown
            if wanted and self.drive is not None:
                self._change(self.drive, wanted[-1])
        return super().readkey(timeout)

    def _change(self, drive: RemovableDisk, label: str) -> None:
        self.asked.append(label)
        slip = self.slips.pop(0) if self.slips else ""
        drive.eject()
        if slip == "none" or label not in self.images:
            return
        if slip == "wrong":
            others = [name for name in self.images if name != label]
            label = others[0] if others else label
        image = self.images[label]
        bad = self.bad.get(label, ())
        if slip == "bad":  # the last file on it
            bad = Floppy(image.read_bytes()).files()[-1].sectors[:1]
        drive.insert(image, bad=bad)

    def answer(self, drive: RemovableDisk, trouble: str) -> str:
        """Show a critical error of a drive; how it is answered."""
        self.end_line()
        self.write(f"\r\n{trouble}\r\nAbort, Retry, Fail?")
        key = "F"
        if trouble.startswith(NOT_READY) and drive is self.drive and self.asked:
            drive.insert(self.images[self.asked[-1]])
            key = "R"
        self.write(f"{key}\r\n")
        return key
