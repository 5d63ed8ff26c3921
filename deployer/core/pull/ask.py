"""What the host asks of the PC for the next round: the list, then the bytes that are not here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from deployer.core.pull import listing
from deployer.core.pull.listing import Listing, PulledFile
from deployer.core.pull.parts import LINE_PART_SIZE, NAMES, PART_SIZE
from deployer.core.target.codepages import ansi
from deployer.core.target.names import OUR_NAMES
from deployer.model import Manifest

MOST_SPANS = 1000
_LAST = 9_999_999
"""A number that no file has: they are 200,000 at most."""
Range = tuple[int, int]
"""Bytes of a file, from the first up to but not with the second."""


@dataclass(frozen=True, slots=True)
class PullSpan:
    """Files `first` to `last` of the list whole, or bytes of one; none of them: sum it again."""

    first: int
    last: int
    start: int = 0
    stop: int = 0


EVERYTHING = (PullSpan(1, _LAST),)
"""What is asked for before the list is known: all files that can be summed, each content once."""


def merged(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """The same bytes in as few ranges as can be, in order."""
    found: list[Range] = []
    for start, stop in sorted(ranges):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], stop))
        elif start < stop:
            found.append((start, stop))
    return tuple(found)


def missing(length: int, have: Sequence[Range]) -> tuple[Range, ...]:
    """The bytes of a file that are not among the merged ranges."""
    gaps, at = [], 0
    for start, stop in have:
        if at < start:
            gaps.append((at, start))
        at = stop
    return (*gaps, (at, length)) if at < length else tuple(gaps)


def wants(
    files: Sequence[PulledFile], have: dict[str, tuple[Range, ...]], done: Collection[str],
    again: Collection[int],
) -> tuple[PullSpan, ...]:  # fmt: skip
    """What is to come, in the order of the list; files of one content come once.

    `done` are the sums whose bytes are all here, `have` what is here of others, `again` the numbers
    of files that are not what their sum says.
    """
    found: list[PullSpan] = []
    asked = set(done)
    for want in _each(files, have, asked, again):
        last = found[-1] if found else None
        if last and want.start == 0 == last.start and last.last + 1 == want.first:
            whole = want.stop == files[want.first - 1].length
            before = last.first < last.last or last.stop == files[last.last - 1].length
            if whole and before and last.stop and want.stop:
                found[-1] = PullSpan(last.first, want.last, 0, want.stop)
                continue
        if len(found) == MOST_SPANS:
            break
        found.append(want)
    return tuple(found)


def _each(
    files: Sequence[PulledFile], have: dict[str, tuple[Range, ...]], asked: set[str],
    again: Collection[int],
) -> Iterator[PullSpan]:  # fmt: skip
    for index, file in enumerate(files, 1):
        if index in again:
            yield PullSpan(index, index)
        elif file.sha256 and file.length and file.sha256 not in asked:
            asked.add(file.sha256)
            for start, stop in missing(file.length, have.get(file.sha256, ())):
                yield PullSpan(index, index, start, stop)


def ours(deployment: str, source: str, directory: str) -> tuple[str, ...]:
    """What is ours in the helper's directory, as paths below what is pulled; it is left out."""
    above = source.rpartition("\\")[0].upper() + "\\"
    if not f"{directory}\\".startswith(above):
        return ()
    below = f"{directory}\\".removeprefix(above)
    kinds = ("LST", "ASK", "STA", "TMP", *NAMES)
    names = (*sorted(OUR_NAMES), *(f"{deployment}.{kind}" for kind in kinds))
    return tuple(f"{below}{name}" for name in names)


def render(
    manifest: Manifest,
    source: str,
    directory: str,
    known: Listing | None,
    want: Iterable[PullSpan],
    *,
    give_up: bool = False,
) -> bytes:
    """D7F3A21C.ASK, sealed. The first five lines always stand there, in this order.

    Without a host in the manifest it is for a serial line.

    Raises UnicodeEncodeError for letters of the source that the payload's code page lacks.
    """
    page = f"cp{ansi(manifest.payload.codepage)}"
    above = len(source[: source.rindex("\\") + 1].encode(page))
    size = PART_SIZE if manifest.host else LINE_PART_SIZE
    lines = [
        f"host={manifest.host}",
        f"login={manifest.login} {manifest.token}",
        f"from={source}",
        f"part={0 if give_up else size} {above}",
        f"list={known.crc32 if known else 0:08X}",
        *(f"skip={path}" for path in ours(manifest.deployment, source, directory)),
        *(f"want={w.first} {w.last} {w.start} {w.stop}" for w in want),
    ]
    return listing.sealed("".join(f"{line}\r\n" for line in lines).encode(page))
