"""What the shell proposes when Tab is pressed. Fast, and silent whatever is broken: no answer then.

What a proposal needs is imported when it is asked for: the shell starts this program for each Tab.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable

import typer

from deployer.errors import WrongUse

_MOST = 50
"""How many deployments are proposed: nobody reads more."""
Proposal = tuple[str, str]
"""What may stand there, and a word about it, which zsh and fish show."""


def _silent(propose: Callable[..., Iterable[Proposal]]) -> Callable[..., list[Proposal]]:
    def proposals(ctx: typer.Context, incomplete: str) -> list[Proposal]:
        found: list[Proposal] = []
        with contextlib.suppress(Exception):
            found.extend(each for each in propose(ctx) if each[0].startswith(incomplete))
        return found

    proposals.__doc__ = propose.__doc__  # not functools.wraps: Typer reads the signature
    return proposals


@_silent
def targets(ctx: typer.Context) -> Iterable[Proposal]:
    """The simulated PC, whoever comes, the names that PCs were given, and serial ports."""
    from deployer import settings
    from deployer.host.devices import names

    yield "sim", "the simulated PC"
    yield "any", "the first PC that asks"
    with contextlib.suppress(WrongUse):  # a wrong file of settings is reported when it is needed
        config = settings.load()
        given = ctx.params.get("state_dir")
        directory = settings.expanded(given or config.state_dir)
        yield from names.added(config, directory).targets.items()
    for device, title in _ports():
        yield f"serial:{device}", title


@_silent
def ports(ctx: typer.Context) -> Iterable[Proposal]:
    """The serial ports that are plugged in."""
    del ctx
    return _ports()


def _ports() -> Iterable[Proposal]:
    from deployer.host import serial

    return [(info.device, info.title or "serial port") for info in serial.ports()]


@_silent
def interfaces(ctx: typer.Context) -> Iterable[Proposal]:
    """The network interfaces of this computer."""
    import socket

    del ctx
    return [(name, "") for _number, name in socket.if_nameindex() if name != "lo"]


@_silent
def deployments(ctx: typer.Context) -> Iterable[Proposal]:
    """The ids of what was pushed, newest first, with where it went."""
    from deployer import settings
    from deployer.host import past, sockets

    given = ctx.params.get("state_dir")
    directory = settings.expanded(given or settings.load().state_dir)
    with past.rows_of(directory if given else sockets.home(directory)) as rows:
        return [(row.deployment, row.target) for row in reversed(rows.newest(_MOST))]
