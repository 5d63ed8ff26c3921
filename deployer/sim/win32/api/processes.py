# ruff: noqa: PLR0917 - the signatures are KERNEL32's
"""Processes, waiting for them, their environment."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from deployer.sim.disk import Code, DiskError
from deployer.sim.win32.api.directories import search_folders
from deployer.sim.win32.api.files import INVALID_PARAMETER, inherits, new_handle
from deployer.sim.win32.api.times import timed_wait
from deployer.sim.win32.dos import LONGEST_TAIL, DosCall, DosProcess, PlayDos
from deployer.sim.win32.ending import Ending, ExitStatus
from deployer.sim.win32.loader import NotStarted, kind_of_16_bit, load
from deployer.sim.win32.objects import (
    ConsoleInput,
    ConsoleOutput,
    EventObject,
    Handles,
    ProcessObject,
    SnapshotObject,
)
from deployer.sim.win32.process import Api, Exited, Failed, Process, Wait, decode, encode

STILL_ACTIVE, WAIT_TIMEOUT, WAIT_FAILED = 259, 258, 0xFFFFFFFF
MAX_EXE = 64 << 20
_USE_STD_HANDLES = 0x100
_PROCESS_ENTRY, _NO_MORE_FILES = 296, 18
CURRENT_PROCESS, CURRENT_THREAD = 0xFFFFFFFF, 0xFFFFFFFE


def exit_process(_p: Process, code: int) -> int:
    raise Exited(code)


def terminate_process(p: Process, handle: int, code: int) -> int:
    if handle == CURRENT_PROCESS:
        raise Exited(code)
    p.target(handle, ProcessObject).process.end(ExitStatus(code))
    return 1


def find_program(p: Process, name: str) -> str:
    """The path of the .EXE that a name means; ERROR_FILE_NOT_FOUND when there is none."""
    disk = p.system.disk
    name = name if "." in name.rpartition("\\")[2] else name + ".EXE"
    folders = [p.cwd] if "\\" in name or ":" in name else search_folders(p)
    for folder in folders:
        try:
            path = disk.absolute(name, disk.absolute(folder, p.cwd))
        except DiskError:
            continue
        if disk.exists(path) and not disk.is_dir(path):
            return disk.long_path(path)
    raise Failed(2)


def _command_name(line: str) -> str:
    """The program's name at the beginning of a command line."""
    line = line.lstrip(" \t")
    if line.startswith('"'):
        return line[1:].partition('"')[0]
    return line.split(None, 1)[0] if line.strip() else ""


def create_process(
    p: Process, app: int, line: int, _psa: int, _tsa: int, inherit: int, _flags: int,
    environment: int, folder: int, startup: int, result: int,
) -> int:  # fmt: skip
    command = p.bytes_at(line) if line else encode('"' + p.text(app) + '"')
    path = find_program(p, p.text(app) if app else _command_name(decode(command)))
    cwd = p.system.disk.absolute(p.text(folder), p.cwd) if folder else p.cwd
    if not p.system.disk.is_dir(cwd):
        raise Failed(267)
    variables = _read_block(p, environment) if environment else p.environment
    std = (p.std[0], p.std[1], p.std[2])
    if startup and p.u32(startup + 44) & _USE_STD_HANDLES:
        std = (p.u32(startup + 56), p.u32(startup + 60), p.u32(startup + 64))
    child = start(p, path, command, cwd, variables, std, bool(inherit))
    handles = [new_handle(p, ProcessObject(child)) for _ in range(2)]
    p.write(result, struct.pack("<4I", *handles, child.id, child.id + 1))
    p.yielding = True
    return 1


def start(
    p: Process, path: str, command: bytes, cwd: str, variables: Mapping[str, str],
    std: tuple[int, int, int], inherit: bool,
) -> Process | DosProcess:  # fmt: skip
    """A child that runs the program at `path`; the errors of CreateProcess."""
    if len(p.system.processes) >= p.system.limits.processes:
        raise Failed(8)
    if p.system.disk.stat(path).size > MAX_EXE:
        raise Failed(8)
    handles = Handles()
    # Console handles reach every child; others only when inheritable and asked for.
    for number, row in [(n, p.handles.row(n)) for n in p.handles.numbers()]:
        if row and ((number in p.std and number in std) or (inherit and row.inherit)):
            handles.share(row, inherit=row.inherit, number=number)
    try:
        exe, name = p.system.disk.read_bytes(path), path.rpartition("\\")[2].upper()
        if p.system.dos is not None and kind_of_16_bit(exe, name):
            return _start_dos(p, p.system.dos, path, command, cwd, variables, std, handles)
        image = load(exe, name)
        if image.console and not p.has_console:
            std = own_console(p, handles)
        return Process(
            p.system, image, p.table, path=path, command_line=command, cwd=cwd,
            environment=variables, handles=handles, std=std, parent=p.id,
        )  # fmt: skip
    except NotStarted as error:
        for number in handles.numbers():
            handles.close(number)
        raise Failed(error.code) from error


