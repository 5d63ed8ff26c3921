"""One Win32 process: a unicorn instance with the program in it, and the way into KERNEL32.

Every exported function of KERNEL32 is a `hlt` at an address of its own. The emulation stops there, the
call is carried out in Python on the ordinary stack (so that exceptions pass as anywhere else), and
the emulation is started again at the caller's return address: 2 µs a call.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from unicorn import x86_const as x86

from deployer.sim.disk import DiskError
from deployer.sim.win32.engine import (
    ALL,
    EXCEPTION,
    HOOK_BAD_MEMORY,
    HOOK_CODE,
    INVALID_INSTRUCTION,
    READ_ONLY,
    Engine,
    EngineError,
    bad_memory,
    error_kind,
    make_engine,
)
from deployer.sim.win32.exports import kernel32
from deployer.sim.win32.loader import Image, NotStarted
from deployer.sim.win32.memory import PAGE, AddressSpace, Heap
from deployer.sim.win32.objects import DiskFile, Handles, KernelObject
from deployer.sim.win32.system import Ending, ExitStatus, System, Watchdog

#: Where Windows 98 has KERNEL32; the functions begin one page behind, 16 bytes each.
KERNEL32 = 0xBFF70000
STUBS = KERNEL32 + PAGE
_STUB = 16
_TABLES = 0xC0000000  # segment descriptors
_NEVER = 0xFFFFFFF0

ACCESS_VIOLATION, ILLEGAL_INSTRUCTION, PRIVILEGED = 0xC0000005, 0xC000001D, 0xC0000096
DIVIDE_BY_ZERO, BREAKPOINT, STACK_OVERFLOW = 0xC0000094, 0x80000003, 0xC00000FD
CALL_NOT_IMPLEMENTED = 120


class Failed(Exception):  # noqa: N818 - a call's ordinary outcome
    """A KERNEL32 call did not succeed: `code` becomes GetLastError's answer."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Exited(Exception):  # noqa: N818 - a process's ordinary end
    """The process asked to end with `code`."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Wait:
    """A call that cannot answer yet: `ready()` answers or gives None; at `until` it is `expired`."""

    ready: Callable[[], int | None]
    until: float | None = None
    expired: int = 0


@dataclass(frozen=True, slots=True)
class Api:
    """A KERNEL32 function: how many 32-bit arguments, what it does, what it returns on failure."""

    arguments: int
    call: Callable[..., int | Wait | None]
    failure: int = 0


Table = Mapping[str, Api]


@dataclass(slots=True)
class Frame:
    """The call that is being carried out: what completes it."""

    api: Api
    esp: int
    back: int


@dataclass(slots=True)
class Scratch:
    """Odds and ends that single calls keep: TLS slots, atoms, strings handed out."""

    tls: dict[int, int] = field(default_factory=dict)
    strings: dict[str, int] = field(default_factory=dict)


class Process:
    """A loaded program with its own processor, memory and handles. `status` is set when it ended."""

    def __init__(
        self,
        system: System,
        image: Image,
        table: Table,
        *,
        path: str,
        command_line: bytes,
        cwd: str,
        environment: Mapping[str, str],
        handles: Handles,
        std: tuple[int, int, int],
    ) -> None:
        self.system = system
        self.image = image
        self.path = path
        self.command_line = command_line
        self.cwd = cwd
        self.environment = dict(environment)
        self.handles = handles
        self.std = list(std)
        self.id = system.next_id
        system.next_id += 4
        self.status: ExitStatus | None = None
        self.wait: Wait | None = None
        self.yielding = False
        self.last_error = 0
        self.scratch = Scratch()
        self.table = table
        self._names = list(kernel32())
        self._index = {name: i for i, name in enumerate(self._names)}
        self._frame: Frame | None = None
        self._bad_access = 0
        self._eip = image.entry
        self.uc = make_engine(system.cpu_model)
        self.space = AddressSpace(self.uc, system.budget)
        self.heaps: dict[int, Heap] = {}
        try:
            self._map_image()
            self._map_kernel()
            self._stack_low, self._stack_base = self._map_stack()
            self._start_cpu()
        except BaseException:
            self.space.release_all()
            raise
        system.processes.append(self)

    # -- the guest's memory ----------------------------------------------------------------------

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
        """The bytes up to the NUL at or behind `address`."""
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
        """Store a string for calls that answer its length, or, when `size` is short, the size needed."""
        if size < len(text) + 1:
            return len(text) + 1
        self.write(address, text + b"\0")
        return len(text)

    def keep_string(self, key: str, make: Callable[[], bytes]) -> int:
        """The address of a string that stays for the process's life."""
        if key not in self.scratch.strings:
            data = make()
            block = self.heap().alloc(len(data), zero=True)
            self.write(block, data)
            self.scratch.strings[key] = block
        return self.scratch.strings[key]

    def heap(self, handle: int = 0) -> Heap:
        """The heap of a handle; 0 is the process's own, made at first use."""
        key = handle or self.default_heap
        if key not in self.heaps:
            if handle and handle != self.default_heap:
                raise Failed(6)
            self.heaps[key] = Heap(self.uc, self.space)
        return self.heaps[key]

    @property
    def default_heap(self) -> int:
        """The number that GetProcessHeap answers."""
        return self.image.base + 0x10  # any number that no other heap has

    def stub(self, name: str) -> int | None:
        """The address of an exported function."""
        index = self._index.get(name)
        return None if index is None else STUBS + index * _STUB

    # -- handles ---------------------------------------------------------------------------------

    def target(self, handle: int, *kinds: type[KernelObject]) -> Any:
        """The object of a handle, which must be of one of these kinds; else ERROR_INVALID_HANDLE."""
        found = self.handles.get(handle)
        if found is None or (kinds and not isinstance(found, kinds)):
            raise Failed(6)
        return found

    def close_handle(self, handle: int) -> None:
        """Close one handle and, with its last one, the object."""
        try:
            last = self.handles.close(handle)
        except KeyError:
            raise Failed(6) from None
        if isinstance(last, DiskFile):
            path = last.file.path
            last.file.close()
            if last.delete_on_close:
                self.system.disk.delete(path)

    # -- running ---------------------------------------------------------------------------------

    def wake(self) -> bool:
        """Whether the process can run now; a wait that is over is completed."""
        if self.wait is None:
            return True
        wait, frame = self.wait, self._frame
        if frame is None:
            raise RuntimeError("a wait without a call")
        try:
            result = wait.ready()
        except (Failed, DiskError) as error:
            self.last_error = error.code
            result = frame.api.failure
        except EngineError:
            self._fault(ACCESS_VIOLATION, "in module KERNEL32.DLL", frame.back)
            return False
        if result is None and wait.until is not None and self.system.clock.ticks() >= wait.until:
            result = wait.expired
        if result is None:
            return False
        self.wait = None
        self._return(result)
        return True

    def run(self, watch: Watchdog, seconds: float) -> None:
        """Run until the process ends, waits, yields, or its slice is over."""
        self.yielding = False
        watch.start(self.uc, seconds)
        try:
            while self.status is None and self.wait is None:
                if self.yielding or watch.expired:
                    return
                self._step(watch)
        except Exited as exit_:
            self.end(ExitStatus(exit_.code & 0xFFFFFFFF))
        finally:
            watch.stop()

    def end(self, status: ExitStatus) -> None:
        """End the process: handles are closed, memory is given back."""
        if self.status is not None:
            return
        self.status = status
        self.wait = None
        for handle in self.handles.numbers():
            try:
                self.close_handle(handle)
            except DiskError:
                continue
        self.space.release_all()

    def _step(self, watch: Watchdog) -> None:
        """Run to the next call, fault or stop."""
        try:
            self.uc.emu_start(self._eip, _NEVER)
        except EngineError as error:
            self._eip = self.uc.reg_read(x86.UC_X86_REG_EIP)
            self._crash(error)
            return
        eip = self._eip = self.uc.reg_read(x86.UC_X86_REG_EIP)
        offset = eip - 1 - STUBS
        if 0 <= offset <= len(self._names) * _STUB and offset % _STUB == 0:
            self._call(offset // _STUB)
        elif not watch.expired:
            self._fault(PRIVILEGED, "privileged instruction", eip - 1)

    def _call(self, index: int) -> None:
        esp = self.uc.reg_read(x86.UC_X86_REG_ESP)
        if index == len(self._names):  # the entry point returned
            raise Exited(self.uc.reg_read(x86.UC_X86_REG_EAX))
        name = self._names[index]
        api = self.table.get(name) or self._default(name)
        try:
            if api is None:
                self._fault(
                    CALL_NOT_IMPLEMENTED,
                    f"KERNEL32.DLL:{name} is not in this emulator",
                    self.u32(esp),
                )
                return
            frame = struct.unpack(
                f"<{api.arguments + 1}I", self.uc.mem_read(esp, api.arguments * 4 + 4)
            )
            self._frame = Frame(api, esp, frame[0])
            result = api.call(self, *frame[1:])
            if self.status is not None:
                return
        except (Failed, DiskError) as error:
            self.last_error = error.code
            result = api.failure if api else 0
        except EngineError:
            self._fault(ACCESS_VIOLATION, f"in module KERNEL32.DLL ({name})", self.u32(esp))
            return
        if isinstance(result, Wait):
            self.wait = result
        else:
            self._return(1 if result is None else result)

    def _return(self, result: int) -> None:
        frame = self._frame
        if frame is None:
            raise RuntimeError("a return without a call")
        self._frame = None
        self.uc.reg_write(x86.UC_X86_REG_EAX, result & 0xFFFFFFFF)
        self.uc.reg_write(x86.UC_X86_REG_ESP, frame.esp + 4 + 4 * frame.api.arguments)
        self._eip = frame.back

    def _default(self, name: str) -> Api | None:
        """What a function does that is exported but not in the table: *W names fail (facts F2)."""
        export = kernel32()[name]
        twin = name[:-1] + "A" in self._index
        if not name.endswith("W") or not twin or export.arguments is None:
            return None
        failure = (
            0xFFFFFFFF if name in ("CreateFileW", "FindFirstFileW", "GetFileAttributesW") else 0
        )
        return Api(export.arguments, _not_implemented, failure)

    # -- faults ----------------------------------------------------------------------------------

    def _crash(self, error: Exception) -> None:
        if error_kind(error) == EXCEPTION:
            code, what = self._trap()
        elif error_kind(error) == INVALID_INSTRUCTION:
            code, what = ILLEGAL_INSTRUCTION, "invalid instruction"
        else:
            code, what = ACCESS_VIOLATION, f"page fault at {self._bad_access:08X}"
            if self._stack_base <= self._bad_access < self._stack_low:
                what += ", below the stack's guard page"
        self._fault(code, what, self._eip)

    def _trap(self) -> tuple[int, str]:
        """What exception the instruction at EIP raised, judged by its bytes."""
        try:
            before, here = self.read(self._eip - 2, 2), self.read(self._eip, 2)
        except EngineError:
            return ACCESS_VIOLATION, "exception"
        if before[1:] == b"\xcc":
            return BREAKPOINT, "breakpoint"
        if before[:1] == b"\xcd":
            return ACCESS_VIOLATION, f"interrupt {before[1]:02X}h"
        if here[:1] in (b"\xf6", b"\xf7"):
            return DIVIDE_BY_ZERO, "divide error"
        return ACCESS_VIOLATION, "general protection fault"

    def raise_fault(self, code: int, what: str) -> None:
        """End the process as by an illegal operation of its own."""
        self._fault(code, what, self._frame.back if self._frame else self._eip)

    def _fault(self, code: int, what: str, eip: int) -> None:
        name = self.image.name
        text = f"{name}: This program has performed an illegal operation: {what} at {eip:08X}."
        if code == CALL_NOT_IMPLEMENTED:
            text = f"{name}: {what} (called from {eip:08X})"
        self.end(ExitStatus(code, Ending.FAULT, text, eip))

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

    def _check_writable(self, address: int, size: int) -> None:
        for part in self.image.sections:
            overlaps = address < part.address + part.size and part.address < address + size
            if overlaps and not part.writable:
                raise bad_memory()

    # -- setting up ------------------------------------------------------------------------------

    def _map_image(self) -> None:
        image = self.image
        region = self.space.reserve(len(image.memory), image.base)
        if region is None or not self.space.commit(image.base, len(image.memory)):
            raise NotStarted(f"There is not enough memory to run {image.name}", 8)
        memory = bytearray(image.memory)
        for wanted in image.imports:
            address = self.stub(wanted.name) if wanted.dll == "KERNEL32.DLL" else None
            if address is None:
                raise NotStarted(_missing(image.name, wanted.dll, wanted.name), 1157)
            struct.pack_into("<I", memory, wanted.slot - image.base, address)
        self.uc.mem_write(image.base, bytes(memory))
        self.space.protect(image.base, PAGE, READ_ONLY)
        for part in image.sections:
            self.space.protect(part.address, part.size, ALL if part.writable else READ_ONLY)
        self._hook_rdtsc(bytes(memory))

    def _map_kernel(self) -> None:
        size = -(-((len(self._names) + 1) * _STUB) // PAGE) * PAGE
        self.uc.mem_map(KERNEL32, PAGE + size, READ_ONLY)
        self.uc.mem_write(KERNEL32, b"MZ")
        self.uc.mem_write(STUBS, b"\xf4" * size)

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
        uc.mem_write(top - 4, struct.pack("<I", STUBS + len(self._names) * _STUB))
        uc.reg_write(x86.UC_X86_REG_ESP, top - 4)

    def _hook_rdtsc(self, memory: bytes) -> None:
        """Make RDTSC count at the modelled clock, not the modern processor's."""
        for found in re.finditer(b"\x0f\x31", memory):
            at = self.image.base + found.start()
            self.uc.hook_add(HOOK_CODE, self._on_rdtsc, None, at, at)

    def _on_rdtsc(self, uc: Engine, address: int, *_: object) -> None:
        count = int(self.system.clock.ticks() * self.system.mhz * 1_000_000)
        uc.reg_write(x86.UC_X86_REG_EAX, count & 0xFFFFFFFF)
        uc.reg_write(x86.UC_X86_REG_EDX, count >> 32 & 0xFFFFFFFF)
        uc.reg_write(x86.UC_X86_REG_EIP, address + 2)


def _not_implemented(_process: Process, *_: int) -> int:
    raise Failed(CALL_NOT_IMPLEMENTED)


def _missing(program: str, dll: str, name: str) -> str:
    if dll != "KERNEL32.DLL":
        return f"{program} needs {dll} ({name}); only KERNEL32.DLL is in this emulator"
    return f"The {program} file is linked to missing export {dll}:{name}."


def _descriptor(base: int, limit: int, access: int, flags: int) -> bytes:
    value = (limit & 0xFFFF) | (base & 0xFFFFFF) << 16 | access << 40
    value |= (limit >> 16) << 48 | flags << 52 | (base >> 24) << 56
    return struct.pack("<Q", value)


def decode(data: bytes) -> str:
    """ANSI bytes as text; the five bytes that code page 1252 lacks stay themselves."""
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return "".join(_decode_byte(b) for b in data)


def _decode_byte(byte: int) -> str:
    try:
        return bytes([byte]).decode("cp1252")
    except UnicodeDecodeError:
        return chr(byte)


def encode(text: str) -> bytes:
    """Text as ANSI bytes."""
    return text.encode("cp1252", "replace")
