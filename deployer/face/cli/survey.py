"""The command `survey`: ask an old PC how it really behaves, and look at what it said."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from deployer import settings
from deployer.errors import WrongUse
from deployer.face.cli.options import (
    AsJson,
    DeliveryOptions,
    Like,
    SomePc,
    StateDir,
    flag,
    shared,
    value,
)
from deployer.face.say import raw, say, say_json

if TYPE_CHECKING:
    from deployer.host.surveys.kept import Kept

_ASK = "ask"


class _AskFirst(TyperGroup):
    """A group whose first word is a PC when it is none of the commands."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments with the command that was left out."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = [_ASK, *args]
        return super().parse_args(ctx, args)


app = typer.Typer()
survey = typer.Typer(cls=_AskFirst, no_args_is_help=True, subcommand_metavar="PC|COMMAND [OPTIONS]")
app.add_typer(survey, name="survey")

Name = Annotated[
    str,
    typer.Argument(
        metavar="SURVEY", show_default=False,
        help="A survey's name, or a PC: its newest. Without one: the newest.",
    ),
]  # fmt: skip


@survey.callback()
def survey_group() -> None:
    """Ask an old PC how it really behaves.

    `survey PC` is `survey ask PC`. It tries observed batch files, the disk, Windows' programs and
    the speed, in a folder of its own; what it finds comes back sealed. If a probe stops the PC,
    switch it off and on and type GO again: the survey goes on after that probe.
    """


@survey.command(_ASK)
@shared
def ask_command(
    target: SomePc,
    options: DeliveryOptions,
    *,
    quick: Annotated[
        bool, flag("--quick", "Only what takes 3 minutes in all (the default).")
    ] = False,
    full: Annotated[bool, flag("--full", "Everything: half an hour, and the PC may stop.")] = False,
    only: Annotated[
        Literal["command", "ftp", "disk", "win32", "network", "speed", "diskette", "cable"] | None,
        value("--only", None, "Only this section. diskette and cable need you at the PC."),
    ] = None,
    to: Annotated[
        str | None, value("--to", "DIR", "Its folder there.", default="C:\\SURVEY")
    ] = None,
    like: Like = None,
) -> None:
    """Ask the PC, and say how it differs from what is expected of Windows 98."""
    from deployer.core.survey.probe import SurveySection
    from deployer.core.target import gobat
    from deployer.face.cli import reach
    from deployer.host.requests import Order, Request
    from deployer.host.surveys import asked, kept

    if quick and full:
        raise WrongUse(what="--quick and --full exclude each other.", remedy="Leave one out.")
    config = settings.load()
    store = settings.expanded(options.state_dir or config.state_dir)
    config, pc = reach.on_network(target, config, store, "Use a network cable.")
    broken = reach.faults_of(pc, options.faults)
    directory = gobat.parse_directory(to or asked.DIRECTORY)
    gobat.refuse_long(directory)
    sections = {SurveySection(only)} if only else set()
    ready = asked.prepare(store, full=full, sections=sections, directory=directory)
    if not options.as_json:
        minutes = max(1, round(ready.seconds / 60))
        say(f"{len(ready.probes)} probes, about {minutes} min on a Pentium II (modelled)")
    order = Order(
        request=Request((ready.folder,), run="SURVEY.BAT", dates=False),
        target=pc,
        directory=directory,
        host=options.address or "",
        patience=reach.patience(config, options),
    )
    here = reach.here(
        config, store, pc, faults=broken, unlike=reach.unlike(store, like, pc), **options.wire
    )

    face = reach.face(as_json=options.as_json, screen=options.screen, brief=True)
    done = reach.deliver(order, face, store, here, system=options.state_dir is None)
    found = kept.keep(store, done.deployment, kept.arrived(Path(done.output_path)), pc)
    ready.remove()
    _show(found, as_json=options.as_json, whole=False)
    if not options.as_json:
        say(f"All of it: deployer survey show {found.name}")


