"""What many commands have in common: their options, and the numbers and addresses in them.

Typer reads options off a command's own signature. Those that several commands have are the fields
of a dataclass, and `shared` makes options of them.

A parser gets what was typed, or the default, and raises typer.BadParameter in words for people.
"""

from __future__ import annotations

import functools
import inspect
import ipaddress
import math
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import typer
from typer.models import ArgumentInfo

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
    value(
        "--state-dir", "DIR", "The folder of events and proofs.", Path, environ="DEPLOYER_STATE_DIR"
    ),
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
    value("--target", "PC", "Only what was sent to this PC.", complete=complete.targets),
]
Files = Annotated[
    list[Path] | None,
    typer.Argument(parser=Path, metavar="FILES", show_default=False, help="The files to send."),
]
SomePc = Annotated[
    str,
    typer.Argument(
        metavar="PC", autocompletion=complete.targets,
        help="Address or name of the old PC; sim; any: whoever is on the wire.",
    ),
]  # fmt: skip
ThisDeployment = Annotated[
    str,
    typer.Argument(
        metavar="DEPLOYMENT", autocompletion=complete.deployments, show_default=False,
        help="Its id. Or --target: the newest for that PC.",
    ),
]  # fmt: skip
SomeDeployment = Annotated[
    str,
    typer.Argument(
        metavar="DEPLOYMENT", autocompletion=complete.deployments, show_default=False,
        help="Its id. Without one: the newest.",
    ),
]  # fmt: skip
Silence = Annotated[
    float | None,
    value(
        "--timeout", "SECONDS", "Give up after this long in silence. 0: never.",
        number(0),
    ),
]  # fmt: skip
Detach = Annotated[bool, flag("--detach", "Return at once; the daemon continues.")]

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
    value("--host-route", "ADDR", "Reach only this PC, not a subnet.", panel=THE_WIRE),
]
NoLinkLocal = Annotated[
    bool, flag("--no-link-local", "Without 169.254.1.1, for PCs without an address.", THE_WIRE)
]
Dhcp = Annotated[
    bool,
    flag("--dhcp", "Give addresses to PCs that ask, if no other server does.", THE_WIRE),
]
NoLink = Annotated[
    bool,
    flag("--no-link", "Leave the network settings alone.", THE_WIRE),
]  # fmt: skip
ForceInterface = Annotated[
    bool,
    flag("--force-interface", "Use it even if it has the default route.", THE_WIRE),
]  # fmt: skip
FtpPort = Annotated[
    int | None,
    value(
        "--ftp-port", "PORT", "The port of the FTP server.", PORT, panel=THE_WIRE, default="21",
        environ="DEPLOYER_FTP_PORT",
    ),
]  # fmt: skip
NoHttp = Annotated[bool, flag("--no-http", "No page on the wire.", THE_WIRE)]
Speed = Annotated[
    int,
    value(
        "--speed", "BITS", "Bits per second, the same on both sides.", whole(50, 4_000_000),
        panel=THE_LINE,
    ),
]  # fmt: skip
Profile = Annotated[
    str | None, value("--profile", "NAME", "Kind of target.", default="win98-fat32")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingOptions:
    """Where things are kept, and how this process serves when no daemon runs."""

    as_json: AsJson = False
    state_dir: StateDir = None
    interface: Interface = None
    address: Address = None
    host_route: HostRoute = None
    no_link: NoLink = False
    no_link_local: NoLinkLocal = False
    ftp_port: FtpPort = None

    @property
    def wire(self) -> dict[str, Any]:
        """What `reach.here` asks of the wire."""
        return {
            each.name: getattr(self, each.name)
            for each in fields(ServingOptions)
            if each.name not in ("as_json", "state_dir")
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryOptions(ServingOptions):
    """What every command has that something is delivered for, here or there."""

    timeout: Silence = None
    screen: Annotated[bool, flag("--screen", "Show its screen.", SIMULATED)] = False
    faults: Annotated[
        list[str] | None,
        value(
            "--fault", "SPEC",
            "What goes wrong with it: flip@BYTE, power@STEP, random:SEED ... (repeat).",
            panel=SIMULATED,
        ),
    ] = None  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PortOptions:
    """How the port of a PC at the end of a serial line is set."""

    speed: Speed = 115_200
    flow: Annotated[
        Literal["rtscts", "xonxoff", "none"],
        value("--flow", None, "Flow control; 3-wire cables need xonxoff.", panel=THE_LINE),
    ] = "rtscts"  # fmt: skip


Like = Annotated[
    str | None, value("--like", "SURVEY", "Behave as the PC of this survey.", panel=SIMULATED)
]


def shared(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each field of those of its parameters that are dataclasses.

    They are listed where that parameter stands, or after all others when it is a positional one.
    """
    own = inspect.signature(command, eval_str=True).parameters
    groups: dict[str, Any] = {
        each.name: each.annotation for each in own.values() if is_dataclass(each.annotation)
    }
    listed, last = list[inspect.Parameter](), list[inspect.Parameter]()
    for each in own.values():
        options = _parameters(groups[each.name]) if each.name in groups else [each]
        positional = each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        (last if positional and each.name in groups else listed).extend(options)

    @functools.wraps(command)
    def called(**given: Any) -> None:
        for name, group in groups.items():
            names = [each.name for each in fields(group) if each.name in given]
            given[name] = group(**{each: given.pop(each) for each in names})
        command(**given)

    parameters = [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for each in (
            *(each for each in (*last, *listed) if not _is_option(each)),
            *(each for each in (*listed, *last) if _is_option(each)),
        )
    ]
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {each.name: each.annotation for each in parameters}
    del called.__wrapped__  # it has other parameters
    return called


def _is_option(parameter: inspect.Parameter) -> bool:
    return not any(
        isinstance(one, ArgumentInfo) for one in getattr(parameter.annotation, "__metadata__", ())
    )


def _parameters(group: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            each.name, inspect.Parameter.KEYWORD_ONLY, annotation=hints[each.name],
            default=inspect.Parameter.empty if each.default is MISSING else each.default,
        )
        for each in fields(group)
    ]  # fmt: skip
