"""Memory: VirtualAlloc, heaps, the old global and local blocks, and what is free."""

from __future__ import annotations

import struct

from deployer.sim.win32.engine import DATA, NONE, READ_ONLY, EngineError
from deployer.sim.win32.memory import PAGE, Heap
from deployer.sim.win32.process import Api, Failed, Process

NOT_ENOUGH_MEMORY, INVALID_ADDRESS, INVALID_PARAMETER, INVALID_HANDLE = 8, 487, 87, 6
_COMMIT, _RESERVE, _DECOMMIT, _RELEASE = 0x1000, 0x2000, 0x4000, 0x8000
_RIGHTS = {
    0x01: NONE,
    0x02: READ_ONLY,
    0x04: DATA,
    0x08: DATA,
    0x10: READ_ONLY,
    0x20: READ_ONLY,
    0x40: DATA,
    0x80: DATA,
}
_ZERO = 0x08
_MOVEABLE_ZERO = 0x40


def virtual_alloc(p: Process, address: int, size: int, kind: int, rights: int) -> int:
    if size == 0 or rights & 0xFF not in _RIGHTS or not kind & (_COMMIT | _RESERVE):
        raise Failed(INVALID_PARAMETER)
    if size > 0x7FFF0000:
        raise Failed(NOT_ENOUGH_MEMORY)
    fresh = kind & _RESERVE or not address
    if fresh:
        region = p.space.reserve(size, address)
        if region is None:
            raise Failed(INVALID_ADDRESS if address else NOT_ENOUGH_MEMORY)
        address = region.base
    elif p.space.region(address) is None:
        raise Failed(INVALID_ADDRESS)
    if kind & _COMMIT:
        if not p.space.commit(address, size):
            if fresh:
                p.space.release(address)
            raise Failed(NOT_ENOUGH_MEMORY)
        if _RIGHTS[rights & 0xFF] != DATA:
            _protect(p, address, size, rights)
    return address if fresh else address // PAGE * PAGE


def virtual_free(p: Process, address: int, size: int, kind: int) -> int:
    if kind == _RELEASE:
        if size or not p.space.release(address):
            raise Failed(INVALID_PARAMETER)
    elif kind != _DECOMMIT or not p.space.decommit(address, size):
        raise Failed(INVALID_PARAMETER)
    return 1


