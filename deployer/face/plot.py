"""`history --plot`: transfer rates and tok/s of each target over time, as SVG or PNG.

The SVG is written here, with nothing but text; a PNG is drawn by Pillow, the optional extra `plot`.
Both come from the same `Chart`, so that they show the same.
"""

from __future__ import annotations

import datetime
import html
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer.core.view import Row
from deployer.errors import WrongUse
from deployer.model import SIM, is_simulated

WIDTH, HEIGHT = 900, 560
_LEFT, _RIGHT, _TOP, _BOTTOM, _GAP = 80, 20, 40, 60, 60
COLOURS = ("#1b6ca8", "#c8553d", "#2e7d4f", "#7b4fa3", "#b08900", "#3c8d93", "#8a4b61", "#555555")
"""One for each target, dark enough for white paper."""
SHAPES = ("circle", "square", "triangle", "diamond")


@dataclass(frozen=True, slots=True)
class Point:
    """One deployment: when, how much, and whether it was on the simulated PC."""

    at: float
    value: float
    emulated: bool


@dataclass(frozen=True, slots=True)
class Panel:
    """One diagram: its title, and for each target its points in order of time."""

    title: str
    series: tuple[tuple[str, tuple[Point, ...]], ...]

    @property
    def points(self) -> Iterator[Point]:
        """All of them."""
        for _name, points in self.series:
            yield from points


def panels(rows: Iterable[Row]) -> tuple[Panel, Panel]:
    """Transfer rates in kB/s and tok/s, each by target."""
    rates: dict[str, list[Point]] = {}
    speeds: dict[str, list[Point]] = {}
    for row in rows:  # one by one: there may be very many
        if row.rate:
            rates.setdefault(row.target, []).append(Point(row.at, row.rate / 1000, row.emulated))
        speed = row.proof.tokens_per_second if row.proof else None
        if speed:
            speeds.setdefault(row.target, []).append(Point(row.at, speed, row.emulated))
    return (
        Panel("transfer rate, kB/s", tuple((k, _by_time(v)) for k, v in rates.items())),
        Panel("tok/s", tuple((k, _by_time(v)) for k, v in speeds.items())),
    )


def _by_time(points: list[Point]) -> tuple[Point, ...]:
    return tuple(sorted(points, key=lambda point: point.at))


