"""Commands that help before anything is sent: lint, sim."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deployer.face.cli.options import AsJson, flag

app = typer.Typer()


@app.command("lint")
def lint_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", parser=Path, help="The batch file.")],
    *,
    explain: Annotated[bool, flag("--explain", "Say why, and name the source.")] = False,
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

    return connect.run_simulator(_like(arguments or []))


def _like(arguments: list[str]) -> list[str]:
    """The arguments, with the settings of a survey in the place of `--like SURVEY`.

    `--state-dir DIR` is where the survey is looked for.
    """
    name, rest = _taken(arguments, "--like")
    state_dir, rest = _taken(rest, "--state-dir")
    if name is None:
        return rest
    from deployer import settings
    from deployer.face.cli import reach

    store = settings.expanded(Path(state_dir) if state_dir else settings.load().state_dir)
    return [*(f"--unlike={each}" for each in reach.unlike(store, name, "sim")), *rest]


def _taken(arguments: list[str], option: str) -> tuple[str | None, list[str]]:
    """The value of an option, given as two words or as one with "=", and the other arguments."""
    for at, each in enumerate(arguments):
        if each == option:
            return "".join(arguments[at + 1 : at + 2]), arguments[:at] + arguments[at + 2 :]
        if each.startswith(f"{option}="):
            return each.partition("=")[2], arguments[:at] + arguments[at + 1 :]
    return None, arguments
