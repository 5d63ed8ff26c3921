"""What each FTP verb does: (session, argument) -> answer. The table in `policy` names them.

Replies are written for someone who sits at a Windows 98 PC and types.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from deployer.core.agents import words
from deployer.core.ftp import tree as trees
from deployer.core.ftp.session import (
    ABORTED,
    ANONYMOUS,
    LOWEST_PORT,
    NOTHING_TO_ABORT,
    Abort,
    Active,
    Answer,
    Leave,
    Listen,
    Login,
    Passive,
    Receive,
    Refuse,
    RefuseAscii,
    Reply,
    Said,
    Send,
    Session,
    Show,
    ended,
    quoted,
    say,
)
from deployer.core.target.names import is_identity

# --- login ---------------------------------------------------------------------------------------


def user(session: Session, argument: str) -> Answer:
    user = _known_form(argument)
    fresh = Session(session.peer, session.now, user=user)
    if user == ANONYMOUS:
        return Reply(fresh, "331 Press Enter.")
    return Reply(fresh, say(f"331 Password for {quoted(user)}, please."))


def _known_form(user: str) -> str:
    """Ids are upper-case. Any other name is a person's who wants GO.BAT: whoever types `anonymus`
    is let in as `anonymous` is, if something waits for that PC.
    """
    return user.upper() if is_identity(user) or words.is_agent(user) else ANONYMOUS


def password(session: Session, argument: str) -> Answer:
    if session.login:
        return Reply(session, "230 You are logged in already.")
    if not session.user:
        return Reply(session, "503 Say USER first.")
    return Login(session, session.user, argument)


def acct(session: Session, _: str) -> Answer:
    return Reply(session, "202 No account is needed.")


def leave(session: Session, _: str) -> Answer:
    return Leave(session, "221 Goodbye.")


def rein(session: Session, _: str) -> Answer:
    return Reply(Session(session.peer, session.now), "220 Ready for a new user.")


# --- directories ---------------------------------------------------------------------------------


def cwd(session: Session, argument: str) -> Answer:
    found = trees.find_directory(session.tree, session.directory, argument or "/")
    if found is None:
        return Reply(session, say(f"550 There is no directory {quoted(argument)} here."))
    moved = replace(session, directory=found)
    return Reply(moved, say(f"250 The directory is {_path(moved)}"))


def cdup(session: Session, _: str) -> Answer:
    return cwd(session, "..")


def pwd(session: Session, _: str) -> Answer:
    return Reply(session, say(f'257 "{_path(session)}" is the directory.'))


def _path(session: Session) -> str:
    return "/" + session.tree.directories[session.directory]


# --- how bytes travel ----------------------------------------------------------------------------


def kind(session: Session, argument: str) -> Answer:
    match argument.upper().replace(" ", ""):
        case "A" | "AN":
            line = "200 Type is ASCII: good for text only; say binary before you get programs."
            return Reply(replace(session, binary=False), line)
        case "I" | "L8":
            return Reply(replace(session, binary=True), "200 Type is binary.")
        case _:
            shown = quoted(argument)
            return Reply(session, say(f"504 TYPE {shown} is not offered; use TYPE I (binary)."))


def stru(session: Session, argument: str) -> Answer:
    if argument.upper() == "F":
        return Reply(session, "200 Structure is file.")
    return Reply(session, say(f"504 STRU {quoted(argument)} is not offered; use STRU F."))


def mode(session: Session, argument: str) -> Answer:
    if argument.upper() == "S":
        return Reply(session, "200 Mode is stream.")
    return Reply(session, say(f"504 MODE {quoted(argument)} is not offered; use MODE S."))


def port(session: Session, argument: str) -> Answer:
    numbers = [_number(piece.strip(), 255) for piece in argument.split(",")]
    if len(numbers) != 6 or None in numbers:
        return Refuse(session, "501 PORT needs six numbers from 0 to 255: h,h,h,h,p,p.")
    *host, high, low = (number or 0 for number in numbers)
    return _call(session, "PORT", ".".join(str(number) for number in host), high * 256 + low)


def eprt(session: Session, argument: str) -> Answer:
    pieces = argument.split(argument[0])
    port = _number(pieces[3], 65535) if len(pieces) == 5 else None
    if port is None or pieces[0] or pieces[4]:
        return Refuse(session, "501 EPRT needs |1|address|port|.")
    family = "2" if ":" in session.peer else "1"
    if pieces[1] != family:
        return Reply(session, f"522 This network protocol is not offered here; use ({family}).")
    return _call(session, "EPRT", pieces[2], port)


def _call(session: Session, verb: str, host: str, port: int) -> Answer:
    """Only the client's own address and an unprivileged port are ever called."""
    if session.extended_only:
        return Refuse(session, f"501 {verb} is not allowed after EPSV ALL.")
    if host != session.peer:
        line = f"501 {verb} refused: {quoted(host)} is not your address {quoted(session.peer)}."
        return Refuse(session, say(line))
    if port < LOWEST_PORT:
        return Refuse(session, f"501 {verb} refused: port {port} is below {LOWEST_PORT}.")
    return Reply(replace(session, way=Active(host, port)), f"200 {verb} is noted.")


