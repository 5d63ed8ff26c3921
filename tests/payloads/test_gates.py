"""What every committed .EXE must be, so that Windows 95 loads it and a Pentium II runs it.

The scan knows instructions a Pentium II lacks (SSE, the Pentium III's additions to MMX) and those a
Pentium lacks (CMOV, FCOMI, multi-byte NOP): the programs are built for a Pentium, MMX apart.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import needs

capstone = pytest.importorskip("capstone")
pefile = pytest.importorskip("pefile")

PROGRAMS = (
    "AGENT98.EXE",
    "AGENT98W.EXE",
    "DEPLOY98.EXE",
    "GATHER98.EXE",
    "LLAMA98.EXE",
    "PROBE98.EXE",
)
LIBRARIES = ("ADVAPI32", "GDI32", "KERNEL32", "USER32", "WSOCK32")
WINDOW, CONSOLE = 2, 3
WINDOWED = {
    "AGENT98.EXE": set(LIBRARIES) - {"GDI32"},
    "AGENT98W.EXE": set(LIBRARIES) - {"ADVAPI32"},
}
"""The programs that are no console programs, and the libraries that each has."""

PENTIUM_LACKS = re.compile(r"f?cmov|fu?comip?$|fisttp|sysenter|sysexit|endbr|ud1|pause$")
PENTIUM_II_LACKS = {
    "pshufw", "pinsrw", "pextrw", "pminub", "pminsw", "pmaxub", "pmaxsw", "pmovmskb", "pavgb",
    "pavgw", "pmulhuw", "psadbw", "maskmovq", "movntq", "sfence", "lfence", "mfence",
    "prefetchnta", "prefetcht0", "prefetcht1", "prefetcht2", "prefetch", "prefetchw", "femms",
    "ldmxcsr", "stmxcsr", "fxsave", "fxrstor", "paddq", "psubq", "pmuludq", "movnti", "popcnt",
    "lzcnt", "tzcnt", "movbe", "crc32",
}  # fmt: skip
COMPARES_TO_EFLAGS = {"fcomi", "fcomip", "fcompi", "fucomi", "fucomip", "fucompi"}


@dataclass(frozen=True, slots=True)
class Finding:
    """An instruction that must not be there."""

    address: int
    text: str
    why: str


def decode(code: bytes, base: int = 0) -> Iterator[capstone.CsInsn]:
    """Every instruction in turn. ValueError where the bytes are none."""
    machine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_32)
    machine.detail = True
    end = base
    for instruction in machine.disasm(code, base):
        yield instruction
        end = instruction.address + instruction.size
    if end != base + len(code):
        raise ValueError(f"no instruction at {end:#x}: {code[end - base :][:8].hex()}")


def uses_mmx(instruction: capstone.CsInsn) -> bool:
    """Whether it is one of MMX, EMMS among them."""
    return (
        instruction.group(capstone.x86.X86_GRP_MMX)
        or instruction.mnemonic == "emms"
        or re.search(r"\bmm[0-7]\b", instruction.op_str) is not None
    )


def uses_x87(instruction: capstone.CsInsn) -> bool:
    """Whether it is one of the FPU."""
    return instruction.mnemonic.startswith("f") and instruction.mnemonic != "femms"


def why_not(instruction: capstone.CsInsn) -> str:
    """Why a Pentium II, or a Pentium apart from MMX, cannot run it; empty when it can."""
    name = instruction.mnemonic.split()[-1]
    if instruction.bytes[:2] == b"\x0f\x0f":
        return "3DNow! is AMD's"
    if re.search(r"\b[xyz]mm\d", instruction.op_str) or name in PENTIUM_II_LACKS:
        return "a Pentium II lacks it"
    if PENTIUM_LACKS.match(name) or name in COMPARES_TO_EFLAGS:
        return "a Pentium lacks it"
    if name == "nop" and (instruction.op_str or b"\x0f" in instruction.bytes):
        return "a Pentium has no NOP with an operand"
    return ""


def scan(code: bytes, base: int = 0) -> list[Finding]:
    """All findings in a stretch of code; MMX must lie together, without x87, and end with EMMS."""
    instructions = list(decode(code, base))
    found = [
        Finding(i.address, f"{i.mnemonic} {i.op_str}", reason)
        for i in instructions
        if (reason := why_not(i))
    ]
    mmx = [n for n, i in enumerate(instructions) if uses_mmx(i)]
    if mmx:
        unit = instructions[mmx[0] : mmx[-1] + 1]
        found += [
            Finding(i.address, f"{i.mnemonic} {i.op_str}", "x87 within the MMX unit")
            for i in unit
            if uses_x87(i)
        ]
        if unit[-1].mnemonic != "emms":
            found.append(Finding(unit[-1].address, unit[-1].mnemonic, "MMX does not end with EMMS"))
    return found


# ---- the scan itself can fail ------------------------------------------------------------------

BAD = {
    "cmove eax, ecx": "0f44c1",
    "fcmovb": "dac1",
    "fcomi": "dbf1",
    "fucomi": "dbe9",
    "fcomip": "dff1",
    "fucomip": "dfe9",
    "nopl 0(eax)": "0f1f00",
    "nopw 0(eax,eax,1)": "660f1f440000",
    "endbr32": "f30f1efb",
    "addss": "f30f58c1",
    "movaps": "0f28c1",
    "addsd": "f20f58c1",
    "pxor xmm": "660fefc9",
    "movd xmm": "660f6ec0",
    "vaddps": "c5f458c2",
    "pshufw": "0f70c1e4",
    "pminsw": "0feac1",
    "pmaxub": "0fdec1",
    "pavgb": "0fe0c1",
    "pmulhuw": "0fe4c1",
    "psadbw": "0ff6c1",
    "pinsrw": "0fc4c000",
    "pextrw": "0fc5c100",
    "pmovmskb": "0fd7c1",
    "movntq": "0fe700",
    "prefetchnta": "0f1800",
    "sfence": "0faef8",
    "paddq": "0fd4c1",
    "3DNow! pfadd": "0f0fc19e",
    "fisttp": "dd08",
    "ldmxcsr": "0fae10",
    "mmx without emms": "0ffcc1",
    "x87 between mmx": "0ffcc1d9e80f77",
}
GOOD = {
    "a Pentium's own": "55 89e5 31c0 0fa2 0f31 0fc8 0fc70e 90 6690 c9 c3",
    "mmx with emms": "0f6fc1 0ff5c8 0ffec1 0f71e008 0f71f008 0f77",
    "x87": "d9e8 dec1 dbe3 d9fa dfe0 9e 9bd93c24",
    "x87, then mmx": "d9e8 0ffcc1 0f77 d9e8",
}


@pytest.mark.parametrize("code", BAD.values(), ids=BAD)
def test_the_scan_finds(code: str) -> None:
    around = bytes.fromhex("90") + bytes.fromhex(code) + bytes.fromhex("90")
    try:
        assert scan(around)
    except ValueError:
        pytest.fail("not decoded")


@pytest.mark.parametrize("code", GOOD.values(), ids=GOOD)
def test_the_scan_passes(code: str) -> None:
    assert scan(bytes.fromhex(code)) == []


def test_the_scan_notices_what_is_no_code() -> None:
    with pytest.raises(ValueError, match="no instruction"):
        scan(b"\x90\x0f\xff\xff\x90")


# ---- the committed programs --------------------------------------------------------------------


@pytest.fixture(params=PROGRAMS)
def program(root: Path, request: pytest.FixtureRequest) -> Path:
    """One committed .EXE."""
    return root / "payloads" / "bin" / request.param


def test_header_is_one_that_windows_95_loads(program: Path) -> None:
    pe = pefile.PE(str(program))
    header = pe.OPTIONAL_HEADER
    assert pe.FILE_HEADER.Machine == 0x14C
    assert pe.FILE_HEADER.TimeDateStamp == 0
    assert (header.MajorOperatingSystemVersion, header.MinorOperatingSystemVersion) == (4, 0)
    assert (header.MajorSubsystemVersion, header.MinorSubsystemVersion) == (4, 0)
    assert header.Subsystem == (WINDOW if program.name in WINDOWED else CONSOLE)
    assert header.ImageBase == 0x400000
    assert (header.SectionAlignment, header.FileAlignment) == (0x1000, 0x200)
    dynamic_base, nx, guard_cf = 0x40, 0x100, 0x4000
    assert not header.DllCharacteristics & (dynamic_base | nx | guard_cf)
    used = {d.name for d in header.DATA_DIRECTORY if d.VirtualAddress}
    assert used <= {"IMAGE_DIRECTORY_ENTRY_IMPORT", "IMAGE_DIRECTORY_ENTRY_IAT"}


def allowed(root: Path, library: str) -> dict[str, str]:
    """payloads/kernel32-allowed.txt or another library's: name -> since which Windows."""
    path = root / "payloads" / f"{library.lower()}-allowed.txt"
    lines = path.read_text("ascii").splitlines()
    return dict(line.split("\t") for line in lines if not line.startswith("#"))


