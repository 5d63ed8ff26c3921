"""An address as a QR code for the camera of a phone, in the characters of a terminal."""

from __future__ import annotations

import segno

_BORDER = 2
_DARK_ON_LIGHT, _AS_BEFORE = "\x1b[38;5;16;48;5;231m", "\x1b[0m"
_HALVES = " ▄▀█"
"""By which of the two modules above each other are dark: none, the lower, the upper, both."""


def code(address: str) -> str:
    """The code in half blocks, dark on light whatever the terminal's own colours are."""
    made = segno.make(address, error="l", micro=False)
    modules = [[bool(dark) for dark in row] for row in made.matrix_iter(border=_BORDER)]
    if len(modules) % 2:
        modules.append([False] * len(modules[0]))
    lines = [
        "".join(_HALVES[2 * upper + lower] for upper, lower in zip(*pair, strict=True))
        for pair in zip(modules[::2], modules[1::2], strict=True)
    ]
    return "".join(f"{_DARK_ON_LIGHT}{line}{_AS_BEFORE}\n" for line in lines)
