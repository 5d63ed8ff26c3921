"""GO.BAT: the batch file that fetches, verifies, joins, launches and reports on the target.

It is written for COMMAND.COM of Windows 95, 98 and ME: no ELSE, no %ERRORLEVEL%, no variables of
its own (the environment may be full, facts B22), no pipe or redirection on an IF line (batch-notes
1), labels unique in 8 characters, lines within 120 bytes, CR LF also at the end. It never judges by
FTP.EXE's exit code (facts A18) or by the presence of a fetched file alone (facts A15): the helper
judges, with the exit codes of `HELPER_CODES`. What `render` returns has passed `lint`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from deployer.core.agents.overlay import AGENT_EXE, AGENT_INI
from deployer.core.lint import check
from deployer.core.lint.model import Finding
from deployer.core.target import ftpscript
from deployer.core.target.codepages import WESTERN
from deployer.core.target.manifest import file_name, list_name, own_directory, unfit
from deployer.core.target.names import LEFT_BY_PULLS, OUR_NAMES, is_short
from deployer.errors import WrongUse
from deployer.model import (
    GO_BAT,
    HELPER_EXE,
    INFO_TXT,
    OUTPUT_TXT,
    RECEIPT_TXT,
    RESULT_TXT,
    Manifest,
)

HELPER_CODES: Mapping[int, str] = {
    0: "done: everything is here, whole, or has run",
    1: "parts are missing: NEXT.FTP fetches them, then CHECK again",
    2: "gave up: the same part was bad 3 times, or 3 rounds brought nothing",
    3: "not enough disk space",
    4: "wrong use of the helper",
    5: "the manifest is missing, cut or mangled",
    6: "the program did not start, or ended with another code than 0",
    7: "SELF: the helper's own checksum is right",
    8: "a file is not what was sent",
    9: "read or write error, or out of memory",
}
"""Exit codes of DEPLOY98.EXE, the one table (see also payloads/README.md)."""

FETCH_PAUSES = (5, 20, 35)
AWAY_PAUSES = (15,) * 5
SEND_PAUSES = (5, 15, 20, 25)
"""Seconds before each further try: a host that is back within a minute is found by itself, and one
that stays away is given up after it. A cable that is out costs FTP.EXE's own waiting on top."""

MAX_DIRECTORY = 120
_SHORT = re.compile(r"[A-Za-z0-9_~-]{1,8}(\.[A-Za-z0-9_~-]{1,3})?")
HOST_UP = "HOSTUP"
FIRST_LOG = "FIRST.LOG"
_FTP = r"%windir%\FTP.EXE"
_PING = r"%windir%\PING.EXE"
_FIND = r"%windir%\COMMAND\FIND.EXE"
_CHOICE = r"%windir%\COMMAND\CHOICE.COM"
"""Programs are called by their whole names: %PATH% may be anything, and a program of the same name
may lie in the directory."""
_NOTHING_CAME = " 0 0"
"""In RESULT.TXT: a round with no part accepted and none bad."""


@dataclass(frozen=True, slots=True)
class BatchSection:
    """Some lines of the batch file with what they are for."""

    title: str
    why: str
    lines: tuple[str, ...]


def parse_directory(text: str, page: int = WESTERN) -> str:
    r"""A directory of the target such as `C:\DEPLOY` or `C:\Program Files\My Game`.

    One of 8.3 names alone is given in upper case. Raises WrongUse unless it is an absolute path
    below the root (facts C4) of names that a Windows 98 of that code page can have.
    """
    directory = text.strip().replace("/", "\\").rstrip("\\")
    drive, _, names = directory.partition("\\")
    why = unfit(names.replace("\\", "/"), page) if names else "it is the root"
    if not re.fullmatch("[A-Za-z]:", drive):
        why = "it has no drive"
    elif len(directory) > MAX_DIRECTORY:
        why = f"it is longer than {MAX_DIRECTORY} characters"
    if why:
        raise WrongUse(
            what=f"--to {text}: that is no directory for the target ({why}).",
            remedy=r"Give a drive and names, such as C:\DEPLOY or C:\Program Files\Game.",
        )
    if all(_SHORT.fullmatch(name) for name in names.split("\\")):
        return directory.upper()
    return f"{drive.upper()}\\{names}"


