"""Commands that send: push, and stage for who carries the files there by hand."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from deployer import settings
from deployer.errors import WrongUse
from deployer.face.cli.options import (
    PORT,
    THE_RECIPE,
    THE_WIRE,
    DeliveryOptions,
    Detach,
    Dhcp,
    Files,
    Like,
    NoHttp,
    PortOptions,
    Profile,
    StateDir,
    Target,
    as_given,
    flag,
    number,
    shared,
    value,
    whole,
)
from deployer.face.say import raw, say
from deployer.model import ANY

if TYPE_CHECKING:
    from deployer.face.push import Face
    from deployer.host.requests import Request
    from deployer.model import LineSettings

app = typer.Typer()
_recipe = partial(value, panel=THE_RECIPE)
_STARTED, _FILES = "What is started", "How the files go"


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadOptions:
    """What is sent, and how it is launched there."""

    to: Annotated[
        str | None, value("--to", "DIR", "Directory on the target.", default="C:\\DEPLOY")
    ] = None
    run: Annotated[
        str, value("--run", "COMMAND", "Command to launch there.", default=False, panel=_STARTED)
    ] = ""
    recipe: Annotated[
        str,
        value(
            "--recipe",
            "NAME",
            "How to launch it: a recipe's name or file.",
            default=False,
            panel=_STARTED,
        ),
    ] = ""
    no_run: Annotated[bool, flag("--no-run", "Deliver and prove only.", _STARTED)] = False
    no_check: Annotated[
        bool,
        flag("--no-check", "Launch it even if Windows 98 would not start it (KernelEx).", _STARTED),
    ] = False
    part_size: Annotated[
        str | None,
        value("--part-size", "SIZE", "Size of a part, such as 1M.", default="4M", panel=_FILES),
    ] = None
    overwrite: Annotated[
        Literal["changed", "never", "always"] | None,
        value(
            "--overwrite",
            None,
            "Replace files that were changed there. changed: saves each as .BAK first.",
            panel=_FILES,
        ),
    ] = None
    delete: Annotated[
        bool,
        flag("--delete", "Delete there what an earlier push brought and this one lacks.", _FILES),
    ] = False
    no_dates: Annotated[bool, flag("--no-dates", "Leave out dates and attributes.", _FILES)] = False
    profile: Profile = None
    prompt: Annotated[str | None, _recipe("--prompt", "TEXT", "What the story begins with.")] = None
    steps: Annotated[int | None, _recipe("--steps", "N", "How many tokens.", whole(0, 1 << 20))] = (
        None
    )
    temperature: Annotated[
        float | None,
        _recipe(
            "--temperature", "T", "How freely it writes; 0: the likeliest token.", number(0, 100)
        ),
    ] = None
    top_p: Annotated[
        float | None,
        _recipe("--top-p", "P", "Only the likeliest tokens that make up this share.", number(0, 1)),
    ] = None
    seed: Annotated[
        int | None,
        _recipe("--seed", "N", "The same seed gives the same story.", whole(0, (1 << 63) - 1)),
    ] = None
    quantise: Annotated[
        Literal["0", "8"] | None,
        _recipe("--quantise", None, "8: weights as 8-bit integers, faster."),
    ] = None

    def request(self, files: list[Path] | None, profile: str) -> Request:
        """What `push` and `stage` are asked for; `profile` is the one where none was named.

        Raises WrongUse for options that exclude each other.
        """
        from deployer.core.payload import plan
        from deployer.host import staging
        from deployer.host.requests import Request
        from deployer.model import Overwrite

        ways = {"--run": self.run, "--recipe": self.recipe, "--no-run": self.no_run}
        chosen = [way for way, given in ways.items() if given]
        if len(chosen) > 1:
            raise WrongUse(
                what=f"{chosen[0]} and {chosen[1]} each say what is to be started.",
                remedy="Leave all but one of them out.",
            )
        recipe = ("temperature", "top_p", "steps", "seed", "prompt", "quantise")
        return Request(
            files=tuple(files or (staging.sample_model(),)),
            run=self.run,
            recipe=self.recipe,
            no_run=self.no_run,
            options=tuple(
                (name.replace("_", "-"), as_given(value))
                for name in recipe
                if (value := getattr(self, name)) is not None
            ),
            part_size=None if self.part_size is None else plan.parse_size(self.part_size),
            profile=self.profile or profile,
            overwrite=Overwrite(self.overwrite or "keep"),
            delete=self.delete,
            dates=not self.no_dates,
            no_check=self.no_check,
        )


def _directory(named: str, request: Request) -> str:
    """Raises WrongUse for a directory that the PC cannot have, in the letters of its profile."""
    from deployer.core.target import gobat
    from deployer.host import staging

    return gobat.parse_directory(named, staging.profile_of(request).codepage)


@app.command("push")
@shared
def push_command(
    files: Files = None,
    *,
    target: Target = None,
    stay: Annotated[
        bool, flag("--stay", "Leave an agent there: later pushes need no one at the PC.")
    ] = False,
    detach: Detach = False,
    what: PayloadOptions,
    options: DeliveryOptions,
    dhcp: Dhcp = False,
    http_port: Annotated[
        int | None,
        value(
            "--http-port", "PORT", "The port of the page for the old PC's browser.", PORT,
            panel=THE_WIRE, default="80; none with another --ftp-port",
        ),
    ] = None,
    no_http: NoHttp = False,
    serial: PortOptions,
    like: Like = None,
) -> None:  # fmt: skip
    """Deliver FILES to an old PC, launch them there, prove both.

    A llama2.c model is recognised: its tokenizer is found beside it, and our engine goes with it.
    Without --target, the first PC on the wire that asks for GO.BAT gets the files. `--target sim`
    uses a simulated PC. Without FILES, the sample model is sent.
    """
    from deployer.face.cli import reach
    from deployer.face.jsonl import JsonLines
    from deployer.host.requests import Order
    from deployer.model import LineSettings

    config = settings.load()
    store = settings.expanded(options.state_dir or config.state_dir)
    config = reach.named(config, store)
    pc = settings.resolve_target(target or ANY, config)
    broken = reach.faults_of(pc, options.faults)
    unlike = reach.unlike(store, like, pc)
    _refuse_web(files or [])
    request = _ready(what.request(files, config.profile), store, pc, silent=options.as_json)
    line = LineSettings(serial.speed, serial.flow)
    face: Face = (
        JsonLines(raw)
        if options.as_json
        else _face(request, pc, store, line, screen=options.screen)
    )
    order = Order(
        request=request,
        target=pc,
        directory=_directory(what.to or config.directory, request),
        host=options.address or "",
        line=line,
        patience=reach.patience(config, options),
        stay=stay,
    )
    here = reach.here(
        config, store, pc, http_port=http_port, no_http=no_http, dhcp=dhcp, faults=broken,
        unlike=unlike, **options.wire,
    )  # fmt: skip

    reach.deliver(order, face, store, here, system=options.state_dir is None, detach=detach)


def _refuse_web(files: list[Path]) -> None:
    """Raises WrongUse for an address on the web; Path has taken one of its two slashes away."""
    for name in map(str, files):
        if re.match(r"[a-z]+:/", name):
            raise WrongUse(
                what=f"{name.replace(':/', '://', 1)}: that is an address on the web, not a file.",
                remedy="Download it first, then push the file.",
            )


def _ready(request: Request, store: Path, pc: str, *, silent: bool) -> Request:
    """The request with the volumes of a conversion instead of each model that needs one."""
    from deployer.face import modelcard
    from deployer.host.models import sending

    with modelcard.progress(silent=silent) as told:
        request, sent = sending.ready(request, store, pc, told)
    for one in () if silent else sent:
        say(modelcard.sentence(one))
    return request


def _face(request: Request, target: str, store: Path, line: LineSettings, *, screen: bool) -> Face:
    """The face for people knows the target's history, and whether the payload fits there."""

    from deployer.face import estimate
    from deployer.face.progress import PushProgress, Terminal
    from deployer.host import past
    from deployer.host.recognise import recognise
    from deployer.host.surveys import pace

    with past.rows_of(store) as known:
        rows = known.newest(past.NEWEST, target)
    seen = recognise(request)
    _fit, fits = estimate.fit_line(
        seen.load, rows, target, profile=seen.profile, model=seen.model, line=line,
        engine=pace.of(store, target),
    )  # fmt: skip
    return PushProgress(Terminal(), time.time, show_screen=screen, history=rows, fit=fits)


