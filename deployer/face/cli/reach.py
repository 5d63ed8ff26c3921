"""What `push`, `retry` and `tui` have in common: where a host serves when no daemon runs."""

from __future__ import annotations

from pathlib import Path

from deployer.errors import WrongUse
from deployer.face.card import typed_lines, typed_steps
from deployer.face.say import aside
from deployer.host import wire
from deployer.host.connect import Here, page_port
from deployer.host.devices import names
from deployer.host.requests import Patience, Words
from deployer.host.wire import Wanted
from deployer.model import ANY, is_simulated
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