def refuse_agent(directory: str) -> None:
    """Raises WrongUse unless an agent that goes along comes where our own files are.

    It lives there, and GO.BAT, which has no long names, starts it there.
    """
    home = own_directory(directory)
    if directory.upper() != home.upper():
        raise WrongUse(
            what=f"--stay leaves an agent in {home}, and this payload goes to {directory}.",
            remedy="Bring the agent with a push of its own, without --to. It then takes pushes to "
            "every directory.",
        )


def refuse_long(directory: str) -> None:
    """Raises WrongUse unless a batch file can make that directory and go there: of 8.3 names."""
    if not all(is_short(name) for name in directory[3:].split("\\")):
        raise WrongUse(
            what=f"--to {directory}: GO.BAT of a staged folder works in that folder itself, and "
            "can go to 8.3 names only.",
            remedy="Give 8.3 names of letters, digits, _ and -, such as C:\\GAME.",
        )


def blocks(
    manifest: Manifest, directory: str, *, offline: bool = False
) -> tuple[BatchSection, ...]:
    """GO.BAT in blocks, for a payload that goes to `directory`; our own files are in DEPLOY.

    With `offline` everything is already in `directory`, ours and the payload: no FTP at all.
    """
    payload_directory = directory
    if not offline:
        directory = own_directory(directory)
    return (
        _greeting(manifest, offline),
        _own_directory(directory, manifest.deployment, offline),
        *(() if offline else (_windows_is_there(), _scripts(manifest), _room())),
        _fresh_start(manifest, offline),
        *((_check_offline(manifest),) if offline else (_helper(manifest), _rounds(manifest))),
        *(() if manifest.payload.gather else (_join(manifest, offline),)),
        *((_launch(manifest, offline),) if manifest.payload.run else ()),
        *((_finish_offline(),) if offline else (_send(manifest, payload_directory),)),
        _endings(manifest, directory, offline),
    )


def render(manifest: Manifest, directory: str, *, offline: bool = False) -> bytes:
    """GO.BAT as the target gets it.

    Raises RuntimeError if lint objects to a line of it, or to a script for FTP.EXE that it writes.
    """
    lines = [line for block in blocks(manifest, directory, offline=offline) for line in block.lines]
    if not offline:
        for name, script in scripts(manifest).items():
            _refuse(name, check.check_ftp_script(_text(script)))
    data = _text(lines)
    found = _findings(data)
    if manifest.payload.cleans:  # it deletes itself, after all else
        found = tuple(each for each in found if each.rule != "self-overwrite")
    _refuse(GO_BAT, found)
    return data


@lru_cache(maxsize=16)
def _findings(data: bytes) -> tuple[Finding, ...]:
    """What lint says of a GO.BAT: each login of a pull is given the same one again."""
    return check.check(data, name=GO_BAT)


