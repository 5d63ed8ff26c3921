# ruff: noqa: PLR0917 - the signatures are KERNEL32's
"""Names, directories and volumes."""

from __future__ import annotations

import struct

from deployer.sim.disk import Attribute, Code, DirectoryEntry, Disk, DiskError, Open, device_name
from deployer.sim.win32.api.files import INVALID, INVALID_PARAMETER, attribute_record, new_handle
from deployer.sim.win32.objects import FindHandle
from deployer.sim.win32.process import Api, Failed, Process, encode

NO_MORE_FILES = 18
_2GB = 0x7FFF8000  # what GetDiskFreeSpaceA shows at most (RBIL, facts B34)


def full(p: Process, name: int) -> str:
    """The absolute path that a program's string means."""
    return p.system.disk.absolute(p.text(name), p.cwd)


def _not_running(p: Process, path: str) -> str:
    """The path, unless a program of it runs: that one is neither deleted nor renamed."""
    if any(o.status is None and o.path.upper() == path.upper() for o in p.system.processes):
        raise Failed(Code.ACCESS_DENIED)
    return path


def delete_file(p: Process, name: int) -> int:
    disk, path = p.system.on(p.text(name), p.cwd)
    if disk is p.system.disk:
        _not_running(p, path)
    if not p.system.deletes_open and disk.is_open(path):
        raise Failed(Code.SHARING_VIOLATION)
    disk.delete(path)
    return 1


def move_file(p: Process, old: int, new: int) -> int:
    p.system.disk.rename(_not_running(p, full(p, old)), full(p, new))
    return 1


def copy_file(p: Process, old: int, new: int, keep: int) -> int:
    disk = p.system.disk
    source, target = full(p, old), full(p, new)
    with disk.open(source) as reader:
        how = Open.CREATE_NEW if keep else Open.CREATE_ALWAYS
        with disk.open(target, how, write=True) as writer:
            while data := reader.read(1 << 16):
                if writer.write(data) < len(data):
                    raise Failed(Code.DISK_FULL)
    disk.set_mtime(target, disk.stat(source).mtime)
    return 1


def create_directory(p: Process, name: int, _sa: int) -> int:
    p.system.disk.mkdir(full(p, name))
    return 1


def remove_directory(p: Process, name: int) -> int:
    disk, path = p.system.disk, full(p, name)
    if disk.is_dir(path) and disk.short_path(path) == disk.short_path(p.cwd):
        raise Failed(Code.CURRENT_DIRECTORY)
    disk.rmdir(path)
    return 1


def get_file_attributes(p: Process, name: int) -> int:
    path = full(p, name)
    if device_name(path):
        raise Failed(Code.FILE_NOT_FOUND)
    return p.system.disk.stat(path).attributes


def get_file_attributes_ex(p: Process, name: int, level: int, record: int) -> int:
    if level:
        raise Failed(INVALID_PARAMETER)
    p.write(record, attribute_record(p.system.disk.stat(full(p, name))))
    return 1


def set_file_attributes(p: Process, name: int, bits: int) -> int:
    p.system.disk.set_attributes(full(p, name), bits)
    return 1


def _find_data(entry: DirectoryEntry) -> bytes:
    alias = "" if entry.short == entry.long else entry.short
    return struct.pack(
        "<36s8s260s14s2x", attribute_record(entry), b"", encode(entry.long), encode(alias)
    )


def find_first_file(p: Process, name: int, record: int) -> int:
    pattern = p.text(name)
    path = p.system.disk.absolute(pattern, p.cwd) + ("." if pattern.endswith(".") else "")
    folder, _, last = path.rpartition("\\")
    found = list(p.system.disk.find(path))
    if last in ("*", "*.*") and folder != "C:":
        dots = (DirectoryEntry(n, n, 0, 0, True, int(Attribute.DIRECTORY)) for n in (".", ".."))
        found = [*dots, *found]
    if not found:
        raise Failed(Code.FILE_NOT_FOUND)
    p.write(record, _find_data(found[0]))
    return new_handle(p, FindHandle(found[1:]))


