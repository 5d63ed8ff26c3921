# ruff: noqa: PLR0917 - the signatures are KERNEL32's
"""Files, pipes and other things that are read and written through a handle."""

from __future__ import annotations

import struct

from deployer.sim.disk import Attribute, Code, DirectoryEntry, Open, device_name
from deployer.sim.win32.objects import (
    ConsoleInput,
    ConsoleOutput,
    DiskFile,
    Handle,
    KernelObject,
    NulDevice,
    PipeEnd,
    PipeObject,
    StreamObject,
)
from deployer.sim.win32.process import Api, Failed, Process, Wait

INVALID = 0xFFFFFFFF
INVALID_PARAMETER, BROKEN_PIPE, NO_DATA, INVALID_HANDLE = 87, 109, 232, 6
_READ, _WRITE = 0x80000000, 0x40000000
_OVERLAPPED, _DELETE_ON_CLOSE = 0x40000000, 0x04000000
_EPOCH = 11_644_473_600
MAX_IO = 1 << 30


def filetime(when: float) -> int:
    """Unix time as a FILETIME."""
    return int((when + _EPOCH) * 10_000_000)


def unix_time(low: int, high: int) -> float:
    """A FILETIME as Unix time."""
    return (high << 32 | low) / 10_000_000 - _EPOCH


def attribute_record(entry: DirectoryEntry) -> bytes:
    """The 36 bytes with which WIN32_FIND_DATA and WIN32_FILE_ATTRIBUTE_DATA begin."""
    when = filetime(entry.mtime)
    return struct.pack("<IQQQII", entry.attributes, when, when, when, entry.size >> 32,
                       entry.size & 0xFFFFFFFF)  # fmt: skip


def inherits(p: Process, attributes: int) -> bool:
    """Whether a SECURITY_ATTRIBUTES (or null) says that children get the handle."""
    return bool(attributes and p.u32(attributes + 8))


def new_handle(p: Process, target: KernelObject, *, inherit: bool = False) -> int:
    """A handle for an object; ERROR_TOO_MANY_OPEN_FILES when there is none left."""
    handle = p.handles.add(target, inherit=inherit)
    if not handle:
        raise Failed(Code.TOO_MANY_OPEN_FILES)
    return handle


def _device(p: Process, name: str, access: int) -> KernelObject:
    match name:
        case "NUL":
            return NulDevice()
        case "CONIN$":
            return ConsoleInput(p.system.console_in)
        case "CONOUT$":
            return ConsoleOutput(p.system.write_console)
        case "CON":
            if access & _WRITE:
                return ConsoleOutput(p.system.write_console)
            return ConsoleInput(p.system.console_in)
        case _:
            raise Failed(Code.FILE_NOT_FOUND)


def create_file(
    p: Process, name: int, access: int, share: int, sa: int, how: int, flags: int, _template: int
) -> int:
    text = p.text(name)
    device = text.upper() if text.upper() in ("CONIN$", "CONOUT$") else device_name(text)
    if device:
        return new_handle(p, _device(p, device, access), inherit=inherits(p, sa))
    # Windows 98 knows no FILE_SHARE_DELETE; its files take no overlapped I/O (facts F9).
    if share & ~3 or not 1 <= how <= 5:
        raise Failed(INVALID_PARAMETER)
    disk, path = p.system.on(text, p.cwd)
    file = disk.open(
        path, Open(how), read=bool(access & _READ), write=bool(access & _WRITE),
        deny_read=not share & 1, deny_write=not share & 2,
    )  # fmt: skip
    if file.made and flags & 7:
        disk.set_attributes(path, flags & 7 | Attribute.ARCHIVE)
    p.last_error = Code.ALREADY_EXISTS if not file.made and how in (2, 4) else 0
    target = DiskFile(
        file, bool(access & _READ), bool(access & _WRITE), bool(flags & _DELETE_ON_CLOSE)
    )
    handle = p.handles.add(target, inherit=inherits(p, sa))
    if not handle:
        file.close()
        raise Failed(Code.TOO_MANY_OPEN_FILES)
    return handle


def _check_transfer(overlapped: int, allowed: bool) -> None:
    """Raise what a transfer of a file fails with before it begins (facts F9)."""
    if overlapped:
        raise Failed(INVALID_PARAMETER)
    if not allowed:
        raise Failed(Code.ACCESS_DENIED)


