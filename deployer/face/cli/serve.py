"""`deployer serve`: the daemon, in the foreground."""

from __future__ import annotations

import ipaddress
import os
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from deployer import settings
from deployer.errors import WrongUse
from deployer.face.cli.options import (
    PORT,
    THE_WIRE,
    Dhcp,
    ForceInterface,
    FtpPort,
    HostRoute,
    Interface,
    NoHttp,
    NoLink,
    NoLinkLocal,
    Silence,
    StateDir,
    Subnet,
    flag,
    value,
)
from deployer.face.say import picture, say

app = typer.Typer()
_RUN = Path("/run/deployer")
_PAGE = 8098
"""The page's port where none is named."""
THE_PAGE = "The live page"


def _own_address(text: str) -> str:
    """One address of this computer, never all of them. Raises WrongUse."""
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        address = None
    if address is None or address.is_unspecified or address.is_multicast:
        raise WrongUse(
            what=f"--web-address {text}: this is not one address of this computer.",
            remedy="Name the one that the phone reaches, such as 192.168.178.20.",
        )
    return str(address)


@app.command("serve")
def serve_command(
    *,
    interface: Interface = None,
    address: Subnet = None,
    host_route: HostRoute = None,
    no_link: NoLink = False,
    no_link_local: NoLinkLocal = False,
    dhcp: Dhcp = False,
    force_interface: ForceInterface = False,
    ftp_port: FtpPort = None,
    http_port: Annotated[
        int,
        value(
            "--http-port", "PORT", "The port of the page for the old PC's browser.", PORT,
            panel=THE_WIRE,
        ),
    ] = 80,
    no_http: NoHttp = False,
    user: Annotated[
        str | None,
        value(
            "--user", "NAME", "The user to become as soon as the ports are open.",
            environ="DEPLOYER_USER",
        ),
    ] = None,
    control: Annotated[
        Path | None,
        value("--control", "SOCKET", "The Unix socket on which it takes requests.", Path),
    ] = None,
    web: Annotated[
        int | None, value("--web", "PORT", "Also a live page on this port.", PORT, panel=THE_PAGE)
    ] = None,
    web_address: Annotated[
        str | None,
        value(
            "--web-address", "ADDRESS",
            "Open the page to other machines, such as a phone: on this address of this computer.",
            _own_address, default="127.0.0.1", panel=THE_PAGE,
        ),
    ] = None,
    on_demand: Annotated[
        bool,
        flag(
            "--on-demand",
            "Open ports at the first push, end when nothing is open and nobody watches.",
        ),
    ] = False,
    timeout: Silence = None,
    state_dir: StateDir = None,
) -> int:  # fmt: skip
    """Serve old PCs until stopped: the daemon.

    It sets the wire's address, opens FTP and the page, and takes pushes. With sudo it becomes the
    user who called it as soon as the ports are open. `deployer tui` brings one up with --on-demand
    when none runs; that one stays the user who started it. On a terminal it says what happens
    in words; in a pipe or a journal each event is a line of JSON. The page only shows. Whoever has
    its whole address can look, and with --web-address it goes over the network unencrypted.
    """
    from deployer.face import card, qr, words
    from deployer.host import daemon, wire
    from deployer.host.daemon import Serving
    from deployer.host.requests import PageWords, Patience, Words
    from deployer.host.sockets import SOCKET

    config = settings.load()
    directory = settings.expanded(state_dir or config.state_dir)
    ours = address or config.address
    wanted = wire.Wanted(
        address=ours,
        state_dir=directory,
        interface=interface,
        host_route=host_route or "",
        force=force_interface,
        link_local=not no_link_local,
        dhcp=dhcp or config.wire.dhcp,
    )
    root = hasattr(os, "geteuid") and os.geteuid() == 0 and not on_demand
    serving = Serving(
        state_dir=directory / "served" if root else directory,
        address=ours.partition("/")[0],
        control=control or (_RUN if root else directory) / SOCKET,
        ftp_port=config.ftp_port if ftp_port is None else ftp_port,
        http_port=None if no_http else http_port,
        web=_PAGE if web is None and web_address else web,
        web_address=web_address or "127.0.0.1",
        pages=Path(__file__).parents[1] / "web",
        user=user or os.environ.get("SUDO_USER", ""),
        at_home=state_dir is None and not user and directory == Path(settings.SYSTEM_STATE_DIR),
        wanted=None if no_link else wanted,
        patience=Patience.of(config.timeout, timeout),
        on_demand=on_demand,
    )
    told = words.timed if sys.stdout.isatty() else None

    def opened(page: str) -> None:
        if web_address and sys.stdout.isatty():
            picture(qr.code(page))

    page = PageWords(lambda row: card.live(row, time.time()), words.line, opened)
    return daemon.serve(serving, Words(card.typed_lines, card.typed_steps, say, told, page))
