"""GO.BAT for floppy disks and CDs: it copies what the helper lacks, and names what came damaged.

There are two. The one on the first disk copies itself out of the way, since a batch file is read
line by line and its disk will be taken out; the one in C:\\DEPLOY asks for the disks by their
labels. Parts are copied under temporary names, as FTP.EXE fetches them, and the helper judges them:
since the manifest has no host, CHECK leaves an empty file under the temporary name of each part
that is to come. The rules of `core.target.gobat` hold here as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

from deployer.core.lint import check
from deployer.core.media.spread import Medium
from deployer.core.target.gobat import MEDIA_MARK, levels
from deployer.core.target.manifest import file_name, own_directory
from deployer.core.target.names import temporary_name
from deployer.model import GO_BAT, HELPER_EXE, INFO_TXT, OUTPUT_TXT, RESULT_TXT, Manifest, Part

_CHOICE = r"%windir%\COMMAND\CHOICE.COM"
_DRIVES = "D E F G H I J K L M N O P Q R S T U V W X Y Z"
TRIES = 3
"""How often a disk is asked for before the next one is."""


class Kind(Enum):
    """What the parts stand on."""

    FLOPPIES = "floppy disks"
    CD = "CD"


_END = (
    "GOTO END",
    ":NT",
    "ECHO This file is for Windows 95, 98 and ME. Use another way on this system.",
    ":END",
    "PAUSE",
)
"""How both batch files end."""


def worker_name(deployment: str) -> str:
    """What the batch file for the PC's own disk is called, also there."""
    return f"{deployment}.BAT"


def starter(manifest: Manifest, directory: str, media: Sequence[Medium], kind: Kind) -> bytes:
    """GO.BAT of the first disk, for a payload that goes to `directory`.

    Raises RuntimeError if lint objects to a line of it.
    """
    own, name = own_directory(directory), manifest.deployment
    carried = (HELPER_EXE, file_name(name), worker_name(name))
    source = "a CD" if kind is Kind.CD else f"{len(media)} floppy disk{'s'[: len(media) > 1]}"
    lines = [
        "@ECHO OFF",
        'IF "%OS%"=="Windows_NT" GOTO NT',
        "ECHO.",
        f"ECHO Deployment {name} from {source}",
        f"IF NOT EXIST {media[0].marker} GOTO WHERE",
        f"IF EXIST {own}\\HERE.TXT GOTO MADE",
        *(f"MD {level}" for level in levels(own)),
        ":MADE",
        f"ECHO deployment={name}>{own}\\HERE.TXT",
        f"IF NOT EXIST {own}\\HERE.TXT GOTO NODIR",
        *_copies(carried, own),
        *_hand_over(own, name, media[0].marker, kind),
        ":WHERE",
        f"ECHO Start GO in the directory of the {'CD' if kind is Kind.CD else 'disk'} itself:",
        f"ECHO type {'D:' if kind is Kind.CD else 'A:'} and Enter, then GO and Enter.",
        "GOTO END",
        ":BAD",
        f"ECHO {HELPER_EXE} or what belongs to it cannot be read, or C: is full.",
        "GOTO END",
        ":NODIR",
        f"ECHO {own} cannot be made or written to. Is the disk full?",
        *_END,
        *([":DONE"] if kind is Kind.CD else []),
    ]
    return _checked(lines)


def _copies(carried: Iterable[str], own: str) -> Iterable[str]:
    """An old one goes first: what is there after COPY has come with it."""
    for name in carried:
        yield f"IF EXIST {own}\\{name} DEL {own}\\{name}"
        yield f"COPY {name} {own}\\{name} >NUL"
        yield f"IF NOT EXIST {own}\\{name} GOTO BAD"