def nice_top(value: float) -> float:
    """The least of 1, 2, 5 times a power of ten that is not below the value."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * 0.999999)


# --- one drawing for both formats


# One small class for each kind of mark, all of one shape: both formats match on them.


@dataclass(frozen=True, slots=True)
class Curve:
    """From one point to another."""

    x1: float
    y1: float
    x2: float
    y2: float
    colour: str = "#cccccc"


@dataclass(frozen=True, slots=True)
class Label:
    """Text with its anchor: start, middle or end."""

    x: float
    y: float
    text: str
    anchor: str = "start"
    colour: str = "#222222"
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Dot:
    """A point; hollow for the simulated PC. Targets differ in shape as well as in colour."""

    x: float
    y: float
    shape: str
    colour: str
    hollow: bool
    title: str


PlotMark = Curve | Label | Dot


def drawing(rows: Iterable[Row]) -> tuple[PlotMark, ...]:
    """All marks of both diagrams, one above the other over the same span of time."""
    both = panels(rows)
    times = [point.at for panel in both for point in panel.points]
    if not times:
        raise WrongUse(
            what="There is nothing to plot: nothing has been transferred yet.",
            remedy="Push something first, for example: deployer push --target sim",
        )
    names = list(dict.fromkeys(name for panel in both for name, _points in panel.series))
    span = (min(times), max(times))
    tall = (HEIGHT - _TOP - _BOTTOM - _GAP) / 2
    marks: list[PlotMark] = []
    for index, panel in enumerate(both):
        top = _TOP + index * (tall + _GAP)
        marks += _panel(panel, names, span, top, tall)
    return (*marks, *_legend(names))


def _panel(
    panel: Panel, names: Sequence[str], span: tuple[float, float], top: float, tall: float
) -> Iterator[PlotMark]:
    """Axes with round numbers, then the points joined in order."""
    right, bottom = WIDTH - _RIGHT, top + tall
    high = nice_top(max((point.value for point in panel.points), default=1.0))
    yield Label(_LEFT, top - 10, panel.title, bold=True)
    for step in range(5):
        y = bottom - tall * step / 4
        yield Curve(_LEFT, y, right, y)
        yield Label(_LEFT - 8, y + 4, f"{high * step / 4:g}", "end")
    yield Label(_LEFT, bottom + 18, _day(span[0]))
    if span[1] > span[0]:
        yield Label(right, bottom + 18, _day(span[1]), "end")
    wide = right - _LEFT
    length = max(span[1] - span[0], 1e-9)
    for name, points in panel.series:
        number = names.index(name)
        colour, shape = COLOURS[number % len(COLOURS)], SHAPES[number % len(SHAPES)]
        before: Dot | None = None
        for point in points:
            share = (point.at - span[0]) / length if span[1] > span[0] else 0.5
            title = f"{name} {_day(point.at)}: {point.value:.4g}"
            x, y = _LEFT + 8 + (wide - 16) * share, bottom - tall * point.value / high
            dot = Dot(x, y, shape, colour, point.emulated, title)
            if before is not None:
                yield Curve(before.x, before.y, dot.x, dot.y, colour)
            yield dot
            before = dot


def _legend(names: Sequence[str]) -> Iterator[PlotMark]:
    x = float(_LEFT)
    for number, name in enumerate(names):
        colour, shape = COLOURS[number % len(COLOURS)], SHAPES[number % len(SHAPES)]
        yield Dot(x + 5, HEIGHT - 17, shape, colour, is_simulated(name), name)
        label = "simulated PC (emulated machine)" if name == SIM else name
        yield Label(x + 16, HEIGHT - 12, label, colour=colour)
        x += 40 + 8 * len(label)


def _day(at: float) -> str:
    return f"{datetime.datetime.fromtimestamp(at, tz=datetime.UTC).astimezone():%Y-%m-%d %H:%M}"


# --- the formats


def write(rows: Iterable[Row], path: Path) -> None:
    """Write `FILE.svg` or `FILE.png`. Raises WrongUse for others, or for PNG without Pillow."""
    marks = drawing(rows)
    match path.suffix.lower():
        case ".svg":
            data = svg(marks).encode("utf-8")
        case ".png":
            data = png(marks)
        case _:
            raise WrongUse(
                what=f"--plot {path}: this kind of picture is not known.",
                remedy="Name a file that ends in .svg or .png.",
            )
    try:
        path.write_bytes(data)
    except OSError as error:
        raise WrongUse(
            what=f"--plot {path}: cannot be written ({error.strerror}).",
            remedy="Name a file in a directory that you may write to.",
        ) from error


def svg(marks: Iterable[PlotMark]) -> str:
    """A picture that any browser shows; it loads nothing."""
    body = "\n".join(_svg(mark) for mark in marks)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" font-family="sans-serif" font-size="13" role="img" '
        f'aria-label="history of deployments">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _svg(mark: PlotMark) -> str:
    match mark:
        case Curve(x1, y1, x2, y2, colour):
            return (
                f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'
            )
        case Label(x, y, words, anchor, colour, bold):
            weight = ' font-weight="bold"' if bold else ""
            return (
                f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"{weight}>'
                f"{html.escape(words)}</text>"
            )
        case Dot(x, y, shape, colour, hollow, title):
            fill = "#ffffff" if hollow else colour
            points = " ".join(f"{a:.1f},{b:.1f}" for a, b in _outline(shape, x, y))
            return (
                f'<polygon points="{points}" fill="{fill}" stroke="{colour}" stroke-width="1.5">'
                f"<title>{html.escape(title)}</title></polygon>"
            )


def _outline(shape: str, x: float, y: float) -> list[tuple[float, float]]:
    corners, turn = {"circle": (16, 0.0), "square": (4, 0.25), "triangle": (3, 0.5)}.get(
        shape, (4, 0.0)
    )
    steps = (2 * math.pi * (number / corners) + turn * math.pi for number in range(corners))
    return [(x + 5 * math.sin(angle), y + 5 * math.cos(angle)) for angle in steps]


def png(marks: Iterable[PlotMark]) -> bytes:
    """The same picture in dots. Raises WrongUse when Pillow is not installed."""
    try:
        from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415 - optional
    except ImportError as error:
        raise WrongUse(
            what="--plot to a .png needs Pillow, which is not installed.",
            remedy="Run: pip install 'retro-deployer[plot]', or name a .svg file.",
        ) from error
    image: Any = Image.new("RGB", (WIDTH, HEIGHT), "#ffffff")
    draw: Any = ImageDraw.Draw(image)
    font: Any = ImageFont.load_default(size=13)
    for mark in marks:
        match mark:
            case Curve(x1, y1, x2, y2, colour):
                draw.line((x1, y1, x2, y2), fill=colour)
            case Label(x, y, words, anchor, colour):
                where = {"start": "ls", "middle": "ms", "end": "rs"}[anchor]
                draw.text((x, y), words, fill=colour, anchor=where, font=font)
            case Dot(x, y, shape, colour, hollow):
                fill = "#ffffff" if hollow else colour
                draw.polygon(_outline(shape, x, y), fill=fill, outline=colour)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()
