"""The command line. A command's module is read when the command is called, not before.

`COMMANDS` is what `deployer --help` and the completion show, without reading any of the modules;
each module named there has `app`, a Typer with the commands. Read `options` next.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import EnumType
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from deployer.errors import EXIT_USE


@dataclass(frozen=True, slots=True)
class ListedCommand:
    """One command in the list of all: its module, its panel and the first sentence of its help."""

    name: str
    module: str
    panel: str
    summary: str


_OLD_PC = "The old PC"

# Rows of one shape on purpose: it is a table.
COMMANDS = (
    ListedCommand("demo", "demo", "Deliver", "Show all of it with a simulated Windows 98 PC."),
    ListedCommand(
        "push", "push", "Deliver", "Deliver FILES to an old PC, launch them there, prove both."
    ),
    ListedCommand("pull", "pull", "Deliver", "Bring FILES of an old PC here, and prove them."),
    ListedCommand(
        "backup", "pull", "Deliver", "Keep a folder of an old PC here: only what is new comes."
    ),
    ListedCommand(
        "restore", "pull", "Deliver", "Send a BACKUP back to the old PC, and prove it there."
    ),
    ListedCommand("retry", "manage", "Deliver", "Offer a DEPLOYMENT again: only the rest moves."),
    ListedCommand("cancel", "manage", "Deliver", "End a DEPLOYMENT, in whatever window it runs."),
    ListedCommand(
        "stage", "push", "Deliver", "Write plain files, for a CF card or another FTP server."
    ),
    ListedCommand(
        "status", "look", "Look", "Show what open deployments do now, and the last that ended."
    ),
    ListedCommand("tui", "watch", "Look", "Watch and steer everything, live."),
    ListedCommand("card", "look", "Look", "Show what to type on the old PC for a DEPLOYMENT."),
    ListedCommand(
        "proof", "look", "Look", "Print the proof of a DEPLOYMENT, and check its sums again."
    ),
    ListedCommand("history", "look", "Look", "Show every deployment with its proof, oldest first."),
    ListedCommand("prune", "manage", "Look", "Forget the single events of old deployments."),
    ListedCommand("run", "oldpc", _OLD_PC, "Run a COMMAND on an old PC that has an agent."),
    ListedCommand("chat", "chat", _OLD_PC, "Talk with a model on an old PC that has an agent."),
    ListedCommand("ls", "oldpc", _OLD_PC, "List a directory of an old PC that has an agent."),
    ListedCommand("rm", "oldpc", _OLD_PC, "Delete files on an old PC that has an agent."),
    ListedCommand(
        "screen", "oldpc", _OLD_PC, "Take a picture of the screen of an old PC that has an agent."
    ),
    ListedCommand(
        "input", "oldpc", _OLD_PC,
        "Press keys on an old PC that has an agent, such as ALT+N in an installer.",
    ),
    ListedCommand(
        "reboot", "oldpc", _OLD_PC,
        "Restart an old PC that has an agent, and wait until it is back.",
    ),
    ListedCommand("poweroff", "oldpc", _OLD_PC, "Switch off an old PC that has an agent."),
    ListedCommand(
        "settime", "oldpc", _OLD_PC, "Set the clock of an old PC that has an agent, to local time."
    ),
    ListedCommand(
        "bugreport", "oldpc", _OLD_PC,
        "Ask an old PC with an agent for its machine, its programs and its agent's log.",
    ),
    ListedCommand(
        "upgrade", "oldpc", _OLD_PC,
        "Replace the agent on an old PC by this version's, whole or not at all.",
    ),
    ListedCommand(
        "forget", "oldpc", _OLD_PC,
        "Remove the agent from an old PC, with all that it has written there.",
    ),
    ListedCommand(
        "clean", "clean", _OLD_PC,
        "Remove what pushes left in a folder of an old PC, and our own files beside it.",
    ),
    ListedCommand(
        "lint", "check", "Check before", "Check a batch file against COMMAND.COM of Windows 98."
    ),
    ListedCommand("model", "models", "Check before", "Look into model files, convert them."),
    ListedCommand(
        "survey", "survey", "Check before", "Ask an old PC how it really behaves."
    ),
    ListedCommand(
        "sim", "check", "Check before", "Start a simulated PC that visits a running host."
    ),
    ListedCommand("doctor", "wire", "The wire", "Examine everything between here and the old PC."),
    ListedCommand("ping", "wire", "The wire", "Ask whether the PC is there, by ping and by ARP."),
    ListedCommand(
        "devices", "devices", "The wire", "List who is on the wire, and what is missing for each."
    ),
    ListedCommand(
        "name", "devices", "The wire", "Call the PC at an ADDRESS by a NAME from now on."
    ),
    ListedCommand(
        "link", "wire", "The wire", "Set this computer's address on the wire, and give it back."
    ),
    ListedCommand(
        "serial", "serial", "Serial lines", "Use a cable to the COM port of a PC without a network."
    ),
    ListedCommand(
        "provision", "provision", "Many PCs", "Bring many PCs to what a file says, and prove it."
    ),
    ListedCommand("serve", "serve", "Many PCs", "Serve old PCs until stopped: the daemon."),
)  # fmt: skip
"""Every command, in the order in which `--help` shows them."""


class Commands(TyperGroup):
    """The group of `COMMANDS`: light ones, until one of them is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for line in COMMANDS:
            self.add_command(TyperCommand(line.name, help=line.summary, rich_help_panel=line.panel))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """What was called, read from its module."""
        name, light, rest = super().resolve_command(ctx, args)
        if name is None or light is None:
            return name, light, rest
        return name, load(name), rest

    def invoke(self, ctx: Any) -> Any:
        """Raises typer.Abort for a Ctrl-C, of which Typer makes an exit code without a word."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            raise typer.Abort from stop


def load(name: str) -> Any:
    """A command of `COMMANDS` with everything that it can."""
    module = next(line.module for line in COMMANDS if line.name == name)
    found = importlib.import_module(f"deployer.face.cli.{module}")
    return _adapted(get_group(found.app).commands[name])


def _adapted(command: Any) -> Any:
    """The command with help for people, and without work for what was not given.

    Paragraphs lose the line ends of our source.
    """
    command.help = "\n\n".join(
        " ".join(paragraph.split()) for paragraph in (command.help or "").split("\n\n")
    )
    command.get_params = functools.partial(_parameters, command.get_params)
    for each in getattr(command, "commands", {}).values():
        _adapted(each)
    return command


def _parameters(known: Callable[[Any], list[Any]], ctx: Any) -> list[Any]:
    """Parameters without Typer's word for the type of an argument, such as list[Path].

    What was not given is not converted, nor is a default, and what has a parser is given to that
    alone: Typer does it all by pydantic, whose import takes longer than all that `status` does.
    """
    found = known(ctx)
    for parameter in found:
        if "process_value" in vars(parameter):
            continue  # seen before
        if parameter.param_type_name == "argument":
            parameter.display_type_rich = _no_type
        elif getattr(parameter, "is_flag", False):
            parameter.metavar = ""  # it takes no value
        parameter.process_value = functools.partial(_processed, parameter, parameter.process_value)
    return found


def _no_type(ctx: Any) -> None:
    del ctx


def _processed(parameter: Any, process: Callable[[Any, Any], Any], ctx: Any, value: Any) -> Any:
    if value is None and not parameter.required:
        return None
    descriptor = getattr(parameter, "type_descriptor", None)  # since Typer 0.29
    parse = descriptor.parameter_info.parser if descriptor else None
    if descriptor and not parse and not parameter.callback and value == parameter.default:
        kind = descriptor.annotation  # an enumeration is typed as its value
        return kind(value) if isinstance(kind, EnumType) else value
    if parse is None or parameter.multiple or not value:
        return process(ctx, value)
    return parse(value) if parameter.nargs == 1 else [parse(one) for one in value]


def _version(wanted: bool) -> None:
    """Print the installed version, or that it runs from a source tree."""
    if not wanted:
        return
    from importlib import metadata  # slow, and rarely asked

    try:
        version = metadata.version("retro-deployer")
    except metadata.PackageNotFoundError:
        version = "of this source tree"
    typer.echo(f"deployer, version {version}")
    raise typer.Exit


app = typer.Typer(
    cls=Commands,
    name="deployer",
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
)


@app.callback()
def deployer(
    ctx: typer.Context,
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Move software onto an old PC and prove that it arrived and runs.

    To begin, without any old PC: deployer demo
    """
    del version
    if ctx.invoked_subcommand is None and not ctx.resilient_parsing:
        from deployer.face.cli.demo import NEXT
        from deployer.face.say import say

        say("deployer moves software onto an old PC and proves that it arrived and runs.")
        for line in ("deployer demo               see it with a simulated Windows 98 PC", *NEXT):
            say(f"  {line}")
        raise typer.Exit(EXIT_USE)


def call(arguments: Sequence[str]) -> object:
    """Carry out a command line; what its command returned.

    Raises DeployerError, typer.TyperException for a wrong use, typer.Abort.
    """
    group = _adapted(get_command(app))
    return group.main(list(arguments), prog_name="deployer", standalone_mode=False)
