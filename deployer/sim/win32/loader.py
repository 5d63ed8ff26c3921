"""Reads a Win32 program as Windows 98's loader would, and refuses what it would refuse."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache

import pefile

#: Lowest address a program may be linked for, and the end of the private arena (facts F4).
LOWEST_BASE = 0x400000
PRIVATE_END = 0x80000000
#: Windows 98's own version, the newest subsystem version that it starts.
NEWEST_SUBSYSTEM = (4, 10)
MAX_IMAGE = 256 << 20
MAX_IMPORTS = 4096
PAGE = 4096

WINDOW_SUBSYSTEM, CONSOLE_SUBSYSTEM = 2, 3
_DIR_TLS = 9


class NotStarted(Exception):  # noqa: N818 - Windows' own decision, shown to the user as it is
    """The program cannot be started; the text says why, in Windows' words where it has some."""

    def __init__(self, text: str, code: int = 193) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of the image in memory, in whole pages; `address` is absolute."""

    address: int
    size: int
    writable: bool


@dataclass(frozen=True, slots=True)
class Import:
    """A function that the program calls: the loader writes its address to `slot`."""

    dll: str
    name: str
    slot: int


@dataclass(frozen=True, slots=True)
class Image:
    """A program ready to be mapped at `base`."""

    name: str
    base: int
    entry: int
    size: int
    memory: bytes
    """What is not zero, from `base` on."""
    sections: tuple[Section, ...]
    imports: tuple[Import, ...]
    stack_reserve: int
    stack_commit: int
    console: bool = True


@lru_cache(maxsize=4)  # a batch file starts the same few again and again
def load(exe: bytes, name: str = "PROGRAM.EXE") -> Image:
    """The image of an .EXE, with a console or without; raises `NotStarted` for everything else."""
    _check_kind(exe, name)
    try:
        pe = pefile.PE(data=exe, fast_load=True)
        header = pe.OPTIONAL_HEADER
        _check_header(pe, len(exe), name)
        size = _pages(header.SizeOfImage)
        memory, sections = _map_sections(pe, exe, size, name)
        imports = _imports(pe, header.ImageBase, size, name)
    except NotStarted:
        raise
    except (
        pefile.PEFormatError,
        struct.error,
        ValueError,
        IndexError,
        AttributeError,
        TypeError,
    ) as e:
        raise NotStarted(f"{name} is damaged: {e}") from e
    return Image(
        name=name,
        base=header.ImageBase,
        entry=header.ImageBase + header.AddressOfEntryPoint,
        size=size,
        memory=memory,
        sections=sections,
        imports=imports,
        stack_reserve=_pages(min(max(header.SizeOfStackReserve, 0x10000), 64 << 20)),
        stack_commit=_pages(min(max(header.SizeOfStackCommit, PAGE), header.SizeOfStackReserve)),
        console=header.Subsystem == CONSOLE_SUBSYSTEM,
    )


def _pages(size: int) -> int:
    return -(-size // PAGE) * PAGE


def has_window_only(exe: bytes) -> bool:
    """Whether a program says that it has no console: the shell does not wait for its end."""
    start = int.from_bytes(exe[0x3C:0x40], "little") if len(exe) >= 0x40 else 0
    return exe[start : start + 4] == b"PE\0\0" and exe[start + 0x5C : start + 0x5E] == b"\2\0"


def kind_of_16_bit(exe: bytes, name: str) -> str:
    """What kind of 16-bit program a file is, in words; "" for any other file."""
    if exe[:2] != b"MZ":
        return "DOS program" if exe and name.upper().endswith(".COM") else ""
    start = int.from_bytes(exe[0x3C:0x40], "little") if len(exe) >= 0x40 else 0
    kind = exe[start : start + 4] if start else b""
    if kind[:2] == b"NE":
        return "16-bit Windows program"
    if kind[:2] in (b"LE", b"LX") or not start or (start + 4 <= len(exe) and kind != b"PE\0\0"):
        return "DOS program"
    return ""


def _check_kind(exe: bytes, name: str) -> None:
    if not exe:
        raise NotStarted(f"{name} is empty")
    if kind := kind_of_16_bit(exe, name):
        raise NotStarted(f"{name} is a {kind}; only Win32 programs run here")
    if exe[:2] != b"MZ":
        raise NotStarted(f"{name} is not a program: it does not begin with MZ")
    start = int.from_bytes(exe[0x3C:0x40], "little")
    if exe[start : start + 4] != b"PE\0\0":
        raise NotStarted(f"{name} is cut: its header points beyond its end")


def _check_header(pe: pefile.PE, length: int, name: str) -> None:
    file, header = pe.FILE_HEADER, pe.OPTIONAL_HEADER
    if file.Machine != 0x14C or header.Magic != 0x10B:
        raise NotStarted(f"{name} is not for an i386 processor (machine {file.Machine:04X})")
    if file.Characteristics & 0x2000 or not file.Characteristics & 0x0002:
        raise NotStarted(f"{name} is a library, not a program")
    version = (header.MajorSubsystemVersion, header.MinorSubsystemVersion)
    if version > NEWEST_SUBSYSTEM:
        raise NotStarted(
            f"The {name} file expects a newer version of Windows. Upgrade your Windows version. "
            f"(subsystem {version[0]}.{version[1]})",
            1150,
        )
    if header.Subsystem not in (WINDOW_SUBSYSTEM, CONSOLE_SUBSYSTEM):
        raise NotStarted(f"{name} is not a Win32 program (subsystem {header.Subsystem})")
    base, size = header.ImageBase, header.SizeOfImage
    if base % 0x10000 or not LOWEST_BASE <= base < PRIVATE_END - size:
        raise NotStarted(
            f"{name} is linked for {base:08X}, where Windows 98 has no room (facts F4)"
        )
    if not 0 < size <= MAX_IMAGE or header.SectionAlignment % PAGE or header.SectionAlignment == 0:
        raise NotStarted(f"{name} has an impossible image size or alignment")
    if not 0 < header.AddressOfEntryPoint < size or header.SizeOfHeaders > min(length, size):
        raise NotStarted(f"{name} is damaged: its entry point or headers lie outside it")
    directories = header.DATA_DIRECTORY
    if len(directories) > _DIR_TLS and directories[_DIR_TLS].Size:
        raise NotStarted(f"{name} uses thread-local storage by the loader, which is not supported")


def _map_sections(
    pe: pefile.PE, exe: bytes, total: int, name: str
) -> tuple[bytes, tuple[Section, ...]]:
    header = pe.OPTIONAL_HEADER
    memory = bytearray(exe[: header.SizeOfHeaders])
    sections: list[Section] = []
    last = _pages(header.SizeOfHeaders)
    for part in sorted(pe.sections, key=lambda s: s.VirtualAddress):
        start, room = part.VirtualAddress, _pages(part.Misc_VirtualSize or part.SizeOfRawData)
        if start % PAGE or start < last or start + room > total:
            raise NotStarted(f"{name} is damaged: a section lies outside the image")
        last = start + room
        raw = 0 if part.Characteristics & 0x80 else min(part.SizeOfRawData, room)
        offset = part.PointerToRawData & ~0x1FF
        if raw and offset + raw > len(exe):
            raise NotStarted(f"{name} is cut: a section reaches beyond the end of the file")
        if raw:
            memory += bytes(start - len(memory)) + exe[offset : offset + raw]
        writable = bool(part.Characteristics & 0x80000000)
        sections.append(Section(header.ImageBase + start, room, writable))
    if not sections:
        raise NotStarted(f"{name} has no sections")
    return bytes(memory), tuple(sections)


def _imports(pe: pefile.PE, base: int, size: int, name: str) -> tuple[Import, ...]:
    pe.parse_data_directories(directories=[pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_IMPORT"]])
    found: list[Import] = []
    for dll in getattr(pe, "DIRECTORY_ENTRY_IMPORT", ()):
        module = dll.dll.decode("ascii", "replace").upper()
        module = module if "." in module else module + ".DLL"
        for item in dll.imports:
            slot = item.address
            if not base <= slot <= base + size - 4 or len(found) >= MAX_IMPORTS:
                raise NotStarted(f"{name} is damaged: its import table lies outside it")
            label = item.name.decode("ascii", "replace") if item.name else f"#{item.ordinal}"
            found.append(Import(module, label, slot))
    return tuple(found)
