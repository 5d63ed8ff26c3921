"""The command line. A command's module is read when the command is called, not before."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Mapping

import click

from deployer import settings

MODULES: Mapping[str, str] = {
    **dict.fromkeys(("push", "stage", "lint", "model", "sim"), "push"),
    **dict.fromkeys(("tui", "card", "proof", "status", "history"), "watch"),
    **dict.fromkeys(("link", "ping", "doctor"), "wire"),
    **dict.fromkeys(("cancel", "retry", "prune"), "manage"),
    "serial": "serial",
    "serve": "serve",
    "provision": "provision",
}
"""Where each command lives; such a module has `register(cli)`."""


class Commands(click.Group):
    """A group that finds its commands in `MODULES`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command by name."""
        return sorted({*super().list_commands(ctx), *MODULES})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        if cmd_name in MODULES and cmd_name not in self.commands:
            importlib.import_module(f"deployer.face.cli.{MODULES[cmd_name]}").register(self)
        return super().get_command(ctx, cmd_name)


def _version() -> str:
    """The installed version, or that it runs from a source tree."""
    try:
        return importlib.metadata.version("retro-deployer")
    except importlib.metadata.PackageNotFoundError:
        return "of this source tree"


@click.group(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(_version(), prog_name="deployer")
@click.pass_context
def cli(context: click.Context) -> None:
    """Move software onto an old PC and prove that it arrived and runs.

    First steps, without any old PC:  deployer push --target sim
    """
    context.obj = settings.load()
