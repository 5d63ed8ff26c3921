# ruff: noqa: PLR0917 - the signatures are ADVAPI32's
"""ADVAPI32: the registry. Its functions answer an error by number; 0 is none."""

from __future__ import annotations

from deployer.sim.win32.process import Api, Process
from deployer.sim.win32.registry import ROOTS, Registry

FILE_NOT_FOUND, INVALID_HANDLE, INVALID_PARAMETER = 2, 6, 87
_TEXT = 1


def _name(p: Process, handle: int) -> str | None:
    return ROOTS.get(handle) or p.scratch.keys.get(handle)


def create_key(p: Process, parent: int, name: int, result: int) -> int:
    above = _name(p, parent)
    if above is None:
        return INVALID_HANDLE
    handle = 0xC1000000 + 4 * (len(p.scratch.keys) + 1)
    while handle in p.scratch.keys:
        handle += 4
    p.scratch.keys[handle] = f"{above}\\{p.text(name)}".upper()
    p.put32(result, handle)
    return 0


def set_value(
    p: Process, key: int, name: int, _reserved: int, kind: int, data: int, size: int
) -> int:
    at = _name(p, key)
    if at is None:
        return INVALID_HANDLE
    if kind != _TEXT:
        return INVALID_PARAMETER
    text = p.read(data, size).split(b"\0")[0].decode("cp1252", "replace")
    Registry(p.system.disk).set(at, p.text(name), text)
    return 0


def delete_value(p: Process, key: int, name: int) -> int:
    at = _name(p, key)
    if at is None:
        return INVALID_HANDLE
    return 0 if Registry(p.system.disk).delete(at, p.text(name)) else FILE_NOT_FOUND


def close_key(p: Process, key: int) -> int:
    return 0 if key in ROOTS or p.scratch.keys.pop(key, "") else INVALID_HANDLE


def flush_key(p: Process, key: int) -> int:
    return 0 if _name(p, key) else INVALID_HANDLE


# Rows of one shape, as in every module here: name, number of arguments, function, failure.
TABLE = {
    "RegCreateKeyA": Api(3, create_key),
    "RegSetValueExA": Api(6, set_value),
    "RegDeleteValueA": Api(2, delete_value),
    "RegFlushKey": Api(1, flush_key),
    "RegCloseKey": Api(1, close_key),
}
