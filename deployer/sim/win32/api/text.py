# ruff: noqa: PLR0917 - the signatures are KERNEL32's
"""Strings and code pages."""

from __future__ import annotations

import struct

from deployer.sim.codepage import PAGES
from deployer.sim.win32.process import Api, Failed, Process, encode

INSUFFICIENT_BUFFER, INVALID_PARAMETER = 122, 87
MAX_TEXT = 16 << 20


def lstrlen(p: Process, text: int) -> int:
    return len(p.bytes_at(text, MAX_TEXT)) if text else 0


def _wide_at(p: Process, text: int) -> bytes:
    found = bytearray()
    while (pair := p.read(text + len(found), 2)) != b"\0\0":
        found += pair
        if len(found) > MAX_TEXT:
            raise Failed(INVALID_PARAMETER)
    return bytes(found)


def lstrlen_w(p: Process, text: int) -> int:
    return len(_wide_at(p, text)) // 2 if text else 0


def lstrcpy(p: Process, target: int, source: int) -> int:
    p.write(target, p.bytes_at(source, MAX_TEXT) + b"\0")
    return target


def lstrcpyn(p: Process, target: int, source: int, size: int) -> int:
    if size:
        p.write(target, p.bytes_at(source, MAX_TEXT)[: size - 1] + b"\0")
    return target


def lstrcat(p: Process, target: int, source: int) -> int:
    p.write(target + len(p.bytes_at(target, MAX_TEXT)), p.bytes_at(source, MAX_TEXT) + b"\0")
    return target


def lstrcmp(p: Process, one: int, other: int) -> int:
    a, b = p.bytes_at(one), p.bytes_at(other)
    return (a > b) - (a < b)


def lstrcmpi(p: Process, one: int, other: int) -> int:
    a, b = p.bytes_at(one).lower(), p.bytes_at(other).lower()
    return (a > b) - (a < b)


def _pages() -> dict[int, str]:
    ansi, oem = PAGES.ansi, PAGES.oem
    return {
        page: f"cp{number}"
        for page, number in ((0, ansi), (1, oem), (3, ansi), *((n, n) for n in (437, 850, 1252)))
    } | {ansi: f"cp{ansi}", oem: f"cp{oem}"}


def get_acp(_p: Process) -> int:
    return PAGES.ansi


def get_oemcp(_p: Process) -> int:
    return PAGES.oem


def is_valid_code_page(_p: Process, page: int) -> int:
    return int(page in _pages() and page > 3)


def get_cp_info(p: Process, page: int, record: int) -> int:
    if page not in _pages():
        raise Failed(INVALID_PARAMETER)
    p.write(record, struct.pack("<I2s12s2x", 2 if PAGES.is_lead(0x81) else 1, b"?", b""))
    return 1


def is_dbcs_lead_byte(_p: Process, *arguments: int) -> int:
    return int(PAGES.is_lead(arguments[-1] & 0xFF))


def _source(p: Process, text: int, length: int, wide: bool) -> bytes:
    if length == 0xFFFFFFFF:
        return _wide_at(p, text) + b"\0\0" if wide else p.bytes_at(text, MAX_TEXT) + b"\0"
    if length > MAX_TEXT:
        raise Failed(INVALID_PARAMETER)
    return p.read(text, length * (2 if wide else 1))


def multi_byte_to_wide(
    p: Process, page: int, _flags: int, text: int, length: int, buffer: int, size: int
) -> int:
    if page not in _pages():
        raise Failed(INVALID_PARAMETER)
    data = (
        _source(p, text, length, wide=False).decode(_pages()[page], "replace").encode("utf-16-le")
    )
    if size == 0:
        return len(data) // 2
    if size < len(data) // 2:
        raise Failed(INSUFFICIENT_BUFFER)
    p.write(buffer, data)
    return len(data) // 2


def wide_to_multi_byte(
    p: Process, page: int, _flags: int, text: int, length: int, buffer: int, size: int,
    _default: int, used: int,
) -> int:  # fmt: skip
    if page not in _pages():
        raise Failed(INVALID_PARAMETER)
    wide = _source(p, text, length, wide=True).decode("utf-16-le", "replace")
    data = wide.encode(_pages()[page], "replace")
    if used:
        p.put32(used, int(data.count(b"?") > wide.count("?")))
    if size == 0:
        return len(data)
    if size < len(data):
        raise Failed(INSUFFICIENT_BUFFER)
    p.write(buffer, data)
    return len(data)


def mul_div(_p: Process, number: int, by: int, over: int) -> int:
    a, b, c = (x - (1 << 32) if x & 0x80000000 else x for x in (number, by, over))
    if c == 0:
        return 0xFFFFFFFF
    product = abs(a * b) + abs(c) // 2
    result = product // abs(c)
    return -result if (a * b < 0) != (c < 0) else result


def format_message(
    p: Process,
    flags: int,
    _from: int,
    code: int,
    _language: int,
    buffer: int,
    size: int,
    _args: int,
) -> int:
    if not flags & 0x1000:
        raise Failed(INVALID_PARAMETER)
    text = encode(f"Error {code}.\r\n")
    if flags & 0x100:
        block = p.heap().alloc(len(text) + 1, zero=True)
        p.write(block, text)
        p.put32(buffer, block)
        return len(text)
    if size < len(text) + 1:
        raise Failed(INSUFFICIENT_BUFFER)
    p.write(buffer, text + b"\0")
    return len(text)


# Rows of one shape, as in every module here: name, number of arguments, function, failure.
TABLE = {
    "lstrlenA": Api(1, lstrlen),
    "lstrlen": Api(1, lstrlen),
    "lstrlenW": Api(1, lstrlen_w),
    "lstrcpyA": Api(2, lstrcpy),
    "lstrcpy": Api(2, lstrcpy),
    "lstrcpynA": Api(3, lstrcpyn),
    "lstrcpyn": Api(3, lstrcpyn),
    "lstrcatA": Api(2, lstrcat),
    "lstrcat": Api(2, lstrcat),
    "lstrcmpA": Api(2, lstrcmp),
    "lstrcmp": Api(2, lstrcmp),
    "lstrcmpiA": Api(2, lstrcmpi),
    "lstrcmpi": Api(2, lstrcmpi),
    "GetACP": Api(0, get_acp),
    "GetOEMCP": Api(0, get_oemcp),
    "IsValidCodePage": Api(1, is_valid_code_page),
    "GetCPInfo": Api(2, get_cp_info),
    "IsDBCSLeadByte": Api(1, is_dbcs_lead_byte),
    "IsDBCSLeadByteEx": Api(2, is_dbcs_lead_byte),
    "MultiByteToWideChar": Api(6, multi_byte_to_wide),
    "WideCharToMultiByte": Api(8, wide_to_multi_byte),
    "MulDiv": Api(3, mul_div),
    "FormatMessageA": Api(7, format_message),
}