def read_file(
    p: Process, handle: int, buffer: int, count: int, done: int, overlapped: int
) -> int | Wait:
    if done:
        p.put32(done, 0)

    def deliver(data: bytes) -> int:
        p.write(buffer, data)
        if done:
            p.put32(done, len(data))
        return 1

    target = p.target(handle)
    if count > MAX_IO:
        raise Failed(INVALID_PARAMETER)
    match target:
        case DiskFile(file=file, readable=readable):
            _check_transfer(overlapped, readable)
            return deliver(file.read(count))
        case PipeEnd(pipe=pipe, writes=False):
            p.yielding = not pipe.data
            return Wait(lambda: _from_pipe(pipe, count, deliver))
        case ConsoleInput():
            return deliver(read_line(target, count))
        case StreamObject(read=read) if read is not None:
            return deliver(read(count))
        case NulDevice():
            return deliver(b"")
        case _:
            raise Failed(INVALID_HANDLE if not isinstance(target, PipeEnd) else Code.ACCESS_DENIED)


def _from_pipe(pipe: PipeObject, count: int, deliver: object) -> int | None:
    if not pipe.data:
        if pipe.writers == 0:
            raise Failed(BROKEN_PIPE)
        return None
    data = bytes(pipe.data[:count])
    del pipe.data[:count]
    assert callable(deliver)
    return int(deliver(data))


def read_line(console: ConsoleInput, count: int) -> bytes:
    """Up to `count` bytes of the typed line; the rest stays for the next call."""
    if not console.pending:
        console.pending = console.read()
    data, console.pending = console.pending[:count], console.pending[count:]
    return b"" if data[:1] == b"\x1a" else data


def write_file(
    p: Process, handle: int, buffer: int, count: int, done: int, overlapped: int
) -> int | Wait:
    if done:
        p.put32(done, 0)
    target = p.target(handle)
    if count > MAX_IO:
        raise Failed(INVALID_PARAMETER)
    data = p.read(buffer, count)
    match target:
        case DiskFile(file=file, writable=writable):
            _check_transfer(overlapped, writable)
            stored = file.write(data) if data else _cut(target)
            if done:
                p.put32(done, stored)
            if stored < len(data):
                raise Failed(Code.DISK_FULL)
            return 1
        case PipeEnd(pipe=pipe, writes=True):
            return _to_pipe(p, pipe, data, done)
        case ConsoleOutput(write=write):
            write(data)
        case StreamObject(write=sink) if sink is not None:
            p.system.count(len(data))
            sink(data)
        case NulDevice():
            pass
        case _:
            raise Failed(INVALID_HANDLE if not isinstance(target, PipeEnd) else Code.ACCESS_DENIED)
    if done:
        p.put32(done, len(data))
    return 1


def _cut(_target: DiskFile) -> int:
    """WriteFile of nothing does nothing (DOS's write would cut the file; Win32's does not)."""
    return 0


def _to_pipe(p: Process, pipe: PipeObject, data: bytes, done: int) -> Wait:
    rest = bytearray(data)
    p.yielding = True

    def push() -> int | None:
        if pipe.readers == 0:
            raise Failed(NO_DATA)
        room = max(0, pipe.size - len(pipe.data))
        pipe.data += rest[:room]
        del rest[:room]
        if rest:
            return None
        if done:
            p.put32(done, len(data))
        return 1

    return Wait(push)


def set_file_pointer(p: Process, handle: int, low: int, high: int, method: int) -> int:
    file = p.target(handle, DiskFile).file
    if method > 2:
        raise Failed(INVALID_PARAMETER)
    if high:
        offset = (p.u32(high) << 32 | low) - (1 << 64 if p.u32(high) & 0x80000000 else 0)
    else:
        offset = low - (1 << 32 if low & 0x80000000 else 0)
    base = (0, file.position, file.size)[method]
    if base + offset > 0xFFFFFFFF:
        raise Failed(INVALID_PARAMETER)
    position: int = file.seek(offset, method)
    if high:
        p.put32(high, position >> 32)
    p.last_error = 0
    return position & 0xFFFFFFFF


def set_end_of_file(p: Process, handle: int) -> int:
    target = p.target(handle, DiskFile)
    if not target.writable:
        raise Failed(Code.ACCESS_DENIED)
    target.file.truncate()
    return 1


def get_file_size(p: Process, handle: int, high: int) -> int:
    size: int = p.target(handle, DiskFile).file.size
    if high:
        p.put32(high, size >> 32)
    p.last_error = 0
    return size & 0xFFFFFFFF


def flush_file_buffers(p: Process, handle: int) -> int:
    target = p.target(handle)
    if isinstance(target, DiskFile):
        target.file.flush()
    return 1


def close_handle(p: Process, handle: int) -> int:
    if handle in (0xFFFFFFFF, 0xFFFFFFFE):
        return 1
    p.close_handle(handle)
    return 1


