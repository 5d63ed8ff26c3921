"""What a program sees: a processor, its memory with the image, a stack, addresses of libraries.

Every exported function of a library is a `hlt` at an address of its own, where the emulation stops.
Those in `QUICK` are a `ret`: they are answered without a stop, before it is carried out.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from unicorn import x86_const as x86

from deployer.sim.codepage import decode
from deployer.sim.win32.engine import (
    ALL,
    DATA,
    EXCEPTION,
    FETCH_FORBIDDEN,
    HOOK_BAD_MEMORY,
    HOOK_CODE,
    INVALID_INSTRUCTION,
    READ_ONLY,
    Engine,
    EngineError,
    Registers,
    bad_memory,
    error_kind,
    make_engine,
)
from deployer.sim.win32.exports import everything
from deployer.sim.win32.loader import Image, NotStarted
from deployer.sim.win32.memory import PAGE, AddressSpace, CommitLimit

#: Where Windows 98 has KERNEL32; the functions begin one page further, 16 bytes each.
KERNEL32 = 0xBFF70000
STUBS = KERNEL32 + PAGE
STUB = 16
#: Functions that are called often and give or take no memory: a stop takes longer than they do.
QUICK = (
    "CloseHandle", "CompareFileTime", "CreateFileA", "DeleteFileA", "DosDateTimeToFileTime",
    "FileTimeToDosDateTime", "FileTimeToLocalFileTime", "FindClose", "FindFirstFileA",
    "FindNextFileA", "FlushFileBuffers", "GetFileAttributesA", "GetFileSize", "GetFileTime",
    "GetLastError", "GetTickCount", "LocalFileTimeToFileTime", "MoveFileA", "ReadFile",
    "SetEndOfFile", "SetFileAttributesA", "SetFilePointer", "SetFileTime", "WriteFile",
)  # fmt: skip
NAMES = (*QUICK, *(name for name in everything() if name not in QUICK))
_INDEX = {name: i for i, name in enumerate(NAMES)}
_LIBRARIES = {f"{export.library}.DLL" for export in everything().values()}
#: The functions after the last one: where the program's entry point returns to, and a function of
#: the program that Windows has called.
RETURN, CALLED_BACK = len(NAMES), len(NAMES) + 1
_TABLES = 0xC0000000  # segment descriptors
_NEVER = 0xFFFFFFF0
_RET = 0xC2

ACCESS_VIOLATION, ILLEGAL_INSTRUCTION, PRIVILEGED = 0xC0000005, 0xC000001D, 0xC0000096
DIVIDE_BY_ZERO, BREAKPOINT = 0xC0000094, 0x80000003


class Failed(Exception):  # noqa: N818 - a call's ordinary outcome
    """A KERNEL32 call did not succeed: `code` becomes GetLastError's answer."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Crashed(Exception):  # noqa: N818 - a program's end, as Windows shows it
    """The program did what it must not: the exception's number, what, and where."""

    def __init__(self, code: int, what: str, eip: int) -> None:
        super().__init__(what)
        self.code, self.what, self.eip = code, what, eip


def stub(name: str, library: str = "KERNEL32.DLL") -> int | None:
    """The address of an exported function."""
    export = everything().get(name)
    if export is None or f"{export.library}.DLL" != library:
        return None
    return STUBS + _INDEX[name] * STUB


