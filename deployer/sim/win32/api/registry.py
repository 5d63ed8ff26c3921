# ruff: noqa: PLR0917 - the signatures are ADVAPI32's
"""ADVAPI32: the registry. Its functions answer an error by number; 0 is none."""

from __future__ import annotations

from deployer.sim.win32.process import Api, Process, encode
from deployer.sim.win32.registry import ROOTS, Registry

FILE_NOT_FOUND, INVALID_HANDLE, INVALID_PARAMETER, MORE_DATA = 2, 6, 87, 234
CARD = "HKLM\\SYSTEM\\CURRENTCONTROLSET\\SERVICES\\CLASS\\NETTRANS\\0000"
"""TCP/IP of the first network card."""
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


def open_key(p: Process, parent: int, name: int, _reserved: int, _access: int, result: int) -> int:
    above = _name(p, parent)
    if above is None:
        return INVALID_HANDLE
    if not _values(p, f"{above}\\{p.text(name)}"):
        return FILE_NOT_FOUND
    return create_key(p, parent, name, result)


def _values(p: Process, key: str) -> dict[str, str]:
    """The values of a key. The one of the network card is as the card is."""
    link = p.system.link
    if key.upper() == CARD and link is not None:
        automatic = link.address.startswith("169.254.")
        return {"IPADDRESS": "0.0.0.0" if automatic else link.address}
    return Registry(p.system.disk).key(key)


def query_value(
    p: Process, key: int, name: int, _reserved: int, kind: int, data: int, size: int
) -> int:
    at = _name(p, key)
    if at is None:
        return INVALID_HANDLE
    text = _values(p, at).get(p.text(name).upper())
    if text is None:
        return FILE_NOT_FOUND
    found = encode(text) + b"\0"
    room = p.u32(size)
    p.put32(size, len(found))
    if kind:
        p.put32(kind, _TEXT)
    if len(found) > room:
        return MORE_DATA
    p.write(data, found)
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
    "RegOpenKeyExA": Api(5, open_key),
    "RegQueryValueExA": Api(6, query_value),
    "RegSetValueExA": Api(6, set_value),
    "RegDeleteValueA": Api(2, delete_value),
    "RegFlushKey": Api(1, flush_key),
    "RegCloseKey": Api(1, close_key),
}