def own_console(p: Process, handles: Handles) -> tuple[int, int, int]:
    """The standard handles of a console that is opened for a program whose parent has none."""
    show, system = p.system.write_console, p.system
    return (
        handles.add(ConsoleInput(system.console_in), inherit=True),
        handles.add(ConsoleOutput(show), inherit=True),
        handles.add(ConsoleOutput(show), inherit=True),
    )


def alloc_console(p: Process) -> int:
    if p.has_console:
        raise Failed(Code.ACCESS_DENIED)
    p.std[:] = own_console(p, p.handles)
    p.has_console = True
    return 1


def open_process(p: Process, _access: int, _inherit: int, number: int) -> int:
    found = next((other for other in p.system.processes if other.id == number), None)
    if found is None or found.status is not None:
        raise Failed(INVALID_PARAMETER)
    return new_handle(p, ProcessObject(found))


def create_snapshot(p: Process, flags: int, _process: int) -> int:
    if flags & ~2:
        raise Failed(INVALID_PARAMETER)
    alive = [other for other in p.system.processes if other.status is None]
    return new_handle(p, SnapshotObject([(o.id, o.parent, o.path) for o in alive]))


def process_next(p: Process, snapshot: int, record: int) -> int:
    """Process32First and Process32Next: PROCESSENTRY32 has 296 bytes."""
    rows: SnapshotObject = p.target(snapshot, SnapshotObject)
    if p.u32(record) < _PROCESS_ENTRY or rows.at >= len(rows.rows):
        raise Failed(_NO_MORE_FILES)
    number, parent, path = rows.rows[rows.at]
    rows.at += 1
    p.write(
        record + 4, struct.pack("<6IiI260s", 0, number, 0, 0, 1, parent, 8, 0, encode(path)[:259])
    )
    return 1


def process_first(p: Process, snapshot: int, record: int) -> int:
    p.target(snapshot, SnapshotObject).at = 0
    return process_next(p, snapshot, record)


def _start_dos(
    p: Process, play: PlayDos, path: str, command: bytes, cwd: str, variables: Mapping[str, str],
    std: tuple[int, int, int], handles: Handles,
) -> DosProcess:  # fmt: skip
    line = decode(command)
    tail = line[len(_command_name(line)) :][:LONGEST_TAIL]
    # Redirection reaches a DOS program only through a parent with a console (Q150956).
    stdin, stdout, stderr = (handles.get(n) if p.has_console else None for n in std)
    call = DosCall(path, tail, cwd, variables, stdin, stdout, stderr)
    child = DosProcess(play, call, handles, p.system.next_id, p.id)
    p.system.next_id += 4
    p.system.processes.append(child)
    return child


def _read_block(p: Process, address: int) -> dict[str, str]:
    found: dict[str, str] = {}
    while data := p.bytes_at(address):
        name, _, value = decode(data).partition("=")
        found[name] = value
        address += len(data) + 1
    return found


def win_exec(p: Process, line: int, _show: int) -> int:
    command = p.bytes_at(line)
    path = find_program(p, _command_name(decode(command)))
    start(p, path, command, p.cwd, p.environment, (p.std[0], p.std[1], p.std[2]), False)
    return 33


def get_exit_code(p: Process, handle: int, result: int) -> int:
    code = STILL_ACTIVE
    if handle != CURRENT_PROCESS:
        status: ExitStatus | None = p.target(handle, ProcessObject).process.status
        if status is not None:
            code = status.code if status.ending is not Ending.LIMIT else 0xFF
    p.put32(result, code)
    return 1


def _signalled(p: Process, handle: int) -> bool:
    target = p.target(handle, ProcessObject, EventObject)
    if isinstance(target, ProcessObject):
        return target.process.status is not None
    signalled = bool(target.signalled)
    if signalled and not target.manual:
        target.signalled = False
    return signalled


def wait_for_single_object(p: Process, handle: int, milliseconds: int, *_: int) -> Wait:
    p.yielding = True
    return timed_wait(p, lambda: 0 if _signalled(p, handle) else None, milliseconds, WAIT_TIMEOUT)


def wait_for_multiple_objects(
    p: Process, count: int, handles: int, everything: int, milliseconds: int, *_: int
) -> Wait:
    if not 1 <= count <= 64:
        raise Failed(INVALID_PARAMETER)
    numbers = struct.unpack(f"<{count}I", p.read(handles, count * 4))
    p.yielding = True

    def ready() -> int | None:
        if everything:
            return 0 if all(_signalled(p, n) for n in numbers) else None
        return next((i for i, n in enumerate(numbers) if _signalled(p, n)), None)

    return timed_wait(p, ready, milliseconds, WAIT_TIMEOUT)


def create_event(p: Process, sa: int, manual: int, initial: int, _name: int) -> int:
    return new_handle(p, EventObject(bool(initial), bool(manual)), inherit=inherits(p, sa))


def create_mutex(p: Process, sa: int, _owned: int, _name: int) -> int:
    return new_handle(p, EventObject(True, True), inherit=inherits(p, sa))


def set_event(p: Process, handle: int) -> int:
    p.target(handle, EventObject).signalled = True
    return 1


def reset_event(p: Process, handle: int) -> int:
    p.target(handle, EventObject).signalled = False
    return 1


