"""Commands that look back at deployments: status, card, proof, history."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from deployer import settings
from deployer.errors import AS_ROOT, VerificationFailed, WrongUse
from deployer.face.cli import complete
from deployer.face.cli.options import AsJson, OfTarget, SomeDeployment, StateDir, flag, value, whole
from deployer.face.say import aside, raw, say
from deployer.settings import Settings

if TYPE_CHECKING:
    from deployer.core.view import Row
    from deployer.host.past import Rows

app = typer.Typer()


def _directory(config: Settings, given: Path | None) -> Path:
    """The state directory that was named, else the running daemon's, else the user's own.

    What a daemon of root's recorded stays to be seen when it has ended, or a line says where it is.
    """
    from deployer.host import past, sockets

    if given:
        return settings.expanded(given)
    own = settings.expanded(config.state_dir)
    home = sockets.home(own)
    other = past.elsewhere(own) if home == own else None
    if other is None:
        return home
    if not other.readable:
        looked = f"{AS_ROOT} history --state-dir {other.directory}"
        aside(f"What root's daemon recorded is in {other.directory}: {looked}")
        return own
    with past.rows_of(own) as rows:
        if rows:
            aside(f"Root's daemon recorded more: deployer history --state-dir {other.directory}")
            return own
    with past.rows_of(other.directory) as rows:
        if not rows:
            return own
    aside(f"This is what root's daemon recorded, in {other.directory}.")
    return other.directory


@contextlib.contextmanager
def _rows(directory: Path) -> Iterator[Rows]:
    """What was recorded; what of it cannot be read is told beside it."""
    from deployer.face import text
    from deployer.host import past

    with past.rows_of(directory) as rows:
        if lost := rows.lost():
            told = f"{text.count(lost, 'event')} in {directory} cannot be read and are left out: "
            aside(f"{told}of a newer deployer, or damaged.")
        yield rows


def _address(config: Settings, directory: Path, target: str | None) -> str | None:
    """The address of a target that may be named; None for none."""
    from deployer.host.devices import names

    return names.added(config, directory).targets.get(target, target) if target else None


def _row(config: Settings, directory: Path, deployment: str, target: str | None) -> Row:
    """The row of an id; the newest one, of a target if one is named, for no id. Raises WrongUse."""
    pc = None if deployment else _address(config, directory, target)
    with _rows(directory) as rows:
        row = next(iter(rows.newest(1, pc)), None) if pc else rows.one(deployment.upper())
        _refuse_unknown(rows, row is not None, pc)
    if row is None:
        raise WrongUse(
            what=f"There is no deployment {deployment}." if deployment else "Nothing is there yet.",
            remedy="Look at what there is with: deployer history",
        )
    return row


def _refuse_unknown(rows: Rows, found: bool, target: str | None) -> None:
    if rows and target and not found:
        raise WrongUse(
            what=f"Nothing has been pushed to {target} yet.",
            remedy=f"There is a past of: {', '.join(sorted(rows.targets()))}.",
        )


@app.command("status")
def status_command(
    *, target: OfTarget = None, as_json: AsJson = False, state_dir: StateDir = None
) -> None:
    """Show what open deployments do now, and the last that ended."""
    from deployer.face import history
    from deployer.host import past, sockets

    config = settings.load()
    directory = _directory(config, state_dir)
    pc = _address(config, directory, target)
    if told := sockets.trouble(directory, system=state_dir is None):
        for line in ("The daemon cannot go on just now, and tries again by itself:", *told):
            (aside if as_json else say)(line)
    with _rows(directory) as rows:
        opened = history.status(rows, raw, pc, as_json=as_json, now=time.time())
    if not as_json:
        for deployment in past.unserved(directory, opened):
            line = f"{deployment} is delivered by nobody: its process has ended."
            say(f"{line} To go on: deployer retry {deployment}")


class _Card(TyperCommand):
    """`--print` may stand without a FILE, which Typer does not know: the screen is `-` then."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The same with the file named."""
        if "--print" in args:
            after = args.index("--print") + 1
            if args[after : after + 1] == [] or args[after].startswith("--"):
                args = [*args[:after], "-", *args[after:]]
        return super().parse_args(ctx, args)


