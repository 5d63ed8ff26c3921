"""Commands that send: push, stage, and what helps before: lint, model, sim."""

from __future__ import annotations

import asyncio
import functools
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from deployer import settings
from deployer.core.lint import check
from deployer.core.payload import plan
from deployer.core.target import gobat
from deployer.core.view import Row
from deployer.errors import DaemonMissing, LintFailed, WrongUse
from deployer.face import estimate, tables, text
from deployer.face.cli.options import Address, Number, as_given
from deployer.face.jsonl import JsonLines
from deployer.face.progress import PushProgress, Terminal
from deployer.face.push import Face, Push, Watching, on_wire, page_port, push, push_by_daemon
from deployer.face.serial_push import SerialPush, is_serial, push_over_line
from deployer.host import connect, past, sockets, staging
from deployer.host.recognise import recognise
from deployer.host.requests import Order, Request
from deployer.model import LineSettings
from deployer.settings import Settings

_RECIPE_OPTIONS = ("temperature", "top_p", "steps", "seed", "prompt", "quantise")
_PATH = click.Path(path_type=Path)


def register(cli: click.Group) -> None:
    """Add the commands of this module."""
    for command in (push_command, stage_command, lint_command, model_group, sim_command):
        cli.add_command(command)


def _common(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that every command with a store has."""
    command = click.option(
        "--state-dir", envvar="DEPLOYER_STATE_DIR", type=_PATH, help="Where events and proofs are."
    )(command)
    return click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")(
        command
    )


def _payload(command: Callable[..., Any]) -> Callable[..., Any]:
    """What `push` and `stage` have in common: the files and how they are launched."""
    for option in reversed(
        [
            click.argument("files", nargs=-1, type=_PATH),
            click.option("--to", "directory", help=r"Directory on the target.  [C:\DEPLOY]"),
            click.option("--run", "run_command", default="", help="Command to launch there."),
            click.option("--recipe", default="", help="How to launch it: a recipe's name or file."),
            click.option("--no-run", is_flag=True, help="Deliver and prove only."),
            click.option("--prompt", help="Recipe: what the story begins with."),
            click.option("--steps", type=click.IntRange(0, 1 << 20), help="Recipe: tokens."),
            click.option("--temperature", type=Number(0, 100), help="Recipe: 0 greedy."),
            click.option("--top-p", type=Number(0, 1), help="Recipe: nucleus."),
            click.option("--seed", type=click.IntRange(0, (1 << 63) - 1), help="Recipe: chance."),
            click.option("--quantise", type=click.Choice(["0", "8"]), help="Recipe: 8 = int8."),
            click.option("--part-size", help="Size of a part, such as 1M.  [4M]"),
            click.option("--profile", help="Kind of target.  [win98-fat32]"),
        ]
    ):
        command = option(command)
    return command


def _request(config: Settings, given: dict[str, Any]) -> Request:
    options = tuple(
        (name.replace("_", "-"), as_given(given[name]))
        for name in _RECIPE_OPTIONS
        if given[name] is not None
    )
    ways = {"--run": "run_command", "--recipe": "recipe", "--no-run": "no_run"}
    chosen = [way for way, name in ways.items() if given[name]]
    if len(chosen) > 1:
        raise WrongUse(
            what=f"{chosen[0]} and {chosen[1]} each say what shall be started.",
            remedy="Leave all but one of them out.",
        )
    part_size = given["part_size"]
    return Request(
        files=given["files"] or (staging.sample_model(),),
        run=given["run_command"],
        recipe=given["recipe"],
        no_run=given["no_run"],
        options=options,
        part_size=None if part_size is None else plan.parse_size(part_size),
        profile=given["profile"] or config.profile,
    )


@click.command("push")
@click.option(
    "--target", envvar="DEPLOYER_TARGET", help="Address or name of the old PC, serial:PORT, sim."
)
@click.option("--speed", default=115_200, show_default=True, help="serial: bits per second.")
@click.option(
    "--flow",
    type=click.Choice(["rtscts", "xonxoff", "none"]),
    default="rtscts",
    show_default=True,
    help="serial: 3-wire cables need xonxoff.",
)
@click.option(
    "--address", type=Address(), envvar="DEPLOYER_ADDRESS",
    help="This computer's address on the wire.",
)  # fmt: skip
@click.option("--ftp-port", envvar="DEPLOYER_FTP_PORT", type=click.IntRange(0, 65535))
@click.option(
    "--http-port",
    type=click.IntRange(0, 65535),
    help="The page for the old PC's browser.  [80; none with another --ftp-port]",
)
@click.option("--no-http", is_flag=True, help="No page on the wire.")
@click.option("--interface", envvar="DEPLOYER_INTERFACE", help="The wire's network interface.")
@click.option("--host-route", metavar="ADDR", help="Reach this one machine only, no subnet.")
@click.option("--no-link", is_flag=True, help="Leave the network settings alone.")
@click.option("--detach", is_flag=True, help="Let the daemon go on alone.")
@click.option("--timeout", type=Number(0), help="Seconds of silence to bear, 0 for ever.")
@click.option("--screen", is_flag=True, help="Show the simulated PC's screen.")
@click.option(
    "--fault", "faults", multiple=True, metavar="SPEC",
    help="What goes wrong with the simulated PC: flip@BYTE, power@STEP, random:SEED ... (repeat).",
)  # fmt: skip
@_payload
@_common
@click.pass_obj
def push_command(config: Settings, /, **given: Any) -> None:
    """Deliver FILES to an old PC, launch them there, and prove both.

    A llama2.c model is recognised; its tokenizer is found beside it and our engine goes with it.
    `--target sim` plays it through on a simulated PC. Without FILES the sample model is sent.
    """
    target = _target(config, given["target"])
    if not given["files"] and target != "sim":
        raise WrongUse(
            what="No file was named.", remedy=f"Say: deployer push --target {target} FILE..."
        )
    _check_faults(target, given["faults"])
    request = _request(config, given)
    face = _face_for(request, target, config, given)
    directory = gobat.parse_directory(given["directory"] or config.directory)
    line = LineSettings(given["speed"], given["flow"])
    address = given["address"] or config.address
    timeout = given["timeout"]
    state_dir = _state_dir(config, given)
    socket = None if given["faults"] else sockets.find(state_dir, system=given["state_dir"] is None)
    if socket is not None:
        order = Order(request, target, directory, given["address"] or "", line)
        watching = Watching(face, timeout or None, given["detach"], _aside)
        asyncio.run(push_by_daemon(order, socket, watching))
        return
    if given["detach"]:
        raise DaemonMissing
    if is_serial(target):
        patience = config.timeout if timeout is None else timeout
        manifest = staging.stage(request)
        over = SerialPush(
            manifest, target, directory, line, _aside, silence=patience or None,
            reports=timeout or None,
        )  # fmt: skip
        asyncio.run(push_over_line(over, state_dir, face))
        return
    if target == "sim":
        connect.check_simulator()
    manifest = staging.stage(request, host=address)
    patience = config.timeout if timeout is None else timeout
    ftp_port = config.ftp_port if given["ftp_port"] is None else given["ftp_port"]
    job = Push(
        manifest=manifest,
        target=target,
        address=address,
        ftp_port=ftp_port,
        directory=directory,
        silence=patience or None,
        while_running=timeout or None,
        faults=given["faults"],
        http_port=page_port(ftp_port, given["http_port"], without=given["no_http"]),
    )
    place = (given["interface"], given["host_route"] or "")
    with on_wire(address, target, state_dir, *place, leave=given["no_link"]):
        asyncio.run(push(job, state_dir, face))


def _check_faults(target: str, faults: tuple[str, ...]) -> None:
    if faults and target != "sim":
        raise WrongUse(
            what="--fault breaks simulated PCs only.",
            remedy="Use it with --target sim.",
        )
    if faults:
        connect.check_simulator()
        connect.check_faults(faults)


def _target(config: Settings, given: str | None) -> str:
    if not given:
        raise WrongUse(
            what="--target is missing: which old PC shall it go to?",
            remedy="Give its address, such as --target 192.168.1.2, or --target sim to rehearse.",
        )
    return settings.resolve_target(given, config)


def _face_for(request: Request, target: str, config: Settings, given: dict[str, Any]) -> Face:
    """The face of a push; the one for people knows the target's history, and whether it fits."""
    if given["as_json"]:
        return JsonLines(_write)
    rows = _rows(config, given, target)
    seen = recognise(request)
    over = LineSettings(given["speed"], given["flow"])
    _fit, line = estimate.fit_line(
        seen.load, rows, target, profile=seen.profile, model=seen.model, line=over
    )
    console = Terminal()
    return PushProgress(console, time.time, show_screen=given["screen"], history=rows, fit=line)


_aside = functools.partial(click.echo, err=True)
"""A line that is no event, for people."""


def _write(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


def _state_dir(config: Settings, given: dict[str, Any]) -> Path:
    return settings.expanded(given["state_dir"] or config.state_dir)


@click.command("stage")
@click.option("--out", required=True, type=_PATH, help="An empty or new directory.")
@click.option("--ftp", "host", help="Address of another FTP server that will hold the files.")
@click.option("--user", default="anonymous", help="Login there.  [anonymous]")
@click.option("--password", default="deployer", help="Password there.")
@_payload
@click.pass_obj
def stage_command(config: Settings, /, out: Path, host: str | None, **given: Any) -> None:
    """Write everything the target needs as plain files, for a CF card or another FTP server.

    Without --ftp, copy the directory's contents into C:\\DEPLOY of the old PC and start GO there.
    """
    directory = gobat.parse_directory(given["directory"] or config.directory)
    if not given["files"]:
        raise WrongUse(what="No file was named.", remedy="Say: deployer stage FILE... --out DIR")
    request = _request(config, given)
    written = staging.write_out(
        request, out, directory, host=host, login=(given["user"], given["password"])
    )
    for name, length in written:
        click.echo(f"{length:>12,}  {name}")
    where = f"the FTP server {host}" if host else f"{directory} on the old PC"
    start = "" if host else " and start GO there"
    click.echo(f"Copy these {len(written)} files to {where}{start}.")


def _rows(config: Settings, given: dict[str, Any], target: str) -> list[Row]:
    """What a target has shown."""
    with past.rows_of(_state_dir(config, given)) as rows:
        return rows.newest(estimate.NEWEST, target)


@click.command("lint")
@click.argument("file", type=_PATH)
@click.option("--explain", is_flag=True, help="Say why, and where that is known from.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
def lint_command(file: Path, explain: bool, as_json: bool) -> None:
    """Check any batch FILE against what COMMAND.COM of Windows 98 rejects or mangles."""
    findings = check.check(staging.read_text_file(file), name=file.name.upper())
    tables.findings(findings, file, _write, explain=explain, as_json=as_json)
    if findings:
        raise LintFailed(name=file, count=len(findings))


@click.group("model")
def model_group() -> None:
    """Look into model files."""


@model_group.command("inspect")
@click.argument("file", type=_PATH)
@click.option("--target", default="", help="Whether it fits this old PC, as far as it is known.")
@_common
@click.pass_obj
def inspect_command(config: Settings, /, file: Path, target: str, **given: Any) -> None:
    """Say what a model FILE is, and what the old PC needs for it."""
    shape = staging.inspect(file)
    tables.model(shape, file, _write, as_json=given["as_json"])
    if not given["as_json"]:
        seen = recognise(Request(files=(file,), no_run=True))
        load = replace(seen.load, model=shape)
        address = config.targets.get(target, target)
        rows = _rows(config, given, address)
        _fit, line = estimate.fit_line(load, rows, address, profile=seen.profile, model=file.name)
        click.echo(text.on_screen(f"  {line}"))


@click.command("sim", context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def sim_command(arguments: tuple[str, ...]) -> int:
    """Start a simulated PC that visits a running host (deployer sim --help tells how)."""
    connect.check_simulator()
    return connect.run_simulator(arguments)
