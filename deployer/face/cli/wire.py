"""The commands about the wire: `link up|down|status`, `ping` and `doctor`."""

from __future__ import annotations

import asyncio
import datetime
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from deployer import settings
from deployer.core.wire.addresses import Diagnosis
from deployer.core.wire.presence import Answered, Verdict, there
from deployer.errors import DoctorFound, TargetAbsent, WrongUse
from deployer.face import text
from deployer.face.cli.options import Number
from deployer.host import wire
from deployer.model import LINE
from deployer.settings import Settings

_PATH = click.Path(path_type=Path)


def register(cli: click.Group) -> None:
    """Add the commands to the main group."""
    cli.add_command(link)
    cli.add_command(ping_command)
    cli.add_command(doctor_command)


def _common(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="One JSON object per line."),
        click.option(
            "--state-dir", envvar="DEPLOYER_STATE_DIR", type=_PATH, help="Where notes are kept."
        ),
    ):
        command = option(command)
    return command


def _place(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option(
            "--host-route", metavar="ADDR", default="", help="Reach only this machine by the wire."
        ),
        click.option("--address", envvar="DEPLOYER_ADDRESS", help="Ours.  [192.168.1.1/24]"),
        click.option("--interface", envvar="DEPLOYER_INTERFACE", help="The wire's interface."),
    ):
        command = option(command)
    return command


def _wanted(config: Settings, given: dict[str, Any], *, force: bool = False) -> wire.Wanted:
    return wire.Wanted(
        address=given["address"] or config.address,
        state_dir=_state_dir(config, given),
        interface=given["interface"],
        host_route=given["host_route"],
        force=force,
    )


def _state_dir(config: Settings, given: dict[str, Any]) -> Path:
    return settings.expanded(given["state_dir"] or config.state_dir)


@click.group("link")
def link() -> None:
    """Set this computer's address on the wire, and give the interface back as it was."""


