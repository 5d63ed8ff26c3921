"""Drives whose disk can be taken out: A: for floppy disks, D: for a CD.

    drive = RemovableDisk("A", scratch, ask)
    drive.insert(Path("0.img"), bad=[100])     # sector 100 cannot be read
    drive.eject()                              # what was written goes into the image

What goes wrong with the disk is a critical error: `ask` is told of it, shows it, and says whether
to try again (R) or to fail. Bytes are as on a hard disk; what a floppy disk takes in time is not
played.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection
from pathlib import Path

from deployer.sim.disk.directories import Directories
from deployer.sim.disk.drive import Disk
from deployer.sim.disk.files import File
from deployer.sim.disk.images import SECTOR, Floppy, cd_files, is_cd
from deployer.sim.disk.values import Code, DiskError, FileSystem, Open

Ask = Callable[["RemovableDisk", str], str]
"""Shows a critical error of a drive, and answers R or F."""

NOT_READY = "Not ready"
DATA_ERROR = "Data error"
WRITE_PROTECTED = "Write protect error"


class RemovableDisk(Disk):
    """A drive with a disk in it, or none. `letter` is its own, though it believes to be C:."""

    def __init__(self, letter: str, scratch: Path, ask: Ask) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        super().__init__(scratch, cluster=SECTOR, capacity=0, file_system=FileSystem.FAT16)
        self.letter = letter
        self.image: Path | None = None
        self._scratch = scratch
        self._ask = ask
        self._bad: frozenset[str] = frozenset()
        self._protected = False
        self._before: dict[str, bytes] = {}
        self._number = 0

    def insert(self, image: Path, *, bad: Collection[int] = (), protected: bool = False) -> None:
        """Put a disk in; `bad` are sectors (of a CD: blocks) that cannot be read."""
        self.eject()
        data = image.read_bytes()
        if is_cd(data):
            files, cluster, clusters, protected = cd_files(data), SECTOR, 0, True
        else:
            floppy = Floppy(data)
            files, clusters = floppy.files(), floppy.clusters
            cluster = floppy.per_cluster * SECTOR
        self._number += 1
        self.root = (self._scratch / str(self._number)).resolve()
        self.root.mkdir()
        for file in files:
            (self.root / file.name).write_bytes(file.data)
        self._before = {file.name: file.data for file in files}
        self._bad = frozenset(f.name.upper() for f in files if set(f.sectors) & set(bad))
        self._dirs = Directories(str(self.root))
        self._volume.cluster, self._volume.clusters = cluster, clusters
        self._volume.steps += 1  # whoever keeps a listing reads it again
        self._protected = protected
        self.image = image
        self.free()

    def eject(self) -> None:
        """Take the disk out; what was written to it is in its image then."""
        if self.image is None:
            return
        now = {path.name: path.read_bytes() for path in self.root.iterdir() if path.is_file()}
        if now != self._before and not self._protected:
            floppy = Floppy(self.image.read_bytes())
            for name in self._before.keys() - now.keys():
                floppy.drop(name)
            for name, data in now.items():
                if data != self._before.get(name):
                    floppy.put(name.upper(), data)
            self.image.write_bytes(floppy.data)
        shutil.rmtree(self.root)
        self.image = None
        self._volume.steps += 1

    # -- what needs the disk ---------------------------------------------------------------------

    def is_dir(self, path: str) -> bool:
        """See `Disk.is_dir`."""
        return self._is_ready() and super().is_dir(path)

    def exists(self, path: str) -> bool:
        """See `Disk.exists`."""
        return self._is_ready() and super().exists(path)

    def open(
        self,
        path: str,
        disposition: Open = Open.OPEN_EXISTING,
        *,
        write: bool = False,
        **how: bool,
    ) -> File:
        """See `Disk.open`. A file with a bad sector is not opened: CRC, when nobody tries again."""
        self._require()
        name = path.rpartition("\\")[2].upper()
        while name in self._bad and not write:
            self._fail(DATA_ERROR, "reading", Code.CRC)
        while write and self._protected:
            self._fail(WRITE_PROTECTED, "writing", Code.WRITE_PROTECT)
        return super().open(path, disposition, write=write, **how)

    def delete(self, path: str) -> None:
        """See `Disk.delete`."""
        self._require()
        while self._protected:
            self._fail(WRITE_PROTECTED, "writing", Code.WRITE_PROTECT)
        super().delete(path)

    def _is_ready(self) -> bool:
        try:
            self._require()
        except DiskError:
            return False
        return True

    def _require(self) -> None:
        while self.image is None:
            self._fail(NOT_READY, "reading", Code.NOT_READY)

    def _fail(self, what: str, doing: str, code: Code) -> None:
        """Return when it is to be tried again."""
        if self._ask(self, f"{what} {doing} drive {self.letter}") != "R":
            raise DiskError(code, f"{self.letter}:")
