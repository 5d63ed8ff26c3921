"""The bench file as it is written: its tables and keys, one struct each, and what each must be.

The structs are the one description: the checks below read them, and so does the JSON Schema that
editors use. A key's `title` says what to write there, in the words of a message's remedy.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from msgspec import inspect as shapes

from deployer.bench.locate import Path
from deployer.model import LINE, SIM_NAME

_IPV4 = r"^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"

_WORD = "write a text in quotes, not an empty one, without control characters"

Word = Annotated[str, Meta(min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$", title=_WORD)]
Lines = Annotated[str, Meta(min_length=1, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]+$", title=_WORD)]
Flag = Annotated[bool, Meta(title="write true or false")]
Name = Annotated[str, Meta(pattern=_NAME, title="write letters, digits, - and _")]
Seconds = Annotated[float, Meta(gt=0, le=31_536_000, title="write seconds, such as 900")]
Count = Annotated[int, Meta(ge=0, le=100, title="write a number from 0 to 100")]
Command = Annotated[
    list[Word],
    Meta(min_length=1, title='write a list of words, such as ["power", "on", "{name}"]'),
]
Names = Annotated[list[Name], Meta(title='write a list of names, such as ["hello"]')]
Variables = Annotated[dict[str, str | int | float], Meta(title="write names with texts or numbers")]
Mac = Annotated[
    str,
    Meta(
        pattern=r"^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$",
        title="write six pairs of hex digits, such as 00:50:56:12:34:56",
    ),
]
OwnAddress = Annotated[
    str, Meta(pattern=_IPV4 + r"(/([1-9]|[12]\d|3[0-2]))?$", title="write it as 192.168.1.1/24")
]
Address = Annotated[
    str,
    Meta(
        pattern=rf"{_IPV4}$|^{SIM_NAME}$|^{LINE}\S+$|^(?=[0-9_-]*[A-Za-z])[A-Za-z0-9][A-Za-z0-9_-]{{0,63}}$",
        title="write it as 192.168.1.11, serial:PORT, any, the PC's name, or sim to rehearse",
    ),
]
Size = Annotated[
    str, Meta(pattern=r"^[0-9]+[kKmM]?$", title='write a size in quotes, such as "1M"')
]
Speed = Annotated[int, Meta(ge=1, title="write the bits per second, such as 115200")]
Flow = Annotated[
    str, Meta(pattern=r"^(rtscts|xonxoff|none)$", title='write "rtscts", "xonxoff" or "none"')
]
Directory = Annotated[
    str, Meta(pattern=r"^[A-Za-z]:\\.+$", title=r"write a directory such as 'C:\DEPLOY'")
]


class PowerTable(Struct, forbid_unknown_fields=True):
    """Commands that switch a target; `{name}`, `{address}` and variables are filled in."""

    on: Command | msgspec.UnsetType = msgspec.UNSET
    off: Command | msgspec.UnsetType = msgspec.UNSET
    cycle: Command | msgspec.UnsetType = msgspec.UNSET
    timeout: Seconds | msgspec.UnsetType = msgspec.UNSET


class WireTable(Struct, forbid_unknown_fields=True):
    """This computer's end of the wire."""

    address: OwnAddress = "192.168.1.1/24"
    interface: Word | msgspec.UnsetType = msgspec.UNSET
    ftp_port: Annotated[int, Meta(ge=0, le=65535, title="write a port from 0 to 65535")] = 21
    link: Flag = True
    dhcp: Flag = False


class RunTable(Struct, forbid_unknown_fields=True):
    """How the whole bench is provisioned. `jobs` is how many targets may fetch at once."""

    jobs: Annotated[int, Meta(ge=1, le=1000, title="write a number from 1 to 1000")] = 32