@link.command("up")
@_place
@click.option(
    "--force-interface", is_flag=True, help="Use it even if it carries the internet. Asks first."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@_common
@click.pass_obj
def up_command(
    config: Settings, /, *, force_interface: bool, yes: bool, as_json: bool, **given: Any
) -> None:
    """Set the address until `link down`. How to undo it is written down first."""
    wanted = _wanted(config, given, force=force_interface)
    name = given["interface"]
    if force_interface and name and not yes and wire.carries_internet(name):
        click.confirm(
            f"{name} is this computer's way to the internet, which may be cut off. Go on?",
            abort=True, err=True,
        )  # fmt: skip
    held = wire.take(wanted, keep=True)
    changes = [change.kind for change in held.record.changes]
    if as_json:
        shown = {"interface": held.interface, "address": str(held.address), "changes": changes}
        click.echo(json.dumps(shown))
    else:
        click.echo(f"{held.interface} has the address {held.address} now.")
        if "networkmanager" in changes or "networkd" in changes:
            click.echo(f"The system's network service leaves {held.interface} alone meanwhile.")
        click.echo("Give it back with: deployer link down")
    held.release()


@link.command("down")
@click.option("--interface", help="Only this one.")
@_common
@click.pass_obj
def down_command(
    config: Settings, /, *, interface: str | None, as_json: bool, **given: Any
) -> None:
    """Give every interface back as it was before, also after a crash."""
    done = wire.give_back(_state_dir(config, given), interface)
    if as_json:
        click.echo(json.dumps({"given_back": list(done)}))
    elif done:
        click.echo(f"{', '.join(done)}: as before.")
    else:
        click.echo("Nothing was changed, so there is nothing to give back.")


@link.command("status")
@_common
@click.pass_obj
def status_command(config: Settings, /, *, as_json: bool, **given: Any) -> None:
    """Show each wired interface: carrier, speed, addresses, and who has spoken on the wire."""
    for standing in wire.standings(_state_dir(config, given)):
        if as_json:
            click.echo(json.dumps(msgspec.to_builtins(standing)))
        else:
            _show(standing)


def _show(standing: wire.InterfaceStatus) -> None:
    interface = standing.interface
    cable = "live cable" if interface.carrier else "no live cable"
    if not interface.up:
        cable = "switched off"
    elif interface.carrier and interface.speed:
        cable = f"live cable, {interface.speed} Mbit/s {interface.duplex}".rstrip()
    click.echo(f"{interface.name}: {cable}")
    click.echo(f"  MAC {interface.mac}" if interface.mac else "  no MAC")
    for address in interface.addresses:
        ours = " (set by deployer)" if address == standing.address else ""
        click.echo(f"  address {address}{ours}")
    if interface.default_route:
        click.echo("  this computer's way to the internet: never touched")
    if standing.since is not None:
        since = datetime.datetime.fromtimestamp(standing.since, tz=datetime.UTC).astimezone()
        click.echo(f"  changed by deployer since {since:%Y-%m-%d %H:%M}")
    if standing.owner:
        click.echo(f"  in use by process {standing.owner}")
    for ip, mac in standing.neighbours:
        click.echo(f"  neighbour {ip} ({mac})")


@click.command("ping")
@click.argument("target")
@click.option("--count", default=4, show_default=True, help="How often; 0: until Ctrl-C.")
@click.option("--interval", default=1.0, type=Number(0.1), help="Seconds between.")
@click.option("--timeout", default=1.0, type=Number(0.1, 60), help="Seconds to wait.")
@click.option("--watch", is_flag=True, help="Say only when it appears, vanishes or returns.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_obj
def ping_command(
    config: Settings,
    /,
    *,
    target: str,
    count: int,
    interval: float,
    timeout: float,
    watch: bool,
    as_json: bool,
) -> None:
    """Ask whether TARGET is there: by ping, and by ARP when it does not answer that."""
    address = settings.resolve_target(target, config)
    if address == "sim":
        raise WrongUse(
            what="The simulated PC has no cable to ask.",
            remedy="Rehearse with: deployer push --target sim",
        )
    if address.startswith(LINE):
        raise WrongUse(
            what=f"{target}: a PC at the end of a serial cable cannot be pinged.",
            remedy=f"Test the cable with: deployer serial test {address.removeprefix(LINE)}",
        )
    if watch:
        asyncio.run(_watch(address, interval, as_json=as_json))
        return
    verdicts = []
    for verdict in wire.ask(address, count=count, interval=interval, timeout=timeout):
        verdicts.append(verdict)
        _say(address, verdict, as_json=as_json)
    _conclude(address, verdicts, as_json=as_json)


def _say(target: str, verdict: Verdict, *, as_json: bool, **more: object) -> None:
    if as_json:
        kind = type(verdict).__name__
        click.echo(
            json.dumps({"target": target, "verdict": kind, **more, **msgspec.to_builtins(verdict)})
        )
    else:
        click.echo(f"{wire.say(target, verdict)}.")


def _conclude(target: str, verdicts: Sequence[Verdict], *, as_json: bool) -> None:
    times = [v.rtt * 1000 for v in verdicts if isinstance(v, Answered)]
    if times and not as_json:
        mean = sum(times) / len(times)
        click.echo(
            f"{len(times)} of {len(verdicts)} answered; "
            f"{min(times):.1f} / {mean:.1f} / {max(times):.1f} ms (least / mean / most)"
        )
    last = verdicts[-1]
    if not any(there(verdict) for verdict in verdicts):
        what = wire.say(target, last)
        raise TargetAbsent(what=f"{what[0].upper()}{what[1:]}.", remedy=wire.advice(target, last))
    if not times and not as_json:
        click.echo(wire.advice(target, last))


async def _watch(target: str, interval: float, *, as_json: bool) -> None:
    async for at, change, verdict in wire.follow(target, interval=interval):
        if as_json:
            _say(target, verdict, as_json=True, at=at, change=change)
        else:
            when = datetime.datetime.fromtimestamp(at, tz=datetime.UTC).astimezone()
            click.echo(f"{when:%H:%M:%S} {change}: {wire.say(target, verdict)}.")


@click.command("doctor")
@click.option("--target", envvar="DEPLOYER_TARGET", default="", help="The old PC, to ask it too.")
@_place
@_common
@click.pass_obj
def doctor_command(config: Settings, /, *, target: str, as_json: bool, **given: Any) -> None:
    """Examine everything between this computer and the old PC; each trouble with its fix."""
    address = settings.resolve_target(target, config) if target else ""
    if address == "sim" or address.startswith(LINE):
        address = ""
    findings = wire.examine(_wanted(config, given), target=address)
    for finding in findings:
        if as_json:
            click.echo(json.dumps(msgspec.to_builtins(finding)))
        else:
            _report(finding)
    _diagnose(findings)


def _report(finding: Diagnosis) -> None:
    click.echo(text.on_screen(f"{finding.severity:<8} {finding.what}"))
    if finding.fix:
        click.echo(text.on_screen(f"         -> {finding.fix}"))


def _diagnose(findings: Sequence[Diagnosis]) -> None:
    """Raises what the exit code is made of: 3 for this computer, 4 when only the target fails."""
    broken = [f for f in findings if f.severity == "broken"]
    if not broken:
        return
    first = broken[0]
    number = "One thing stands" if len(broken) == 1 else f"{len(broken)} things stand"
    what = f"{number} in the way; the first: {first.what.rstrip('.')}."
    if all(f.id == "target" for f in broken):
        raise TargetAbsent(what=what, remedy=first.fix)
    raise DoctorFound(what=what, remedy=first.fix)
