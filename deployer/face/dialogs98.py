"""Pictures of the two questions that Internet Explorer of Windows 98 asks before it starts a file.

Drawn here as SVG, for a page that is printed. What is to be clicked has a number beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

_FACE, _INK, _LIGHT, _DARK, _TITLE = "#c0c0c0", "#000000", "#ffffff", "#808080", "#000080"
_WIDTH, _HEIGHT = 380, 190


def pictures(name: str, host: str, first: int) -> str:
    """Both dialogs for a file from a host; `first` is the number of the first click in them."""
    drawn = (
        _dialog("File Download", _download(name, host, first)),
        _dialog("Security Warning", _warning(name, host, first + 1)),
    )
    return f"<p>{' '.join(drawn)}</p>\n"


def _dialog(title: str, inside: Iterator[str]) -> str:
    frame = _raised(0, 0, _WIDTH, _HEIGHT)
    bar = f'<rect x="3" y="3" width="{_WIDTH - 6}" height="18" fill="{_TITLE}"/>'
    close = _raised(_WIDTH - 20, 5, 15, 14) + _text(_WIDTH - 16, 16, "x", 11)
    words = _text(8, 16, title, 12, _LIGHT, bold=True)
    return (
        f'<svg role="img" aria-label="{escape(title)}" width="{_WIDTH}" height="{_HEIGHT}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}">{frame}{bar}{words}{close}{"".join(inside)}</svg>'
    )


def _download(name: str, host: str, number: int) -> Iterator[str]:
    yield _text(20, 44, "You have chosen to download a file from this location.")
    yield _text(20, 62, f"{name} from {host}")
    yield _text(20, 88, "What would you like to do with this file?")
    yield _option(30, 104, "Run this program from its current location", chosen=True)
    yield _option(30, 122, "Save this program to disk", chosen=False)
    yield _number(316, 104, number)
    yield _button(118, "OK", default=True)
    yield _button(202, "Cancel")
    yield _button(286, "More Info")
    yield _text(110, 166, "then Enter", 12, bold=True, end=True)


def _warning(name: str, host: str, number: int) -> Iterator[str]:
    yield _text(20, 46, "Do you want to install and run")
    yield _text(20, 62, f'"{name}" from {host}?')
    yield _text(20, 90, "The publisher cannot be determined:")
    yield _text(20, 106, "Authenticode signature not found.")
    yield _button(118, "Yes")
    yield _button(202, "No", default=True)
    yield _button(286, "More Info")
    yield _number(104, 162, number)


def _raised(x: int, y: int, wide: int, high: int) -> str:
    """A box that stands out: light above and left, dark below and right."""
    return (
        f'<rect x="{x}" y="{y}" width="{wide}" height="{high}" fill="{_FACE}" stroke="{_INK}"/>'
        f'<path d="M{x + 1} {y + high - 1}V{y + 1}H{x + wide - 1}" fill="none" stroke="{_LIGHT}"/>'
        f'<path d="M{x + wide - 1} {y + 1}V{y + high - 1}H{x + 1}" fill="none" stroke="{_DARK}"/>'
    )


def _button(x: int, words: str, *, default: bool = False) -> str:
    around = f'<rect x="{x - 2}" y="149" width="80" height="26" fill="{_INK}"/>' if default else ""
    return around + _raised(x, 151, 76, 22) + _text(x + 38, 166, words, middle=True)


def _option(x: int, y: int, words: str, *, chosen: bool) -> str:
    dot = f'<circle cx="{x}" cy="{y}" r="2.5" fill="{_INK}"/>' if chosen else ""
    ring = f'<circle cx="{x}" cy="{y}" r="6" fill="{_LIGHT}" stroke="{_DARK}"/>'
    return ring + dot + _text(x + 12, y + 4, words)


def _number(x: int, y: int, number: int) -> str:
    ring = f'<circle cx="{x}" cy="{y}" r="9" fill="{_LIGHT}" stroke="{_INK}" stroke-width="2"/>'
    return ring + _text(x, y + 4, str(number), 12, bold=True, middle=True)


def _text(
    x: int,
    y: int,
    words: str,
    size: int = 12,
    colour: str = _INK,
    *,
    bold: bool = False,
    middle: bool = False,
    end: bool = False,
) -> str:
    anchor = ' text-anchor="middle"' if middle else ' text-anchor="end"' if end else ""
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x}" y="{y}" font-family="sans-serif" font-size="{size}" fill="{colour}"'
        f"{anchor}{weight}>{escape(words)}</text>"
    )
