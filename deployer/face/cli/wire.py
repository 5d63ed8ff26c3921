"""The commands about the wire: `link up|down|status`, `ping` and `doctor`."""

from __future__ import annotations

import asyncio
import datetime
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from deployer import events, settings
from deployer.core.wire.addresses import Diagnosis
from deployer.core.wire.presence import Answered, PresenceVerdict, there
from deployer.errors import DoctorFound, TargetAbsent, WrongUse
from deployer.face import text, words
from deployer.face.cli import complete
from deployer.face.cli.options import (
    AsJson,
    Dhcp,
    ForceInterface,
    HostRoute,
    Interface,
    NoLinkLocal,
    StateDir,
    Subnet,
    Target,
    flag,
    number,
    value,
    whole,
)
from deployer.face.say import raw, say, say_json
from deployer.host import sockets, wire
from deployer.host.devices import names
from deployer.model import ANY, LINE, is_simulated
from deployer.settings import Settings

app = typer.Typer()
link = typer.Typer(no_args_is_help=True)
app.add_typer(link, name="link")


@link.callback()
def link_group() -> None:
    """Set this computer's address on the wire, and give it back.

    How to undo it is written down first; `link down` undoes it, also after a crash.
    """


def _wanted(
    config: Settings,
    state_dir: Path | None,
    address: str | None,
    interface: str | None,
    host_route: str | None,
    *,
    force: bool = False,
    link_local: bool = False,
    dhcp: bool = False,
) -> wire.Wanted:
    return wire.Wanted(
        address=address or config.address,
        state_dir=settings.expanded(state_dir or config.state_dir),
        interface=interface,
        host_route=host_route or "",
        force=force,
        link_local=link_local,
        dhcp=dhcp,
    )


@link.command("up")
def up_command(
    *,
    interface: Interface = None,
    address: Subnet = None,
    host_route: HostRoute = None,
    no_link_local: NoLinkLocal = False,
    dhcp: Dhcp = False,
    force_interface: ForceInterface = False,
    yes: Annotated[bool, flag("--yes", "Do not ask.")] = False,
    as_json: AsJson = False,
    state_dir: StateDir = None,
) -> None:
    """Set the address until `link down`. How to undo it is written down first.

    With --dhcp it then stays, and gives addresses until Ctrl-C.
    """
    config = settings.load()
    wanted = _wanted(
        config, state_dir, address, interface, host_route,
        force=force_interface, link_local=not no_link_local, dhcp=dhcp,
    )  # fmt: skip
    if force_interface and interface and not yes and wire.carries_internet(interface):
        typer.confirm(
            f"{text.one_line(interface)} is this computer's way to the internet, which may be cut "
            "off. Go on?",
            abort=True, err=True,
        )  # fmt: skip
    held = wire.take(wanted, keep=True)
    changes = [change.kind for change in held.record.changes]
    beside, left_out = held.record.beside, held.record.left_out
    if as_json:
        say_json({
            "interface": held.interface, "address": str(held.address),
            "link_local": str(beside or ""), "left_out": left_out, "changes": changes,
        })  # fmt: skip
    else:
        say(f"{held.interface} has the address {held.address} now.")
        if beside:
            say(f"It has {beside} too, for PCs that have no address of their own.")
        if left_out:
            say(f"It has no address in 169.254/16: {left_out}.")
        if "networkmanager" in changes or "networkd" in changes:
            say(f"The system's network service leaves {held.interface} alone meanwhile.")
        say("Give it back with: deployer link down")
    if dhcp:
        _give(wanted, held, as_json=as_json)
    held.release()


def _give(wanted: wire.Wanted, taken: wire.WireLease, *, as_json: bool) -> None:
    """Give addresses until Ctrl-C, or until another server is there."""
    over = threading.Event()

    def tell(news: wire.WireNews) -> None:
        event = wire.event_of(news, taken.address.ip)
        raw(f"{events.to_json(event)}\n") if as_json else say(words.sentence(event))
        if isinstance(event, events.DhcpChanged) and event.state != "serving":
            over.set()

    server = wire.giving(wanted, taken, tell)
    try:
        over.wait()
    finally:
        server.close()


@link.command("down")
def down_command(
    *,
    interface: Annotated[
        str | None, value("--interface", "NAME", "Only this one.", complete=complete.interfaces)
    ] = None,
    as_json: AsJson = False,
    state_dir: StateDir = None,
) -> None:
    """Give every interface back as it was before, also after a crash."""
    config = settings.load()
    done = wire.give_back(settings.expanded(state_dir or config.state_dir), interface)
    if as_json:
        say_json({"given_back": list(done)})
    elif done:
        say(f"{', '.join(done)}: as before.")
    else:
        say("Nothing was changed, so there is nothing to give back.")


@link.command("status")
def status_command(*, as_json: AsJson = False, state_dir: StateDir = None) -> None:
    """Show each wired interface: carrier, speed, addresses, and who has spoken on the wire."""
    config = settings.load()
    for standing in wire.standings(settings.expanded(state_dir or config.state_dir)):
        if as_json:
            say_json(msgspec.to_builtins(standing))
        else:
            _show(standing)


