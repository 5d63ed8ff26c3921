"""The processor: the part of unicorn that is used, with types."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from typing import Any, Protocol, cast

import unicorn
from unicorn import x86_const as x86

CPU_MODELS = {
    "486": x86.UC_CPU_X86_486,
    "pentium": x86.UC_CPU_X86_PENTIUM,
    "pentium2": x86.UC_CPU_X86_PENTIUM2,
    "pentium3": x86.UC_CPU_X86_PENTIUM3,
}

_lib: Any = unicorn  # it has no types
EngineError: type[Exception] = _lib.UcError
INVALID_INSTRUCTION, EXCEPTION = unicorn.UC_ERR_INSN_INVALID, unicorn.UC_ERR_EXCEPTION
FETCH_FORBIDDEN = unicorn.UC_ERR_FETCH_PROT
ALL, NONE = unicorn.UC_PROT_ALL, unicorn.UC_PROT_NONE
#: Memory in which no code has run yet: no processor of that time forbade it, but at each write to
#: what may be executed unicorn looks for code there, which takes ten times as long as the write.
DATA = unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE
READ_ONLY = unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC
HOOK_CODE, HOOK_BAD_MEMORY = unicorn.UC_HOOK_CODE, unicorn.UC_HOOK_MEM_INVALID


class Engine(Protocol):
    """One emulated processor with its address space."""

    def emu_start(self, begin: int, until: int) -> None:
        """Run until `hlt`, `until`, emu_stop or a fault (raises `EngineError`)."""

    def emu_stop(self) -> None:
        """Stop the emulation, from any thread."""

    def mem_map(self, address: int, size: int, perms: int = ALL) -> None:
        """Make zeroed memory."""

    def mem_unmap(self, address: int, size: int) -> None:
        """Take memory away."""

    def mem_protect(self, address: int, size: int, perms: int) -> None:
        """Change what may be done with memory."""

    def mem_regions(self) -> Iterator[tuple[int, int, int]]:
        """The first and last address of each piece of memory, and what may be done with it."""

    def mem_read(self, address: int, size: int) -> bytearray:
        """Copy memory out, whatever its rights."""

    def mem_write(self, address: int, data: bytes) -> None:
        """Copy memory in, whatever its rights."""

    def reg_read(self, register: int) -> int:
        """A register's value."""

    def reg_write(self, register: int, value: Any) -> None:
        """Set a register."""

    def hook_add(
        self, kind: int, call: Callable[..., Any], data: Any = None, begin: int = 1, end: int = 0
    ) -> int:
        """Have `call` called for events of a kind between two addresses."""


def make_engine(model: str) -> Engine:
    """A 32-bit processor of one of the `CPU_MODELS`."""
    engine = _lib.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_32)
    engine.ctl_set_cpu_model(CPU_MODELS[model])
    return cast(Engine, engine)


class Registers:
    """The plain registers of a processor: unicorn looks up a register's kind with each access."""

    def __init__(self, engine: Engine) -> None:
        whole: Any = engine
        self._read, self._write = whole._do_reg_read, whole._do_reg_write  # noqa: SLF001
        self._value = ctypes.c_uint64()
        self._where = ctypes.byref(self._value)

    def read(self, register: int) -> int:
        """The value of EAX, ESP, EIP or another of 32 bits."""
        if status := self._read(register, self._where):
            raise EngineError(status)
        return self._value.value

    def write(self, register: int, value: int) -> None:
        """Set one of them."""
        self._value.value = value
        if status := self._write(register, self._where):
            raise EngineError(status)


def error_kind(error: Exception) -> int:
    """unicorn's number of an `EngineError`."""
    return int(getattr(error, "errno", 0))


def bad_memory() -> Exception:
    """The error of a write to memory that may not be written."""
    return EngineError(unicorn.UC_ERR_WRITE_PROT)