def get_current_process(_p: Process) -> int:
    return CURRENT_PROCESS


def get_current_thread(_p: Process) -> int:
    return CURRENT_THREAD


def get_current_process_id(p: Process) -> int:
    return p.id


def get_current_thread_id(p: Process) -> int:
    return p.id + 1


def get_startup_info(p: Process, record: int) -> None:
    empty = p.keep_string("", lambda: b"\0")
    p.write(record, struct.pack("<I3I4I4I2HI3I", 68, 0, empty, empty, *[0] * 8, 1, 0, 0, *p.std))


def get_command_line(p: Process) -> int:
    return p.keep_string("command line", lambda: p.command_line + b"\0")


def get_command_line_w(p: Process) -> int:
    return p.keep_string(
        "command line, wide", lambda: (decode(p.command_line) + "\0").encode("utf-16-le")
    )


# -- environment ---------------------------------------------------------------------------------


def _variable(p: Process, name: str) -> str | None:
    return next((v for k, v in p.environment.items() if k.upper() == name.upper()), None)


def get_environment_variable(p: Process, name: int, buffer: int, size: int) -> int:
    value = _variable(p, p.text(name))
    if value is None:
        raise Failed(203)
    return p.put_text(buffer, size, encode(value))


def set_environment_variable(p: Process, name: int, value: int) -> int:
    wanted = p.text(name)
    key = next((k for k in p.environment if k.upper() == wanted.upper()), wanted)
    if value:
        p.environment[key] = p.text(value)
    elif p.environment.pop(key, None) is None:
        raise Failed(203)
    return 1


def get_environment_strings(p: Process) -> int:
    data = b"".join(encode(f"{k}={v}") + b"\0" for k, v in p.environment.items()) + b"\0"
    block = p.heap().alloc(len(data), zero=True)
    if not block:
        raise Failed(8)
    p.write(block, data)
    return block


def free_environment_strings(p: Process, block: int) -> int:
    return int(p.heap().free(block))


def expand_environment_strings(p: Process, source: int, buffer: int, size: int) -> int:
    pieces = p.text(source).split("%")
    out = pieces[0]
    i = 1
    while i < len(pieces):
        value = _variable(p, pieces[i]) if i + 1 < len(pieces) and pieces[i] else None
        if value is None:
            out += "%" + pieces[i]
            i += 1
        else:
            out += value + pieces[i + 1]
            i += 2
    data = encode(out) + b"\0"
    if size >= len(data):
        p.write(buffer, data)
    return len(data)


# Rows of one shape, as in every module here: name, number of arguments, function, failure.
TABLE = {
    "ExitProcess": Api(1, exit_process),
    "ExitThread": Api(1, exit_process),
    "TerminateProcess": Api(2, terminate_process),
    "AllocConsole": Api(0, alloc_console),
    "OpenProcess": Api(3, open_process),
    "CreateToolhelp32Snapshot": Api(2, create_snapshot, 0xFFFFFFFF),
    "Process32First": Api(2, process_first),
    "Process32Next": Api(2, process_next),
    "CreateProcessA": Api(10, create_process),
    "WinExec": Api(2, win_exec, 2),
    "GetExitCodeProcess": Api(2, get_exit_code),
    "GetExitCodeThread": Api(2, get_exit_code),
    "WaitForSingleObject": Api(2, wait_for_single_object, WAIT_FAILED),
    "WaitForSingleObjectEx": Api(3, wait_for_single_object, WAIT_FAILED),
    "WaitForMultipleObjects": Api(4, wait_for_multiple_objects, WAIT_FAILED),
    "WaitForMultipleObjectsEx": Api(5, wait_for_multiple_objects, WAIT_FAILED),
    "CreateEventA": Api(4, create_event),
    "CreateMutexA": Api(3, create_mutex),
    "SetEvent": Api(1, set_event),
    "ResetEvent": Api(1, reset_event),
    "ReleaseMutex": Api(1, lambda _p, _h: 1),
    "GetCurrentProcess": Api(0, get_current_process),
    "GetCurrentThread": Api(0, get_current_thread),
    "GetCurrentProcessId": Api(0, get_current_process_id),
    "GetCurrentThreadId": Api(0, get_current_thread_id),
    "GetStartupInfoA": Api(1, get_startup_info),
    "GetCommandLineA": Api(0, get_command_line),
    "GetCommandLineW": Api(0, get_command_line_w),
    "GetEnvironmentVariableA": Api(3, get_environment_variable),
    "SetEnvironmentVariableA": Api(2, set_environment_variable),
    "GetEnvironmentStrings": Api(0, get_environment_strings),
    "GetEnvironmentStringsA": Api(0, get_environment_strings),
    "FreeEnvironmentStringsA": Api(1, free_environment_strings),
    "ExpandEnvironmentStringsA": Api(3, expand_environment_strings),
    "SetPriorityClass": Api(2, lambda _p, *_: 1),
    "GetPriorityClass": Api(1, lambda _p, _h: 0x20),
    "SetThreadPriority": Api(2, lambda _p, *_: 1),
    "GetThreadPriority": Api(1, lambda _p, _h: 0),
}