def _show(found: Kept, *, as_json: bool, whole: bool) -> None:
    from deployer.core.survey.judge import judge
    from deployer.face.surveys import report
    from deployer.host.surveys import asked

    judged = judge(found.survey, asked.every_probe())
    if as_json:
        head = {"survey": found.name, "target": found.target, "machine": dict(found.survey.machine)}
        say_json(head | report.as_json(judged))
        return
    if whole:
        say(found.name)
        for line in report.machine(found.survey.machine):
            say(f"  {line}")
    for line in report.summary(judged):
        say(line)
    for line in report.details(judged):
        say(line)


@survey.command("show")
def show_command(name: Name = "", *, as_json: AsJson = False, state_dir: StateDir = None) -> None:
    """Show a survey: what is as expected, what differs, what is new."""
    from deployer.host.surveys import kept

    store = settings.expanded(state_dir or settings.load().state_dir)
    _show(kept.one(store, name), as_json=as_json, whole=True)


@survey.command("list")
def list_command(*, as_json: AsJson = False, state_dir: StateDir = None) -> None:
    """List the surveys that are here, the newest first."""
    from deployer.face.tables import columns
    from deployer.host.surveys import kept

    store = settings.expanded(state_dir or settings.load().state_dir)
    rows = [("survey", "target", "system", "processor")]
    for one in kept.every(store):
        machine = one.survey.machine
        row = (one.name, one.target, machine.get("system", ""), machine.get("cpu", ""))
        rows.append(row)
        if as_json:
            say_json(dict(zip(rows[0], row, strict=True)))
    if not as_json:
        columns(rows, raw)


@survey.command("diff")
def diff_command(
    name: Name = "",
    other: Annotated[
        str,
        typer.Argument(metavar="OTHER", help="Another survey. Without one: the simulated PC's."),
    ] = "",
    *,
    as_json: AsJson = False,
    state_dir: StateDir = None,
) -> None:
    """Show where two PCs differ, in what both were asked."""
    from deployer.face.surveys import report
    from deployer.host.surveys import kept

    store = settings.expanded(state_dir or settings.load().state_dir)
    one = kept.one(store, name)
    two = kept.one(store, other) if other else None
    found = report.differences(one, two)
    if as_json:
        say_json({"survey": one.name, "other": two.name if two else "", "differing": found})
        return
    for identity, texts in found.items():
        say(identity)
        for line in texts:
            say(f"  {line}")
    if not found:
        say("They agree.")


@survey.command("export")
def export_command(
    name: Name = "",
    *,
    out: Annotated[Path | None, value("--out", "FILE", "The output file.", Path)] = None,
    state_dir: StateDir = None,
) -> None:
    """Write a survey without names, addresses, paths and serial numbers, to be shown to anybody."""
    from deployer.face.surveys import report
    from deployer.host.surveys import kept

    store = settings.expanded(state_dir or settings.load().state_dir)
    one = kept.one(store, name)
    text = report.exported(one)
    if out is None:
        raw(text.decode("ascii"))
        return
    try:
        with out.open("xb") as file:
            file.write(text)
    except OSError as error:
        raise WrongUse(
            what=f"{out}: cannot be written: {error.strerror}.",
            remedy="Name a new file with --out.",
        ) from error
    say(f"{out}: {len(text):,} bytes that may be shown to anybody.")


@survey.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", parser=Path, help="A SURVEY.TXT.")],
    *,
    name: Annotated[str | None, value("--name", "NAME", "The survey's name here.")] = None,
    state_dir: StateDir = None,
) -> None:
    """Keep a survey that came another way: a SURVEY.TXT, or the folder that SURVEY.BAT ran in."""
    from deployer.host.surveys import kept

    store = settings.expanded(state_dir or settings.load().state_dir)
    found = kept.brought(store, name or file.stem, file)
    say(f"{found.name}: {len(found.survey.evidence)} probes.")
