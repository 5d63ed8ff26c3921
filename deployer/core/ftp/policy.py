"""The FTP personality: (session, line) -> answer, one table of verbs, no I/O.

Windows 98's FTP.EXE is the first citizen: it starts in TYPE A and would damage every program it
fetches, it derails on replies of several lines (facts A16), it knows PORT only (facts A6), and its
names have no case. So nothing binary ever leaves in TYPE A, and every reply is one short line of
ASCII. `TABLE` holds one rule per verb; HELP and docs/ftp.md are written from the same rules.

An answer carries the session as it is after the command. The server only has to do what it says:
send the line, look a login up, open a data connection and move bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import assert_never

from deployer.core.ftp import manners
from deployer.core.ftp import tree as trees
from deployer.core.ftp import verbs as do
from deployer.core.ftp.session import (
    ANONYMOUS,
    MAX_REPLY,
    NOT_NOW,
    TAKEN,
    Answer,
    NoLogin,
    Refuse,
    Reply,
    Session,
    quoted,
    say,
)
from deployer.core.ftp.tree import Tree
from deployer.core.target.ftpscript import FETCH_AGAIN
from deployer.model import GO_BAT, State

_TELNET = re.compile(rb"\A(?:\xff[\xfb-\xfe].|[\xf0-\xff])+", re.DOTALL)
"""Telnet commands before a line: an offer or a wish with its option, or single bytes."""


@dataclass(frozen=True, slots=True)
class VerbRule:
    """How one verb is answered. `argument` is its syntax: "" none, in brackets optional.

    `open` verbs are answered before login; `during` ones while a transfer is going on, all others
    wait for its end, and with them what comes after them, so that replies keep their order.
    `urgent` ones overtake even those that wait.
    """

    verb: str
    argument: str
    summary: str
    answer: Callable[[Session, str], Answer]
    open: bool = False
    during: bool = False
    urgent: bool = False


def parse(line: bytes) -> tuple[str, str]:
    """The verb in upper case and the argument of a line, whatever its bytes are.

    Telnet commands before it (of an ABOR, or of a telnet program) are dropped; a line
    that is not UTF-8 is read as Windows-1252.
    """
    line = _TELNET.sub(b"", line, count=1).strip(b" \t\r\n")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        text = line.decode("cp1252", "replace")
    verb, _, argument = text.partition(" ")
    return verb.upper(), argument.strip()


def answer(session: Session, verb: str, argument: str) -> Answer:
    """What the server does about one command. Never raises, whatever the verb and the argument."""
    return manners.play(_answer(session, verb, argument), verb)


def _answer(session: Session, verb: str, argument: str) -> Answer:
    rule = TABLE.get(verb)
    if rule is None:
        shown = quoted(verb) or "An empty line"
        return _led_on(Reply(session, say(f"500 {shown} is no command here; HELP names them.")))
    if not session.login and not rule.open:
        return Reply(session, "530 Log in first. Type  user a")
    if not argument and rule.argument and not rule.argument.startswith("["):
        return _led_on(Reply(session, say(f"501 {verb} needs: {rule.argument}.")))
    return _led_on(rule.answer(session, argument))


def _led_on(found: Answer) -> Answer:
    """Whoever types and is refused reads the one thing to type next."""
    session = found.session
    if isinstance(found, Reply | Refuse) and session.login == ANONYMOUS and found.line[0] in "45":
        lead = f" Type  get {GO_BAT}"
        if lead not in found.line:
            return replace(found, line=f"{found.line[: MAX_REPLY - len(lead)]}{lead}")
    return found


def is_during(verb: str, *, others_wait: bool = False) -> bool:
    """True for what is answered while a transfer is going on, even when others wait."""
    rule = TABLE.get(verb)
    return rule is not None and rule.during and (rule.urgent or not others_wait)


def admit(session: Session, user: str, tree: Tree) -> Reply:
    """The session after an accepted login, and its welcome."""
    count = len(tree.share.entries)
    files = "1 file" if count == 1 else f"{count} files"
    line = say(f"230 Welcome, {quoted(user)}: {files} here. Say binary before you get programs.")
    if user == ANONYMOUS:
        line = f"230 Welcome. Type  get {GO_BAT}"
    return Reply(Session(session.peer, session.now, login=user, tree=tree), line)


def admit_agent(session: Session, agent: str, tree: Tree) -> Reply:
    """The session of an agent after its login; its transfers are binary from the start."""
    line = say(f"230 Welcome, {agent}.")
    known = Session(session.peer, session.now, login=agent, tree=tree, binary=True, agent=agent)
    return Reply(known, line)


def renewed(session: Session, tree: Tree) -> Session:
    """The session of an agent that sees what its orders need now."""
    return replace(session, tree=tree)


def reject(session: Session, user: str, why: NoLogin) -> Reply:
    """The session after a refused login."""
    match why:
        case NoLogin.UNKNOWN:
            line = f"530 {quoted(user)} with this password is not known here now. Type  user a"
        case NoLogin.OLDER:
            line = f"530 This GO.BAT is of an older push: {FETCH_AGAIN}, then start it."
        case NoLogin.NOTHING:
            line = f"530 Nothing waits for this PC now. Push again on the host, {FETCH_AGAIN}."
        case NoLogin.TAKEN:
            line = f"530{TAKEN[3:]}"
        case NoLogin.STRANGE_AGENT:
            line = "530 This host has no such agent: it is of another one, or was removed here."
        case NoLogin.NOT_NOW:
            line = NOT_NOW
        case _:
            assert_never(why)
    return Reply(Session(session.peer, session.now), say(line))


def end(session: Session, state: State) -> Session:
    """The session after its deployment has ended: of its files only receipts stay.

    A report that arrived whole has its receipt, so that the target learns that it did. It may have
    said PORT for it before the end, so the way stays.
    """
    share = session.tree.share
    receipts = tuple(entry for entry in share.entries if entry.after)
    left = replace(share, entries=receipts, uploads={})
    tree = trees.grow(left, session.sent)
    return replace(session, tree=tree, directory="", rest=0, ended=state)


def received(session: Session, name: str) -> Session:
    """The session after a report arrived whole: what is given only for it can be fetched now."""
    sent = session.sent | {name}
    return replace(session, sent=sent, tree=trees.grow(session.tree.share, sent))


def without_way(session: Session) -> Session:
    """The session after its port was closed."""
    return replace(session, way=None)


def _help(session: Session, argument: str) -> Answer:
    words = argument.upper().split()
    rule = TABLE.get(words[0]) if words else None
    if rule is None:
        return Reply(session, _HELP)
    return Reply(session, say(f"214 {f'{rule.verb} {rule.argument}'.strip()}: {rule.summary}"))


_READ_ONLY = do.refused("Nothing on this server can be changed; it only hands files out.")

# Rows of one shape on purpose: it is a table.
RULES = (
    VerbRule(
        "USER", "[name]", "a deployment's id; any other name is a guest's", do.user, open=True
    ),
    VerbRule("PASS", "[password]", "the password that the host shows", do.password, open=True),
    VerbRule("ACCT", "[account]", "not needed", do.acct, open=True),
    VerbRule("REIN", "", "forget the login and begin again, in TYPE A", do.rein, open=True),
    VerbRule("QUIT", "", "end the session, after a transfer that is going on", do.leave, open=True),
    VerbRule("CWD", "[directory]", "change the directory; / and \\ both separate", do.cwd),
    VerbRule("XCWD", "[directory]", "the same as CWD", do.cwd),
    VerbRule("CDUP", "", "change to the directory above", do.cdup),
    VerbRule("XCUP", "", "the same as CDUP", do.cdup),
    VerbRule("PWD", "", "name the directory", do.pwd),
    VerbRule("XPWD", "", "the same as PWD", do.pwd),
    VerbRule("TYPE", "A|A N|I|L 8", "I is binary; in A only text files leave, unchanged", do.kind),
    VerbRule("STRU", "F", "only F, a plain file", do.stru),
    VerbRule("MODE", "S", "only S, a plain stream", do.mode),
    VerbRule(
        "PORT", "h,h,h,h,p,p", "where you listen next: your own address, 1024 or above", do.port
    ),
    VerbRule("EPRT", "|1|address|port|", "the same as PORT in the newer form", do.eprt),
    VerbRule("PASV", "", "open a port here for the next transfer", do.pasv),
    VerbRule("EPSV", "[1|ALL]", "the same as PASV in the newer form", do.epsv),
    VerbRule("RETR", "name", "get a file by its 8.3 or long name, in any case", do.retr),
    VerbRule("REST", "bytes", "where the next RETR begins", do.rest),
    VerbRule(
        "STOR", "name", "send a report back: only the names this login may, in any TYPE", do.stor
    ),
    VerbRule("SIZE", "name", "the length in bytes, in any TYPE", do.size),
    VerbRule("MDTM", "name", "the date, UTC", do.mdtm),
    VerbRule(
        "LIST", "[-al] [pattern]", "a long listing; *.BIN, *.* and SUB\\*.* work", do.long_list
    ),
    VerbRule("NLST", "[-al] [pattern]", "the names only; patterns as in LIST", do.nlst),
    VerbRule("ALLO", "[bytes]", "not needed", do.allo),
    VerbRule(
        "ABOR",
        "",
        "stop the transfer that is going on",
        do.abor,
        open=True,
        during=True,
        urgent=True,
    ),
    VerbRule("NOOP", "", "do nothing", do.noop, open=True, during=True),
    VerbRule("SYST", "", "name the form of the listings", do.syst, open=True),
    VerbRule("FEAT", "", "name the extensions, in one line", do.feat, open=True),
    VerbRule(
        "STAT",
        "[pattern]",
        "where you are, or how much a pattern finds, in one line",
        do.stat,
        open=True,
        during=True,
    ),
    VerbRule("HELP", "[command]", "explain a command, in one line", _help, open=True),
    VerbRule("SITE", "[command]", "for agents: HELLO, WAIT, DONE, BYE", do.site, open=True),
    VerbRule("OPTS", "UTF8 ON", "names may be UTF-8 in any case", do.opts, open=True),
    VerbRule("CLNT", "[program]", "noted, without effect", do.clnt, open=True),
    VerbRule(
        "AUTH",
        "[kind]",
        "refused: there is no encryption that Windows 98 could use",
        do.unoffered("There is no encryption here; go on without it."),
        open=True,
    ),
    VerbRule(
        "PBSZ",
        "[size]",
        "refused, as AUTH",
        do.unoffered("There is no encryption here; go on without it."),
        open=True,
    ),
    VerbRule(
        "PROT",
        "[level]",
        "refused, as AUTH",
        do.unoffered("There is no encryption here; go on without it."),
        open=True,
    ),
    VerbRule("MLSD", "[directory]", "refused: use LIST", do.unoffered("Use LIST.")),
    VerbRule(
        "MLST",
        "[name]",
        "refused: its answer has several lines; use STAT or SIZE",
        do.unoffered("MLST is not offered; use STAT or SIZE."),
    ),
    VerbRule(
        "APPE",
        "[name]",
        "refused: a report is sent whole, with STOR",
        do.refused("Files here cannot be appended to; use STOR for the whole file."),
    ),
    VerbRule(
        "STOU",
        "[name]",
        "refused: reports have fixed names, use STOR",
        do.refused("Names are not made up here; use STOR."),
    ),
    VerbRule("DELE", "[name]", "refused: read-only", _READ_ONLY),
    VerbRule("RNFR", "[name]", "refused: read-only", _READ_ONLY),
    VerbRule("RNTO", "[name]", "refused: read-only", _READ_ONLY),
    VerbRule("MKD", "[directory]", "refused: read-only", _READ_ONLY),
    VerbRule("XMKD", "[directory]", "refused: read-only", _READ_ONLY),
    VerbRule("RMD", "[directory]", "refused: read-only", _READ_ONLY),
    VerbRule("XRMD", "[directory]", "refused: read-only", _READ_ONLY),
    VerbRule("MFMT", "[date name]", "refused: read-only", _READ_ONLY),
    VerbRule("SMNT", "[directory]", "refused: read-only", _READ_ONLY),
)

TABLE = {rule.verb: rule for rule in RULES}

_EVERYDAY = ("USER", "PASS", "TYPE", "PORT", "PASV", "RETR", "STOR", "LIST", "NLST", "SIZE", "QUIT")
_HELP = say(f"214 {' '.join(v for v in _EVERYDAY if v in TABLE)}; HELP RETR explains RETR.")
