"""What a user calls the PCs of the wire, and which address each has now.

What asks the wire is imported where it is asked: `status` and Tab want the names alone.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from deployer.core.wire.addresses import parse_target
from deployer.core.wire.devices import NamedTarget, parse_name
from deployer.core.wire.presence import Answered, SilentButThere
from deployer.edge.store import Store
from deployer.errors import DirectoryForbidden, WrongUse
from deployer.settings import SYSTEM_STATE_DIR, Settings


def known(state_dir: Path) -> tuple[NamedTarget, ...]:
    """Every name that was given, with the last known address; nothing is asked on the wire.

    None of a state directory that belongs to somebody else. A command that needs root knows those
    of the user who called sudo, too.
    """
    found = _of_caller() if state_dir == Path(SYSTEM_STATE_DIR) else ()
    if not state_dir.is_dir():
        return found
    try:
        with contextlib.closing(Store(state_dir)) as store:
            return (*found, *store.devices.named())
    except DirectoryForbidden:
        return found


def _of_caller() -> tuple[NamedTarget, ...]:
    """What the user who called sudo has given; a process of that user reads it."""
    if sys.platform != "linux" or "SUDO_UID" not in os.environ:
        return ()
    from deployer.host.sudo import split  # noqa: PLC0415

    return tuple(
        msgspec.json.decode(line, type=NamedTarget)
        for line in split.said_to_caller("name", "--json").splitlines()
    )


def give(
    state_dir: Path, address: str, name: str, *, clock: Callable[[], float] = time.time
) -> NamedTarget:
    """Call the PC at an address so. It is asked for its network card. Raises WrongUse."""
    target = NamedTarget(parse_name(name), parse_target(address), _card(address), clock())
    with contextlib.closing(Store(state_dir)) as store:
        store.devices.name(target)
    return target


def remove(state_dir: Path, name: str) -> None:
    """Forget a name. Raises WrongUse when there is none."""
    if any(each.name == name.lower() for each in known(state_dir)):
        with contextlib.closing(Store(state_dir)) as store:
            store.devices.forget(name.lower())
        return
    raise WrongUse(
        what=f"No PC is called {name}.", remedy="The names that there are: deployer name"
    )


def added(config: Settings, state_dir: Path, *, now: bool = False) -> Settings:
    """The settings with these names among their targets; those of the settings win.

    With `now` it is looked up which address each network card has at this moment.
    """
    found = known(state_dir)
    if now and found:
        found = _moved(state_dir, found)
    return replace(config, targets={**{each.name: each.ip for each in found}, **config.targets})


def _moved(state_dir: Path, found: tuple[NamedTarget, ...]) -> tuple[NamedTarget, ...]:
    """The same where their network cards are now, which is kept."""
    from deployer.host import wire  # noqa: PLC0415

    seen = (wire.neighbours(sure=True), wire.neighbours())
    moved = tuple(replace(each, ip=_now_at(each, seen)) for each in found)
    if moved != found:
        with contextlib.closing(Store(state_dir)) as store:
            for each in moved:
                store.devices.seen(each.mac, each.ip, time.time())
    return moved


def _now_at(target: NamedTarget, seen: Sequence[Sequence[tuple[str, str]]]) -> str:
    """Where its network card is, by what is known of the neighbours, the surest first."""
    for neighbours in seen:
        places = [ip for ip, mac in neighbours if target.mac and mac == target.mac]
        if places:
            return target.ip if target.ip in places else places[0]
    return target.ip


def _card(address: str) -> str:
    """The MAC of the PC at an address, "" when it does not say."""
    from deployer.edge.link import ping  # noqa: PLC0415
    from deployer.host import wire  # noqa: PLC0415

    match ping.probe(address, timeout=1.0):
        case Answered(mac=mac) | SilentButThere(mac=mac):
            return mac or wire.mac_of(address)
        case _:
            return ""
