"""How a file is cut into parts, and what of it a kind of target can take.

Lengths are bytes. Limits of FAT are facts C1 and C2: one byte less than 2 GiB is safe everywhere,
also where FAT32 would take more, because many programs of the time break there.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence

from deployer.core.target.manifest import MAX_RECORDS
from deployer.core.target.names import ShortName, part_name
from deployer.errors import (
    DriveTooSmall,
    FileTooLarge,
    NameRefused,
    TooManyFiles,
    TooManyParts,
    WrongUse,
)
from deployer.model import Part, Payload, Piece, Profile, Slice, Slices, StagedFile

KIB = 1 << 10
MIB = 1 << 20
DEFAULT_PART_SIZE = 4 * MIB
"""3.4 s on a 10 Mbit/s wire: little is lost when a part is damaged or the cable is pulled."""
SMALLEST_PART_SIZE = 256 * KIB
LARGEST_PART_SIZE = 64 * MIB
PACK = MIB
"""Bytes of small files that travel as one part at most: a changed one brings the others again."""
FEWEST_PACKED = 8
"""With fewer small files each keeps a part of its own, which is renamed and never copied."""
MOST_PARTS = 999
MAX_PATH = 259

_UNITS: Mapping[str, int] = {"": 1, "B": 1, "K": KIB, "KIB": KIB, "M": MIB, "MIB": MIB}


def parse_size(text: str) -> int:
    """Bytes of a size such as `262144`, `256K` or `4MiB`.

    Raises WrongUse for anything else and for sizes outside 256 KiB .. 64 MiB.
    """
    match = re.fullmatch(r"([0-9]{1,12}) ?([KkMm]?(?:[Ii]?[Bb])?)", text.strip())
    size = 0
    if match:
        unit = match[2].upper().replace("IB", "").replace("B", "")
        size = int(match[1]) * _UNITS[unit]
    if not SMALLEST_PART_SIZE <= size <= LARGEST_PART_SIZE:
        raise WrongUse(
            what=f"--part-size {text}: a part has between 256K and 64M.",
            remedy="Leave it out for 4M, or give for example --part-size 1M.",
        )
    return size


def choose_part_size(length: int, asked: int | None, path: str) -> int:
    """The part size for a file: as asked, else 4 MiB or what makes no more than 999 parts.

    Raises TooManyParts when the asked size makes more.
    """
    least = -(-length // MOST_PARTS)
    step = 64 * KIB
    enough = -(-least // step) * step
    if asked is None:
        return max(DEFAULT_PART_SIZE, enough)
    if least > asked:
        raise TooManyParts(
            path=path,
            part_size=asked,
            count=-(-length // asked),
            remedy_size=f"{max(enough // KIB, 1)}K",
        )
    return asked


def cut(length: int, part_size: int) -> tuple[tuple[int, int], ...]:
    """Offset and length of each part of a file; none for an empty file."""
    return tuple(
        (offset, min(part_size, length - offset)) for offset in range(0, length, part_size)
    )


def parts_of(
    short: ShortName, length: int, part_size: int, sums: Sequence[int]
) -> tuple[Part, ...]:
    """The parts of a file with their names and CRC-32 sums."""
    return tuple(
        Part(part_name(short.part_base, number), offset, size, crc)
        for number, ((offset, size), crc) in enumerate(
            zip(cut(length, part_size), sums, strict=True), start=1
        )
    )


def refuse_too_large(path: str, length: int, profile: Profile) -> None:
    """Raises FileTooLarge when the target's file system cannot hold the file as one."""
    if length > profile.max_file:
        raise FileTooLarge(
            path=path, length=length, limit=profile.max_file, profile=profile.title or profile.name
        )


def refuse_too_much(total: int, profile: Profile) -> None:
    """Raises DriveTooSmall when no drive of such a target can hold that many bytes."""
    if total > profile.max_drive:
        raise DriveTooSmall(
            length=total, limit=profile.max_drive, profile=profile.title or profile.name
        )


def refuse_too_many(payload: Payload) -> None:
    """Raises TooManyFiles when the manifest would have more records than the helper reads."""
    records = 4 + payload.part_count + len(payload.files) + len(payload.directories)
    records += bool(payload.run)
    if records > MAX_RECORDS:
        raise TooManyFiles(
            files=f"{len(payload.files):,}", parts=f"{payload.part_count:,}",
            records=f"{records:,}", limit=f"{MAX_RECORDS:,}",
        )  # fmt: skip