@app.command("card", cls=_Card)
def card_command(
    deployment: SomeDeployment = "",
    *,
    out: Annotated[
        Path | None,
        value("--print", "FILE", "Write a page to print: FILE.html or FILE.txt.", Path),
    ] = None,
    target: OfTarget = None,
    state_dir: StateDir = None,
) -> None:
    """Show what to type on the old PC for a DEPLOYMENT.

    It also says how far the deployment has got. --print makes a page to lay beside the old PC.
    """
    from deployer.face import text
    from deployer.face.card import followed, hints, print_html, print_text

    config = settings.load()
    row = _row(config, _directory(config, state_dir), deployment, target)
    if out is None:
        advice = hints(row, time.time())
        for line in (*followed(row), *(("", *advice) if advice else ())):
            say(line)
    elif str(out) == "-":
        raw(text.plain(print_text(row)))
    else:
        html = out.suffix.lower() in (".html", ".htm")
        page = text.plain(print_html(row) if html else print_text(row))
        try:
            out.write_text(page, encoding="utf-8")
        except OSError as error:
            raise WrongUse(
                what=f"--print {out}: cannot be written ({error.strerror}).",
                remedy="Name a file in a directory that you may write to.",
            ) from error
        say(f"{out}: print it, and lay it beside the old PC.")


@app.command("proof")
def proof_command(
    deployment: SomeDeployment = "",
    *,
    target: OfTarget = None,
    came: Annotated[
        Path | None,
        value("--from", "PATH", "Of what came back: a disk's image, a folder of them, a CD.", Path),
    ] = None,
    code: Annotated[str, value("--code", "CODE", "What the PC showed, with --from.")] = "",
    as_json: AsJson = False,
    state_dir: StateDir = None,
) -> None:
    """Print the proof of a DEPLOYMENT, and check its sums again.

    With --from, that of what `deployer stage` wrote. Exit code 5 when something does not hold.
    """
    from deployer.face import proofs
    from deployer.host import past

    if came is not None:
        _proof_of_media(came, code, as_json=as_json)
        return
    if code:
        raise WrongUse(what="--code needs --from.", remedy="Say of what it is the code.")

    config = settings.load()
    directory = _directory(config, state_dir)
    row = _row(config, directory, deployment, target)
    checks = past.recheck(directory, row.deployment)
    if as_json:
        raw(f"{proofs.to_json(row, checks)}\n")
    else:
        for line in proofs.lines(row, checks):
            say(line)
    proofs.refuse_broken(row, checks)


def _proof_of_media(came: Path, code: str, *, as_json: bool) -> None:
    """Raises ProofMissing, and ProofBroken for one that does not hold."""
    from deployer.face import proofs
    from deployer.host.media import proofs as media

    manifest, proof = media.read(came, code)
    if as_json:
        raw(f"{proofs.media_json(manifest.deployment, proof)}\n")
    else:
        for line in proofs.media_lines(manifest, proof):
            say(line)
    if proof is not None and not proof.proved:
        raise VerificationFailed(target="The PC", reason=proof.reason)


@app.command("history")
def history_command(
    *,
    target: Annotated[
        str | None,
        value("--target", "PC", "Only this machine: every proof of it.", complete=complete.targets),
    ] = None,
    limit: Annotated[
        int | None,
        value(
            "--limit", "N", "Show the newest N.", whole(1, 1 << 31), default="50, all with --json"
        ),
    ] = None,
    everything: Annotated[bool, flag("--all", "Show all of them.")] = False,
    picture: Annotated[
        Path | None, value("--plot", "FILE", "Draw rates and tok/s: FILE.svg or FILE.png.", Path)
    ] = None,
    as_json: AsJson = False,
    state_dir: StateDir = None,
) -> None:
    """Show every deployment with its proof, oldest first.

    The newest 50, unless --limit or --all says how many; with --json all of them.
    """
    from deployer.face import history

    config = settings.load()
    directory = _directory(config, state_dir)
    pc = _address(config, directory, target)
    with _rows(directory) as rows:
        if pc and not as_json:
            _refuse_unknown(rows, bool(rows.newest(1, pc)), pc)
        if picture is not None:
            from deployer.face import plot

            plot.write(rows.every(pc), picture)
            say(f"{picture}: transfer rates and tok/s of {rows.count(pc)} deployments.")
            return
        most = None if everything or (as_json and limit is None) else limit or history.PAGE
        history.history(rows, pc, most, raw, as_json=as_json)
        if pc and not as_json:
            from deployer.face import proofs

            for line in proofs.summary(rows.every(pc)):
                say(line)