def pasv(session: Session, _: str) -> Answer:
    if session.extended_only:
        return Refuse(session, "501 PASV is not allowed after EPSV ALL.")
    if ":" in session.peer:
        return Reply(session, "522 PASV is for IPv4; use EPSV.")
    return Listen(replace(session, way=Passive()), extended=False)


def epsv(session: Session, argument: str) -> Answer:
    family = "2" if ":" in session.peer else "1"
    match argument.upper():
        case "ALL":
            return Reply(replace(session, extended_only=True), "200 Only EPSV from now on.")
        case "" | "1" | "2" as wanted if wanted in ("", family):
            return Listen(replace(session, way=Passive()), extended=True)
        case "1" | "2":
            line = f"522 This network protocol is not offered here; use ({family})."
            return Reply(session, line)
        case _:
            return Reply(session, "501 EPSV takes nothing, a protocol number, or ALL.")


def _number(text: str, limit: int) -> int | None:
    """A decimal number of plain digits up to `limit`."""
    if not re.fullmatch(r"[0-9]{1,19}", text, re.ASCII):
        return None
    value = int(text)
    return value if value <= limit else None


# --- files ---------------------------------------------------------------------------------------


def retr(session: Session, argument: str) -> Answer:
    after = replace(session, way=None, rest=0)
    entry = trees.find(session.tree, session.directory, argument)
    if entry is None:
        return Reply(after, _missing(session, argument))
    if not session.binary and not entry.text:
        line = f"550 {quoted(entry.name)} is not text. Type binary first, then get it again."
        return RefuseAscii(after, say(line), entry.name)
    if session.rest > entry.length:
        return Reply(after, say(f"554 REST {session.rest} is after the end of the file."))
    if session.way is None:
        return Reply(after, "425 Say PORT or PASV first.")
    return Send(after, entry, session.rest, session.way)


def _missing(session: Session, argument: str) -> str:
    if session.ended is not None:
        return say(f"550 {ended(session.ended)}")
    if trees.find_directory(session.tree, session.directory, argument) is not None:
        return say(f"550 {quoted(argument)} is a directory.")
    return say(f"550 There is no file {quoted(argument)} here.")


def rest(session: Session, argument: str) -> Answer:
    offset = _number(argument, (1 << 63) - 1)
    if offset is None:
        return Reply(session, "501 REST needs a number of bytes.")
    return Reply(replace(session, rest=offset), f"350 The next transfer begins at {offset}.")


def size(session: Session, argument: str) -> Answer:
    entry = trees.find(session.tree, session.directory, argument)
    if entry is not None:
        return Reply(session, f"213 {entry.length}")
    here = session.tree.share.arrived.get(argument.upper())
    return Reply(session, _missing(session, argument) if here is None else f"213 {here}")


def mdtm(session: Session, argument: str) -> Answer:
    if trees.find(session.tree, session.directory, argument) is None:
        return Reply(session, _missing(session, argument))
    return Reply(session, f"213 {trees.modified(session.tree)}")


def long_list(session: Session, argument: str) -> Answer:
    return _show(session, argument, long=True)


def nlst(session: Session, argument: str) -> Answer:
    return _show(session, argument, long=False)


