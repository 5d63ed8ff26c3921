"""Commands that help before anything is sent: lint, model, sim."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deployer import settings
from deployer.face.cli import complete
from deployer.face.cli.options import AsJson, StateDir, flag, value
from deployer.face.say import say

app = typer.Typer()
model = typer.Typer(no_args_is_help=True)
app.add_typer(model, name="model")


@app.command("lint")
def lint_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", parser=Path, help="The batch file.")],
    *,
    explain: Annotated[bool, flag("--explain", "Say why, and where that is known from.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check a batch file against COMMAND.COM of Windows 98.

    What it rejects, and what it mangles without a word, is named with the line and the remedy.
    Warnings alone leave the exit code at 0: the file runs, or what happens depends on that PC.
    """
    from deployer.core.lint import check
    from deployer.errors import LintFailed
    from deployer.face import inspected
    from deployer.host import staging

    findings = check.check(staging.read_text_file(file), name=file.name.upper())
    inspected.findings(findings, file, explain=explain, as_json=as_json)
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        raise LintFailed(name=file, count=len(errors))


@model.callback()
def model_group() -> None:
    """Look into model files."""


@model.command("inspect")
def inspect_command(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            parser=Path,
            show_default=False,
            help="The model file; the sample when none is named.",
        ),
    ] = None,
    *,
    target: Annotated[
        str,
        value(
            "--target", "PC", "Whether it fits this old PC, as far as it is known.",
            complete=complete.targets, default=False,
        ),
    ] = "",
    as_json: AsJson = False,
    state_dir: StateDir = None,
) -> None:  # fmt: skip
    """Say what a model FILE is, and what the old PC needs for it."""
    from dataclasses import replace

    from deployer.face import estimate, inspected
    from deployer.host import past, staging
    from deployer.host.devices import names
    from deployer.host.recognise import recognise
    from deployer.host.requests import Request

    config = settings.load()
    file = file or staging.sample_model()
    shape = staging.inspect(file)
    inspected.model(shape, file, as_json=as_json)
    if not as_json:
        seen = recognise(Request(files=(file,), no_run=True))
        load = replace(seen.load, model=shape)
        directory = settings.expanded(state_dir or config.state_dir)
        address = names.added(config, directory).targets.get(target, target)
        with past.rows_of(directory) as known:
            rows = known.newest(estimate.NEWEST, address)
        _fit, line = estimate.fit_line(load, rows, address, profile=seen.profile, model=file.name)
        say(f"  {line}")


@app.command("sim", context_settings={"ignore_unknown_options": True}, add_help_option=False)
def sim_command(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="ARGUMENTS", show_default=False)
    ] = None,
) -> int:
    """Start a simulated PC that visits a running host.

    `deployer sim --help` says how.
    """
    from deployer.host import connect

    return connect.run_simulator(arguments or ())
