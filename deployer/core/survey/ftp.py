"""The section FTP.EXE: scripts that need no server. Nothing answers at 127.0.0.1 of an old PC."""

from __future__ import annotations

from collections.abc import Iterable

from deployer.core.survey.probe import SurveyProbe

_REFUSED = "open 127.0.0.1"
_LONG = "x" * 150
_SLOW = ("unknown-line", "long-line")
"""For which a quick survey has no time."""

#: Name, title, script, what is looked for in its output, which of it is there, facts, may hang.
_SCRIPTS: tuple[
    tuple[str, str, tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...], bool], ...
] = (
    (
        "not-connected", "a server that cannot be reached ends nothing: the script goes on",
        (_REFUSED, "binary", "get A.TXT", "bye"), ("Not connected",), ("Not connected",),
        ("A13", "A18", "A20"), False,
    ),
    (
        "unknown-line", "an unknown line is refused, and the script goes on",
        ("nosuch", "status", "bye"), ("Invalid command", "Not connected"),
        ("Invalid command", "Not connected"), ("A3", "A9"), False,
    ),
    (
        "capital-letters", "commands are known in small letters only",
        ("BINARY", "bye"), ("Invalid command", "Not connected"), ("Invalid command",),
        ("A8",), False,
    ),
    (
        "commands", "which commands it has, and which it lacks",
        ("help", "bye"), ("binary", "prompt", "passive", "reget", "restart", "newer"),
        ("binary", "prompt"), ("A3", "A6", "A7"), False,
    ),
    (
        "long-line", "a line of 150 characters in a script is one line",
        (_LONG, "bye"), ("Invalid command",), ("Invalid command",), ("A24",), False,
    ),
    (
        "script-end", "the end of a script is the end of the program",
        ("binary",), ("Not connected",), ("Not connected",), ("A10",), True,
    ),
)  # fmt: skip


def scripts() -> Iterable[SurveyProbe]:
    """The probes of this section."""
    for name, title, script, asked, there, facts, hangs in _SCRIPTS:
        yield SurveyProbe(
            identity=f"ftp.{name}",
            title=title,
            command="%COMSPEC% /E:1024 /C CASE",
            files={"CASE.BAT": _batch(asked), "S.FTP": _text(*script)},
            expected={
                "ends": "ran",
                "OUT.TXT": "".join(f"{words}\n" for words in (*there, "end")),
            },
            facts=facts,
            full=hangs or name in _SLOW,
            hangs=hangs,
            seconds=4.0,
        )


def _batch(asked: tuple[str, ...]) -> bytes:
    """A batch file that writes down what of the words FTP.EXE said, and an exit code that is not 0.

    FIND has a true exit code (facts B13); one line of the output that has the words is enough.
    """
    lines = [
        "@ECHO OFF",
        "%windir%\\FTP.EXE -n -s:S.FTP >FTP.OUT",
        "IF ERRORLEVEL 1 ECHO its exit code is not 0>>OUT.TXT",
    ]
    for number, words in enumerate(asked):
        lines += [
            f'%windir%\\COMMAND\\FIND.EXE "{words}" FTP.OUT >NUL',
            f"IF ERRORLEVEL 1 GOTO L{number}",
            f"ECHO {words}>>OUT.TXT",
            f":L{number}",
        ]
    return _text(*lines, "ECHO end>>OUT.TXT")


def _text(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")