def test_imports_are_functions_of_windows_95(root: Path, program: Path) -> None:
    pe = pefile.PE(str(program))
    found = {
        entry.dll.decode("ascii").upper().removesuffix(".DLL"): {
            i.name.decode("ascii") for i in entry.imports
        }
        for entry in pe.DIRECTORY_ENTRY_IMPORT
    }
    assert set(found) == WINDOWED.get(program.name, {"KERNEL32"})
    for library, names in found.items():
        windows_95 = {n for n, since in allowed(root, library).items() if since == "Win95+"}
        assert names <= windows_95, library
        assert not [name for name in names if name.endswith("W")]


@pytest.mark.parametrize("library", LIBRARIES)
def test_nothing_is_allowed_that_no_program_uses(root: Path, library: str) -> None:
    data = b"".join((root / "payloads" / "bin" / name).read_bytes() for name in PROGRAMS)
    names = allowed(root, library)
    assert names
    assert [name for name in names if name.encode() + b"\0" not in data] == []


@pytest.mark.parametrize("library", ["ADVAPI32", "KERNEL32"])
def test_the_allowed_functions_are_in_the_export_lists(root: Path, library: str) -> None:
    exports = root / "configs" / "exports" / f"{library.lower()}.tsv"
    rows = [line.split("\t") for line in exports.read_text("ascii").splitlines()]
    known = {row[0]: row[1] for row in rows if not row[0].startswith("#")}
    names = allowed(root, library)
    assert {name: known.get(name) for name in names} == names


