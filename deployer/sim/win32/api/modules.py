"""Modules, versions, errors, locks: what a program asks about itself and the system."""

from __future__ import annotations

import struct

from deployer.sim.win32.guest import Crashed
from deployer.sim.win32.memory import PAGE
from deployer.sim.win32.process import KERNEL32, Api, Failed, Process, encode, stub

MODULE_NOT_FOUND, PROC_NOT_FOUND = 126, 127
LIBRARIES = ("ADVAPI32.DLL", "WSOCK32.DLL")
"""What LoadLibraryA finds beside KERNEL32; their handles lie where nothing is mapped."""
_FIRST_LIBRARY = 0x7FE00000


def _module(p: Process, name: str) -> int:
    wanted = name.upper().rpartition("\\")[2]
    wanted = wanted if "." in wanted else wanted + ".DLL"
    if wanted == "KERNEL32.DLL":
        return KERNEL32
    if wanted in LIBRARIES:
        return _FIRST_LIBRARY + LIBRARIES.index(wanted) * PAGE
    if wanted in (p.image.name.upper(), p.path.upper().rpartition("\\")[2]):
        return p.image.base
    raise Failed(MODULE_NOT_FOUND)


def get_module_handle(p: Process, name: int) -> int:
    return _module(p, p.text(name)) if name else p.image.base


def load_library(p: Process, name: int, *_: int) -> int:
    return _module(p, p.text(name))


def get_module_file_name(p: Process, module: int, buffer: int, size: int) -> int:
    if module in (0, p.image.base):
        path = encode(p.path)
    elif module == KERNEL32:
        path = b"C:\\WINDOWS\\SYSTEM\\KERNEL32.DLL"
    else:
        raise Failed(6)
    p.write(buffer, path[: max(0, size - 1)] + b"\0" if size else b"")
    return min(len(path), size)


def get_proc_address(p: Process, module: int, name: int) -> int:
    if name < 0x10000:  # Windows 98 gives no KERNEL32 function by number
        raise Failed(PROC_NOT_FOUND)
    library = "KERNEL32.DLL"
    if module != KERNEL32:
        number, rest = divmod(module - _FIRST_LIBRARY, PAGE)
        if rest or not 0 <= number < len(LIBRARIES):
            raise Failed(PROC_NOT_FOUND)
        library = LIBRARIES[number]
    address = stub(p.bytes_at(name, 512).decode("latin-1"), library)
    if address is None:
        raise Failed(PROC_NOT_FOUND)
    return address


def get_version(_p: Process) -> int:
    return 0xC0000000 | 10 << 8 | 4


def get_version_ex(p: Process, record: int) -> int:
    size = p.u32(record)
    if size < 148:
        raise Failed(122)
    p.write(record + 4, struct.pack("<4I128s", 4, 10, 4 << 24 | 10 << 16 | 1998, 1, b" "))
    return 1


def get_system_info(p: Process, record: int) -> None:
    kind = {"486": 486}.get(p.system.cpu_model, 586)
    level, revision = {"486": (0, 0), "pentium": (5, 0x0201), "pentium3": (6, 0x0703)}.get(
        p.system.cpu_model, (6, 0x0502)
    )
    p.write(record, struct.pack(
        "<HHIIIIIIIHH", 0, 0, 4096, 0x400000, 0x7FFFFFFF, 1, 1, kind, 0x10000, level, revision
    ))  # fmt: skip


def is_processor_feature_present(_p: Process, feature: int) -> int:
    return int(feature in (2, 3, 8))  # cmpxchg8b, MMX, RDTSC


def get_last_error(p: Process) -> int:
    return p.last_error


def set_last_error(p: Process, code: int) -> int:
    p.last_error = code
    return code


def nothing(_p: Process, *_: int) -> int:
    return 0


def enter(_p: Process, *_: int) -> int:
    """Locks are free: a process here has one thread."""
    return 1


def raise_exception(p: Process, code: int, *_: int) -> int:
    raise Crashed(code, f"exception {code:08X}", p.eip)


