"""The first-contact page: what the old PC's browser sees at http://192.168.1.1/, and its answers.

HTML 3.2, so that Internet Explorer 4 and Netscape 4 show it right: no style sheet, no script, 7-bit
ASCII. One link leads to GO.BAT; below it stands what to type without a browser. The link contains
the deployment's id, so that a browser which keeps copies never runs an old one (without headers
about caching, which the first Internet Explorer 4 cannot take: facts D8).
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from deployer.core.agents.overlay import AGENT_EXE
from deployer.model import GO_BAT

START_GO = f"Start {GO_BAT}"
"""What the page's first link says."""

STAY_HTM = "STAY.HTM"

_DOCTYPE = '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">'
_TYPES = {
    "HTM": "text/html",
    "HTML": "text/html",
    "TXT": "text/plain",
    "BAT": "application/octet-stream",
    "EXE": "application/octet-stream",
}
"""IE 4 knows these; for octet-stream it offers to run or to save (facts D8, D9)."""

_SHOWN_FILES = 20


@dataclass(frozen=True, slots=True)
class Waiting:
    """A deployment that waits for the machine that asks.

    `files` are long names with lengths; `typed` are prompts with what is typed after them, "" for
    a bare Enter; `go_bat` is the batch file itself.
    """

    deployment: str
    host: str
    directory: str
    files: tuple[tuple[str, int], ...]
    go_bat: bytes
    typed: tuple[tuple[str, str], ...] = ()
    run: str = ""


@dataclass(frozen=True, slots=True)
class PageAnswer:
    """An HTTP answer. `deployment` is set when the body is GO.BAT of that deployment; `agent`, when
    it is to be an agent for the machine that asks.
    """

    status: int
    kind: str
    body: bytes
    deployment: str = ""
    agent: bool = False


def answer(path: str, peer: str, waiting: Sequence[Waiting], taken: str = "") -> PageAnswer:
    """What a machine at `peer`, for which these deployments wait (newest last), gets for a path.

    A machine for which nothing waits learns nothing but its own address, and which machine was
    first (`taken`) where something waited for whoever comes.
    """
    if not waiting:
        return PageAnswer(404, "text/html", nothing(peer, taken))
    words = _words(path)
    newest = waiting[-1]
    if words in ([], ["INDEX.HTM"], ["INDEX.HTML"]):
        return PageAnswer(200, "text/html", render(waiting))
    if words == [GO_BAT]:
        return PageAnswer(200, content_type(GO_BAT), newest.go_bat, newest.deployment)
    for each in waiting:
        if words == [each.deployment, GO_BAT]:
            return PageAnswer(200, content_type(GO_BAT), each.go_bat, each.deployment)
        if words == [each.deployment, STAY_HTM]:
            return PageAnswer(200, "text/html", stay(each))
        if words == [each.deployment, AGENT_EXE]:
            return PageAnswer(200, content_type(AGENT_EXE), b"", agent=True)
    return PageAnswer(404, "text/html", missing(newest))


def content_type(name: str) -> str:
    """The type by the extension, as far as old browsers know it."""
    return _TYPES.get(name.rpartition(".")[2].upper(), "application/octet-stream")


def render(waiting: Sequence[Waiting]) -> bytes:
    """The page with every waiting deployment, newest first."""
    parts = [_deployment(each) for each in reversed(waiting)]
    return _page("deployer", "\n<HR>\n".join(parts))


def nothing(peer: str, taken: str = "") -> bytes:
    """The page for a machine for which nothing waits, or not any more."""
    first = (
        f"\n<P>What waited for any computer is for the one at <B>{_text(taken)}</B> now: it asked "
        f"first.</P>"
    )
    return _page(
        "Nothing waits here",
        f"<H1>Nothing waits for this computer</H1>\n<P>This computer's address is "
        f"<B>{_text(peer)}</B>. A deployment is meant for one address; start it again for this "
        f"one, then press Reload.</P>{first if taken else ''}",
    )