NO_CONSTRUCTORS = bytes.fromhex("ffffffff00000000") * 2
"""The empty lists of constructors and destructors that GNU ld puts behind the code."""


WITH_KERNELS = ("LLAMA98.EXE", "PROBE98.EXE")
"""They compute; PROBE98 calls what has MMX or x87 only where CPUID says that there is any."""
VARIANTS = {"kernels_p3_mmx.o": "prefetchnta", "kernels_k6_mmx.o": "prefetch"}
"""Kernels that LLAMA98 calls only where CPUID says that there is this instruction."""


def test_code_runs_on_a_pentium_ii(program: Path) -> None:
    pe = pefile.PE(str(program))
    (text,) = (s for s in pe.sections if s.Name.rstrip(b"\0") == b".text")
    code = text.get_data()[: text.Misc_VirtualSize].removesuffix(NO_CONSTRUCTORS)
    found = scan(code, pe.OPTIONAL_HEADER.ImageBase + text.VirtualAddress)
    allowed_here = VARIANTS.values() if program.name == "LLAMA98.EXE" else ()
    assert [f for f in found if f.text.split()[0] not in allowed_here] == []
    executable = 0x20000000
    assert [s.Name for s in pe.sections if s.Characteristics & executable] == [text.Name]
    if program.name not in WITH_KERNELS:
        assert not any(uses_mmx(i) or uses_x87(i) for i in decode(code))