def _show(standing: wire.InterfaceStatus) -> None:
    interface = standing.interface
    cable = "live cable" if interface.carrier else "no live cable"
    if not interface.up:
        cable = "switched off"
    elif interface.carrier and interface.speed:
        cable = f"live cable, {interface.speed} Mbit/s {interface.duplex}".rstrip()
    say(f"{interface.name}: {cable}")
    say(f"  MAC {interface.mac}" if interface.mac else "  no MAC")
    for address in interface.addresses:
        set_by_us = address in (standing.address, standing.beside)
        ours = " (set by deployer)" if set_by_us else ""
        say(f"  address {address}{ours}")
    if interface.default_route:
        say("  this computer's way to the internet: never touched")
    if standing.since is not None:
        since = datetime.datetime.fromtimestamp(standing.since, tz=datetime.UTC).astimezone()
        say(f"  changed by deployer since {since:%Y-%m-%d %H:%M}")
    if standing.owner:
        say(f"  in use by process {standing.owner}")
    for ip, mac in standing.neighbours:
        say(f"  neighbour {ip} ({mac})")


def _named(state_dir: Path | None) -> Settings:
    config = settings.load()
    return names.added(config, settings.expanded(state_dir or config.state_dir), now=True)


@app.command("ping")
def ping_command(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET", autocompletion=complete.targets, help="Its address or name."
        ),
    ],
    *,
    count: Annotated[
        int, value("--count", "N", "How many times. 0: until Ctrl-C.", whole(0, 1 << 31))
    ] = 4,
    interval: Annotated[
        float, value("--interval", "SECONDS", "Seconds between two pings.", number(0.1))
    ] = 1.0,
    timeout: Annotated[
        float, value("--timeout", "SECONDS", "Seconds to wait for an answer.", number(0.1, 60))
    ] = 1.0,
    watch: Annotated[
        bool, flag("--watch", "Say only when it appears, vanishes or returns.")
    ] = False,
    as_json: AsJson = False,
    state_dir: StateDir = None,
) -> None:
    """Ask whether the PC is there, by ping and by ARP.

    If it does not answer ping, ARP is asked: no firewall on the PC can stop that.
    """
    config = _named(state_dir)
    address = settings.resolve_target(target, config)
    if address == ANY:
        raise WrongUse(
            what="Nobody in particular cannot be asked.",
            remedy="Name an address; who is there says: deployer devices",
        )
    if is_simulated(address):
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
        _verdict(address, verdict, as_json=as_json)
    _conclude(address, verdicts, as_json=as_json)


def _verdict(target: str, verdict: PresenceVerdict, *, as_json: bool, **more: object) -> None:
    if as_json:
        kind = type(verdict).__name__
        say_json({"target": target, "verdict": kind, **more, **msgspec.to_builtins(verdict)})
    else:
        say(f"{wire.say(target, verdict)}.")


def _conclude(target: str, verdicts: Sequence[PresenceVerdict], *, as_json: bool) -> None:
    times = [v.rtt * 1000 for v in verdicts if isinstance(v, Answered)]
    if times and not as_json:
        mean = sum(times) / len(times)
        say(
            f"{len(times)} of {len(verdicts)} answered; "
            f"{min(times):.1f} / {mean:.1f} / {max(times):.1f} ms (least / mean / most)"
        )
    last = verdicts[-1]
    if not any(there(verdict) for verdict in verdicts):
        what = wire.say(target, last)
        raise TargetAbsent(what=f"{what[0].upper()}{what[1:]}.", remedy=wire.advice(target, last))
    if not times and not as_json:
        say(wire.advice(target, last))


async def _watch(target: str, interval: float, *, as_json: bool) -> None:
    async for at, change, verdict in wire.follow(target, interval=interval):
        if as_json:
            _verdict(target, verdict, as_json=True, at=at, change=change)
        else:
            when = datetime.datetime.fromtimestamp(at, tz=datetime.UTC).astimezone()
            say(f"{when:%H:%M:%S} {change}: {wire.say(target, verdict)}.")


@app.command("doctor")
def doctor_command(
    *,
    target: Target = None,
    interface: Interface = None,
    address: Subnet = None,
    host_route: HostRoute = None,
    as_json: AsJson = False,
    state_dir: StateDir = None,
) -> None:
    """Examine everything between here and the old PC.

    Each trouble comes with its fix. Exit code 3 when this computer has one, 4 when only the old
    PC does not answer.
    """
    config = _named(state_dir)
    pc = settings.resolve_target(target, config) if target else ""
    if is_simulated(pc) or pc == ANY or pc.startswith(LINE):
        pc = ""
    wanted = _wanted(config, state_dir, address, interface, host_route)
    findings = wire.examine(wanted, target=pc)
    if told := sockets.trouble(wanted.state_dir, system=state_dir is None):
        findings = (*findings, Diagnosis("daemon", "broken", *told))
    for finding in findings:
        if as_json:
            say_json(msgspec.to_builtins(finding))
        else:
            _report(finding)
    _diagnose(findings)


def _report(finding: Diagnosis) -> None:
    say(f"{finding.severity:<8} {finding.what}")
    if finding.fix:
        say(f"         -> {finding.fix}")


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