def pieces(length: int, profile: Profile) -> tuple[Piece, ...]:
    """The pieces of a file that is larger than one file there can be; none when it is not.

    All but the last are of one length, a whole number of MiB where the limit allows that.
    """
    if length <= profile.max_file:
        return ()
    size = profile.max_file // MIB * MIB or profile.max_file
    count = -(-length // size)
    return tuple(Piece(n + 1, count, n * size, length) for n in range(count))


def piece_length(piece: Piece, following: Piece | None) -> int:
    """Bytes of a piece, given the one after it."""
    return (following.start if following else piece.whole) - piece.start


_WORD = re.compile(r'"[^"]*"|[^\s"]+|"')


def translate_command(command: str, names: Mapping[str, str]) -> str:
    """The launch command with names of the payload replaced by what they are on the target.

    `names` maps long names, or paths with `/`, to 8.3 names or to paths with `\\`. Only whole words
    are replaced, without regard to case and to the kind of slash, so that `bin/run.exe
    stories15M.bin` works as typed for the modern file names.
    """
    by_lower = {long_name.lower(): name for long_name, name in names.items()}

    def translated(match: re.Match[str]) -> str:
        word = match[0]
        return by_lower.get(word.strip('"').replace("\\", "/").lower(), word)

    return _WORD.sub(translated, command.strip())


def small(length: int, asked: int | None) -> bool:
    """Whether a file is one that may travel in a pack; `asked` is the part size that was given."""
    return length <= min(PACK, asked or PACK) // 2


def pack_up(lengths: Sequence[int], asked: int | None, taken: Collection[str]) -> tuple[str, ...]:
    """The names of the packs in which files of these lengths travel, in order, all of them small.

    `taken` are bases that files have. A pack is full when the next file would make it longer than
    1 MiB (or a part as it was asked for), so that a changed file costs no more than that.
    """
    limit = min(PACK, asked or PACK)
    bases = (f"PACK{n}" for n in range(10_000))
    free = (base for base in bases if base not in taken)
    base, number, filled = next(free), 1, 0
    names = []
    for length in lengths:
        if filled + length > limit:
            number, filled = number + 1, 0
            if number > MOST_PARTS:
                base, number = next(free), 1
        filled += length
        names.append(part_name(base, number))
    return tuple(names)


def packs_of(files: Iterable[StagedFile]) -> tuple[Part, ...]:
    """The packs of the files that travel in them, with their lengths and sums."""
    packs: dict[str, Part] = {}
    for file in files:
        if file.pack:
            before = packs.get(file.pack, Part(file.pack, 0, 0, 0))
            crc = _joined(before.crc32, file.crc32, file.length)
            packs[file.pack] = Part(file.pack, 0, before.length + file.length, crc)
    return tuple(packs.values())


def _joined(before: int, crc: int, length: int) -> int:
    """The CRC-32 of bytes with the sum `before` and `length` more with the sum `crc`.

    The sum is linear: that of zeros in place of the others, put onto `before`, makes room for them.
    """
    zeros = bytes(length)
    return zlib.crc32(zeros, before) ^ zlib.crc32(zeros) ^ crc


def source_of(payload: Payload, part: Part) -> Slice | Slices:
    """Where the bytes of any part of a payload are on the host."""
    for file in payload.files:
        if part in file.parts:
            return slice_of(file, part)
    return Slices(
        tuple(
            Slice(file.source, 0, file.length, file.stamp, file.crc32)
            for file in payload.members(part.name)
            if file.length
        )
    )


def slice_of(file: StagedFile, part: Part) -> Slice:
    """Where the bytes of a part are on the host: the file may itself be a piece of its source."""
    start = file.start + part.offset
    return Slice(file.source, start, part.length, file.stamp, part.crc32)


def on_target(file: StagedFile) -> str:
    """How a command line names a file of the payload, in quotes where it needs them."""
    path = file.place.replace("/", "\\") or file.name
    return f'"{path}"' if " " in path else path


def refuse_deep(payload: Payload, directory: str) -> None:
    """Raises NameRefused when a place is too deep below that directory (MAX_PATH is 260)."""
    for file in payload.files:
        length = len(directory) + 1 + len(file.place)
        if file.place and length > MAX_PATH:
            raise NameRefused(
                path=file.place,
                why=f"with {directory} before it the path has {length} characters, and {MAX_PATH} "
                "fit",
                more=" Or give a shorter directory with --to.",
            )
