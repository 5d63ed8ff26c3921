"""The section FTP.EXE: scripts without a server, and scripts by which our own server plays a part.

At 127.0.0.1 of an old PC nothing answers. Our server has a directory for each manner in which it
behaves (`core.ftp.manners`); what it heard there comes back as TALK.TXT, and stands in OUT.TXT.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from deployer.core.ftp import manners
from deployer.core.survey.probe import SurveyProbe

NO_SERVER = "no server"
"""What a probe says where nobody could be called, such as in a staged folder: it was not asked."""
_REFUSED = "open 127.0.0.1"
_LONG = "x" * 150
_EXIT = "its exit code is not 0"
_QUIT, _LOST = "QUIT", "ended by FTP.EXE"
_FIND = "%windir%\\COMMAND\\FIND.EXE"
_CHOICE = "%windir%\\COMMAND\\CHOICE.COM /C:X /N /T:X"
_NO_FIND = f"IF NOT EXIST {_FIND} ECHO there is no FIND.EXE>>OUT.TXT"
"""A program that is missing leaves the exit code of the one before (facts B8)."""
_OLD = b"old\r\n"
_VERBS = (
    "CWD", "TYPE", "A", "I", "PORT", "RETR", "STOR", "NLST", "LIST", "QUIT", "PWD", "XPWD", "MKD",
    "XMKD", "RMD", "XRMD", "DELE", "RNFR", "RNTO", "SYST", "PASV", "NOOP", "HELP", "*.TXT",
    "bytes", "ended", "by", "FTP.EXE", "the", "server,", "which", "said", "nothing", "within", "s",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FtpScript:
    """A script, what is looked for in FTP.EXE's output, which of that is there, what server hears.

    `heard` is None where no server is called, and of those that call one "" where nobody knows.
    `files` are left afterwards. `words` are the program's options.
    """

    name: str
    title: str
    script: tuple[str, ...]
    facts: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    there: tuple[str, ...] = ()
    heard: tuple[str, ...] | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    options: str = "-n -i -s:S.FTP"
    told: bool = False
    full: bool = False
    hangs: bool = False
    seconds: float = 2.5


def _got(*names: str) -> tuple[str, ...]:
    """What a server hears when these files are fetched."""
    return tuple(
        line
        for name in names
        for line in ("PORT", f"RETR {name}", f"{len(manners.FILES[name])} bytes")
    )


def _of(*names: str) -> dict[str, bytes]:
    return {name: manners.FILES[name] for name in names}


def _half(name: str) -> bytes:
    return manners.FILES[name][: len(manners.FILES[name]) // 2]


_TEXTS = ("A.TXT", "B.TXT", "RAW.TXT")
_LISTED = "".join(f"{name}\r\n" for name in _TEXTS)
_NLST = ("PORT", "NLST *.TXT", f"{len(_LISTED)} bytes")
_PLAIN = "cd PLAIN"

_ALONE = (
    FtpScript(
        "not-connected", "a server that cannot be reached ends nothing: the script goes on",
        (_REFUSED, "binary", "get A.TXT", "bye"), ("A13", "A18", "A20"),
        ("Not connected",), ("Not connected",),
    ),
    FtpScript(
        "unknown-line", "an unknown line is refused, and the script goes on",
        ("nosuch", "status", "bye"), ("A3", "A9"),
        ("Invalid command", "Not connected"), ("Invalid command", "Not connected"), full=True,
    ),
    FtpScript(
        "capital-letters", "commands are known in small letters only",
        ("BINARY", "bye"), ("A8",), ("Invalid command", "Not connected"), ("Invalid command",),
    ),
    FtpScript(
        "commands", "which commands it has, and which it lacks",
        ("help", "bye"), ("A3", "A6", "A7"),
        ("binary", "prompt", "passive", "reget", "restart", "newer"), ("binary", "prompt"),
        full=True,
    ),
    FtpScript(
        "long-line", "a line of 150 characters in a script is one line",
        (_LONG, "bye"), ("A24",), ("Invalid command",), ("Invalid command",), full=True,
    ),
    FtpScript(
        "no-script", "for a script that is not there the exit code is 0",
        (), ("A18",), options="-n -s:NOSUCH.FTP", full=True,
    ),
    FtpScript(
        "wrong-option", "an unknown option shows how it is used, and its exit code is 0",
        ("bye",), ("A2", "A18"), ("Transfers files",), ("Transfers files",),
        options="-x -n -s:S.FTP", full=True,
    ),
    FtpScript(
        "script-end", "the end of a script is the end of the program",
        ("binary",), ("A10",), ("Not connected",), ("Not connected",), full=True, hangs=True,
    ),
)  # fmt: skip
_SERVED = (
    FtpScript(
        "session", "what a server hears when a file is fetched",
        ("open #H", "user #U", _PLAIN, "binary", "get A.TXT", "bye"), ("A5", "A6", "A12"),
        heard=("CWD PLAIN", "TYPE I", *_got("A.TXT"), _QUIT), files=_of("A.TXT"),
    ),
    FtpScript(
        "ascii", "without binary it names no type, and line ends stay as they are",
        ("open #H", "user #U", _PLAIN, "get RAW.TXT", "bye"), ("A5",),
        heard=("CWD PLAIN", *_got("RAW.TXT"), _QUIT), files=_of("RAW.TXT"), full=True,
    ),
    FtpScript(
        "put", "a file is sent as it is",
        ("open #H", "user #U", _PLAIN, "binary", "put OLD.DAT UP.BIN", "bye"), ("A20",),
        ("bytes sent",), ("bytes sent",),
        heard=("CWD PLAIN", "TYPE I", "PORT", "STOR UP.BIN", f"{len(_OLD)} bytes", _QUIT),
        files={"OLD.DAT": _OLD}, full=True,
    ),
    FtpScript(
        "lines", "each further line of a reply costs the script a line",
        ("open #H", "user #U", "cd LINES", "binary", "get A.TXT A1.TXT", "get A.TXT A2.TXT",
         "get A.TXT A3.TXT", "get A.TXT A4.TXT", "bye"), ("A16",),
        heard=("CWD LINES", "TYPE I", *_got("A.TXT", "A.TXT"), _QUIT),
        files={"A3.TXT": manners.FILES["A.TXT"], "A4.TXT": manners.FILES["A.TXT"]},
    ),
    FtpScript(
        "cut", "of a file that is cut the beginning stays, and the script goes on",
        ("open #H", "user #U", "cd CUT", "binary", "get C.BIN", "get A.TXT", "bye"), ("A13", "A15"),
        ("426 ",), ("426 ",),
        heard=("CWD CUT", "TYPE I", "PORT", "RETR C.BIN", "8192 bytes", "PORT", "RETR A.TXT",
               "3 bytes", _QUIT),
        files={"C.BIN": _half("C.BIN"), "A.TXT": _half("A.TXT")}, full=True,
    ),
    FtpScript(
        "lost", "after a lost connection every line says that there is none",
        ("open #H", "user #U", "cd LOST", "binary", "get C.BIN", "get A.TXT", "bye"), ("A13",),
        ("Not connected",), ("Not connected",),
        heard=("CWD LOST", "TYPE I", "PORT", "RETR C.BIN", "8192 bytes"),
        files={"C.BIN": _half("C.BIN")}, full=True,
    ),
    FtpScript(
        "missing", "a file that the server does not have is there, empty",
        ("open #H", "user #U", _PLAIN, "binary", "get NOSUCH.TXT", "bye"), ("A15",),
        heard=("CWD PLAIN", "TYPE I", "PORT", "RETR NOSUCH.TXT", _QUIT),
        files={"NOSUCH.TXT": b""},
    ),
    FtpScript(
        "missing-over", "a file that the server does not have empties the one that was there",
        ("open #H", "user #U", _PLAIN, "binary", "get NOSUCH.TXT OLD.DAT", "bye"), ("A15",),
        heard=("CWD PLAIN", "TYPE I", "PORT", "RETR NOSUCH.TXT", _QUIT),
        files={"OLD.DAT": b""}, full=True,
    ),
    FtpScript(
        "mget", "mget asks the server for the names, and fetches each",
        ("open #H", "user #U", _PLAIN, "mget *.TXT", "bye"), ("A21",),
        heard=("CWD PLAIN", *_NLST, *_got(*_TEXTS), _QUIT), files=_of(*_TEXTS), full=True,
    ),
    FtpScript(
        "mget-binary", "the names are asked for in the type of text",
        ("open #H", "user #U", _PLAIN, "binary", "mget A*.TXT", "bye"), ("A21",),
        heard=("CWD PLAIN", "TYPE I", "TYPE A", "PORT", "NLST A*.TXT", "7 bytes", "TYPE I",
               *_got("A.TXT"), _QUIT),
        files=_of("A.TXT"), full=True,
    ),
    FtpScript(
        "mget-asks", "without -i it asks for each file, and a line of the script answers",
        ("open #H", "user #U", _PLAIN, "mget *.TXT", "y", "n", "y", "bye"), ("A21",),
        heard=("CWD PLAIN", *_NLST, *_got("A.TXT", "RAW.TXT"), _QUIT),
        files=_of("A.TXT", "RAW.TXT"), options="-n -s:S.FTP", full=True,
    ),
    FtpScript(
        "prompt", "what is missing on a line is the next line of the script",
        ("open #H", "user #U", _PLAIN, "binary", "get", "A.TXT", "bye"), ("A9",), told=True,
        heard=(), full=True,
    ),
    FtpScript(
        "quotes", "quotes hold a name with blanks together",
        ("open #H", "user #U", _PLAIN, "binary", f'get "{manners.LONG_NAME}" L.TXT', "bye"),
        ("A25",),
        heard=("CWD PLAIN", "TYPE I", "PORT", f"RETR {manners.LONG_NAME}", "8 bytes", _QUIT),
        files={"L.TXT": manners.FILES["B.TXT"]}, full=True,
    ),
    FtpScript(
        "long-local-name", "a file gets a long name here",
        ("open #H", "user #U", _PLAIN, "binary", "get A.TXT LongerName.text", "bye"), ("A17",),
        heard=("CWD PLAIN", "TYPE I", *_got("A.TXT"), _QUIT),
        files={"LongerName.text": manners.FILES["A.TXT"]}, full=True,
    ),
    FtpScript(
        "backslash", "a backslash reaches the server as it is",
        ("open #H", "user #U", _PLAIN, "binary", "get ..\\PLAIN\\A.TXT A.TXT", "bye"), ("A25",),
        heard=("CWD PLAIN", "TYPE I", "PORT", "RETR ..\\PLAIN\\A.TXT", "7 bytes", _QUIT),
        files=_of("A.TXT"), full=True,
    ),
    FtpScript(
        "pasv", "PASV by quote changes the server only: FTP.EXE goes on with PORT",
        ("open #H", "user #U", _PLAIN, "binary", "quote PASV", "get A.TXT", "bye"), ("A6",),
        heard=("CWD PLAIN", "TYPE I", "PASV", *_got("A.TXT"), _QUIT), files=_of("A.TXT"),
        full=True,
    ),
    FtpScript(
        "open-port", "a port beside the address does no harm",
        ("open #H 21", "user #U", _PLAIN, "bye"), ("A26",), heard=("CWD PLAIN", _QUIT), full=True,
    ),
    FtpScript(
        "types", "the commands for the type",
        ("open #H", "user #U", _PLAIN, "ascii", "binary", "type ascii", "type binary", "bye"), (),
        heard=("CWD PLAIN", "TYPE A", "TYPE I", "TYPE A", "TYPE I", _QUIT), full=True,
    ),
    FtpScript(
        "verbs", "which commands a server hears",
        ("open #H", "user #U", _PLAIN, "pwd", "mkdir X", "rmdir X", "delete X", "rename X Y", "dir",
         "ls", "remotehelp", "quote NOOP", "bye"), (), heard=(), told=True, full=True,
    ),
    FtpScript(
        "no-bye", "the end of a script ends the connection",
        ("open #H", "user #U", _PLAIN, "binary"), ("A10",),
        heard=("CWD PLAIN", "TYPE I", _LOST), full=True, hangs=True,
    ),
    FtpScript(
        "name-of-80", "a name of 80 characters ends the program",
        ("open #H", "user #U", _PLAIN, "binary", f"get {'N' * 76}.TXT A.TXT", "get A.TXT", "bye"),
        ("A17",), heard=("CWD PLAIN", "TYPE I", _LOST), full=True, hangs=True,
    ),
    FtpScript(
        "silent", "it waits as long as a server says nothing, here 5 minutes",
        ("open #H", "user #U", "cd SILENT", "binary", "get A.TXT", "bye"), ("A14",),
        heard=("CWD SILENT", "TYPE I", "PORT", "RETR A.TXT",
               "ended by the server, which said nothing"),
        files={"A.TXT": b""}, full=True, hangs=True, seconds=310.0,
    ),
)  # fmt: skip


def scripts() -> Iterable[SurveyProbe]:
    """The probes of this section."""
    for one in (*_ALONE, *_SERVED):
        served = one.heard is not None
        files = {"CASE.BAT": _batch(one), "S.FTP" if not served else "S.TXT": _text(*one.script)}
        if served:
            files["T.TXT"] = _text("open #H", "user #U", f"get {manners.TALK_TXT}", "bye")
        if "OLD.DAT" in one.files:
            files["OLD.DAT"] = _OLD
        known = not one.told
        said = "".join(f"{words}\n" for words in (*one.there, *(one.heard or ()), "end"))
        left = {name: _sum(data) for name, data in sorted(one.files.items()) if data != _OLD}
        yield SurveyProbe(
            identity=f"ftp.{one.name}",
            title=one.title,
            command="%COMSPEC% /E:1024 /C CASE {home}\\PROBE98",
            files=files,
            expected={"ends": "ran", "OUT.TXT": said, **left} if known else {},
            answers=() if known else ("ends", "OUT.TXT"),
            words=(*_VERBS, *one.script) if served else (_EXIT,),
            facts=one.facts,
            full=one.full,
            hangs=one.hangs,
            seconds=one.seconds * (2 if served else 1),
        )


def ping() -> SurveyProbe:
    """Whether the host answers: by PING.EXE, whose exit code counts and whose words do not."""
    lines = (
        "@ECHO OFF",
        "%1 SCRIPT P.TXT P.BAT",
        "IF NOT EXIST P.BAT GOTO NONE",
        "CALL P.BAT",
        "IF ERRORLEVEL 1 ECHO its exit code is not 0>>OUT.TXT",
        _NO_FIND,
        f'{_FIND} "TTL=" PING.OUT >NUL',
        "IF NOT ERRORLEVEL 1 ECHO answered>>OUT.TXT",
        "GOTO END",
        ":NONE",
        f"ECHO {NO_SERVER}>>OUT.TXT",
        ":END",
    )
    said = {"ends": "ran", "OUT.TXT": "answered\n"}
    return SurveyProbe(
        "network.ping", "the host answers PING.EXE, and its exit code is 0",
        "%COMSPEC% /E:1024 /C CASE {home}\\PROBE98",
        files={
            "CASE.BAT": _text(*lines),
            "P.TXT": _text("%windir%\\PING.EXE -n 3 #H >PING.OUT"),
        },
        expected=said, facts=("B9", "B12"), seconds=4.0, full=True,
    )  # fmt: skip


def pulled_cable() -> SurveyProbe:
    """What FTP.EXE does without a cable, and for how long: a person pulls it."""
    lines = (
        "@ECHO OFF",
        "ECHO Pull the network cable out now. This goes on in 20 seconds. >CON",
        f"{_CHOICE},20 >NUL",
        "%1 ASK get >GET.TXT",
        "TYPE GET.TXT >>OUT.TXT",
        "ECHO Put the network cable in again. This goes on in 60 seconds. >CON",
        f"{_CHOICE},60 >NUL",
    )
    return SurveyProbe(
        "cable.pulled", "what FTP.EXE does while the cable is out, and for how long",
        "%COMSPEC% /E:1024 /C CASE {home}\\PROBE98", files={"CASE.BAT": _text(*lines)},
        answers=("ends", "OUT.TXT"), words=("run=ok", "bytes=0"), facts=("A13", "A14"),
        seconds=200.0, hangs=True,
    )  # fmt: skip


def _sum(data: bytes) -> str:
    return f"{len(data)} {hashlib.sha256(data).hexdigest()}"


def _batch(one: FtpScript) -> bytes:
    """A batch file that writes down what of the words FTP.EXE said, and an exit code that is not 0.

    FIND has a true exit code (facts B13); one line of the output that has the words is enough. With
    a server it adds what that has heard; %1 is PROBE98.
    """
    served = one.heard is not None
    lines = ["@ECHO OFF"]
    if served:
        lines += ["%1 SCRIPT S.TXT S.FTP", "IF NOT EXIST S.FTP GOTO NONE"]
    lines += [
        f"%windir%\\FTP.EXE {one.options} >FTP.OUT",
        f"IF ERRORLEVEL 1 ECHO {_EXIT}>>OUT.TXT",
    ]
    lines += [_NO_FIND] if one.asked else []
    for number, words in enumerate(one.asked):
        lines += [
            f'{_FIND} "{words}" FTP.OUT >NUL',
            f"IF ERRORLEVEL 1 GOTO L{number}",
            f"ECHO {words}>>OUT.TXT",
            f":L{number}",
        ]
    if served:
        lines += [
            "%1 SCRIPT T.TXT S.FTP",
            "%windir%\\FTP.EXE -n -i -s:S.FTP >NUL",
            f"TYPE {manners.TALK_TXT} >>OUT.TXT",
            "DEL S.FTP",
            "GOTO END",
            ":NONE",
            f"ECHO {NO_SERVER}>>OUT.TXT",
            ":END",
        ]
    return _text(*lines, "ECHO end>>OUT.TXT")


def _text(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")
