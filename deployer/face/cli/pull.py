"""Commands that bring files from an old PC here, and back: pull, backup and restore."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployer import settings
from deployer.face.cli import complete
from deployer.face.cli.options import DeliveryOptions, PortOptions, Profile, shared, value

if TYPE_CHECKING:
    from deployer.face.cli.reach import After
    from deployer.host.requests import Request
    from deployer.model import Gather

app = typer.Typer()

FromPc = Annotated[
    str,
    typer.Argument(
        metavar="PC", autocompletion=complete.targets,
        help="Address or name of the old PC; serial:PORT; sim; any: whoever is on the wire.",
    ),
]  # fmt: skip
There = Annotated[
    str, typer.Argument(metavar="FILES", help="Files there, such as 'C:\\LOGS\\*.*' or C:\\GAME.")
]
To = Annotated[
    str | None, value("--to", "DIR", "The helper's directory there.", default="C:\\DEPLOY")
]


@app.command("pull")
@shared
def pull_command(
    target: FromPc,
    files: There,
    options: DeliveryOptions,
    *,
    profile: Profile = None,
    out: Annotated[
        Path | None,
        value("--out", "DIR", "An empty or new folder.", Path, default="the last folder's name"),
    ] = None,
    to: To = None,
    serial: PortOptions,
) -> None:
    """Bring FILES of an old PC here, and prove them.

    The PC makes the sums first. Each file has its sum on this disk afterwards, or is named.
    Folders come whole, with long names and dates. A list of all names, sums and attributes is
    written beside them.
    """
    from deployer.model import Gather

    place = (out or Path(_last_folder(files))).absolute()
    carry_out(_request(profile, Gather(files, str(place))), target, to, options, serial)


@app.command("backup")
@shared
def backup_command(
    target: FromPc,
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER", help="A folder there, such as C:\\GAME.")
    ],
    options: DeliveryOptions,
    *,
    out: Annotated[Path, value("--out", "DIR", "The folder of the backups.", Path)],
    profile: Profile = None,
    to: To = None,
    serial: PortOptions,
) -> None:
    """Keep a folder of an old PC here: only what is new comes.

    Each backup is a folder of its own in DIR, named by its time, with everything in it; what has
    not changed since the last one is not sent.
    """
    from deployer.model import Gather

    source = folder if "*" in folder or "?" in folder else folder.rstrip("\\") + "\\*.*"
    request = _request(profile, Gather(source, str(out.absolute()), keep=True))
    carry_out(request, target, to, options, serial)


@app.command("restore")
@shared
def restore_command(
    target: FromPc,
    backup: Annotated[
        Path, typer.Argument(metavar="BACKUP", help="The backup: a folder that was pulled.")
    ],
    options: DeliveryOptions,
    *,
    to: Annotated[
        str | None, value("--to", "DIR", "A folder there.", default="where it was")
    ] = None,
    serial: PortOptions,
) -> None:
    """Send a BACKUP back to the old PC, and prove it there.

    Every file here is compared first with the sums that the old PC made. What was changed there
    since is kept and named, as with push.
    """
    from deployer.host.pull import kept
    from deployer.host.requests import Request

    folder = backup.absolute()
    place = kept.origin(folder)
    request = Request((folder,), no_run=True, codepage=kept.codepage(folder))
    carry_out(request, target, to or place, options, serial)


def _request(profile: str | None, gather: Gather) -> Request:
    """What is asked of a PC of that kind; one that was here before has named its code page."""
    from deployer.host.requests import Request

    return Request((), profile=profile or settings.load().profile, gather=gather)


def _last_folder(files: str) -> str:
    """A name for the folder here: that of the last folder there without wildcards."""
    names = [name for name in files.split("\\")[1:] if name and not set("*?") & set(name)]
    name = re.sub(r"[^A-Za-z0-9._ -]", "_", names[-1] if names else "").strip(". ")
    return name or "pulled"


def carry_out(
    request: Request,
    target: str,
    to: str | None,
    options: DeliveryOptions,
    serial: PortOptions | None = None,
    *,
    after: After | None = None,
) -> None:
    """The one road that `push` goes too; a request with `gather` says that files come here.

    Without `serial` it goes over a network only. `after` is done with the same host when it was
    proved.
    """
    from deployer.face.cli import reach
    from deployer.host.requests import Order
    from deployer.model import LineSettings

    config = settings.load()
    store = settings.expanded(options.state_dir or config.state_dir)
    if serial is None:
        config, pc = reach.on_network(target, config, store, "Use a network cable.")
        line = LineSettings()
    else:
        config = reach.named(config, store)
        pc = settings.resolve_target(target, config)
        line = LineSettings(serial.speed, serial.flow)
    order = Order(
        request=request,
        target=pc,
        directory=to or config.directory,
        host=options.address or "",
        line=line,
        patience=reach.patience(config, options),
    )
    broken = reach.faults_of(pc, options.faults)
    here = reach.here(config, store, pc, faults=broken, **options.wire)
    face = reach.face(as_json=options.as_json, screen=options.screen)
    reach.deliver(
        order,
        face,
        store,
        here,
        system=options.state_dir is None,
        after=after or reach.nothing_more,
    )
