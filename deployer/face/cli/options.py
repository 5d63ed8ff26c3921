"""What many commands have in common: their options, and the numbers and addresses in them.

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


PORT = whole(0, 65535)

StateDir = Annotated[
    Path | None,
    typer.Option(
        "--state-dir", envvar="DEPLOYER_STATE_DIR", show_envvar=False, parser=Path, metavar="DIR",
        help="Where events and proofs are.",
    ),
]  # fmt: skip
AsJson = Annotated[bool, flag("--json", "One JSON object per line.")]
Target = Annotated[
    str | None,
    typer.Option(
        "--target", envvar="DEPLOYER_TARGET", show_envvar=False, metavar="PC",
        autocompletion=complete.targets, help="Address or name of the old PC, serial:PORT, sim.",
    ),
]  # fmt: skip
Files = Annotated[
    list[Path] | None,
    typer.Argument(parser=Path, metavar="FILES", show_default=False, help="What is sent."),
]
Deployment = Annotated[
    str,
    typer.Argument(metavar="DEPLOYMENT", autocompletion=complete.deployments, help="Its id."),
]
SomeDeployment = Annotated[
    str,
    typer.Argument(
        metavar="DEPLOYMENT", autocompletion=complete.deployments, show_default=False,
        help="Its id; without one, the newest.",
    ),
]  # fmt: skip
Silence = Annotated[
    float | None,
    typer.Option(
        "--timeout", parser=number(0), metavar="SECONDS",
        help="Give up after that long without a sign of life; 0: never.",
    ),
]  # fmt: skip
Detach = Annotated[bool, flag("--detach", "Let the daemon go on alone.")]

Interface = Annotated[
    str | None,
    typer.Option(
        "--interface", envvar="DEPLOYER_INTERFACE", show_envvar=False, metavar="NAME",
        autocompletion=complete.interfaces, help="The wire's network interface.",
        rich_help_panel=THE_WIRE,
    ),
]  # fmt: skip
Address = Annotated[
    str | None,
    typer.Option(
        "--address", envvar="DEPLOYER_ADDRESS", show_envvar=False, metavar="ADDR", parser=address,
        help="This computer's address on the wire.", rich_help_panel=THE_WIRE,
    ),
]  # fmt: skip
Subnet = Annotated[
    str | None,
    typer.Option(
        "--address", envvar="DEPLOYER_ADDRESS", show_envvar=False, metavar="ADDR[/LENGTH]",
        show_default="192.168.1.1/24", rich_help_panel=THE_WIRE,
        help="This computer's address on the wire.",
    ),
]  # fmt: skip
HostRoute = Annotated[
    str | None,
    typer.Option(
        "--host-route", metavar="ADDR", help="Reach this one machine only, no subnet.",
        rich_help_panel=THE_WIRE,
    ),
]  # fmt: skip
NoLinkLocal = Annotated[
    bool,
    flag("--no-link-local", "Without 169.254.1.1, for PCs without an address.", THE_WIRE),
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
    typer.Option(
        "--ftp-port", envvar="DEPLOYER_FTP_PORT", show_envvar=False, metavar="PORT", parser=PORT,
        show_default="21", help="The port of the FTP server.", rich_help_panel=THE_WIRE,
    ),
]  # fmt: skip
NoHttp = Annotated[
    bool,
    flag("--no-http", "No page on the wire.", THE_WIRE),
]
