"""`deployer provision`: many old PCs from one file."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from deployer.bench import Bench, Outcome, Results, Watchers, provision, reports, results, schema
from deployer.bench.plan import Plan, plan
from deployer.errors import EXIT_USE, OutputExists, WrongUse
from deployer.events import Event, TransferTick, to_json
from deployer.face import tables, text
from deployer.face.card import typed_lines
from deployer.host import staging
from deployer.settings import Settings, expanded

_PATH = click.Path(path_type=Path)


def register(cli: click.Group) -> None:
    """Add the commands of this module."""
    cli.add_command(provision_command)


@click.command("provision")
@click.argument("bench", type=_PATH, required=False)
@click.option("--init", is_flag=True, help="Write a commented example to BENCH.")
@click.option("--schema", "as_schema", is_flag=True, help="Print the JSON Schema of bench files.")
@click.option("--only", multiple=True, metavar="NAME", help="Only this target (repeat).")
@click.option("--group", "groups", multiple=True, metavar="NAME", help="Only this group (repeat).")
@click.option("--dry-run", is_flag=True, help="Say what would be sent where; touch nothing.")
@click.option("--force", is_flag=True, help="Send also what is there by the last proof.")
@click.option("--resume", is_flag=True, help="Go on with the last run, if it was interrupted.")
@click.option("--jobs", type=click.IntRange(1, 1000), help="How many may fetch at once.  [32]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.option("--junit", type=_PATH, metavar="FILE", help="Write the results for build servers.")
@click.option("--html", "html_file", type=_PATH, metavar="FILE", help="Write a page with charts.")
@click.option(
    "--state-dir", envvar="DEPLOYER_STATE_DIR", type=_PATH, help="Where events and proofs are."
)
@click.pass_obj
def provision_command(config: Settings, /, bench: Path | None, **given: Any) -> int:
    """Bring every old PC of the file BENCH to what it says, and prove it.

    What the last proof says is there is not sent again. Exit code 0 only if all are proved.
    """
    if given["as_schema"]:
        click.echo(json.dumps(schema.json_schema(), indent=2))
        return 0
    if bench is None:
        raise WrongUse(
            what="No bench file was named.",
            remedy="Write a commented one with: deployer provision bench.toml --init",
        )
    if given["init"]:
        return _init(bench)
    found = Bench.load(bench)
    if given["dry_run"]:
        state_dir = expanded(given["state_dir"] or config.state_dir)
        shown = plan(
            found, state_dir, only=given["only"], groups=given["groups"], force=given["force"]
        )
        return _show_plan(shown, as_json=given["as_json"])
    files = [(given["junit"], reports.junit), (given["html_file"], reports.page)]
    wanted = [(file, render) for file, render in files if file is not None]
    for file, _render in wanted:
        _try_to_write(file)
    ended = provision(
        found,
        only=given["only"],
        groups=given["groups"],
        force=given["force"],
        resume=given["resume"],
        jobs=given["jobs"],
        state_dir=given["state_dir"],
        watchers=_watchers(as_json=given["as_json"]),
        typed_lines=typed_lines,
    )
    if given["as_json"]:
        click.echo(json.dumps({"event": "bench-results", **results.to_dict(ended)}))
    else:
        _show(ended)
    for file, render in wanted:
        _write(file, render(ended))
    return ended.exit_code


def _init(bench: Path) -> int:
    if bench.exists():
        raise OutputExists(path=bench)
    _write(bench, staging.example_bench())
    click.echo(
        f"{bench} is written. Name your files and PCs there, then look at what would happen:"
    )
    click.echo(f"deployer provision {bench} --dry-run")
    return 0


def _try_to_write(path: Path) -> None:
    """Whoever waits for hours shall not hear afterwards that the report has no place."""
    there = path.exists()
    with _writing(path):
        path.open("ab").close()
        if not there:
            path.unlink()


def _write(path: Path, content: str) -> None:
    with _writing(path):
        path.write_text(content, encoding="utf-8")


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WrongUse(
            what=f"{path}: cannot be written ({error.strerror}).",
            remedy="Name another file, or make room.",
        ) from error


def _watchers(*, as_json: bool) -> Watchers:
    if as_json:
        return Watchers(on_event=_print_event)
    return Watchers(tell=_tell)


def _print_event(event: Event) -> None:
    if not isinstance(event, TransferTick):
        sys.stdout.write(to_json(event) + "\n")
        sys.stdout.flush()


def _show_plan(shown: Plan, *, as_json: bool) -> int:
    """Print what would happen; the exit code: 1 when something could not be staged."""
    if as_json:
        for step in shown.steps:
            click.echo(json.dumps(msgspec.to_builtins(step)))
        total = {"bytes": shown.length, "seconds": shown.seconds}
        click.echo(json.dumps({"total": total, "problems": len(shown.problems)}))
    else:
        lines = [("target", "address", "payload", "bytes", "parts", "about", "what")]
        for step in shown.steps:
            there = "is there, nothing is sent" if step.there else "would be sent"
            what = "cannot be sent, see below" if step.problem else there
            sent = "" if step.there or step.problem else f"{step.length:,}"
            about = text.duration(max(step.seconds, 1)) if sent else ""
            parts = str(step.parts) if not step.problem else ""
            lines.append((step.target, step.address, step.payload, sent, parts, about, what))
        tables.columns(lines, _say)
        for problem, targets in _by_problem(shown).items():
            _say(f"{text.on_screen(f'{problem} ({targets})')}\n")
        least = text.duration(max(shown.seconds, 1)) if shown.length else "0 s"
        line = f"{shown.length:,} bytes at most, {least} at least. Nothing was touched."
        _say(f"{text.on_screen(line)}\n")
    return EXIT_USE if shown.problems else 0


def _by_problem(shown: Plan) -> dict[str, str]:
    """What could not be staged, and whose it is: one file for forty PCs is missing once."""
    found: dict[str, list[str]] = {}
    for step in shown.problems:
        found.setdefault(step.problem, []).append(step.target)
    return {
        problem: ", ".join(targets[:3]) + (f" and {len(targets) - 3} more" if targets[3:] else "")
        for problem, targets in found.items()
    }


def _show(ended: Results) -> None:
    lines = [("target", "address", "outcome", "payloads", "sent", "seconds", "tok/s", "what")]
    for target in ended.targets:
        speeds = [d.tokens_per_second for d in target.deliveries if d.tokens_per_second]
        payloads = ", ".join(
            d.payload if d.proved else f"{d.payload} (not)" for d in target.deliveries
        )
        lines.append((
            target.name, target.address, target.outcome, payloads, f"{target.sent:,}",
            f"{target.seconds:.1f}", f"{speeds[-1]:.4g}" if speeds else "", target.reason,
        ))  # fmt: skip
    tables.columns(lines, _say)
    for stranger in ended.strangers:
        mac = f" ({stranger.mac})" if stranger.mac else ""
        line = f"not of this bench: {stranger.address}{mac}, {stranger.what}"
        _say(f"{text.on_screen(line)}\n")
    good = ended.count(Outcome.PROVED, Outcome.THERE)
    new = ended.count(Outcome.PROVED)
    total = len(ended.targets)
    _say(f"{good} of {total} proved ({new} now) in {text.duration(ended.seconds)}.\n")
    if good < total:
        line = "Say the same again when the cause is gone: only what is missing is sent."
        _say(f"{text.on_screen(line)}\n")


def _tell(target: str, said: str) -> None:
    """A line for people, or several, each with its target."""
    for line in said.splitlines():
        _say(f"{text.on_screen(f'{target}: {line}')}\n")


def _say(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()