def _hand_over(own: str, deployment: str, marker: str, kind: Kind) -> Iterable[str]:
    """The drive of a CD has any letter; a floppy disk's is A: unless `GO B:` was typed.

    The worker takes HERE.TXT away, which shows that it was found.
    """
    if kind is Kind.FLOPPIES:
        yield f"{own}\\{worker_name(deployment)} %1"
        return
    call = f"CALL {own}\\{worker_name(deployment)} %%D:"
    yield f"FOR %%D IN ({_DRIVES}) DO IF EXIST %%D:\\{marker} {call}"
    yield f"IF NOT EXIST {own}\\HERE.TXT GOTO DONE"
    yield f"ECHO No drive from D: to Z: has this CD. Type {own}\\{deployment} and its drive."
    yield "GOTO END"


def worker(
    manifest: Manifest,
    directory: str,
    media: Sequence[Medium],
    kind: Kind,
    code: str,
    *,
    on_it: Mapping[str, str] | None = None,
) -> bytes:
    """The batch file of C:\\DEPLOY, which takes the drive as its first word.

    `on_it` are names that parts have on the medium, where they are not their own. Raises
    RuntimeError if lint objects to a line of it.
    """
    own, name = own_directory(directory), manifest.deployment
    list_name = file_name(name)
    stale = ["HERE.TXT", RESULT_TXT, OUTPUT_TXT, "OUTPUT.TMP", INFO_TXT, f"{name}.STA"]
    here = f"{name} A:" if kind is Kind.FLOPPIES else "GOTO DRIVE"
    lines = [
        "@ECHO OFF",
        f"REM {MEDIA_MARK}{worker_name(name)}",
        'IF "%OS%"=="Windows_NT" GOTO NT',
        own[:2],
        f"CD {own}",
        f"IF NOT EXIST {list_name} GOTO NODIR",
        f'IF "%1"=="" {here}',
        *(f"IF EXIST {old} DEL {old}" for old in stale),
        f"IF NOT EXIST {HELPER_EXE} GOTO NOHELPER",
        "DEPLOY98 SELF",
        "IF ERRORLEVEL 8 GOTO NOHELPER",
        "IF NOT ERRORLEVEL 7 GOTO NOHELPER",
        "DEPLOY98 INFO",
        *_check(list_name),
    ]
    for number, medium in enumerate(media, 1):
        what = "the CD" if kind is Kind.CD else f"disk {number} of {len(media)}"
        lines += _disk(medium, number, what, list_name, on_it or {})
    lines += [
        f":DISK{len(media) + 1}",
        "ECHO.",
        "ECHO Not all of it came whole. What is still missing is asked for once more.",
        "ECHO Clean the disk that gave it, or write it again; then press a key.",
        "PAUSE",
        "GOTO DISK1",
        ":JOIN",
        f"IF EXIST {RESULT_TXT} DEL {RESULT_TXT}",
        f"DEPLOY98 JOIN {list_name}",
        "IF ERRORLEVEL 2 GOTO FAILED",
        "IF ERRORLEVEL 1 GOTO DISK1",
        f"IF NOT EXIST {RESULT_TXT} GOTO NOHELPER",
        *_run(manifest, list_name),
        "ECHO.",
        "ECHO Finished. Every file is here and verified. The code of the proof is",
        f"ECHO     {code}",
        "GOTO BRING",
        ":FAILED",
        "ECHO.",
        "ECHO It did not work, for the reason above. A disk that gives damaged parts time after",
        "ECHO time has to be made again from its image. Then start GO on the first disk.",
        ":BRING",
        *(_bring_on_disk(own) if kind is Kind.FLOPPIES else _bring_from_cd(own)),
        ":DRIVE",
        f"ECHO Start GO on the CD, or type {name} and the drive of the CD, such as D:.",
        "GOTO END",
        ":NOHELPER",
        f"ECHO {HELPER_EXE} is missing or damaged. Start GO on the first disk again.",
        "GOTO END",
        ":NODIR",
        f"ECHO {own} is not what GO made. Start GO on the first disk again.",
        *_END,
    ]
    return _checked(lines)


def _check(list_name: str) -> Iterable[str]:
    """The helper judges. One that did not start leaves no report, and the old exit code (B8)."""
    yield f"IF EXIST {RESULT_TXT} DEL {RESULT_TXT}"
    yield f"DEPLOY98 CHECK {list_name}"
    yield f"IF NOT EXIST {RESULT_TXT} GOTO NOHELPER"
    yield "IF ERRORLEVEL 2 GOTO FAILED"
    yield "IF NOT ERRORLEVEL 1 GOTO JOIN"


