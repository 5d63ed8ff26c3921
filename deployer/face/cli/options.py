"""What many commands have in common: their options, and the numbers and addresses in them.

Typer reads options off a command's own signature, so commands that share options each list them.

A parser gets what was typed, or the default, and raises typer.BadParameter in words for people.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from deployer.face.cli import complete

THE_WIRE, THE_LINE, THE_RECIPE = "The wire", "Serial line", "Recipe of the model"
SIMULATED = "Simulated PC"


def whole(least: int, most: int) -> Callable[[object], int]:
    """A parser of whole numbers from `least` to `most`."""

    def parse(given: object) -> int:
        try:
            number = int(str(given))
        except ValueError:
            raise typer.BadParameter(f"{given!r} is not a valid integer.") from None
        if not least <= number <= most:
            raise typer.BadParameter(f"{number} is not in the range {least}<=x<={most}.")
        return number

    return parse


def number(least: float, most: float = math.inf) -> Callable[[object], float]:
    """A parser of numbers from `least` to `most`; `nan`, which is in no range, is refused."""

    def parse(given: object) -> float:
        try:
            value = float(str(given))
        except ValueError:
            raise typer.BadParameter(f"{given!r} is not a valid float.") from None
        if math.isnan(value):
            raise typer.BadParameter(f"{given} is not a number.")
        if not least <= value <= most:
            within = f"x>={least:g}" if math.isinf(most) else f"{least:g}<=x<={most:g}"
            raise typer.BadParameter(f"{value} is not in the range {within}.")
        return value

    return parse


def address(given: str) -> str:
    """This computer's IPv4 address on the wire; a prefix, as `serve` takes one, may only be /24."""
    try:
        interface = ipaddress.IPv4Interface(given)
    except ValueError:
        raise typer.BadParameter(f"{given} is no address such as 192.168.1.1.") from None
    if "/" in given and interface.network.prefixlen != 24:
        raise typer.BadParameter(f"{given}: the wire of a push is a /24.")
    return str(interface.ip)


def as_given(value: object) -> str:
    """A number as a program reads it, with no digit lost: `0`, not `0.0`."""
    return str(value).removesuffix(".0")


def flag(name: str, words: str, panel: str | None = None) -> Any:
    """An option that is given or not."""
    return typer.Option(name, help=words, rich_help_panel=panel, metavar="")


def value(
    name: str,
    metavar: str | None,
    words: str,
    parser: Callable[[Any], object] | None = None,
    *,
    panel: str | None = None,
    complete: Callable[..., Any] | None = None,
    default: bool | str = True,
    environ: str | None = None,
) -> Any:
    """An option with a value. `default`: whether, or as what, the help shows the default."""
    return typer.Option(
        name, metavar=metavar, help=words, parser=parser, rich_help_panel=panel,
        autocompletion=complete, show_default=default, envvar=environ, show_envvar=False,
    )  # fmt: skip


PORT = whole(0, 65535)

StateDir = Annotated[
    Path | None,
    value("--state-dir", "DIR", "Where events and proofs are.", Path, environ="DEPLOYER_STATE_DIR"),
]
AsJson = Annotated[bool, flag("--json", "One JSON object per line.")]
Target = Annotated[
    str | None,
    value(
        "--target", "PC", "Address or name of the old PC, serial:PORT, sim, any.",
        complete=complete.targets, environ="DEPLOYER_TARGET",
    ),
]  # fmt: skip
OfTarget = Annotated[
    str | None,
    value("--target", "PC", "Only what went to this machine.", complete=complete.targets),
]
Files = Annotated[
    list[Path] | None,
    typer.Argument(parser=Path, metavar="FILES", show_default=False, help="What is sent."),
]
ThisDeployment = Annotated[
    str,
    typer.Argument(
        metavar="DEPLOYMENT", autocompletion=complete.deployments, show_default=False,
        help="Its id; or --target, for the newest of that machine.",
    ),
]  # fmt: skip
SomeDeployment = Annotated[
    str,
    typer.Argument(
        metavar="DEPLOYMENT", autocompletion=complete.deployments, show_default=False,
        help="Its id; without one, the newest.",
    ),
]  # fmt: skip
Silence = Annotated[
    float | None,
    value(
        "--timeout", "SECONDS", "Give up after that long without a sign of life; 0: never.",
        number(0),
    ),
]  # fmt: skip
Detach = Annotated[bool, flag("--detach", "Let the daemon go on alone.")]

Interface = Annotated[
    str | None,
    value(
        "--interface", "NAME", "The wire's network interface.", panel=THE_WIRE,
        complete=complete.interfaces, environ="DEPLOYER_INTERFACE",
    ),
]  # fmt: skip
Address = Annotated[
    str | None,
    value(
        "--address", "ADDR", "This computer's address on the wire.", address, panel=THE_WIRE,
        environ="DEPLOYER_ADDRESS",
    ),
]  # fmt: skip
Subnet = Annotated[
    str | None,
    value(
        "--address", "ADDR[/LENGTH]", "This computer's address on the wire.", panel=THE_WIRE,
        default="192.168.1.1/24", environ="DEPLOYER_ADDRESS",
    ),
]  # fmt: skip
HostRoute = Annotated[
    str | None,
    value("--host-route", "ADDR", "Reach this one machine only, no subnet.", panel=THE_WIRE),
]
NoLinkLocal = Annotated[
    bool, flag("--no-link-local", "Without 169.254.1.1, for PCs without an address.", THE_WIRE)
]
Dhcp = Annotated[
    bool,
    flag("--dhcp", "Give addresses to PCs that ask for one, where no other server is.", THE_WIRE),
]
NoLink = Annotated[
    bool,
    flag("--no-link", "Leave the network settings alone.", THE_WIRE),
]  # fmt: skip
ForceInterface = Annotated[
    bool,
    flag("--force-interface", "Use it even if it carries the default route.", THE_WIRE),
]  # fmt: skip
FtpPort = Annotated[
    int | None,
    value(
        "--ftp-port", "PORT", "The port of the FTP server.", PORT, panel=THE_WIRE, default="21",
        environ="DEPLOYER_FTP_PORT",
    ),
]  # fmt: skip
NoHttp = Annotated[bool, flag("--no-http", "No page on the wire.", THE_WIRE)]
Profile = Annotated[
    str | None, value("--profile", "NAME", "Kind of target.", default="win98-fat32")
]