def stay(each: Waiting) -> bytes:
    """The page that asks before anything stays."""
    return _page(
        "Start, and stay ready",
        "\n".join(
            (
                "<H1>Start, and stay ready?</H1>",
                f"<P>The program {AGENT_EXE} stays on this computer. It starts with Windows, and "
                f"calls the computer <B>{_text(each.host)}</B> and no other. That one can then, "
                "without anybody here:</P>",
                "<UL>",
                "<LI>send files and programs, start programs and read what they print",
                "<LI>list files and folders, and delete files",
                "<LI>take pictures of the screen and press keys",
                "<LI>set the clock, restart this computer and switch it off",
                "</UL>",
                "<P>It shows itself in a window, where <B>Remove</B> removes it without a trace. "
                "It lies in C:\\DEPLOY.</P>",
                f'<H2><A HREF="/{_text(each.deployment)}/{AGENT_EXE}">Yes: start {AGENT_EXE}</A>'
                "</H2>",
                "<P>When asked, click <B>Run this program from its current location</B>, press "
                f"Enter, and click <B>Yes</B>. It then fetches {_text(each.deployment)}.</P>",
                '<P><A HREF="/">No: back</A></P>',
            )
        ),
    )


def missing(each: Waiting) -> bytes:
    """The page for a path that leads nowhere."""
    return _page(
        "Not found",
        f'<H1>There is no such page</H1>\n<P><A HREF="/">To the deployment '
        f"{_text(each.deployment)}</A></P>",
    )


def _deployment(each: Waiting) -> str:
    total = sum(length for _, length in each.files)
    link = f"/{each.deployment}/{GO_BAT}"
    return "\n".join(
        (
            f"<H1>Deployment {_text(each.deployment)}</H1>",
            f"<P>{len(each.files)} {'file' if len(each.files) == 1 else 'files'}, {total:,} bytes, "
            f"for the folder <TT>{_text(each.directory)}</TT> of this computer.</P>",
            f'<H2><A HREF="{_text(link)}">{START_GO}</A></H2>',
            "<P>When asked, click <B>Run this program from its current location</B>, press Enter, "
            "and click <B>Yes</B>. A black window then fetches, verifies and starts everything. "
            f"If the browser only saves files, save it and double-click {GO_BAT}.</P>",
            f'<P>Or <A HREF="/{_text(each.deployment)}/{STAY_HTM}">start, and stay ready</A>: then '
            "nothing needs to be done here the next time. It asks first.</P>",
            _files(each.files),
            *((f"<P>Then this is run: <TT>{_text(each.run)}</TT></P>",) if each.run else ()),
            *((_typed(each.typed),) if each.typed else ()),
        )
    )


def _files(files: Sequence[tuple[str, int]]) -> str:
    rows = [
        f"<TR><TD>{_text(name)}</TD><TD ALIGN=RIGHT>{length:,}</TD></TR>"
        for name, length in files[:_SHOWN_FILES]
    ]
    if len(files) > _SHOWN_FILES:
        rows.append(f"<TR><TD>and {len(files) - _SHOWN_FILES} more</TD><TD></TD></TR>")
    head = "<TR><TH ALIGN=LEFT>File</TH><TH ALIGN=RIGHT>Bytes</TH></TR>"
    return "\n".join(("<TABLE BORDER=1 CELLPADDING=4>", head, *rows, "</TABLE>"))


def _typed(typed: Sequence[tuple[str, str]]) -> str:
    lines = [
        f"{_text(prompt.ljust(10))}<B>{_text(line) or '(Enter)'}</B>" for prompt, line in typed
    ]
    return "\n".join(
        (
            "<H3>Or type it</H3>",
            "<P>Start, Programs, MS-DOS Prompt; then, each line ended with Enter:</P>",
            "<PRE>",
            *lines,
            "</PRE>",
        )
    )


def _page(title: str, body: str) -> bytes:
    text = (
        f"{_DOCTYPE}\n<HTML>\n<HEAD>\n<TITLE>{_text(title)}</TITLE>\n</HEAD>\n"
        f'<BODY BGCOLOR="#FFFFFF" TEXT="#000000">\n{body}\n</BODY>\n</HTML>\n'
    )
    return text.replace("\n", "\r\n").encode("ascii")


def _text(text: str) -> str:
    """Escaped for HTML 3.2, in ASCII: Latin-1 as numbers, what old browsers lack as `?`.

    HTML 3.2 has no `&quot;`.
    """
    escaped = html.escape(text, quote=False).replace('"', "&#34;")
    return "".join(
        character if " " <= character <= "~" else _reference(ord(character))
        for character in escaped
    )


def _reference(code: int) -> str:
    return f"&#{code};" if 160 <= code <= 255 else "?"


def _words(path: str) -> list[str]:
    """The parts of a request's path in upper case; absolute addresses and queries understood."""
    if "://" in path:
        path = "/" + path.partition("://")[2].partition("/")[2]
    path = path.partition("?")[0].partition("#")[0]
    return [word.upper() for word in path.split("/") if word]