@app.command("stage")
@shared
def stage_command(
    files: Files = None,
    *,
    out: Annotated[
        Path | None, value("--out", "DIR", "An empty or new directory.", Path, default="none")
    ] = None,
    on_floppies: Annotated[
        bool, flag("--floppies", "Write images of floppy disks, 0.img, 1.img, ...")
    ] = False,
    size: Annotated[
        int, value("--size", "KB", "Size of the disks: 1440, 1200 or 720.", whole(1, 9999))
    ] = 1440,
    on_cd: Annotated[
        Path | None, value("--cd", "FILE.iso", "Write the image of a CD.", Path)
    ] = None,
    host: Annotated[
        str | None, value("--ftp", "ADDR", "Another FTP server that will hold the files.")
    ] = None,
    user: Annotated[str, value("--user", "NAME", "Login there.")] = "anonymous",
    password: Annotated[str, value("--password", "WORD", "Password there.")] = "deployer",  # noqa: S107 - every anonymous FTP server takes any
    what: PayloadOptions,
    state_dir: StateDir = None,
) -> None:
    """Write plain files, for a CF card or another FTP server.

    They are everything the target needs; without FILES, the sample model. Without --ftp, copy the
    directory's contents into C:\\DEPLOY of the old PC and start GO there. With --floppies or --cd,
    put the first disk or the CD in and start GO on it.
    """
    from deployer.host import staging
    from deployer.host.models import sending

    _refuse_web(files or [])
    config = settings.load()
    request = what.request(files, config.profile)
    directory = _directory(what.to or config.directory, request)
    if sending.needed(request):
        store = settings.expanded(state_dir or config.state_dir)
        request = _ready(request, store, "", silent=False)
    if on_floppies or on_cd:
        kib = size if on_floppies else 0
        _stage_on_media(request, directory, out, kib=kib, on_cd=on_cd, host=host)
        return
    if out is None:
        raise WrongUse(what="Where to is missing.", remedy="Give --out DIR, or --cd FILE.iso.")
    written = staging.write_out(request, out, directory, host=host, login=(user, password))
    for name, length in written:
        say(f"{length:>12,}  {name}")
    where = f"the FTP server {host}" if host else f"{directory} on the old PC"
    start = "" if host else " and start GO there"
    say(f"Copy these {len(written)} files to {where}{start}.")


def _stage_on_media(
    request: Request,
    directory: str,
    out: Path | None,
    *,
    kib: int,
    on_cd: Path | None,
    host: str | None,
) -> None:
    """Write disks of `kib`, or the CD. Raises WrongUse for options that do not go together."""
    from deployer.host.media import write

    if host or bool(kib) == bool(on_cd) or bool(kib) != bool(out):
        raise WrongUse(
            what="That is no way of staging: --floppies goes with --out, --cd with its file alone.",
            remedy="Write --floppies --out DIR, or --cd FILE.iso, without --ftp.",
        )
    if on_cd:
        written = write.cd(request, on_cd, directory)
    else:
        assert out is not None
        written = write.floppies(request, out, directory, kib)
    for path, medium in written.files:
        say(f"{path.stat().st_size:>12,}  {path.name}  label {medium.label}")
    drive, what = ("D:", "the CD") if on_cd else ("A:", "the disk of the first label")
    say(f"Put {what} into the old PC; type {drive} and Enter, then GO and Enter.")
    place = on_cd or out
    say(f"Then: deployer proof --from {place}, once RESULT.TXT is back, or with --code.")
