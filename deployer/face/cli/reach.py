"""What the commands that deliver have in common: for whom, where a host serves, the one road."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from deployer import settings
from deployer.core.deployment import Deployment
from deployer.errors import WrongUse
from deployer.face.card import typed_lines, typed_steps
from deployer.face.cli.options import DeliveryOptions
from deployer.face.jsonl import JsonLines
from deployer.face.progress import PushProgress, Terminal
from deployer.face.push import Face, Watching, push
from deployer.face.say import aside, raw
from deployer.host import connect, wire
from deployer.host.connect import Here, page_port
from deployer.host.devices import names
from deployer.host.requests import Host, Order, Patience, Words
from deployer.host.wire import Wanted
from deployer.model import ANY, LINE, is_simulated
from deployer.settings import Settings

WORDS = Words(typed_lines, typed_steps, aside)


def unlike(state_dir: Path, like: str | None, target: str) -> tuple[str, ...]:
    """The settings of the simulated PC that make it like the PC of a survey, none without one.

    Raises SurveyUnknown, and WrongUse for a target that is no simulated PC. What no setting can
    match is said.
    """
    if like is None:
        return ()
    if not is_simulated(target):
        raise WrongUse(
            what="--like is for simulated PCs only.", remedy="Use it with the target sim."
        )
    from deployer.face.surveys import report
    from deployer.host.surveys import kept

    found = report.likeness(kept.one(state_dir, like))
    if found.unmatched:
        aside(f"No setting makes it answer as that PC did in: {', '.join(found.unmatched)}")
    return found.unlike


def named(config: Settings, state_dir: Path) -> Settings:
    """The settings with the names that PCs were given, and the addresses that these have now."""
    return names.added(config, state_dir, now=True)


def here(
    config: Settings,
    state_dir: Path,
    target: str = "",
    *,
    address: str | None = None,
    ftp_port: int | None = None,
    http_port: int | None = None,
    no_http: bool = False,
    interface: str | None = None,
    host_route: str | None = None,
    no_link: bool = False,
    no_link_local: bool = False,
    dhcp: bool = False,
    faults: tuple[str, ...] = (),
    unlike: tuple[str, ...] = (),
) -> Here:
    """How this process serves `target`; None and "" are for what was not said.

    A PC that nobody has configured, at 169.254.x.y, is served on 169.254.1.1 alone, others on that
    one too.
    """
    usual = wire.LINK_LOCAL if wire.is_link_local(target) else config.address
    own = address or usual
    wanted = Wanted(
        own,
        state_dir,
        interface,
        host_route or "",
        link_local=not no_link_local,
        dhcp=dhcp or config.wire.dhcp,
    )
    port = config.ftp_port if ftp_port is None else ftp_port
    return Here(
        address=own,
        ftp_port=port,
        http_port=page_port(port, http_port, without=no_http),
        wanted=None if no_link else wanted,
        target="" if target == ANY else target,
        patience=Patience.of(config.timeout),
        faults=faults,
        unlike=unlike,
    )


def patience(config: Settings, options: DeliveryOptions) -> Patience | None:
    """How long a silence may be, where it was said."""
    return None if options.timeout is None else Patience.of(config.timeout, options.timeout)


def on_network(target: str, config: Settings, state_dir: Path, remedy: str) -> tuple[Settings, str]:
    """The settings with the names of PCs, and the PC that a word means.

    Raises WrongUse for a serial line; `remedy` is what to do then.
    """
    known = named(config, state_dir)
    pc = settings.resolve_target(target, known)
    if pc.startswith(LINE):
        raise WrongUse(what="This goes over a network only, not over a serial line.", remedy=remedy)
    return known, pc


def faults_of(pc: str, faults: list[str] | None) -> tuple[str, ...]:
    """What goes wrong with a simulated PC. Raises WrongUse for another, and for unknown faults."""
    if faults and not is_simulated(pc):
        raise WrongUse(
            what="--fault breaks simulated PCs only.", remedy="Use it with the target sim."
        )
    if faults:
        connect.check_faults(tuple(faults))
    return tuple(faults or ())


def face(*, as_json: bool, screen: bool, brief: bool = False) -> Face:
    """Who shows what happens: events as lines of JSON, or progress for people."""
    if as_json:
        return JsonLines(raw)
    return PushProgress(Terminal(), time.time, show_screen=screen, brief=brief)


After = Callable[[Host, Deployment], Awaitable[object]]


async def nothing_more(_host: Host, _ended: Deployment) -> None:
    """Nothing comes after a delivery, usually."""


def deliver(
    order: Order,
    face: Face,
    store: Path,
    here: Here,
    *,
    system: bool,
    detach: bool = False,
    after: After = nothing_more,
) -> Deployment:
    """Send an order, by the daemon or from this process, and watch it to its end.

    `system` asks the daemon of all users too. A simulated PC that is broken, or like another PC, is
    this process' own. `after` is done with the same host when it was proved.
    """

    async def work(undo: connect.Undo) -> Deployment:
        alone = bool(here.faults or here.unlike)
        async with connect.open_host(
            store, here, WORDS, undo, system=system, daemon=not alone
        ) as host:
            ended = await push(host, order, Watching(face, detach, aside))
            await after(host, ended)
            return ended

    return connect.run(work)
