"""The address space of an emulated process: regions as VirtualAlloc has them, and a heap."""

from __future__ import annotations

from dataclasses import dataclass

from deployer.sim.win32.engine import DATA, Engine

PAGE = 4096
GRAIN = 0x10000
#: Where allocations are placed: above the image's usual place, below the shared arena (facts F4).
FIRST, END = 0x00410000, 0x7FFF0000


class CommitLimit:
    """Bytes of memory that all processes together may commit."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0

    def take(self, size: int) -> bool:
        """Commit `size` bytes if there are so many."""
        if self.used + size > self.limit:
            return False
        self.used += size
        return True

    def give(self, size: int) -> None:
        """Release `size` bytes."""
        self.used -= size

    @property
    def free(self) -> int:
        """Bytes that are left."""
        return self.limit - self.used


@dataclass(slots=True)
class Region:
    """Reserved addresses; `committed` has one byte per page, 1 where there is memory."""

    base: int
    size: int
    committed: bytearray


def pages(size: int) -> int:
    """`size` rounded up to whole pages."""
    return -(-size // PAGE) * PAGE


class AddressSpace:
    """Reserves, commits and releases addresses of one process; memory counts against `budget`."""

    def __init__(self, uc: Engine, budget: CommitLimit) -> None:
        self._uc = uc
        self._budget = budget
        self._regions: dict[int, Region] = {}

    def reserve(self, size: int, at: int = 0) -> Region | None:
        """Set addresses aside, at `at` (rounded down) or anywhere; None when there is no room."""
        if at:
            base = at // GRAIN * GRAIN
            size = pages(at + size - base)
            if not self._is_free(base, size):
                return None
        else:
            size = pages(size)
            base = self._find(size)
            if not base:
                return None
        region = self._regions[base] = Region(base, size, bytearray(size // PAGE))
        return region

    def commit(self, start: int, size: int, rights: int = DATA) -> bool:
        """Give zeroed memory to pages of one region; False when memory or addresses are missing.

        Pages that have memory keep their rights.
        """
        region = self.region(start)
        if region is None or size <= 0 or start + size > region.base + region.size:
            return False
        first = (start - region.base) // PAGE
        last = (start + size - 1 - region.base) // PAGE + 1
        fresh = region.committed.count(0, first, last)
        if not self._budget.take(fresh * PAGE):
            return False
        for low, high in _runs(region.committed, first, last, 0):
            self._uc.mem_map(region.base + low * PAGE, (high - low) * PAGE, rights)
            region.committed[low:high] = b"\1" * (high - low)
        return True

    def decommit(self, start: int, size: int) -> bool:
        """Take the memory of pages back; what was in it is lost."""
        region = self.region(start)
        if region is None or start + size > region.base + region.size:
            return False
        first = (start - region.base) // PAGE
        last = (start + size - 1 - region.base) // PAGE + 1 if size else len(region.committed)
        for low, high in _runs(region.committed, first, last, 1):
            self._uc.mem_unmap(region.base + low * PAGE, (high - low) * PAGE)
            self._budget.give((high - low) * PAGE)
            region.committed[low:high] = bytes(high - low)
        return True

    def release(self, base: int) -> bool:
        """Give a whole region back; False when none begins at `base`."""
        region = self._regions.get(base)
        if region is None:
            return False
        self.decommit(base, 0)
        del self._regions[base]
        return True

    def release_all(self) -> None:
        """Give everything back: the process has ended."""
        for base in list(self._regions):
            self.release(base)

    def protect(self, start: int, size: int, rights: int) -> None:
        """Set unicorn's access rights of committed pages."""
        self._uc.mem_protect(start, size, rights)

    def region(self, address: int) -> Region | None:
        """The region that `address` lies in."""
        for region in self._regions.values():
            if region.base <= address < region.base + region.size:
                return region
        return None

    def _is_free(self, base: int, size: int) -> bool:
        if base < GRAIN or base + size > END + GRAIN:
            return False
        return all(
            base + size <= r.base or base >= -(-(r.base + r.size) // GRAIN) * GRAIN
            for r in self._regions.values()
        )

    def _find(self, size: int) -> int:
        base = FIRST
        for region in sorted(self._regions.values(), key=lambda r: r.base):
            if region.base + region.size <= base:
                continue
            if base + size <= region.base:
                return base
            base = -(-(region.base + region.size) // GRAIN) * GRAIN
        return base if base + size <= END else 0


def _runs(flags: bytearray, first: int, last: int, value: int) -> list[tuple[int, int]]:
    """The stretches of pages within [first, last) that have this flag."""
    found: list[tuple[int, int]] = []
    at = first
    while (low := flags.find(value, at, last)) >= 0:
        high = flags.find(1 - value, low, last)
        high = last if high < 0 else high
        found.append((low, high))
        at = high
    return found


ARENA = 1 << 20
BIG = ARENA // 2


class Heap:
    """HeapAlloc's blocks: 16-byte steps, bookkeeping outside the guest, rubbish in fresh blocks."""

    def __init__(self, uc: Engine, space: AddressSpace) -> None:
        self._uc = uc
        self._space = space
        self._sizes: dict[int, int] = {}  # block -> asked size
        self._free: dict[int, list[int]] = {}  # rounded size -> blocks
        self._next = self._end = 0
        self._arenas: list[int] = []

    def alloc(self, size: int, zero: bool) -> int:
        """A block of `size` bytes; 0 when memory is short."""
        room = _round(size)
        if room >= BIG:
            region = self._space.reserve(size)
            if region is None or not self._space.commit(region.base, max(size, 1)):
                if region is not None:
                    self._space.release(region.base)
                return 0
            self._sizes[region.base] = size
            return region.base
        spare = self._free.get(room)
        block = spare.pop() if spare else self._carve(room)
        if block:
            self._uc.mem_write(block, (b"\0" if zero else b"\xba") * room)
            self._sizes[block] = size
        return block

    def free(self, block: int) -> bool:
        """Give a block back; False when it is none."""
        size = self._sizes.pop(block, None)
        if size is None:
            return False
        if _round(size) >= BIG:
            return self._space.release(block)
        self._uc.mem_write(block, b"\xdd" * _round(size))
        self._free.setdefault(_round(size), []).append(block)
        return True

    def size(self, block: int) -> int | None:
        """The length that was asked for, None when there is no such block."""
        return self._sizes.get(block)

    def destroy(self) -> None:
        """Give all blocks back."""
        for block in list(self._sizes):
            if _round(self._sizes[block]) >= BIG:
                self._space.release(block)
        for base in self._arenas:
            self._space.release(base)
        self._sizes.clear()

    def _carve(self, room: int) -> int:
        if self._next + room > self._end:
            region = self._space.reserve(ARENA)
            if region is None:
                return 0
            if not self._space.commit(region.base, 4 * PAGE):
                self._space.release(region.base)
                return 0
            self._arenas.append(region.base)
            self._next, self._end = region.base, region.base + ARENA
        # In larger steps, since every step is a mapping of its own.
        step = min(-(-room // GRAIN) * GRAIN, self._end - self._next)
        if not self._space.commit(self._next, step) and not self._space.commit(self._next, room):
            return 0
        block = self._next
        self._next += room
        return block


def _round(size: int) -> int:
    room = max(16, -(-size // 16) * 16)
    if room <= 1024:
        return room
    step = 1 << (room.bit_length() - 4)
    return -(-room // step) * step