class Guest:
    """A mapped image on a processor. `step` runs it to the next call of KERNEL32."""

    def __init__(
        self, image: Image, model: str, budget: CommitLimit, cycles: Callable[[], int]
    ) -> None:
        self.image = image
        self.eip = image.entry
        self._cycles = cycles
        self._bad_access = 0
        self._left = False  # the emulation for a quick call that is not simply answered
        self._raised: BaseException | None = None  # by that call
        self.uc = make_engine(model)
        self._registers = Registers(self.uc)
        self.space = AddressSpace(self.uc, budget)
        try:
            self._map_image()
            self._map_kernel()
            self._stack_low, self._stack_base = self._map_stack()
            self._start_cpu()
        except BaseException:
            self.space.release_all()
            raise

    # -- memory ----------------------------------------------------------------------------------

    def read(self, address: int, size: int) -> bytes:
        """Guest memory; an access outside it is the program's illegal operation."""
        return bytes(self.uc.mem_read(address, size)) if size else b""

    def write(self, address: int, data: bytes) -> None:
        """Write guest memory; outside it, or where it is read-only, an illegal operation."""
        if data:
            region = self.space.region(address)
            if region is not None and region.base == self.image.base:
                self._check_writable(address, len(data))
            self.uc.mem_write(address, data)

    def u32(self, address: int) -> int:
        """A 32-bit number in guest memory."""
        return int.from_bytes(self.uc.mem_read(address, 4), "little")

    def put32(self, address: int, value: int) -> None:
        """Store a 32-bit number."""
        self.write(address, (value & 0xFFFFFFFF).to_bytes(4, "little"))

    def bytes_at(self, address: int, limit: int = 0x10000) -> bytes:
        """The bytes up to the NUL at or after `address`."""
        found = bytearray()
        while len(found) < limit:
            chunk = self.uc.mem_read(address, PAGE - address % PAGE)
            end = chunk.find(0)
            if end >= 0:
                return bytes(found + chunk[:end])
            found += chunk
            address += len(chunk)
        raise Failed(87)

    def text(self, address: int) -> str:
        """An ANSI string."""
        return decode(self.bytes_at(address))

    def put_text(self, address: int, size: int, text: bytes) -> int:
        """Store a string; its length, or the size needed when `size` is too short."""
        if size < len(text) + 1:
            return len(text) + 1
        self.write(address, text + b"\0")
        return len(text)

    def _check_writable(self, address: int, size: int) -> None:
        for part in self.image.sections:
            overlaps = address < part.address + part.size and part.address < address + size
            if overlaps and not part.writable:
                raise bad_memory()

    # -- running ---------------------------------------------------------------------------------

    def step(self, stopped: Callable[[], bool]) -> int | None:
        """Run to the next call and answer the function's number.

        None when `stopped`, or when the call has been carried out. Raises `Crashed` when the
        program does what it must not, and what a call raised.
        """
        while True:
            try:
                self.uc.emu_start(self.eip, _NEVER)
                break
            except EngineError as error:
                self.eip = self._registers.read(x86.UC_X86_REG_EIP)
                if error_kind(error) == FETCH_FORBIDDEN and self._let_run(self._bad_access):
                    continue
                code, what = self._judge(error)
                raise Crashed(code, what, self.eip) from error
        if self._left:
            self._left, raised, self._raised = False, self._raised, None
            if raised is not None:
                raise raised
            return None
        self.eip = self._registers.read(x86.UC_X86_REG_EIP)
        index, odd = divmod(self.eip - 1 - STUBS, STUB)
        if odd == 0 and 0 <= index <= CALLED_BACK:
            return index
        if stopped():
            return None
        raise Crashed(PRIVILEGED, "privileged instruction", self.eip - 1)

    def _let_run(self, address: int) -> bool:
        """Let data be executed, which no processor of that time forbade; False for what is none."""
        for first, last, rights in self.uc.mem_regions():
            if first <= address <= last and rights == DATA:
                self.uc.mem_protect(first, last + 1 - first, ALL)
                return True
        return False

    def quick_call(self, index: int) -> bool:
        """Carry out a call of `QUICK`; whether it is answered and the program runs on at once."""
        raise NotImplementedError

    def _on_quick_call(self, uc: Engine, address: int, *_: object) -> None:
        index, odd = divmod(address - STUBS, STUB)
        if odd:
            return
        self.eip = address + 1
        try:
            if self.quick_call(index):
                return
        except BaseException as error:  # it would get lost in unicorn
            self._raised = error
        self._left = True
        uc.emu_stop()

    def arguments(self, count: int) -> tuple[int, tuple[int, ...]]:
        """The return address and the arguments of the call at hand."""
        esp = self._registers.read(x86.UC_X86_REG_ESP)
        back, *values = struct.unpack(f"<{count + 1}I", self.uc.mem_read(esp, count * 4 + 4))
        return back, tuple(values)

    def answer(self, result: int) -> None:
        """Answer a quick call: its `ret` is carried out next."""
        self._registers.write(x86.UC_X86_REG_EAX, result & 0xFFFFFFFF)

    def come_back(self, back: int, count: int, result: int) -> None:
        """Return from the call at hand."""
        esp = self._registers.read(x86.UC_X86_REG_ESP)
        self._registers.write(x86.UC_X86_REG_EAX, result & 0xFFFFFFFF)
        self._registers.write(x86.UC_X86_REG_ESP, esp + 4 + 4 * count)
        self.eip = back

    def call_back(self, address: int, arguments: tuple[int, ...]) -> int:
        """Go on at a function of the program (stdcall); the stack's place for `called_back`."""
        esp = self._registers.read(x86.UC_X86_REG_ESP)
        words = struct.pack(
            f"<{len(arguments) + 1}I",
            STUBS + CALLED_BACK * STUB, *(value & 0xFFFFFFFF for value in arguments),
        )  # fmt: skip
        self.uc.mem_write(esp - len(words), words)
        self._registers.write(x86.UC_X86_REG_ESP, esp - len(words))
        self.eip = address
        return esp

    def called_back(self, esp: int) -> int:
        """The result of that function; the stack is as it was before."""
        self._registers.write(x86.UC_X86_REG_ESP, esp)
        return self.eax

    @property
    def eax(self) -> int:
        """The register EAX."""
        return self._registers.read(x86.UC_X86_REG_EAX)

    def _judge(self, error: Exception) -> tuple[int, str]:
        """The exception's number, and what it was."""
        if error_kind(error) == EXCEPTION:
            return self._trap()
        if error_kind(error) == INVALID_INSTRUCTION:
            return ILLEGAL_INSTRUCTION, "invalid instruction"
        what = f"page fault at {self._bad_access:08X}"
        if self._stack_base <= self._bad_access < self._stack_low:
            what += ", below the stack's guard page"
        return ACCESS_VIOLATION, what

    def _trap(self) -> tuple[int, str]:
        """What exception the instruction at EIP raised, judged by its bytes."""
        try:
            before, here = self.read(self.eip - 2, 2), self.read(self.eip, 2)
        except EngineError:
            return ACCESS_VIOLATION, "exception"
        if before[1:] == b"\xcc":
            return BREAKPOINT, "breakpoint"
        if before[:1] == b"\xcd":
            return ACCESS_VIOLATION, f"interrupt {before[1]:02X}h"
        if here[:1] in (b"\xf6", b"\xf7"):
            return DIVIDE_BY_ZERO, "divide error"
        return ACCESS_VIOLATION, "general protection fault"

    def _on_bad_access(self, _uc: Engine, _access: int, address: int, *_: object) -> bool:
        """Grow the stack when its guard page is touched; else let the fault be."""
        self._bad_access = address
        if not self._stack_low - PAGE <= address < self._stack_low:
            return False
        if self._stack_low - PAGE <= self._stack_base + PAGE:  # the last page stays a guard
            return False
        if not self.space.commit(self._stack_low - PAGE, PAGE):
            return False
        self._stack_low -= PAGE
        return True

    # -- setting up ------------------------------------------------------------------------------

    def _map_image(self) -> None:
        image = self.image
        region = self.space.reserve(image.size, image.base)
        # Memory that is mapped with its rights is much quicker than memory that gets them later.
        parts = [(image.base, PAGE, READ_ONLY)]
        parts += [(p.address, p.size, DATA if p.writable else READ_ONLY) for p in image.sections]
        parts.append((image.base, image.size, DATA))
        if region is None or not all(self.space.commit(*part) for part in parts):
            raise NotStarted(f"There is not enough memory to run {image.name}", 8)
        memory = bytearray(image.memory)
        for wanted in image.imports:
            address = stub(wanted.name, wanted.dll)
            if address is None:
                raise NotStarted(_missing(image.name, wanted.dll, wanted.name), 1157)
            at = wanted.slot - image.base
            memory += bytes(max(0, at + 4 - len(memory)))
            struct.pack_into("<I", memory, at, address)
        self.uc.mem_write(image.base, bytes(memory))
        self._hook_rdtsc(bytes(memory))

    def _map_kernel(self) -> None:
        size = -(-((len(NAMES) + 2) * STUB) // PAGE) * PAGE
        self.uc.mem_map(KERNEL32, PAGE + size, READ_ONLY)
        self.uc.mem_write(KERNEL32, b"MZ")
        stubs = bytearray(b"\xf4" * size)
        for index, name in enumerate(QUICK):
            pops = everything()[name].arguments or 0
            struct.pack_into("<BH", stubs, index * STUB, _RET, 4 * pops)
        self.uc.mem_write(STUBS, bytes(stubs))
        self.uc.hook_add(HOOK_CODE, self._on_quick_call, None, STUBS, STUBS + len(QUICK) * STUB - 1)

    def _map_stack(self) -> tuple[int, int]:
        region = self.space.reserve(self.image.stack_reserve)
        if region is None:
            raise NotStarted(f"There is not enough memory to run {self.image.name}", 8)
        top = region.base + region.size
        low = top - min(self.image.stack_commit, region.size - 2 * PAGE)
        if not self.space.commit(low, top - low):
            raise NotStarted(f"There is not enough memory to run {self.image.name}", 8)
        self.uc.hook_add(HOOK_BAD_MEMORY, self._on_bad_access)
        return low, region.base

    def _start_cpu(self) -> None:
        uc, region = self.uc, self.space.region(self._stack_base)
        teb = self.space.reserve(PAGE)
        if region is None or teb is None or not self.space.commit(teb.base, PAGE):
            raise NotStarted(f"There is not enough memory to run {self.image.name}", 8)
        top = region.base + region.size
        head = struct.pack("<7I", 0xFFFFFFFF, top, region.base, 0, 0, 0, teb.base)
        self.uc.mem_write(teb.base, head)
        uc.mem_map(_TABLES, PAGE, READ_ONLY)
        flat = [_descriptor(0, 0xFFFFF, kind, 0xC) for kind in (0x9B, 0x93)]
        uc.mem_write(
            _TABLES, bytes(8) + b"".join(flat) + _descriptor(teb.base, PAGE - 1, 0x93, 0x4)
        )
        uc.reg_write(x86.UC_X86_REG_GDTR, (0, _TABLES, 0x1F, 0))
        uc.reg_write(x86.UC_X86_REG_CS, 0x08)
        for register in (x86.UC_X86_REG_DS, x86.UC_X86_REG_ES, x86.UC_X86_REG_SS):
            uc.reg_write(register, 0x10)
        uc.reg_write(x86.UC_X86_REG_FS, 0x18)
        uc.reg_write(x86.UC_X86_REG_FPCW, 0x027F)
        uc.mem_write(top - 4, struct.pack("<I", STUBS + RETURN * STUB))
        uc.reg_write(x86.UC_X86_REG_ESP, top - 4)

    def _hook_rdtsc(self, memory: bytes) -> None:
        """Make RDTSC count at the modelled clock, not the modern processor's."""
        for found in re.finditer(b"\x0f\x31", memory):
            at = self.image.base + found.start()
            self.uc.hook_add(HOOK_CODE, self._on_rdtsc, None, at, at)

    def _on_rdtsc(self, uc: Engine, address: int, *_: object) -> None:
        count = self._cycles()
        uc.reg_write(x86.UC_X86_REG_EAX, count & 0xFFFFFFFF)
        uc.reg_write(x86.UC_X86_REG_EDX, count >> 32 & 0xFFFFFFFF)
        uc.reg_write(x86.UC_X86_REG_EIP, address + 2)


def _missing(program: str, dll: str, name: str) -> str:
    if dll not in _LIBRARIES:
        known = ", ".join(sorted(_LIBRARIES))
        return f"{program} needs {dll} ({name}); only {known} are in this emulator"
    return f"The {program} file is linked to missing export {dll}:{name}."


def _descriptor(base: int, limit: int, access: int, flags: int) -> bytes:
    value = (limit & 0xFFFF) | (base & 0xFFFFFF) << 16 | access << 40
    value |= (limit >> 16) << 48 | flags << 52 | (base >> 24) << 56
    return struct.pack("<Q", value)