class PayloadTable(Struct, forbid_unknown_fields=True):
    """What is delivered: files, and how they are launched. `always`: also when it is there.

    Without files it is the sample model.
    """

    files: (
        Annotated[list[Word], Meta(min_length=1, title='write a list, such as ["setup.exe"]')]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    run: Word | msgspec.UnsetType = msgspec.UNSET
    recipe: Word | msgspec.UnsetType = msgspec.UNSET
    no_run: Flag = False
    options: Variables | msgspec.UnsetType = msgspec.UNSET
    part_size: Size | msgspec.UnsetType = msgspec.UNSET
    always: Flag = False


True_ = Annotated[bool, Meta(title="write true, or leave the step out")]
ExitCode = Annotated[int, Meta(ge=0, le=0xFFFFFFFF, title="write an exit code, such as 0")]
Sum = Annotated[
    str, Meta(pattern=r"^[0-9A-Fa-f]{64}$", title="write 64 hex digits, as sha256sum prints them")
]
Sums = Annotated[
    dict[str, Sum], Meta(title='write names with their sums, such as { "LOG.TXT" = "9F86..." }')
]


class StepTable(Struct, forbid_unknown_fields=True):
    """One step, done by the agent on the PC but for `push`. It has one verb, and what goes with it.

    `expect` is a text that has to be in what comes, `exit` the exit code of `run`. A `screen` is a
    file here; `out` is the folder here of a `pull`, `same_as` the file or folder here that what it
    brings is compared with, and `sha256` the sums of files of it.
    """

    push: Name | msgspec.UnsetType = msgspec.UNSET
    run: Word | msgspec.UnsetType = msgspec.UNSET
    pull: Word | msgspec.UnsetType = msgspec.UNSET
    ls: Word | msgspec.UnsetType = msgspec.UNSET
    rm: Word | msgspec.UnsetType = msgspec.UNSET
    screen: Word | msgspec.UnsetType = msgspec.UNSET
    input: Word | msgspec.UnsetType = msgspec.UNSET
    settime: True_ | msgspec.UnsetType = msgspec.UNSET
    reboot: True_ | msgspec.UnsetType = msgspec.UNSET
    poweroff: True_ | msgspec.UnsetType = msgspec.UNSET
    exit: ExitCode | msgspec.UnsetType = msgspec.UNSET
    expect: Word | msgspec.UnsetType = msgspec.UNSET
    timeout: Seconds | msgspec.UnsetType = msgspec.UNSET
    stdin: Word | msgspec.UnsetType = msgspec.UNSET
    out: Word | msgspec.UnsetType = msgspec.UNSET
    same_as: Word | msgspec.UnsetType = msgspec.UNSET
    sha256: Sums | msgspec.UnsetType = msgspec.UNSET
    force: Flag | msgspec.UnsetType = msgspec.UNSET
    directory: Directory | msgspec.UnsetType = msgspec.field(default=msgspec.UNSET, name="in")


Steps = Annotated[
    list[StepTable],
    Meta(title='write a list of tables, such as [{ run = "CHECK.EXE" }]'),
]


Pulls = Annotated[
    list[Word | StepTable],
    Meta(title="write a list of files there, such as ['C:\\LOGS\\*.*']"),
]


class Common(Struct, forbid_unknown_fields=True):
    """What defaults, groups and targets have in common; a target wins over groups over defaults."""

    payloads: Names | msgspec.UnsetType = msgspec.UNSET
    steps: Steps | msgspec.UnsetType = msgspec.UNSET
    pull: Pulls | msgspec.UnsetType = msgspec.UNSET
    stay: Flag | msgspec.UnsetType = msgspec.UNSET
    profile: Word | msgspec.UnsetType = msgspec.UNSET
    to: Directory | msgspec.UnsetType = msgspec.UNSET
    retries: Count | msgspec.UnsetType = msgspec.UNSET
    backoff: Seconds | msgspec.UnsetType = msgspec.UNSET
    silence: Seconds | msgspec.UnsetType = msgspec.UNSET
    deadline: Seconds | msgspec.UnsetType = msgspec.UNSET
    say: Lines | msgspec.UnsetType = msgspec.UNSET
    power: PowerTable | msgspec.UnsetType = msgspec.UNSET
    speed: Speed | msgspec.UnsetType = msgspec.UNSET
    flow: Flow | msgspec.UnsetType = msgspec.UNSET
    vars: Variables | msgspec.UnsetType = msgspec.UNSET


class TargetTable(Common, forbid_unknown_fields=True, kw_only=True):
    """One old PC."""

    address: Address
    mac: Mac | msgspec.UnsetType = msgspec.UNSET
    groups: Names | msgspec.UnsetType = msgspec.UNSET


class FileTable(Struct, forbid_unknown_fields=True):
    """A bench: the wire, the payloads, and the old PCs that get them."""

    payloads: dict[str, PayloadTable]
    targets: dict[str, TargetTable]
    wire: WireTable = msgspec.field(default_factory=WireTable)
    run: RunTable = msgspec.field(default_factory=RunTable)
    defaults: Common = msgspec.field(default_factory=Common)
    groups: dict[str, Common] = msgspec.field(default_factory=dict)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of bench files, for editors."""
    found = msgspec.json.schema(FileTable)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the file that cannot be: where, what, and what to do."""

    path: Path
    what: str
    remedy: str


def problems(table: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything in the parsed file that does not fit the structs."""
    yield from _check(shapes.type_info(FileTable), table, ())


def _check(kind: shapes.Type, value: object, path: Path, title: str = "") -> Iterator[Problem]:
    match kind:
        case shapes.Metadata(type=inner, extra_json_schema=more):
            yield from _check(inner, value, path, str((more or {}).get("title", title)))
        case shapes.UnionType(types=(text, shapes.StructType() as entry)):
            yield from _check(entry if isinstance(value, Mapping) else text, value, path, title)
        case shapes.UnionType():
            remedy = "write names with texts or numbers"
            if isinstance(value, bool) or not isinstance(value, str | int | float):
                yield _wrong(path, "a text or a number", value, remedy)
            elif isinstance(value, str) and "\0" in value:
                yield Problem(path, f"{_shown(value)} cannot stand here", remedy)
        case shapes.StructType():
            yield from _struct(kind, value, path)
        case shapes.DictType(value_type=inner):
            if not isinstance(value, Mapping):
                yield _wrong(path, "a table", value, title or "write a table with names as keys")
                return
            for name, each in value.items():
                if len(path) == 1 and path[0] in ("targets", "groups", "payloads"):
                    yield from _name((*path, name), name)
                yield from _check(inner, each, (*path, name))
        case shapes.ListType(item_type=inner, min_length=least):
            if not isinstance(value, list):
                yield _wrong(path, "a list", value, title)
                return
            if len(value) < (least or 0):
                yield Problem(path, "the list is empty", title)
            for number, each in enumerate(value):
                yield from _check(inner, each, (*path, number))
        case _:
            yield from _scalar(kind, value, path, title)


def _scalar(kind: shapes.Type, value: object, path: Path, title: str) -> Iterator[Problem]:
    match kind:
        case shapes.StrType(pattern=pattern, min_length=least):
            if not isinstance(value, str):
                yield _wrong(path, "a text", value, title)
            elif (pattern and not re.fullmatch(pattern, value)) or len(value) < (least or 0):
                yield Problem(path, f"{_shown(value)} cannot stand here", title)
        case shapes.BoolType():
            if not isinstance(value, bool):
                yield _wrong(path, "true or false", value, title)
        case shapes.IntType(ge=low, le=high):
            if isinstance(value, bool) or not isinstance(value, int):
                yield _wrong(path, "a whole number", value, title)
            elif not (low or 0) <= value <= (high or value):
                yield Problem(path, f"{value} is out of range", title)
        case shapes.FloatType(gt=low, le=high):
            if isinstance(value, bool) or not isinstance(value, int | float):
                yield _wrong(path, "a number", value, title)
            elif not (low or 0) < value <= (high or value):
                yield Problem(path, f"{value} is out of range", title)
        case _:
            raise AssertionError(f"no check for {kind}")


def _struct(kind: shapes.StructType, value: object, path: Path) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield _wrong(path, "a table", value, "write a table with its keys below it")
        return
    fields = {field.encode_name: field for field in kind.fields}
    for key, each in value.items():
        if key not in fields:
            near = difflib.get_close_matches(key, fields, 1)
            remedy = f"did you mean {near[0]}?" if near else f"there are {', '.join(fields)}"
            yield Problem((*path, key), "there is no such key", remedy)
        else:
            yield from _check(fields[key].type, each, (*path, key))
    for field in fields.values():
        if field.required and field.encode_name not in value:
            yield Problem(path, f"{field.name} is missing", f"add {_EXAMPLES[field.name]}")


_EXAMPLES = {
    "address": 'address = "192.168.1.11"',
    "files": 'files = ["setup.exe"]',
    "payloads": "a table [payloads.NAME]",
    "targets": "a table [targets.NAME]",
}


def _name(path: Path, name: str) -> Iterator[Problem]:
    if not re.fullmatch(_NAME, name):
        yield Problem(path, f"{_shown(name)} is no name", "write letters, digits, - and _")


def _shown(value: str) -> str:
    """As it would stand in the file, cut where nobody would read on."""
    return repr(value if len(value) <= _LONGEST else f"{value[:_LONGEST]}...")


_LONGEST = 60
_KINDS = {str: "a text", bool: "true or false", int: "a number", float: "a number",
          list: "a list", dict: "a table"}  # fmt: skip


def _wrong(path: Path, wanted: str, value: object, title: str) -> Problem:
    found = _KINDS.get(type(value), f"a {type(value).__name__}")
    return Problem(path, f"{wanted} belongs here, not {found}", title or f"write {wanted}")