def _text(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def _refuse(name: str, findings: Sequence[Finding]) -> None:
    if findings:
        raise RuntimeError(f"{name} has a mistake: {findings[0]}")


def scripts(manifest: Manifest) -> Mapping[str, tuple[str, ...]]:
    """The scripts for FTP.EXE that GO.BAT writes: their lines by their names."""
    who = (manifest.host, manifest.login, manifest.token)
    manifest_name = _list_name(manifest)
    full = ftpscript.report(*who, [f"HERE.TXT {RESULT_TXT}"])
    fetch = ftpscript.first(*who, [HELPER_EXE, manifest_name])
    host_up = ftpscript.first(*who, [f"{manifest_name} {HOST_UP}.TXT"])
    ready = ftpscript.report(*who, [INFO_TXT, RESULT_TXT])
    if manifest.payload.run:
        send = ftpscript.report(*who, [OUTPUT_TXT, RESULT_TXT], RECEIPT_TXT)
    else:
        send = ftpscript.report(*who, [INFO_TXT, RESULT_TXT], RECEIPT_TXT)
    found = {"FULL.FTP": full, "FIRST.FTP": fetch, f"{HOST_UP}.FTP": host_up}
    if manifest.payload.run:
        found["READY.FTP"] = ready
    return found | {"SEND.FTP": send}


def _greeting(manifest: Manifest, offline: bool) -> BatchSection:
    source = "this directory" if offline else manifest.host
    return BatchSection(
        "Who may run this",
        "NT and its successors have another shell and would read some lines otherwise (B35).",
        (
            "@ECHO OFF",
            'IF "%OS%"=="Windows_NT" GOTO NT',
            "ECHO.",
            f"ECHO Deployment {manifest.deployment} from {source}",
        ),
    )


def _own_directory(directory: str, deployment: str, offline: bool) -> BatchSection:
    marker = f"{directory}\\HERE.TXT"
    last_word = () if offline else ("ECHO failed=FULL>>HERE.TXT",)
    return BatchSection(
        "A directory of its own, proved by a marker file",
        "MD reports nothing to a batch file (B7) and IF EXIST DIR\\NUL is always true (B29), so a "
        "file is written there and looked for. Never the root, which has room for few names (C4). "
        "This file is copied there from where it was started, so that GO alone works there. "
        "The file is a report as well, made while there is room: see the last block.",
        (
            f"IF EXIST {marker} GOTO CLEAN",
            *(f"MD {level}" for level in levels(directory)),
            "GOTO MARK",
            ":CLEAN",
            f"DEL {marker}",
            ":MARK",
            f"ECHO deployment={deployment}>{marker}",
            f"IF NOT EXIST {marker} GOTO NODIR",
            *(() if offline else _keep_itself(directory)),
            directory[:2],
            f"CD {directory}",
            "IF NOT EXIST HERE.TXT GOTO NODIR",
            *last_word,
        ),
    )


def _keep_itself(directory: str) -> Iterable[str]:
    """%0 is what was typed, GO or GO.BAT, or the path that a browser or the Explorer started.

    A path with blanks is no file to IF EXIST, and one that is there already is not copied onto
    itself.
    """
    for number, name in enumerate(("%0.BAT", "%0"), start=1):
        yield f"IF NOT EXIST {name} GOTO KEPT{number}"
        yield f"COPY {name} {directory}\\{GO_BAT} >NUL"
        yield f":KEPT{number}"


def levels(directory: str) -> tuple[str, ...]:
    r"""Each directory on the way, from the top: C:\A and C:\A\B of C:\A\B."""
    drive, *names = directory.split("\\")
    return tuple(f"{drive}\\" + "\\".join(names[: n + 1]) for n in range(len(names)))


def _windows_is_there() -> BatchSection:
    return BatchSection(
        "Where Windows and its FTP.EXE are",
        "FTP.EXE and PING.EXE come with TCP/IP and lie in the Windows folder itself (A4), FIND and "
        "CHOICE in its COMMAND. A missing program would leave the old ERRORLEVEL and the batch "
        "file none the wiser (B8), so each is looked for before it is called. %windir% may be "
        "empty where the environment was full when Windows started.",
        (
            'IF "%windir%"=="" SET windir=%winbootdir%',
            'IF "%windir%"=="" SET windir=C:\\WINDOWS',
            f"IF NOT EXIST {_FTP} GOTO NOFTP",
        ),
    )


def _room() -> BatchSection:
    return BatchSection(
        "Room for these scripts",
        "On a full disk ECHO makes empty files and reports nothing (B7). The last script shows "
        "whether there was room for all. The report of a full disk is sent if at least its own "
        "script was written.",
        (
            f"IF NOT EXIST {_FIND} GOTO FETCH",
            f'{_FIND} "bye" SEND.FTP >NUL',
            "IF ERRORLEVEL 1 GOTO FULL",
            ":FETCH",
        ),
    )


def _scripts(manifest: Manifest) -> BatchSection:
    return BatchSection(
        "The scripts for FTP.EXE",
        "Written here, so that this one file is enough however it came. `binary` stands before "
        "every transfer (A5). FULL, the first of them, sends the report of a full disk, FIRST "
        "gets the helper and the manifest, HOSTUP asks whether the host is there, READY reports "
        "that all is verified before the program starts, SEND brings the result and asks for a "
        "receipt.",
        tuple(line for name, script in scripts(manifest).items() for line in _echo(name, script)),
    )


def _echo(script: str, lines: Sequence[str]) -> Iterable[str]:
    for number, line in enumerate(lines):
        yield f"ECHO {line}{'>>' if number else '>'}{script}"


def _fresh_start(manifest: Manifest, offline: bool) -> BatchSection:
    stale = [RESULT_TXT, OUTPUT_TXT, "OUTPUT.TMP", INFO_TXT, f"{manifest.deployment}.STA"]
    if not offline:
        stale += ["NEXT.FTP", RECEIPT_TXT, f"{HOST_UP}.TXT", FIRST_LOG]
    return BatchSection(
        "Nothing of an earlier run is taken for news",
        "Old reports would be sent as if they were new. Verified parts and files stay: the helper "
        "looks at them again and fetches only what is missing.",
        tuple(_delete(name) for name in stale),
    )


def _helper(manifest: Manifest) -> BatchSection:
    manifest_name = _list_name(manifest)
    lines: list[str] = []
    tries = len(FETCH_PAUSES) + 1
    for turn in range(1, tries + 1):
        wrong = f"TRY{turn + 1}" if turn < tries else "NOHELPER"
        if turn > 1:
            lines += [
                f":TRY{turn}",
                f"IF NOT EXIST {_FIND} GOTO TRY{turn}B",
                f'{_FIND} /I "{ftpscript.FETCH_AGAIN}" {FIRST_LOG} >NUL',
                "IF NOT ERRORLEVEL 1 GOTO OLD",
                f":TRY{turn}B",
                *_pause("That did not work.", FETCH_PAUSES[turn - 2], f"TRY{turn}"),
            ]
        lines += [
            _delete(HELPER_EXE),
            _delete(manifest_name),
            "ECHO Fetching the helper.",
            f"{_FTP} -n -i -s:FIRST.FTP >{FIRST_LOG}",
            f"TYPE {FIRST_LOG}",
            f"IF NOT EXIST {HELPER_EXE} GOTO {wrong}",
            "ECHO Starting the helper. If nothing follows for a minute, it came damaged:",
            "ECHO switch this PC off and on, and start GO again.",
            "DEPLOY98 SELF",
            f"IF ERRORLEVEL 8 GOTO {wrong}",
            f"IF NOT ERRORLEVEL 7 GOTO {wrong}",
            "DEPLOY98 INFO",
            first_command(manifest),
            "IF ERRORLEVEL 6 GOTO JUDGE",
            f"IF ERRORLEVEL 5 GOTO {wrong}",
            "GOTO JUDGE" if turn < tries else "",
        ]
    return BatchSection(
        "Fetch the helper and the manifest, and let the helper prove itself",
        "FTP.EXE's exit code means nothing (A18), and a damaged program may do anything, even "
        "hang: only exit code 7 of SELF says that the helper is whole. A mangled manifest is code "
        f"5. {tries} tries within a minute, and none more when the host has said that this is not "
        "the GO.BAT that it offers now.",
        tuple(line for line in lines if line),
    )


def _delete(name: str) -> str:
    """DEL says something about a file that is not there, and that would worry people."""
    return f"IF EXIST {name} DEL {name}"


def _pause(what: str, seconds: int, label: str) -> tuple[str, ...]:
    """Says why, and waits; X ends the wait (B11). Without CHOICE PING waits, 1 s a turn (B12).

    Two labels that begin with `label` are used.
    """
    return (
        f"ECHO {what} Trying again in {seconds} seconds.",
        f"IF NOT EXIST {_CHOICE} GOTO {label}P",
        f"{_CHOICE} /C:X /N /T:X,{seconds} >NUL",
        f"GOTO {label}G",
        f":{label}P",
        f"IF NOT EXIST {_PING} PAUSE",
        f"{_PING} -n {seconds + 1} 127.0.0.1 >NUL",
        f":{label}G",
    )


def ask_name(deployment: str) -> str:
    """The name of what the host asks for in a pull, which stands in the place of a manifest."""
    return f"{deployment}.ASK"


def _list_name(manifest: Manifest) -> str:
    """What the helper reads: the manifest of a push, or what a pull asks for."""
    name = manifest.deployment
    return ask_name(name) if manifest.payload.gather else file_name(name)


def first_command(manifest: Manifest) -> str:
    """What the helper is called with first: it says what is to be done next."""
    command = "GATHER" if manifest.payload.gather else "CHECK"
    return f"DEPLOY98 {command} {_list_name(manifest)}"


def _rounds(manifest: Manifest) -> BatchSection:
    return _gather(manifest) if manifest.payload.gather else _loop(manifest)


def _gather(manifest: Manifest) -> BatchSection:
    ask, command = _list_name(manifest), first_command(manifest)
    take = (_delete(ask), f"IF EXIST {HOST_UP}.TXT REN {HOST_UP}.TXT {ask}", command)
    return BatchSection(
        "Send what the host asks for until it has all",
        "GATHER reads what the host asks for, makes the list of files with their sums, or cuts the "
        "bytes that the host lacks into parts, and exits 1 when NEXT.FTP is to send them. Then the "
        "host is asked again what it lacks now, so a put that went wrong is seen by that alone "
        "(A18). What it asks is fetched under another name first: a failed get may leave an empty "
        "file (A15). Exit code 5: it came damaged, and is fetched once more.",
        (
            ":JUDGE",
            "IF ERRORLEVEL 2 GOTO SEND1",
            "IF NOT ERRORLEVEL 1 GOTO SEND1",
            "IF NOT EXIST NEXT.FTP GOTO NOHELPER",
            f"{_FTP} -n -i -s:NEXT.FTP",
            "IF EXIST NEXT.FTP DEL NEXT.FTP",
            _delete(RESULT_TXT),
            f"IF NOT EXIST {HELPER_EXE} GOTO NOHELPER",
            f"IF EXIST {_FIND} GOTO HOST",
            f"{_FTP} -n -i -s:{HOST_UP}.FTP",
            "GOTO ROUND",
            ":HOST",
            *_until_host_is_up(manifest),
            ":ROUND",
            *take,
            "IF ERRORLEVEL 6 GOTO JUDGE",
            "IF NOT ERRORLEVEL 5 GOTO JUDGE",
            *_pause("That came damaged.", FETCH_PAUSES[0], "MORE"),
            f"{_FTP} -n -i -s:{HOST_UP}.FTP",
            *take,
            "GOTO JUDGE",
        ),
    )


def _loop(manifest: Manifest) -> BatchSection:
    return BatchSection(
        "Fetch what is missing until all is good",
        "CHECK exits 1 when it has written NEXT.FTP with a get for exactly the parts that are "
        "missing or bad, 0 when all are here, more when it gives up (tested from the highest, B6). "
        "NEXT.FTP is deleted first: if the helper could not start, the old exit code would still "
        "stand (B8), and the missing script ends the loop. After a round in which nothing arrived "
        "(`round=2 0 0` in RESULT.TXT) the host may be gone, or just starting again: CHECK gives "
        "up after 3 such rounds, so none is begun before the host has given the manifest once "
        "more. FIND has a true exit code (B13); without FIND.EXE there is a round at once. "
        "RESULT.TXT is deleted before each command that writes it: on a full disk that makes room "
        "for the next one, and an old one is not sent in its place.",
        (
            ":JUDGE",
            "IF ERRORLEVEL 2 GOTO SEND1",
            "IF NOT ERRORLEVEL 1 GOTO JOIN",
            "IF NOT EXIST NEXT.FTP GOTO NOHELPER",
            f"IF NOT EXIST {_FIND} GOTO ROUND",
            f'{_FIND} "{_NOTHING_CAME}" {RESULT_TXT} >NUL',
            "IF ERRORLEVEL 1 GOTO ROUND",
            *_until_host_is_up(manifest),
            ":ROUND",
            f"{_FTP} -n -i -s:NEXT.FTP",
            ":RECHECK",
            "IF EXIST NEXT.FTP DEL NEXT.FTP",
            _delete(RESULT_TXT),
            f"IF NOT EXIST {HELPER_EXE} GOTO NOHELPER",
            f"DEPLOY98 CHECK {file_name(manifest.deployment)}",
            "GOTO JUDGE",
        ),
    )


def _until_host_is_up(manifest: Manifest) -> Iterable[str]:
    """Asks at once, then after each pause; ends at ROUND or at GONE."""
    for turn in range(len(AWAY_PAUSES) + 1):
        last = turn == len(AWAY_PAUSES)
        wrong = "GONE" if last else f"AWAY{turn + 1}"
        if turn:
            yield f":AWAY{turn}"
            said = "Nothing comes from the host."
            yield from _pause(said, AWAY_PAUSES[turn - 1], f"AWAY{turn}")
        yield _delete(f"{HOST_UP}.TXT")
        yield f"{_FTP} -n -i -s:{HOST_UP}.FTP"
        yield f"IF NOT EXIST {HOST_UP}.TXT GOTO {wrong}"
        yield f'{_FIND} "{manifest.deployment}" {HOST_UP}.TXT >NUL'
        yield "IF NOT ERRORLEVEL 1 GOTO ROUND"
        if last:
            yield "GOTO GONE"


def _check_offline(manifest: Manifest) -> BatchSection:
    return BatchSection(
        "Let the helper prove itself and check what is here",
        "Only exit code 7 of SELF says that the helper is whole.",
        (
            f"IF NOT EXIST {HELPER_EXE} GOTO NOHELPER",
            "DEPLOY98 SELF",
            "IF ERRORLEVEL 8 GOTO NOHELPER",
            "IF NOT ERRORLEVEL 7 GOTO NOHELPER",
            "DEPLOY98 INFO",
            first_command(manifest),
            "IF ERRORLEVEL 2 GOTO FAILED",
            "IF ERRORLEVEL 1 GOTO MORE",
        ),
    )


def _join(manifest: Manifest, offline: bool) -> BatchSection:
    bad = "FAILED" if offline else "SEND1"
    again = "FAILED" if offline else "RECHECK"
    return BatchSection(
        "Join the parts and prove the whole",
        "JOIN puts the parts together in a work file and gives it its name only when its SHA-256 "
        "is right; COPY /B would skip missing parts in silence (B16) and on a full disk delete "
        "what it had (B18). Exit code 1: a part was damaged meanwhile, so check again.",
        (
            ":JOIN",
            *(() if offline else (_delete(RESULT_TXT),)),
            f"DEPLOY98 JOIN {file_name(manifest.deployment)}",
            f"IF ERRORLEVEL 2 GOTO {bad}",
            f"IF ERRORLEVEL 1 GOTO {again}",
        ),
    )


def _launch(manifest: Manifest, offline: bool) -> BatchSection:
    tell = () if offline else (f"{_FTP} -n -i -s:READY.FTP", _delete(RESULT_TXT))
    judge = ("IF ERRORLEVEL 1 GOTO FAILED",) if offline else ()
    return BatchSection(
        "Report to the host, then run",
        "The host hears that every file is verified before the program starts, because that may "
        "take hours. RUN shows the output and keeps it in OUTPUT.TXT.",
        (*tell, f"DEPLOY98 RUN {file_name(manifest.deployment)}", *judge),
    )


def _agent(manifest: Manifest) -> tuple[str, ...]:
    """Start the agent that came with it. A program with a window comes back at once (B10)."""
    if {AGENT_EXE, AGENT_INI} <= {file.name for file in manifest.payload.files}:
        return (f"IF EXIST {AGENT_INI} {AGENT_EXE.partition('.')[0]}",)
    return ()


MEDIA_MARK = "deployer-media="
"""What stands before its own name in the batch file that floppy disks or a CD have left."""


def _take_left(deployment: str) -> Iterable[str]:
    """Batch files of floppy disks and CDs go, and what pulls have left that nobody has finished.

    A small batch file looks into each that may be one.

    FOR cannot ask for an exit code itself (B13), and a pattern alone would also mean DATA.BAT.
    """
    look = f"{deployment}.BAT"
    yield f"IF NOT EXIST {_FIND} GOTO NOMEDIA"
    yield f'ECHO @{_FIND} "{MEDIA_MARK}%%1" %%1>{look}'
    yield f"ECHO @IF NOT ERRORLEVEL 1 DEL %%1>>{look}"
    yield f"FOR %%F IN (D???????.BAT) DO CALL {look} %%F"
    for end, marks in LEFT_BY_PULLS.items():
        asked = f'ECHO @{_FIND} "{marks[0]}" %%1>{look}'
        for mark in marks[1:]:
            yield asked
            asked = f'ECHO @IF NOT ERRORLEVEL 1 {_FIND} "{mark}" %%1>>{look}'
        yield asked
        yield f"ECHO @IF NOT ERRORLEVEL 1 DEL %%1>>{look}"
        yield f"FOR %%F IN (D???????.{end}) DO CALL {look} %%F"
    yield f"IF EXIST {look} DEL {look}"
    yield ":NOMEDIA"


def _forget_pull(deployment: str) -> Iterable[str]:
    """What a whole pull has left; one that is not whole goes on with its list."""
    yield f"IF NOT EXIST {_FIND} GOTO ASKED"
    yield f'{_FIND} "exit=0" {RESULT_TXT} >NUL'
    yield "IF ERRORLEVEL 1 GOTO ASKED"
    yield from (_delete(f"{deployment}.{kind}") for kind in ("ASK", "LST"))
    yield ":ASKED"


def _vanish(manifest: Manifest, directory: str) -> tuple[str, ...]:
    """All that is ours goes, this file last: what COMMAND.COM does not find any more it ends.

    The list of what was delivered stays while something of it does.
    """
    ours, known = own_directory(directory), list_name(directory, manifest.payload.codepage)
    names = [f"{manifest.deployment}.STA", _list_name(manifest), *sorted(OUR_NAMES - {GO_BAT})]
    return (
        f"IF NOT EXIST {_FIND} GOTO KEEPLIST",
        f"IF NOT EXIST {known} GOTO KEEPLIST",
        f'{_FIND} "F " {known} >NUL',
        "IF NOT ERRORLEVEL 1 GOTO KEEPLIST",
        f"DEL {known}",
        ":KEEPLIST",
        *_take_left(manifest.deployment),
        *(_delete(name) for name in names),
        "PAUSE",
        "CD \\",
        _delete(f"{ours}\\{GO_BAT}"),
        f"IF NOT EXIST {ours}\\*.* RD {ours}",
    )


def _send(manifest: Manifest, directory: str) -> BatchSection:
    lines: list[str] = []
    tries = len(SEND_PAUSES) + 1
    for turn in range(1, tries + 1):
        wrong = f"SEND{turn + 1}" if turn < tries else "UNSENT"
        if turn > 1:
            said = "The host did not take it."
            lines += [f":SEND{turn}", *_pause(said, SEND_PAUSES[turn - 2], f"SEND{turn}")]
        else:
            lines += [
                ":SEND1",
                "ECHO Sending the result.",
                f"IF NOT EXIST {RESULT_TXT} GOTO NOREPORT",
                f"IF NOT EXIST {_FIND} GOTO SEND0",
                f'{_FIND} "deployment=" {RESULT_TXT} >NUL',
                "IF ERRORLEVEL 1 GOTO NOREPORT",
                ":SEND0",
            ]
        lines += [
            f"IF EXIST {RECEIPT_TXT} DEL {RECEIPT_TXT}",
            f"{_FTP} -n -i -s:SEND.FTP",
            f"IF NOT EXIST {RECEIPT_TXT} GOTO {wrong}",
            f"IF NOT EXIST {_FIND} GOTO UNREAD",
            f'{_FIND} "{manifest.deployment}" {RECEIPT_TXT} >NUL',
            f"IF ERRORLEVEL 1 GOTO {wrong}",
            *(["GOTO SENT"] if turn < tries else []),
        ]
    lines += [
        ":SENT",
        "ECHO.",
        f"ECHO Finished. The host has the result of {manifest.deployment}.",
        *_agent(manifest),
        *(_vanish(manifest, directory) if manifest.payload.cleans else ()),
        *(_forget_pull(manifest.deployment) if manifest.payload.gather else ()),
        "GOTO END",
    ]
    return BatchSection(
        "Send the result, also after a failure",
        "The host gives GOTIT.TXT only for a report that arrived whole. A failed get may leave an "
        "empty file (A15), so its text is looked for with FIND, which has a true exit code (B13); "
        "without FIND.EXE people read it. A report that is missing or empty was not written: the "
        "helper was stopped, or the disk is full.",
        tuple(lines),
    )


COPY_AGAIN = "ECHO Copy the files that are named above again, then start GO again."
"""What the offline GO.BAT says when CHECK, which names them, misses something."""


def _finish_offline() -> BatchSection:
    return BatchSection(
        "Say how it ended",
        "RESULT.TXT and OUTPUT.TXT stay in the directory.",
        (
            "ECHO.",
            f"ECHO Finished. {RESULT_TXT} holds the proof.",
            "GOTO END",
            ":MORE",
            "ECHO.",
            COPY_AGAIN,
            "GOTO END",
            ":FAILED",
            "ECHO.",
            f"ECHO It did not work. The reason is above, and in {RESULT_TXT}.",
            "GOTO END",
        ),
    )


_NO_REPORT = (
    " NOREPORT writes a report in the helper's place; on a full disk that fails as well, and "
    "HERE.TXT, which is there already, is sent as the report. IF EXIST finds files only, so what "
    "it finds in the place of the directory is a file."
)
_OLD = f"ECHO If it said that this GO.BAT is of an older push, {ftpscript.FETCH_AGAIN}."


def _endings(manifest: Manifest, directory: str, offline: bool) -> BatchSection:
    helper_missing: tuple[str, ...]
    if offline:
        helper_missing = (
            ":NOHELPER",
            f"ECHO {HELPER_EXE} is missing or damaged. Copy the whole directory again.",
            "GOTO END",
        )
    else:
        helper_missing = (
            ":NOREPORT",
            f"ECHO deployment={manifest.deployment}>{RESULT_TXT}",
            f"ECHO failed=STOPPED>>{RESULT_TXT}",
            f"IF NOT EXIST {_FIND} GOTO SEND0",
            f'{_FIND} "failed=" {RESULT_TXT} >NUL',
            "IF NOT ERRORLEVEL 1 GOTO SEND0",
            ":FULL",
            f'{_FIND} "bye" FULL.FTP >NUL',
            "IF ERRORLEVEL 1 GOTO NOROOM",
            f"{_FTP} -n -i -s:FULL.FTP",
            ":NOROOM",
            "ECHO.",
            "ECHO The disk is full: there is no room even for a report. Make room on it,",
            "ECHO then start GO again: only what is missing is done.",
            "GOTO END",
            ":GONE",
            "ECHO.",
            f"ECHO Nothing comes from {manifest.host} any more. Look at the host and at the cable,",
            "ECHO then start GO again: only what is missing is done.",
            _OLD,
            "GOTO END",
            ":UNSENT",
            "ECHO.",
            "ECHO The host did not take the result. Look at the cable, then start GO again:",
            "ECHO only what is missing is done.",
            _OLD,
            "GOTO END",
            ":UNREAD",
            "ECHO.",
            f"ECHO There is no {_FIND}, so you have to read the host's receipt:",
            f"TYPE {RECEIPT_TXT}",
            f"ECHO If it does not name {manifest.deployment}, start GO again.",
            "GOTO END",
            ":OLD",
            "ECHO.",
            f"ECHO This GO.BAT is of an older push: {ftpscript.FETCH_AGAIN}, as the card says.",
            f"ECHO   FTP {manifest.host}     User: a     get GO.BAT     bye",
            "GOTO END",
            ":NOHELPER",
            "ECHO The helper did not arrive whole, or did not start.",
            f"ECHO deployment={manifest.deployment}>{RESULT_TXT}",
            f"ECHO failed=HELPER>>{RESULT_TXT}",
            "GOTO SEND1",
            ":NOFTP",
            f"ECHO There is no {_FTP}. Start Windows first, and add TCP/IP",
            "ECHO under Start, Settings, Control Panel, Network.",
            "GOTO END",
        )
    above = levels(directory)
    return BatchSection(
        "The endings",
        "Each says what happened and what to do. PAUSE, and no CLS, so that the window stays "
        "readable (B30)." + ("" if offline else _NO_REPORT),
        (
            *helper_missing,
            ":NODIR",
            f"ECHO {directory} cannot be made or written to.",
            f"IF EXIST {directory}\\*.* GOTO NODISK",
            *(f"IF EXIST {level} GOTO FILE{n}" for n, level in enumerate(above)),
            ":NODISK",
            "ECHO Is the disk full or write-protected?",
            "GOTO END",
            *(
                line
                for n, level in enumerate(above)
                for line in (
                    f":FILE{n}",
                    f"ECHO {level} is a file. Rename it.",
                    "GOTO END",
                )
            ),
            ":NT",
            "ECHO This file is for Windows 95, 98 and ME. Use another way on this system.",
            ":END",
            "PAUSE",
        ),
    )