def find_next_file(p: Process, handle: int, record: int) -> int:
    entries: list[DirectoryEntry] = p.target(handle, FindHandle).entries
    if not entries:
        raise Failed(NO_MORE_FILES)
    p.write(record, _find_data(entries.pop(0)))
    return 1


def find_close(p: Process, handle: int) -> int:
    p.target(handle, FindHandle)
    p.close_handle(handle)
    return 1


# -- paths ---------------------------------------------------------------------------------------


def get_full_path_name(p: Process, name: int, size: int, buffer: int, part: int) -> int:
    text = encode(full(p, name))
    length = p.put_text(buffer, size, text)
    if part:
        p.put32(part, buffer + text.rindex(b"\\") + 1 if not text.endswith(b"\\") else 0)
    return length


def get_short_path_name(p: Process, name: int, buffer: int, size: int) -> int:
    return p.put_text(buffer, size, encode(p.system.disk.short_path(full(p, name))))


def get_long_path_name(p: Process, name: int, buffer: int, size: int) -> int:
    return p.put_text(buffer, size, encode(p.system.disk.long_path(full(p, name))))


def get_current_directory(p: Process, size: int, buffer: int) -> int:
    return p.put_text(buffer, size, encode(p.cwd))


def set_current_directory(p: Process, name: int) -> int:
    path = full(p, name)
    if not p.system.disk.is_dir(path):
        raise Failed(Code.FILE_NOT_FOUND)
    p.cwd = path
    return 1


def get_windows_directory(p: Process, buffer: int, size: int) -> int:
    return p.put_text(buffer, size, b"C:\\WINDOWS")


def get_system_directory(p: Process, buffer: int, size: int) -> int:
    return p.put_text(buffer, size, b"C:\\WINDOWS\\SYSTEM")


def get_temp_path(p: Process, size: int, buffer: int) -> int:
    path = p.environment.get("TEMP") or p.environment.get("TMP") or "C:\\WINDOWS"
    return p.put_text(buffer, size, encode(path.rstrip("\\") + "\\"))


def get_temp_file_name(p: Process, folder: int, prefix: int, unique: int, buffer: int) -> int:
    disk, base = p.system.disk, full(p, folder).rstrip("\\")
    start = p.text(prefix)[:3]
    number = unique & 0xFFFF or 1
    while not unique and disk.exists(f"{base}\\{start}{number:04X}.TMP"):
        number += 1
        if number > 0xFFFF:
            raise Failed(Code.FILE_EXISTS)
    path = f"{base}\\{start}{number:04X}.TMP"
    if not unique:
        disk.write_bytes(path, b"")
    p.put_text(buffer, 260, encode(path))
    return number


def search_path(
    p: Process, folders: int, name: int, extension: int, size: int, buffer: int, part: int
) -> int:
    wanted = p.text(name) + (p.text(extension) if extension and "." not in p.text(name) else "")
    listed = p.text(folders) if folders else ";".join(search_folders(p))
    for folder in listed.split(";"):
        try:
            path = p.system.disk.absolute(wanted, p.system.disk.absolute(folder, p.cwd))
        except DiskError:
            continue
        if p.system.disk.exists(path):
            text = encode(path)
            if part:
                p.put32(part, buffer + text.rindex(b"\\") + 1)
            return p.put_text(buffer, size, text)
    raise Failed(Code.FILE_NOT_FOUND)


def search_folders(p: Process) -> list[str]:
    """Where Windows 98 looks for programs: the program's own, current, system, Windows, PATH."""
    own = p.path.rpartition("\\")[0] + "\\"
    path = next((v for k, v in p.environment.items() if k.upper() == "PATH"), "")
    return [own, p.cwd, "C:\\WINDOWS\\SYSTEM", "C:\\WINDOWS", *filter(None, path.split(";"))]


