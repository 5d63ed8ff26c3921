"""Commands about models: what a file is, what it becomes, which are known to work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from deployer import settings
from deployer.face.cli import complete
from deployer.face.cli.options import AsJson, StateDir, flag, value, whole
from deployer.face.say import say, say_json

app = typer.Typer()
model = typer.Typer(no_args_is_help=True)
app.add_typer(model, name="model")


def _memory(given: object) -> int:
    """Bytes of memory such as `128M`."""
    match = re.fullmatch(r"([0-9]{1,4})[Mm](?:[Ii]?[Bb])?", str(given).strip())
    if not match or not 16 <= int(match[1]) <= 2048:
        raise typer.BadParameter(f"{given} is no memory such as 128M (16M to 2048M).")
    return int(match[1]) << 20


@model.callback()
def model_group() -> None:
    """Look into model files, convert them."""


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
            "--target", "PC", "Say whether it fits this old PC.",
            complete=complete.targets, default=False,
        ),
    ] = "",
    memory: Annotated[
        int | None,
        value("--for", "SIZE", "What to expect on a PC with this memory, such as 128M.", _memory),
    ] = None,
    as_json: AsJson = False,
    state_dir: StateDir = None,
) -> None:  # fmt: skip
    """Say what a model FILE is, and what the old PC needs for it."""
    from dataclasses import replace

    from deployer.face import estimate, inspected, modelcard
    from deployer.host import past, staging
    from deployer.host.devices import names
    from deployer.host.models import inspection
    from deployer.host.recognise import recognise
    from deployer.host.requests import Request
    from deployer.host.surveys import pace

    config = settings.load()
    file = file or staging.sample_model()
    directory = settings.expanded(state_dir or config.state_dir)
    address = names.added(config, directory).targets.get(target, target)
    engine = pace.of(directory, address)
    with past.rows_of(directory) as known:
        rows = known.newest(past.NEWEST, address)
    if (found := inspection.inspect(file)) is not None:
        said = past.machine_in(rows, address).memory if target else None
        size = memory or said or modelcard.USUAL
        modelcard.inspected(found, file, size, engine, as_json=as_json)
        return
    shape = staging.inspect(file)
    inspected.model(shape, file, as_json=as_json)
    if not as_json:
        seen = recognise(Request(files=(file,), no_run=True))
        load = replace(seen.load, model=shape)
        _fit, line = estimate.fit_line(
            load, rows, address, profile=seen.profile, model=file.name,
            engine=engine,
        )  # fmt: skip
        say(f"  {line}")


@model.command("convert")
def convert_command(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", parser=Path, help="The model: a GGUF file, or a checkpoint of llama2.c."
        ),
    ],
    *,
    to: Annotated[
        Path | None,
        value("--to", "FILE.l98", "The output file. Without it: beside the model.", Path),
    ] = None,
    memory: Annotated[
        int | None,
        value("--for", "SIZE", "Memory of the old PC, such as 128M: chooses what fits.", _memory),
    ] = None,
    quant: Annotated[
        str,
        value("--quant", "HOW", "The layers' numbers: auto, int8, int4 or exact."),
    ] = "auto",
    code_page: Annotated[
        int, value("--codepage", "NUMBER", "The PC's code page, as CHCP says.", whole(1, 9999))
    ] = 437,
    no_chat: Annotated[bool, flag("--no-chat", "Leave the model's chat template out.")] = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Turn a model that people use into what LLAMA98.EXE runs on the old PC.

    Numbers stay the same where the engine can hold them: Q4_0, Q4_1 and Q4_K as int4, ternary and
    1-bit models as they are. Others become int8, or int4 where --for says that int8 has no room.
    """
    from functools import partial

    from deployer.face import modelcard
    from deployer.host.models import extra

    extra.need("Converting a model")
    from deployer.host.models import conversion

    options = conversion.ConversionOptions(quant, memory, code_page, chat=not no_chat)
    with modelcard.progress(silent=as_json) as told:
        done = conversion.convert(
            file, to or file.with_suffix(".l98"), options, partial(told, file)
        )
    modelcard.converted(done, as_json=as_json)


OfSurvey = Annotated[
    str,
    value(
        "--target", "PC", "Use the survey of this old PC.", complete=complete.targets,
        default=False,
    ),
]  # fmt: skip


@model.command("list")
def list_command(
    *, target: OfSurvey = "", as_json: AsJson = False, state_dir: StateDir = None
) -> None:
    """Show models that are known to work, and what to expect of them.

    With --target as the survey of that PC says, where there is one.
    """
    from deployer.core.model import known
    from deployer.face import modelcard
    from deployer.host.devices import names
    from deployer.host.surveys import pace

    config = settings.load()
    directory = settings.expanded(state_dir or config.state_dir)
    address = names.added(config, directory).targets.get(target, target)
    engine = pace.of(directory, address) if target else None
    if as_json:
        for one in known.MODELS:
            say_json(modelcard.fields_of(one, engine))
        return
    modelcard.known(known.MODELS, engine)
