"""`deployer serve`: the daemon, in the foreground."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from deployer.face.card import typed_lines, typed_steps
from deployer.face.cli.options import Number
from deployer.host import daemon, wire
from deployer.host.daemon import Serving, Words
from deployer.host.requests import Patience
from deployer.host.sockets import SOCKET
from deployer.settings import Settings, expanded

_PATH = click.Path(path_type=Path)
_RUN = Path("/run/deployer")


def register(cli: click.Group) -> None:
    """Add the commands of this module."""
    cli.add_command(serve_command)


@click.command("serve")
@click.option("--interface", envvar="DEPLOYER_INTERFACE", help="The wire's network interface.")
@click.option("--address", envvar="DEPLOYER_ADDRESS", help="Our address there.  [192.168.1.1/24]")
@click.option("--host-route", metavar="ADDR", help="Reach this one machine only, no subnet.")
@click.option("--no-link", is_flag=True, help="Leave the network settings alone.")
@click.option("--force-interface", is_flag=True, help="Even if it carries the default route.")
@click.option("--ftp-port", envvar="DEPLOYER_FTP_PORT", type=click.IntRange(0, 65535))
@click.option("--http-port", type=click.IntRange(0, 65535), default=80, show_default=True)
@click.option("--no-http", is_flag=True, help="No page on the wire.")
@click.option("--user", envvar="DEPLOYER_USER", help="Whom to become once the ports are open.")
@click.option("--control", type=_PATH, help="The Unix socket on which it takes requests.")
@click.option("--web", type=click.IntRange(0, 65535), help="Also a page on this port of 127.0.0.1.")
@click.option(
    "--on-demand", is_flag=True,
    help="Open ports at the first push, end when nothing is open and nobody watches.",
)  # fmt: skip
@click.option("--timeout", type=Number(0), help="Seconds of silence to bear, 0 for ever.")
@click.option(
    "--state-dir", envvar="DEPLOYER_STATE_DIR", type=_PATH, help="Where events and proofs are."
)
@click.pass_obj
def serve_command(config: Settings, /, **given: Any) -> int:
    """Serve old PCs until stopped: sets the wire's address, opens FTP and the page, takes pushes.

    With sudo it becomes the user who called it as soon as the ports are open. `deployer tui`
    brings one up with --on-demand when none runs; that one stays the user who started it.
    """
    state_dir = expanded(given["state_dir"] or config.state_dir)
    address = given["address"] or f"{config.address}/24"
    wanted = wire.Wanted(
        address=address,
        state_dir=state_dir,
        interface=given["interface"],
        host_route=given["host_route"] or "",
        force=given["force_interface"],
    )
    root = hasattr(os, "geteuid") and os.geteuid() == 0 and not given["on_demand"]
    silence = config.timeout if given["timeout"] is None else given["timeout"]
    serving = Serving(
        state_dir=state_dir / "served" if root else state_dir,
        address=address.partition("/")[0],
        control=given["control"] or (_RUN if root else state_dir) / SOCKET,
        ftp_port=config.ftp_port if given["ftp_port"] is None else given["ftp_port"],
        http_port=None if given["no_http"] else given["http_port"],
        web=given["web"],
        pages=Path(__file__).parents[1] / "web",
        user=given["user"] or os.environ.get("SUDO_USER", ""),
        wanted=None if given["no_link"] else wanted,
        patience=Patience(silence or None, given["timeout"] or None),
        on_demand=given["on_demand"],
    )
    return daemon.serve(serving, Words(typed_lines, typed_steps, _say))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
