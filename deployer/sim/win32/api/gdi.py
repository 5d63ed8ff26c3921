# ruff: noqa: PLR0917 - the signatures are GDI32's
"""GDI32, and USER32's device contexts, as far as a picture of the screen needs them."""

from __future__ import annotations

from dataclasses import dataclass

from deployer.sim.win32.api.windows import desktop
from deployer.sim.win32.desktop import HEIGHT, WIDTH
from deployer.sim.win32.process import Api, Failed, Process

INVALID_HANDLE, INVALID_PARAMETER = 6, 87
_SRCCOPY = 0x00CC0020


@dataclass(slots=True, eq=False)
class Bitmap:
    """A picture: its rows from above, three bytes a pixel."""

    width: int
    height: int
    rows: list[bytes]
    selected: bool = False


@dataclass(slots=True, eq=False)
class DeviceContext:
    """Something to draw on: the screen when it has no bitmap and is no memory."""

    screen: bool
    bitmap: Bitmap | None = None


def _new(p: Process, target: object) -> int:
    handle = 0x8000 + 4 * len(p.scratch.pictures) + 4
    while handle in p.scratch.pictures:
        handle += 4
    p.scratch.pictures[handle] = target
    return handle


def _context(p: Process, handle: int) -> DeviceContext:
    found = p.scratch.pictures.get(handle)
    if not isinstance(found, DeviceContext):
        raise Failed(INVALID_HANDLE)
    return found


def _bitmap(p: Process, handle: int) -> Bitmap:
    found = p.scratch.pictures.get(handle)
    if not isinstance(found, Bitmap):
        raise Failed(INVALID_HANDLE)
    return found


def get_dc(p: Process, window: int) -> int:
    if window or desktop(p).full_screen_dos:
        raise Failed(INVALID_HANDLE)
    return _new(p, DeviceContext(screen=True))


def _drop(p: Process, handle: int) -> int:
    if p.scratch.pictures.pop(handle, None) is None:
        raise Failed(INVALID_HANDLE)
    return 1


def create_compatible_dc(p: Process, _like: int) -> int:
    return _new(p, DeviceContext(screen=False))


def create_compatible_bitmap(p: Process, like: int, width: int, height: int) -> int:
    _context(p, like)
    if not 0 < width <= 4096 or not 0 < height <= 4096:
        raise Failed(INVALID_PARAMETER)
    return _new(p, Bitmap(width, height, [bytes(3 * width)] * height))


def select_object(p: Process, context: int, handle: int) -> int:
    """Select a bitmap; 1 stands for the one that every memory context has at first."""
    target = _context(p, context)
    before = next((h for h, o in p.scratch.pictures.items() if o is target.bitmap), 1)
    if target.bitmap is not None:
        target.bitmap.selected = False
    target.bitmap = None if handle == 1 else _bitmap(p, handle)
    if target.bitmap is not None:
        target.bitmap.selected = True
    return before


def bit_blt(
    p: Process, to: int, x: int, y: int, width: int, height: int, source: int, from_x: int,
    from_y: int, how: int,
) -> int:  # fmt: skip
    target = _context(p, to).bitmap
    if how != _SRCCOPY or any((x, y, from_x, from_y)) or (width, height) != (WIDTH, HEIGHT):
        raise Failed(INVALID_PARAMETER)  # nothing here copies less than the screen
    if target is None or not _context(p, source).screen:
        raise Failed(INVALID_HANDLE)
    target.rows = desktop(p).picture()
    return 1


def get_di_bits(
    p: Process, _context_handle: int, bitmap: int, first: int, count: int, bits: int, head: int,
    _colours: int,
) -> int:  # fmt: skip
    picture = _bitmap(p, bitmap)
    size, width, height = (p.u32(head + 4 * n) for n in range(3))
    planes_and_bits = p.u32(head + 12)
    if picture.selected or size != 40 or planes_and_bits != 1 | 24 << 16:
        raise Failed(INVALID_PARAMETER)
    if (width, height) != (picture.width, picture.height):
        raise Failed(INVALID_PARAMETER)
    rows = list(reversed(picture.rows))[first : first + count]
    pad = bytes(-3 * width % 4)
    p.write(bits, b"".join(row + pad for row in rows))
    return len(rows)


# Rows of one shape, as in every module here: name, number of arguments, function, failure.
TABLE = {
    "GetDC": Api(1, get_dc),
    "ReleaseDC": Api(2, lambda p, _window, handle: _drop(p, handle)),
    "CreateCompatibleDC": Api(1, create_compatible_dc),
    "CreateCompatibleBitmap": Api(3, create_compatible_bitmap),
    "SelectObject": Api(2, select_object),
    "BitBlt": Api(9, bit_blt),
    "GetDIBits": Api(7, get_di_bits),
    "DeleteDC": Api(1, _drop),
    "DeleteObject": Api(1, _drop),
}
