"""What `push`, `retry` and `tui` have in common: where a host serves when no daemon runs."""

from __future__ import annotations

from pathlib import Path

from deployer.face.card import typed_lines, typed_steps
from deployer.face.say import aside
from deployer.host import wire
from deployer.host.connect import Here, page_port
from deployer.host.devices import names
from deployer.host.requests import Patience, Words
from deployer.host.wire import Wanted
from deployer.model import ANY
from deployer.settings import Settings

WORDS = Words(typed_lines, typed_steps, aside)


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
    )
