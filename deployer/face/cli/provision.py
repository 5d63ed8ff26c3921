"""`deployer provision`: many old PCs from one file."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployer.errors import EXIT_USE, OutputExists, WrongUse
from deployer.face.cli.options import AsJson, StateDir, flag, value, whole
from deployer.face.say import raw, say, say_json

if TYPE_CHECKING:
    from deployer.bench import Bench, Results, Watchers
    from deployer.bench.plan import Plan

app = typer.Typer()
REPORTS = "Reports"
_WHICH = "Which PCs, and what again"


@app.command("provision")
def provision_command(
    bench: Annotated[
        Path | None,
        typer.Argument(metavar="BENCH", parser=Path, show_default=False, help="The bench file."),
    ] = None,
    *,
    init: Annotated[bool, flag("--init", "Write a commented example to BENCH.")] = False,
    as_schema: Annotated[bool, flag("--schema", "Print the JSON Schema of bench files.")] = False,
    only: Annotated[
        list[str] | None, value("--only", "NAME", "Only this target (repeat).", panel=_WHICH)
    ] = None,
    groups: Annotated[
        list[str] | None, value("--group", "NAME", "Only this group (repeat).", panel=_WHICH)
    ] = None,
    dry_run: Annotated[
        bool, flag("--dry-run", "Say what would be sent where; touch nothing.")
    ] = False,
    force: Annotated[
        bool, flag("--force", "Send also what the last proof shows is there.", _WHICH)
    ] = False,
    resume: Annotated[
        bool, flag("--resume", "Continue the last run, if it was interrupted.", _WHICH)
    ] = False,
    jobs: Annotated[
        int | None,
        value("--jobs", "N", "How many PCs may fetch at once.", whole(1, 1000), default="32"),
    ] = None,
    as_json: AsJson = False,
    junit: Annotated[
        Path | None,
        value(
            "--junit",
            "FILE",
            "Write the results as JUnit XML for build servers.",
            Path,
            panel=REPORTS,
        ),
    ] = None,
    html_file: Annotated[
        Path | None, value("--html", "FILE", "Write a page with charts.", Path, panel=REPORTS)
    ] = None,
    state_dir: StateDir = None,
) -> int:
    """Bring many PCs to what a file says, and prove it.

    What the last proof shows is there is not sent again. Exit code 0 only if all are proved.
    """
    if as_schema:
        import json

        from deployer.bench import schema

        raw(json.dumps(schema.json_schema(), indent=2) + "\n")
        return 0
    if bench is None:
        raise WrongUse(
            what="No bench file was named.",
            remedy="Write a commented one with: deployer provision bench.toml --init",
        )
    if init:
        return _init(bench)
    from deployer import settings
    from deployer.bench import Bench, provision, reports, results
    from deployer.bench.plan import plan
    from deployer.face import text
    from deployer.face.card import typed_lines

    found = Bench.load(bench)
    which, parts = tuple(only or ()), tuple(groups or ())
    if dry_run:
        directory = settings.expanded(state_dir or settings.load().state_dir)
        shown = plan(found, directory, only=which, groups=parts, force=force)
        return _show_plan(shown, as_json=as_json)
    page = functools.partial(reports.page, size=text.size)
    files: list[tuple[Path | None, Callable[[Results], str]]] = [
        (junit, reports.junit),
        (html_file, page),
    ]
    wanted = [(file, render) for file, render in files if file is not None]
    for file, _render in wanted:
        _try_to_write(file)
    watchers, board = _watchers(found.select(which, parts), as_json=as_json)
    with board:
        ended = provision(
            found,
            only=which,
            groups=parts,
            force=force,
            resume=resume,
            jobs=jobs,
            state_dir=state_dir,
            watchers=watchers,
            typed_lines=typed_lines,
        )
    if as_json:
        say_json({"event": "bench-results", **results.to_dict(ended)})
    else:
        _show(ended)
    for file, render in wanted:
        _write(file, render(ended))
    return ended.exit_code


def _init(bench: Path) -> int:
    if bench.exists():
        raise OutputExists(path=bench)
    from deployer.host import staging

    _write(bench, staging.example_bench())
    say(f"{bench} is written. It has five simulated PCs, and runs as it stands:")
    say(f"deployer provision {bench}")
    say("Then name your files and PCs there. To see first what would happen: --dry-run")
    return 0


def _try_to_write(path: Path) -> None:
    """Raises WrongUse before hours of work, not after them, when a report cannot be written."""
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


def _watchers(
    chosen: Bench, *, as_json: bool
) -> tuple[Watchers, contextlib.AbstractContextManager[object]]:
    """Who is told, and what is shown meanwhile: JSON lines, a live board, or lines in a pipe."""
    from rich.console import Console

    from deployer.bench import Watchers
    from deployer.events import LIVE, Event, to_json
    from deployer.face.board import Board

    def print_event(event: Event) -> None:
        if not isinstance(event, LIVE):
            raw(to_json(event) + "\n")

    if as_json:
        return Watchers(on_event=print_event), contextlib.nullcontext()
    console = Console()
    if not console.is_terminal or console.is_dumb_terminal:
        return Watchers(tell=_tell, doing=_tell), contextlib.nullcontext()
    board = Board({target.name: target.address for target in chosen.targets}, console)
    watchers = Watchers(board.take, board.tell, board.ended, board.doing)
    return watchers, board.live()


def _show_plan(shown: Plan, *, as_json: bool) -> int:
    """Print what would happen; the exit code: 1 when something could not be staged."""
    import msgspec

    from deployer.face import tables, text

    if as_json:
        for step in shown.steps:
            say_json(msgspec.to_builtins(step))
        total = {"bytes": shown.length, "seconds": shown.seconds}
        say_json({"total": total, "problems": len(shown.problems)})
    else:
        lines = [("target", "address", "payload", "bytes", "parts", "about", "what")]
        for step in shown.steps:
            would = {"send": "would be sent", "pull": "would come here", "agent": "by the agent"}
            there = "is there, nothing is sent" if step.there else would[step.how]
            what = "cannot be sent, see below" if step.problem else there
            sends = step.how == "send" and not step.problem
            sent = f"{step.length:,}" if sends and not step.there else ""
            about = text.duration(max(step.seconds, 1)) if sent else ""
            parts = str(step.parts) if sends else ""
            lines.append((step.target, step.address, step.payload, sent, parts, about, what))
        tables.columns(lines, raw)
        for problem, targets in _by_problem(shown).items():
            say(f"{problem} ({targets})")
        least = text.duration(max(shown.seconds, 1)) if shown.length else "0 s"
        say(f"{shown.length:,} bytes at most, {least} at least. Nothing was touched.")
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
    from deployer.bench import Outcome
    from deployer.face import tables, text

    lines = [("target", "address", "outcome", "payloads", "sent", "took", "tok/s", "what")]
    for target in ended.targets:
        speeds = [d.tokens_per_second for d in target.deliveries if d.tokens_per_second]
        payloads = ", ".join(
            d.payload if d.proved else f"{d.payload} (not)" for d in target.deliveries
        )
        lines.append((
            target.name, target.address, target.outcome, payloads, text.size(target.sent),
            text.duration(target.seconds), f"{speeds[-1]:.4g}" if speeds else "", target.reason,
        ))  # fmt: skip
    tables.columns(lines, raw)
    for caller in ended.unknown_callers:
        mac = f" ({caller.mac})" if caller.mac else ""
        say(f"not of this bench: {caller.address}{mac}, {caller.what}")
    good = sum(target.proved for target in ended)
    new = ended.count(Outcome.PROVED, Outcome.DONE)
    total = len(ended.targets)
    say(f"{good} of {total} proved ({new} now) in {text.duration(ended.seconds)}.")
    if good < total:
        say("Say the same again when the cause is gone: only what is missing is sent.")


def _tell(target: str, said: str) -> None:
    """A line for people, or several, each with its target."""
    for line in said.splitlines():
        say(f"{target}: {line}")
