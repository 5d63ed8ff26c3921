"""docs/ftp.md, written from the table of verbs, so that the manual cannot drift from the server."""

from __future__ import annotations

from deployer.core.ftp import session as said
from deployer.core.ftp.policy import RULES, VerbRule

_HEAD = f"""# The FTP server's personality

*Written from the table in `deployer/core/ftp/policy.py`; a test compares them. To write it again:
`python -m docs.generate.ftp > docs/ftp.md`*

The first citizen is FTP.EXE of Windows 98. It starts every session in ASCII mode, in which an
ordinary server damages each program and model that it sends; it knows active mode only (PORT); it
has no time-out; it loses step when a reply has several lines; and to it names have no case. Other
clients (browsers, curl, wget, lftp, ncftp, ftplib) are served as well.

Three rules hold for every command:

1. Nothing that is not text ever leaves in ASCII mode. One line asks the client to say
   `binary`, and the person at the host sees it too.
2. Bytes are never translated, in neither direction, in no mode.
3. Every command gets one reply, and every reply is one line of printable ASCII, at most
   {said.MAX_REPLY} characters (a transfer has a second one at its end).

## What differs from an ordinary server

| the client does | an ordinary server | this server |
|---|---|---|
"""

_DIFFERENCES = (
    (
        "gets a program without saying `binary`",
        "sends damaged bytes and says 226",
        "550, one line: type binary first; nothing is sent",
    ),
    (
        "gets a text (GO.BAT, the manifest) in ASCII mode",
        "may translate line ends",
        "the bytes as they are",
    ),
    ("puts a report in ASCII mode", "strips every CR", "the bytes as they come"),
    ("asks FEAT, HELP or STAT", "several lines", "one line"),
    ("writes a name in lower case, or the long name", "550", "finds the file"),
    ("`NLST *.BIN`, `LIST SUB\\*.*`, `LIST -a /X`, `NLST -l`", "550", "lists what fits"),
    ("`SIZE` in ASCII mode, `TYPE A N`", "550, 504", "answers"),
    (
        "`PORT` to another machine, or to a port below 1024",
        "may be allowed",
        "501 with the reason, and the person at the host sees it",
    ),
    (
        "stops reading in the middle of a file",
        "waits for minutes",
        "closes both connections after a set time, so that the client gets an error and goes on",
    ),
    (
        "several clients in active mode at once",
        "stand still for up to 30 s (pyftpdlib issue 548)",
        "all move",
    ),
    (
        "the file changes on the host while it is served",
        "sends a mixture of old and new",
        "550, the data connection is reset, the person at the host sees it",
    ),
    (
        "logs in with the id and token of an older push",
        "530, the same as for a wrong password",
        "530, which says to fetch GO.BAT again; the person at the host sees it too",
    ),
    (
        "goes on after its deployment has ended",
        "serves on until the client leaves",
        "550 or 553 with how it ended; only the receipt of a report that arrived is left",
    ),
    (
        "all bytes were sent, but the client never confirmed them",
        "226",
        "226 only when the client's side has confirmed every byte; else the transfer counts as cut",
    ),
)

_TABLE_HEAD = """
## Commands

`open` commands work before login. While a transfer is going on, `at once` commands are answered
immediately, all others when it has ended. Once one waits, what comes after it waits too, so that
replies keep the order of the commands; only `ABOR` never waits.

| command | what it does | when |
|---|---|---|
"""

_TAIL = """
## How transfers end

| reply | when |
|---|---|
"""

_ENDS = (
    (said.COMPLETE, "all bytes were confirmed, or the report is safe on the host's disk"),
    (said.CUT, "the client broke the data connection, or stopped the transfer with ABOR"),
    (said.NOT_CONNECTED, "the port of PORT could not be called, or nobody came to that of PASV"),
    (said.STALLED, "nothing moved for the set time; both connections are closed"),
    (said.CHANGED, "the file is not what was measured; nothing of it, or no more of it, is sent"),
    (said.GONE, "the file cannot be opened any more"),
    (said.NOT_WHOLE, "a report came mangled or cut; it is thrown away, an older one stays"),
    (said.TOO_LONG, "a report is longer than it may be; what came is thrown away"),
    (said.NOT_KEPT, "the host's disk refused the report; an older one stays as it was"),
    (
        said.BEING_READ,
        "a report came while the last one was still being judged; nothing replaces it",
    ),
    (said.TOO_MUCH, "more reports, or more bytes of them, than a day allows (docs/security.md)"),
    (said.CUT_BY_END, "the deployment ended, by its proof or by `cancel`, while bytes moved"),
)


def manual() -> str:
    """The text of docs/ftp.md."""
    differences = "".join(f"| {a} | {b} | {c} |\n" for a, b, c in _DIFFERENCES)
    ends = "".join(f"| `{line}` | {when} |\n" for line, when in _ENDS)
    rows = "".join(_row(rule) for rule in RULES)
    return _HEAD + differences + _TABLE_HEAD + rows + _TAIL + ends


def _row(rule: VerbRule) -> str:
    syntax = f"{rule.verb} {rule.argument}".strip().replace("|", "\\|")
    when = ", ".join(word for word, true in (("open", rule.open), ("at once", rule.during)) if true)
    return f"| `{syntax}` | {rule.summary} | {when} |\n"


if __name__ == "__main__":
    print(manual(), end="")