def _protect(p: Process, address: int, size: int, rights: int) -> None:
    start = address // PAGE * PAGE
    end = -(-(address + size) // PAGE) * PAGE
    try:
        p.space.protect(start, end - start, _RIGHTS[rights & 0xFF])
    except EngineError as error:
        raise Failed(INVALID_ADDRESS) from error


def virtual_protect(p: Process, address: int, size: int, rights: int, old: int) -> int:
    if rights & 0xFF not in _RIGHTS or not old:
        raise Failed(INVALID_PARAMETER)
    _protect(p, address, size, rights)
    p.put32(old, 0x04)
    return 1


def virtual_query(p: Process, address: int, record: int, size: int) -> int:
    if size < 28:
        raise Failed(INVALID_PARAMETER)
    region = p.space.region(address)
    page = address // PAGE * PAGE
    if region is None:
        values = (page, 0, 0, PAGE, 0x10000, 1, 0)
    else:
        flags, first = region.committed, (page - region.base) // PAGE
        end = first
        while end < len(flags) and flags[end] == flags[first]:
            end += 1
        state = _COMMIT if flags[first] else _RESERVE
        values = (page, region.base, 4, (end - first) * PAGE, state, 4, 0x20000)
    p.write(record, struct.pack("<7I", *values))
    return 28


# -- heaps ---------------------------------------------------------------------------------------


def get_process_heap(p: Process) -> int:
    return p.default_heap


def heap_create(p: Process, _options: int, _initial: int, _maximum: int) -> int:
    region = p.space.reserve(PAGE)
    if region is None:
        raise Failed(NOT_ENOUGH_MEMORY)
    p.heaps[region.base] = Heap(p.uc, p.space)
    return region.base


def heap_destroy(p: Process, heap: int) -> int:
    if heap == p.default_heap or heap not in p.heaps:
        raise Failed(INVALID_HANDLE)
    p.heaps.pop(heap).destroy()
    p.space.release(heap)
    return 1


def heap_alloc(p: Process, heap: int, flags: int, size: int) -> int:
    block = p.heap(heap).alloc(size, bool(flags & _ZERO)) if size < 0x7FFF0000 else 0
    if not block:
        raise Failed(NOT_ENOUGH_MEMORY)
    return block


def heap_free(p: Process, heap: int, _flags: int, block: int) -> int:
    if not p.heap(heap).free(block):
        raise Failed(INVALID_PARAMETER)
    return 1


def heap_size(p: Process, heap: int, _flags: int, block: int) -> int:
    size = p.heap(heap).size(block)
    if size is None:
        raise Failed(INVALID_PARAMETER)
    return size


def heap_realloc(p: Process, heap: int, flags: int, block: int, size: int) -> int:
    blocks = p.heap(heap)
    old = blocks.size(block)
    if old is None:
        raise Failed(INVALID_PARAMETER)
    if flags & 0x10 and size > old:  # in place only
        raise Failed(NOT_ENOUGH_MEMORY)
    fresh = heap_alloc(p, heap, flags, size)
    p.write(fresh, p.read(block, min(old, size)))
    blocks.free(block)
    return fresh


def heap_validate(p: Process, heap: int, _flags: int, block: int) -> int:
    return int(not block or p.heap(heap).size(block) is not None)


def global_alloc(p: Process, flags: int, size: int) -> int:
    return heap_alloc(p, p.default_heap, _ZERO if flags & _MOVEABLE_ZERO else 0, size)


def global_free(p: Process, block: int) -> int:
    if block and not p.heap().free(block):
        raise Failed(INVALID_HANDLE)
    return 0


def global_realloc(p: Process, block: int, size: int, flags: int) -> int:
    return heap_realloc(p, p.default_heap, _ZERO if flags & _MOVEABLE_ZERO else 0, block, size)


def global_size(p: Process, block: int) -> int:
    return heap_size(p, p.default_heap, 0, block)


def global_lock(_p: Process, block: int) -> int:
    return block


def global_unlock(p: Process, _block: int) -> int:
    p.last_error = 0
    return 0


def global_flags(_p: Process, _block: int) -> int:
    return 0


def global_memory_status(p: Process, record: int) -> None:
    budget, ram = p.system.budget, p.system.ram
    swap = max(0, budget.limit - ram)
    physical = min(max(0, ram - budget.used), 0x7FFFFFFF)
    load = min(100, budget.used * 100 // budget.limit)
    p.write(record, struct.pack(
        "<8I", 32, load, min(ram, 0x7FFFFFFF), physical, min(swap, 0x7FFFFFFF),
        min(swap, budget.free, 0x7FFFFFFF), 0x7FC00000, 0x7FC00000 - budget.used & 0xFFFFFFFF,
    ))  # fmt: skip


def is_bad_pointer(p: Process, address: int, size: int) -> int:
    if not size:
        return 0
    try:
        p.read(address, min(size, 1 << 20))
    except EngineError:
        return 1
    return 0


# Rows of one shape, as in every module here: name, number of arguments, function, failure.
TABLE = {
    "VirtualAlloc": Api(4, virtual_alloc),
    "VirtualFree": Api(3, virtual_free),
    "VirtualProtect": Api(4, virtual_protect),
    "VirtualQuery": Api(3, virtual_query),
    "GetProcessHeap": Api(0, get_process_heap),
    "HeapCreate": Api(3, heap_create),
    "HeapDestroy": Api(1, heap_destroy),
    "HeapAlloc": Api(3, heap_alloc),
    "HeapFree": Api(3, heap_free),
    "HeapSize": Api(3, heap_size, 0xFFFFFFFF),
    "HeapReAlloc": Api(4, heap_realloc),
    "HeapValidate": Api(3, heap_validate),
    "GlobalAlloc": Api(2, global_alloc),
    "GlobalFree": Api(1, global_free, 1),
    "GlobalReAlloc": Api(3, global_realloc),
    "GlobalSize": Api(1, global_size),
    "GlobalLock": Api(1, global_lock),
    "GlobalUnlock": Api(1, global_unlock),
    "GlobalHandle": Api(1, global_lock),
    "GlobalFlags": Api(1, global_flags),
    "LocalAlloc": Api(2, global_alloc),
    "LocalFree": Api(1, global_free, 1),
    "LocalReAlloc": Api(3, global_realloc),
    "LocalSize": Api(1, global_size),
    "LocalLock": Api(1, global_lock),
    "LocalUnlock": Api(1, global_unlock),
    "GlobalMemoryStatus": Api(1, global_memory_status),
    "IsBadReadPtr": Api(2, is_bad_pointer),
    "IsBadWritePtr": Api(2, is_bad_pointer),
    "IsBadCodePtr": Api(1, lambda p, a: is_bad_pointer(p, a, 1)),
}