# -- volumes -------------------------------------------------------------------------------------


def _volume(p: Process, root: int) -> Disk:
    """The disk whose root that is."""
    if not root:
        return p.system.disk
    disk, path = p.system.on(p.text(root), p.cwd)
    if not disk.is_dir(path):
        raise Failed(Code.PATH_NOT_FOUND)
    return disk


def get_disk_free_space(
    p: Process, root: int, per_cluster: int, per_sector: int, free: int, total: int
) -> int:
    disk = _volume(p, root)
    cluster = disk.cluster
    while disk.total // cluster > 65_526 and cluster < 32_768:
        cluster *= 2
    sizes = (
        cluster // 512,
        512,
        min(disk.free(), _2GB) // cluster,
        min(disk.total, _2GB) // cluster,
    )
    for address, value in zip((per_cluster, per_sector, free, total), sizes, strict=True):
        if address:
            p.put32(address, value)
    return 1


def get_disk_free_space_ex(p: Process, root: int, available: int, total: int, free: int) -> int:
    disk = _volume(p, root)
    left = disk.free()
    for address, value in ((available, left), (total, disk.total), (free, left)):
        if address:
            p.write(address, struct.pack("<Q", value))
    return 1


def get_drive_type(p: Process, root: int) -> int:
    text = p.text(root) if root else "C:\\"
    if text[:1].upper() in p.system.drives:
        return 2 if text[:1].upper() < "C" else 5
    return 3 if text[:2].upper() in ("C:", "\\", "") else 1


def get_logical_drives(p: Process) -> int:
    return sum(1 << ord(letter) - ord("A") for letter in {"C", *p.system.drives})


def get_volume_information(
    p: Process, root: int, label: int, size: int, serial: int, longest: int, flags: int, kind: int,
    kind_size: int,
) -> int:  # fmt: skip
    disk = _volume(p, root)
    if label:
        p.put_text(label, size, b"")
    for address, value in ((serial, 0x19981998), (longest, 255), (flags, 6)):
        if address:
            p.put32(address, value)
    if kind:
        p.put_text(kind, kind_size, disk.file_system.name.encode())
    return 1


# Rows of one shape, as in every module here: name, number of arguments, function, failure.
TABLE = {
    "DeleteFileA": Api(1, delete_file),
    "MoveFileA": Api(2, move_file),
    "CopyFileA": Api(3, copy_file),
    "CreateDirectoryA": Api(2, create_directory),
    "RemoveDirectoryA": Api(1, remove_directory),
    "GetFileAttributesA": Api(1, get_file_attributes, INVALID),
    "GetFileAttributesExA": Api(3, get_file_attributes_ex),
    "SetFileAttributesA": Api(2, set_file_attributes),
    "FindFirstFileA": Api(2, find_first_file, INVALID),
    "FindNextFileA": Api(2, find_next_file),
    "FindClose": Api(1, find_close),
    "GetFullPathNameA": Api(4, get_full_path_name),
    "GetShortPathNameA": Api(3, get_short_path_name),
    "GetLongPathNameA": Api(3, get_long_path_name),
    "GetCurrentDirectoryA": Api(2, get_current_directory),
    "SetCurrentDirectoryA": Api(1, set_current_directory),
    "GetWindowsDirectoryA": Api(2, get_windows_directory),
    "GetSystemDirectoryA": Api(2, get_system_directory),
    "GetTempPathA": Api(2, get_temp_path),
    "GetTempFileNameA": Api(4, get_temp_file_name),
    "SearchPathA": Api(6, search_path),
    "GetDiskFreeSpaceA": Api(5, get_disk_free_space),
    "GetDiskFreeSpaceExA": Api(4, get_disk_free_space_ex),
    "GetDriveTypeA": Api(1, get_drive_type),
    "GetLogicalDrives": Api(0, get_logical_drives),
    "GetVolumeInformationA": Api(8, get_volume_information),
}
