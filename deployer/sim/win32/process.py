"""One Win32 process: a guest with handles, an environment and a state, and how its calls are made.

A call is carried out in Python on the ordinary stack (so that exceptions pass as anywhere else),
and the emulation is started again at the caller's return address: a few µs a call. A quick one is
carried out while the emulation stands at it, and what it raises is raised when that has stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from deployer.sim.codepage import decode, encode
from deployer.sim.disk import DiskError
from deployer.sim.win32.ending import Ending, ExitStatus
from deployer.sim.win32.engine import EngineError
from deployer.sim.win32.exports import everything, kernel32
from deployer.sim.win32.guest import (
    ACCESS_VIOLATION,
    CALLED_BACK,
    KERNEL32,
    NAMES,
    RETURN,
    Crashed,
    Failed,
    Guest,
    stub,
)
from deployer.sim.win32.loader import Image
from deployer.sim.win32.memory import Heap
from deployer.sim.win32.objects import DiskFile, Handles, KernelObject
from deployer.sim.win32.sockets import NOBODY, Interest, TargetSocket
from deployer.sim.win32.system import System
from deployer.sim.win32.watchdog import Watchdog

__all__ = ["KERNEL32", "Api", "Failed", "Process", "Table", "Wait", "decode", "encode", "stub"]

CALL_NOT_IMPLEMENTED = 120


class Exited(Exception):  # noqa: N818 - a process's ordinary end
    """The process asked to end with `code`."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Wait:
    """A call that cannot answer yet: `ready()` answers or gives None; `expired` at `until`."""

    ready: Callable[[], int | None]
    until: float | None = None
    expired: int = 0
    sockets: Interest = NOBODY


@dataclass(frozen=True, slots=True)
class Callback:
    """A call that first has a function of the program called; `then` makes its result an answer."""

    address: int
    arguments: tuple[int, ...]
    then: Callable[[int], Answer]


Answer = int | Wait | Callback | None


@dataclass(frozen=True, slots=True)
class Api:
    """A library's function: how many 32-bit arguments, what it does, what it returns on failure."""

    arguments: int
    call: Callable[..., Answer]
    failure: int = 0


Table = Mapping[str, Api]


@dataclass(frozen=True, slots=True)
class Pending:
    """The call that is being carried out: what completes it."""

    api: Api
    back: int


@dataclass(slots=True)
class Scratch:
    """Odds and ends that single calls keep: TLS slots, atoms, strings handed out, sockets."""

    tls: dict[int, int] = field(default_factory=dict)
    strings: dict[str, int] = field(default_factory=dict)
    sockets: dict[int, TargetSocket] = field(default_factory=dict)
    socket_error: int = 0
    pictures: dict[int, object] = field(default_factory=dict)
    keys: dict[int, str] = field(default_factory=dict)