def get_file_type(p: Process, handle: int) -> int:
    p.last_error = 0
    match p.target(handle):
        case DiskFile():
            return 1
        case StreamObject():
            return 1
        case PipeEnd():
            return 3
        case NulDevice() | ConsoleInput() | ConsoleOutput():
            return 2
        case _:
            return 0


def get_file_time(p: Process, handle: int, created: int, accessed: int, written: int) -> int:
    file = p.target(handle, DiskFile).file
    when = struct.pack("<Q", filetime(p.system.disk.stat(file.path).mtime))
    for address in (created, accessed, written):
        if address:
            p.write(address, when)
    return 1


def set_file_time(p: Process, handle: int, _created: int, _accessed: int, written: int) -> int:
    target = p.target(handle, DiskFile)
    if written:
        target.file.set_mtime(unix_time(p.u32(written), p.u32(written + 4)))
    return 1


def get_file_information(p: Process, handle: int, record: int) -> int:
    file = p.target(handle, DiskFile).file
    entry = p.system.disk.stat(file.path)
    body = attribute_record(entry)
    serial = struct.pack("<I", 0x19981998)
    tail = struct.pack("<III", 1, 0, abs(hash(file.path)) & 0xFFFFFFFF)
    p.write(record, body[:28] + serial + body[28:] + tail)
    return 1


def lock_file(p: Process, handle: int, *_: int) -> int:
    p.target(handle, DiskFile)
    return 1


# -- pipes and handles ---------------------------------------------------------------------------


def create_pipe(p: Process, reader: int, writer: int, sa: int, size: int) -> int:
    pipe = PipeObject(min(size or 4096, 1 << 20))
    ends = [
        new_handle(p, PipeEnd(pipe, writes), inherit=inherits(p, sa)) for writes in (False, True)
    ]
    p.put32(reader, ends[0])
    p.put32(writer, ends[1])
    return 1


def peek_named_pipe(
    p: Process, handle: int, buffer: int, size: int, done: int, total: int, left: int
) -> int:
    end = p.target(handle, PipeEnd)
    if end.writes:
        raise Failed(Code.ACCESS_DENIED)
    pipe: PipeObject = end.pipe
    if not pipe.data:
        if pipe.writers == 0:
            raise Failed(BROKEN_PIPE)
        p.yielding = True
    data = bytes(pipe.data[:size]) if buffer else b""
    p.write(buffer, data)
    for address, value in ((done, len(data)), (total, len(pipe.data)), (left, 0)):
        if address:
            p.put32(address, value)
    return 1


def duplicate_handle(
    p: Process,
    source: int,
    handle: int,
    into: int,
    result: int,
    _access: int,
    inherit: int,
    how: int,
) -> int:
    if source != 0xFFFFFFFF or into != 0xFFFFFFFF:
        raise Failed(INVALID_HANDLE)  # other processes' tables are not reachable here
    row = p.handles.row(handle)
    if row is None:
        raise Failed(INVALID_HANDLE)
    number = p.handles.share(row, inherit=bool(inherit))
    if how & 1:
        p.close_handle(handle)
    if result:
        p.put32(result, number)
    return 1


def set_handle_information(p: Process, handle: int, mask: int, flags: int) -> int:
    row: Handle | None = p.handles.row(handle)
    if row is None:
        raise Failed(INVALID_HANDLE)
    if mask & 1:
        row.inherit = bool(flags & 1)
    return 1


# Rows of one shape, as in every module here: name, number of arguments, function, failure.
TABLE = {
    "CreateFileA": Api(7, create_file, INVALID),
    "ReadFile": Api(5, read_file),
    "WriteFile": Api(5, write_file),
    "SetFilePointer": Api(4, set_file_pointer, INVALID),
    "SetEndOfFile": Api(1, set_end_of_file),
    "GetFileSize": Api(2, get_file_size, INVALID),
    "FlushFileBuffers": Api(1, flush_file_buffers),
    "CloseHandle": Api(1, close_handle),
    "GetFileType": Api(1, get_file_type),
    "GetFileTime": Api(4, get_file_time),
    "SetFileTime": Api(4, set_file_time),
    "GetFileInformationByHandle": Api(2, get_file_information),
    "LockFile": Api(5, lock_file),
    "UnlockFile": Api(5, lock_file),
    "CreatePipe": Api(4, create_pipe),
    "PeekNamedPipe": Api(6, peek_named_pipe),
    "DuplicateHandle": Api(7, duplicate_handle),
    "SetHandleInformation": Api(3, set_handle_information),
}