# -- thread-local storage ------------------------------------------------------------------------


def tls_alloc(p: Process) -> int:
    slot = next((i for i in range(80) if i not in p.scratch.tls), None)
    if slot is None:
        raise Failed(8)
    p.scratch.tls[slot] = 0
    return slot


def tls_free(p: Process, slot: int) -> int:
    if p.scratch.tls.pop(slot, None) is None:
        raise Failed(87)
    return 1


def tls_get(p: Process, slot: int) -> int:
    p.last_error = 0
    return p.scratch.tls.get(slot, 0)


def tls_set(p: Process, slot: int, value: int) -> int:
    if slot not in p.scratch.tls:
        raise Failed(87)
    p.scratch.tls[slot] = value
    return 1


# -- interlocked ---------------------------------------------------------------------------------


def increment(p: Process, address: int) -> int:
    p.put32(address, p.u32(address) + 1)
    return p.u32(address)


def decrement(p: Process, address: int) -> int:
    p.put32(address, p.u32(address) - 1)
    return p.u32(address)


def exchange(p: Process, address: int, value: int) -> int:
    old = p.u32(address)
    p.put32(address, value)
    return old


def exchange_add(p: Process, address: int, value: int) -> int:
    old = p.u32(address)
    p.put32(address, old + value)
    return old


def compare_exchange(p: Process, address: int, value: int, expected: int) -> int:
    old = p.u32(address)
    if old == expected:
        p.put32(address, value)
    return old


def get_computer_name(p: Process, buffer: int, size: int) -> int:
    room = p.u32(size)
    if room < 7:
        raise Failed(111)
    p.write(buffer, b"OLD-PC\0")
    p.put32(size, 6)
    return 1


# Rows of one shape, as in every module here: name, number of arguments, function, failure.
TABLE = {
    "GetModuleHandleA": Api(1, get_module_handle),
    "GetModuleFileNameA": Api(3, get_module_file_name),
    "GetProcAddress": Api(2, get_proc_address),
    "LoadLibraryA": Api(1, load_library),
    "LoadLibraryExA": Api(3, load_library),
    "FreeLibrary": Api(1, enter),
    "DisableThreadLibraryCalls": Api(1, enter),
    "GetVersion": Api(0, get_version),
    "GetVersionExA": Api(1, get_version_ex),
    "GetSystemInfo": Api(1, get_system_info),
    "IsProcessorFeaturePresent": Api(1, is_processor_feature_present),
    "GetLastError": Api(0, get_last_error),
    "SetLastError": Api(1, set_last_error),
    "SetErrorMode": Api(1, nothing),
    "SetUnhandledExceptionFilter": Api(1, nothing),
    "UnhandledExceptionFilter": Api(1, enter),
    "RaiseException": Api(4, raise_exception),
    "IsDebuggerPresent": Api(0, nothing),
    "OutputDebugStringA": Api(1, nothing),
    "SetHandleCount": Api(1, lambda _p, count: count),
    "InitializeCriticalSection": Api(1, enter),
    "InitializeCriticalSectionAndSpinCount": Api(2, enter),
    "EnterCriticalSection": Api(1, enter),
    "TryEnterCriticalSection": Api(1, enter),
    "LeaveCriticalSection": Api(1, enter),
    "DeleteCriticalSection": Api(1, enter),
    "TlsAlloc": Api(0, tls_alloc, 0xFFFFFFFF),
    "TlsFree": Api(1, tls_free),
    "TlsGetValue": Api(1, tls_get),
    "TlsSetValue": Api(2, tls_set),
    "InterlockedIncrement": Api(1, increment),
    "InterlockedDecrement": Api(1, decrement),
    "InterlockedExchange": Api(2, exchange),
    "InterlockedExchangeAdd": Api(2, exchange_add),
    "InterlockedCompareExchange": Api(3, compare_exchange),
    "GetComputerNameA": Api(2, get_computer_name),
}