class Process(Guest):
    """A loaded program with its own processor, memory and handles; `status` when it has ended."""

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
        parent: int = 0,
    ) -> None:
        self.system = system
        self.parent = parent
        self.has_console = image.console
        self.path = path
        self.command_line = command_line
        self.cwd = cwd
        self.environment = dict(environment)
        self.handles = handles
        self.std = list(std)
        self.id = system.next_id
        self.status: ExitStatus | None = None
        self.wait: Wait | None = None
        self.yielding = False
        self.last_error = 0
        self.scratch = Scratch()
        self.table = table
        self.heaps: dict[int, Heap] = {}
        self._pending: Pending | None = None
        self._callbacks: list[tuple[Pending, Callback, int]] = []
        self._quick = False  # whether the emulation stands at the call at hand
        self._is_over: Callable[[], bool] = lambda: False
        super().__init__(image, system.cpu_model, system.budget, system.cycles)
        system.next_id += 4
        system.processes.append(self)

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

    # -- handles ---------------------------------------------------------------------------------

    def target(self, handle: int, *kinds: type[KernelObject]) -> Any:
        """The object of a handle, of one of these kinds; else ERROR_INVALID_HANDLE."""
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

    @property
    def deadline(self) -> float | None:
        """When a wait is over, in the clock's ticks; None without a wait, or without an end."""
        return self.wait.until if self.wait else None

    @property
    def sockets(self) -> Interest:
        """The sockets that its wait may be over for."""
        return self.wait.sockets if self.wait else NOBODY

    def wake(self) -> bool:
        """Whether the process can run now; a wait that is over is completed."""
        wait, pending = self.wait, self._pending
        if wait is None or pending is None:
            return True
        try:
            result = wait.ready()
        except (Failed, DiskError) as error:
            self.last_error = error.code
            result = pending.api.failure
        except EngineError:
            self._fault(
                Crashed(ACCESS_VIOLATION, "page fault in module KERNEL32.DLL", pending.back)
            )
            return False
        if result is None and wait.until is not None and self.system.clock.ticks() >= wait.until:
            result = wait.expired
        if result is None:
            return False
        self.wait = None
        self._complete(result)
        return True

    def run(self, watch: Watchdog, seconds: float) -> None:
        """Run until the process ends, waits, yields, or its slice is over."""
        self.yielding = False
        end = time.monotonic() + seconds
        self._is_over = lambda: self.yielding or watch.killed() or time.monotonic() > end
        watch.start(self.uc)
        try:
            while self.status is None and self.wait is None:
                if self._is_over():
                    return
                index = self.step(watch.killed)
                if index is not None:
                    self._call(index)
        except Exited as exit_:
            self.end(ExitStatus(exit_.code & 0xFFFFFFFF))
        except Crashed as crash:
            self._fault(crash)
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
        for sock in self.scratch.sockets.values():
            sock.close()
        if self.system.desktop is not None:
            self.system.desktop.forget(self)
        self.space.release_all()

    def quick_call(self, index: int) -> bool:
        """Carry out a call where it is made; False when the emulation has to stop for it."""
        self._quick = True
        try:
            self._call(index)
            return self._quick and self._pending is None
        finally:
            self._quick = False

    def _call(self, index: int) -> None:
        if index == RETURN:
            raise Exited(self.eax)
        if index == CALLED_BACK:
            self._go_on()
            return
        name = NAMES[index]
        if self.system.on_call is not None:
            self.system.on_call(name)
        api = self.table.get(name) or _default(name)
        try:
            back, arguments = self.arguments(api.arguments if api else 0)
        except EngineError:
            raise Crashed(ACCESS_VIOLATION, "the stack is gone", self.eip) from None
        if api is None:
            library = everything()[name].library
            raise Crashed(
                CALL_NOT_IMPLEMENTED, f"{library}.DLL:{name} is not in this emulator", back
            )
        self._pending = Pending(api, back)
        self._answer(name, api.call, self, *arguments)

    def _answer(self, name: str, call: Callable[..., Answer], *arguments: object) -> None:
        """Carry out (a part of) the call at hand."""
        pending = self._at_hand()
        try:
            result = call(*arguments)
        except (Failed, DiskError) as error:
            self.last_error = error.code
            result = pending.api.failure
        except EngineError:
            what = f"page fault in module {_library(name)}.DLL ({name})"
            raise Crashed(ACCESS_VIOLATION, what, pending.back) from None
        match result:
            case Wait():
                self.wait = result
            case Callback(address=address, arguments=arguments):
                self._callbacks.append((pending, result, self.call_back(address, arguments)))
                self._pending = None
            case _ if self.status is None:  # a process may have ended itself through a handle
                self._complete(1 if result is None else result)

    def _go_on(self) -> None:
        """A function that Windows has called is done: the call that needed it goes on."""
        if not self._callbacks:
            raise Crashed(ACCESS_VIOLATION, "a return to nowhere", self.eip)
        self._pending, callback, esp = self._callbacks.pop()
        result = self.called_back(esp)
        self._answer("CallWindowProcA", callback.then, result)

    def _at_hand(self) -> Pending:
        if self._pending is None:
            raise RuntimeError("a return without a call")
        return self._pending

    def _complete(self, result: int) -> None:
        pending = self._at_hand()
        self._pending = None
        if self._quick and not self._is_over():
            self.answer(result)
            return
        self._quick = False
        self.come_back(pending.back, pending.api.arguments, result)

    def _fault(self, crash: Crashed) -> None:
        name = self.image.name
        text = f"{name}: This program has performed an illegal operation: {crash.what}"
        if crash.code == CALL_NOT_IMPLEMENTED:
            text = f"{name}: {crash.what}, called"
        text = f"{text} at {crash.eip:08X}."
        self.end(ExitStatus(crash.code, Ending.FAULT, text, crash.eip))


def _library(name: str) -> str:
    export = everything().get(name)
    return export.library if export else "USER32"


def _default(name: str) -> Api | None:
    """What a function does that is exported but not in the table: *W names fail (facts F2)."""
    export = everything()[name]
    if not name.endswith("W") or name[:-1] + "A" not in kernel32() or export.arguments is None:
        return None
    failure = 0xFFFFFFFF if name in ("CreateFileW", "FindFirstFileW", "GetFileAttributesW") else 0
    return Api(export.arguments, _not_implemented, failure)


def _not_implemented(_process: Process, *_: int) -> int:
    raise Failed(CALL_NOT_IMPLEMENTED)
