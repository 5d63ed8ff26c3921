"""PULL.DAT: what an old PC sends over a serial line, one after the other in one file.

A person sends each file there by hand, so a round is one file: the list where it is new, the parts,
and at the end the report, if that is all. It may be cut, or damaged anywhere.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from deployer.core.pull import listing, parts
from deployer.core.pull.parts import PartRefusedError

_SEAL = re.compile(rb"\r\nend=[0-9]{1,7} [0-9A-F]{8}\r\n")
_MOST_TEXT = listing.MAX_LIST


class RecordKind(Enum):
    """What a piece of PULL.DAT is."""

    LIST = "the sealed list of files"
    PART = "bytes of files"
    REPORT = "the report at the end"


@dataclass(frozen=True, slots=True)
class PulledRecord:
    """A whole piece: its bytes are those from `start` up to but not with `stop`."""

    kind: RecordKind
    start: int
    stop: int


def records(data: bytes | mmap.mmap, deployment: str, at: int = 0) -> Iterator[PulledRecord]:
    """The whole pieces of a pull from `at` on, in their order; what is damaged is left out.

    The texts among them are sealed, but only whoever reads one knows whether its seal is right.
    """
    name = deployment.encode()
    heads = {
        b"deployment=%s\r\n" % name: RecordKind.LIST,
        b"part=%s " % name: RecordKind.PART,
        b"deployer-result=1\r\n": RecordKind.REPORT,
    }
    begins = re.compile(b"|".join(map(re.escape, heads)))
    while found := begins.search(data, at):
        kind, start = heads[found[0]], found.start()
        stop = _stop(data, start, kind, deployment)
        if stop is None:
            at = found.end()
            continue
        yield PulledRecord(kind, start, stop)
        at = stop


def _stop(data: bytes | mmap.mmap, at: int, kind: RecordKind, deployment: str) -> int | None:
    """Where the piece that begins there ends; None when it does not, or is damaged."""
    if kind is RecordKind.PART:
        try:
            return parts.first(data, at, deployment)[1]
        except PartRefusedError:
            return None
    seal = _SEAL.search(data, at, at + _MOST_TEXT)
    return seal.end() if seal else None