def _disk(
    medium: Medium, number: int, what: str, list_name: str, on_it: Mapping[str, str]
) -> Iterable[str]:
    """Ask for one disk unless all of it is here; copy what is not; name what did not come whole."""
    wanted, following = f"%1\\{medium.marker}", f"DISK{number + 1}"
    yield f":DISK{number}"
    for part in medium.parts:
        yield f"IF EXIST {_temporary(part)} GOTO ASK{number}"
    yield f"GOTO {following}"
    yield f":ASK{number}"
    yield f"IF EXIST {wanted} GOTO COPY{number}"
    for turn in range(TRIES):
        if turn:
            yield "ECHO That is another one, or it cannot be read."
        yield "ECHO."
        yield f"ECHO Put {what} into drive %1, the one with the label {medium.label}."
        yield "PAUSE"
        yield f"IF EXIST {wanted} GOTO COPY{number}"
    yield f"ECHO Going on without {medium.label}: it is asked for again in the end."
    yield f"GOTO {following}"
    yield f":COPY{number}"
    yield f"ECHO Reading {medium.label}."
    for part in medium.parts:
        name, there = on_it.get(part.name, part.name), _temporary(part)
        yield f"IF EXIST {there} COPY /B /Y %1\\{name} {there}"
    yield from _check(list_name)
    for part in medium.parts:
        told = f"{part.name} again: it did not come whole from label {medium.label}."
        yield f"IF EXIST {_temporary(part)} ECHO Copy {told}"


def _temporary(part: Part) -> str:
    return temporary_name(part.name)


def _run(manifest: Manifest, list_name: str) -> Iterable[str]:
    if manifest.payload.run:
        yield f"IF EXIST {RESULT_TXT} DEL {RESULT_TXT}"
        yield f"DEPLOY98 RUN {list_name}"
        yield "IF ERRORLEVEL 1 GOTO FAILED"
        yield f"IF NOT EXIST {RESULT_TXT} GOTO NOHELPER"


def _bring_on_disk(own: str) -> Iterable[str]:
    return (
        f"IF NOT EXIST {RESULT_TXT} GOTO END",
        "ECHO.",
        f"ECHO The report, {RESULT_TXT}, goes to the disk that is in drive %1 now.",
        f"IF EXIST %1\\{RESULT_TXT} DEL %1\\{RESULT_TXT}",
        f"COPY {RESULT_TXT} %1\\{RESULT_TXT}",
        f"IF EXIST %1\\{RESULT_TXT} GOTO THERE",
        f"ECHO That was not possible: type the code, or COPY {own}\\{RESULT_TXT} to any disk.",
        "GOTO END",
        ":THERE",
        "ECHO It is there. Bring this disk back.",
        "GOTO END",
    )


def _bring_from_cd(own: str) -> Iterable[str]:
    return (
        f"IF NOT EXIST {RESULT_TXT} GOTO END",
        "ECHO.",
        f"ECHO The report is {own}\\{RESULT_TXT}. Type the code, or bring the report on a disk.",
        f"IF NOT EXIST {_CHOICE} GOTO END",
        f"{_CHOICE} /C:YN /N Copy it to the disk in drive A: (Y/N)?",
        "IF ERRORLEVEL 2 GOTO END",
        f"COPY {RESULT_TXT} A:\\{RESULT_TXT}",
        "GOTO END",
    )


def autorun() -> bytes:
    """AUTORUN.INF: Windows starts GO.BAT when the CD is put in."""
    return b"[autorun]\r\nopen=GO.BAT\r\n"


def _checked(lines: Sequence[str]) -> bytes:
    data = "".join(f"{line}\r\n" for line in lines).encode("ascii")
    findings = check.check(data, name=GO_BAT)
    if findings:
        raise RuntimeError(f"{GO_BAT} has a mistake: {findings[0]}")
    return data