def test_the_helper_fits_into_18_kb_and_is_sealed(root: Path) -> None:
    data = (root / "payloads" / "bin" / "DEPLOY98.EXE").read_bytes()
    assert len(data) <= 24 * 1024
    assert zlib.crc32(data) == 0x2144DF1C
    assert data[-4:] != bytes(4)


@pytest.mark.parametrize("name", WINDOWED)
def test_the_agent_and_its_worker_fit_into_24_kb_each(root: Path, name: str) -> None:
    assert len((root / "payloads" / "bin" / name).read_bytes()) <= 24 * 1024


def test_the_sums_beside_the_programs_are_right(root: Path) -> None:
    folder = root / "payloads" / "bin"
    sums = dict(
        reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text().splitlines()
    )
    assert sums == {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in PROGRAMS
    }


# ---- the build ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rebuilt(root: Path, mingw: str, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """build/win32 of the sources copied to two directories of different names."""
    folders = [
        tmp_path_factory.mktemp("one") / "payloads",
        tmp_path_factory.mktemp("two") / "a rather longer name" / "payloads",
    ]
    for folder in folders:
        shutil.copytree(root / "payloads", folder, ignore=shutil.ignore_patterns("build", "bin"))
        command = ["make", "-s", "-C", folder, f"PYTHON={sys.executable}", "win32"]
        subprocess.run(command, check=True, timeout=280)
    return [folder / "build" / "win32" for folder in folders]


@pytest.mark.parametrize("name", PROGRAMS)
def test_two_builds_in_two_directories_are_identical(rebuilt: list[Path], name: str) -> None:
    one, two = (folder / name for folder in rebuilt)
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_committed_program_is_what_the_sources_make(
    root: Path, rebuilt: list[Path], name: str
) -> None:
    version = subprocess.run([needs.MINGW, "--version"], capture_output=True, text=True, check=True)
    used = (root / "payloads" / "bin" / "COMPILERS").read_text().splitlines()[0]
    if version.stdout.splitlines()[0] != used:
        pytest.skip(f"the committed programs were made by {used}, another {needs.MINGW} is here")
    assert (rebuilt[0] / name).read_bytes() == (root / "payloads" / "bin" / name).read_bytes()


def test_only_the_mmx_unit_has_mmx(rebuilt: list[Path]) -> None:
    objects = [o for folder in rebuilt[:1] for o in folder.rglob("*.o")]
    assert objects
    for path in objects:
        dump = subprocess.run(
            ["i686-w64-mingw32-objdump", "-d", path], capture_output=True, text=True, check=True
        ).stdout
        assert bool(re.search(r"%mm\d|\temms", dump)) == path.name.endswith("_mmx.o"), path


def test_only_a_variant_has_the_instruction_it_is_for(rebuilt: list[Path]) -> None:
    """So a Pentium II, for which neither is chosen, meets none of them."""
    for path in rebuilt[0].rglob("*.o"):
        dump = subprocess.run(
            ["i686-w64-mingw32-objdump", "-d", path], capture_output=True, text=True, check=True
        ).stdout
        names = set(re.findall(r"\t(prefetch\w*) ", dump))
        assert names == ({VARIANTS[path.name]} if path.name in VARIANTS else set()), path


def test_no_w_function_no_c_library_in_the_sources(root: Path) -> None:
    for path in (root / "payloads").glob("*/*.[ch]"):
        if "hosted" in path.name:
            continue
        headers = re.findall(r"#include <(.*?)>", path.read_text("utf-8"))
        assert set(headers) <= {"stdarg.h", "mmintrin.h"}, path