def _show(session: Session, argument: str, *, long: bool) -> Answer:
    """A listing; `-l` before the pattern makes it long, other switches of ls change nothing."""
    after = replace(session, way=None, rest=0)
    switches, pattern = _switches(session, argument)
    rows = trees.listing(session.tree, session.directory, pattern)
    if session.ended is not None:
        return Reply(after, say(f"550 {ended(session.ended)}"))
    if rows is None:
        return Reply(after, say(f"550 There is no file or directory {quoted(pattern)} here."))
    if session.way is None:
        return Reply(after, "425 Say PORT or PASV first.")
    if long or "l" in switches:
        data = trees.unix_lines(session.tree, rows, session.now)
    else:
        data = trees.name_lines(rows)
    return Show(after, data, session.way)


def _switches(session: Session, argument: str) -> tuple[str, str]:
    """The letters of leading switches and the rest, unless a file is really called that way."""
    switches = ""
    while argument.startswith("-") and not trees.find(session.tree, session.directory, argument):
        word, _, argument = argument.partition(" ")
        switches += word[1:]
        argument = argument.strip()
    return switches, argument


def stor(session: Session, argument: str) -> Answer:
    after = replace(session, way=None, rest=0)
    uploads = session.tree.share.uploads
    path = trees.fold(session.directory, argument)
    name = next((name for name in uploads if trees.fold("", name) == path), None)
    if session.ended is not None:
        return Reply(after, say(f"553 {ended(session.ended)}"))
    if name is None:
        allowed = " ".join(sorted(uploads)) or "nothing"
        line = f"553 {quoted(argument)} may not be stored here; allowed: {allowed}."
        return Refuse(after, say(line))
    here = session.tree.share.arrived.get(name)
    if session.rest and here is None:
        return Reply(after, "554 Uploads cannot be resumed; send the whole file again.")
    if session.rest > (here or 0):
        return Reply(
            after, say(f"554 REST {session.rest} is after the {here} bytes that are here.")
        )
    if session.way is None:
        return Reply(after, "425 Say PORT or PASV first.")
    return Receive(after, name, uploads[name], session.way, session.rest)


def refused(what: str) -> Callable[[Session, str], Answer]:
    """A rule for what this server never does; `what` says why, in the user's words."""

    def refuse(session: Session, _: str) -> Answer:
        return Refuse(session, f"550 {what}")

    return refuse


def unoffered(what: str) -> Callable[[Session, str], Answer]:
    def refuse(session: Session, _: str) -> Answer:
        return Reply(session, f"502 {what}")

    return refuse


# --- the rest ------------------------------------------------------------------------------------


def allo(session: Session, _: str) -> Answer:
    return Reply(session, "202 Nothing needs to be reserved.")


def abor(session: Session, _: str) -> Answer:
    return Abort(replace(session, way=None, rest=0), ABORTED, NOTHING_TO_ABORT)


def noop(session: Session, _: str) -> Answer:
    return Reply(session, "200 Here.")


def syst(session: Session, _: str) -> Answer:
    return Reply(session, "215 UNIX Type: L8")


def feat(session: Session, _: str) -> Answer:
    return Reply(session, "211 SIZE, MDTM, REST STREAM, EPRT, EPSV and UTF8 work here.")


def stat(session: Session, argument: str) -> Answer:
    if not session.login:
        return Reply(session, "211 deployer; nobody is logged in here.")
    if not argument:
        kind = "binary" if session.binary else "ASCII"
        line = f"211 Logged in as {quoted(session.login)}, type {kind}, directory {_path(session)}"
        return Reply(session, say(line))
    _, pattern = _switches(session, argument)
    rows = trees.listing(session.tree, session.directory, pattern)
    if rows is None:
        return Reply(session, _missing(session, pattern))
    total = sum(row.entry.length for row in rows if row.entry)
    return Reply(session, say(f"213 {len(rows)} found, {total} bytes; LIST shows them."))


def site(session: Session, argument: str) -> Answer:
    if session.agent:
        try:
            return Said(session, words.parse(argument))
        except ValueError as error:
            return Reply(session, say(f"501 SITE {quoted(argument)}: {error}"))
    if argument.upper().split()[:1] == ["HELP"]:
        return Reply(session, "214 There are no SITE commands here.")
    return Reply(session, say(f"502 SITE {quoted(argument)} is not offered."))


def opts(session: Session, argument: str) -> Answer:
    if argument.upper().split()[:1] in (["UTF8"], ["UTF-8"]):
        return Reply(session, "200 UTF8 is understood.")
    return Reply(session, say(f"501 OPTS {quoted(argument)} is not offered."))


def clnt(session: Session, _: str) -> Answer:
    return Reply(session, "200 Noted.")
