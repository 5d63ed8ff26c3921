"""The card: what to type on the old PC to make it fetch its deployment, and what to check there.

It follows what the PC does: a step that has been seen is ticked, and after a silence it says what
to look at next, in the words of Windows 98's own screens (facts D1-D3, B, A13).
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from deployer.core.target.manifest import own_directory
from deployer.core.target.page import START_GO
from deployer.core.view import Mark, Row
from deployer.face import dialogs98, serial_card
from deployer.face.words import machine
from deployer.model import ANY, GO_BAT, State, is_simulated


@dataclass(frozen=True, slots=True)
class Step:
    """One line to type after a prompt, ended by Enter; it is done when `mark` has been seen."""

    prompt: str
    typed: str
    mark: Mark


def steps(host: str) -> tuple[Step, ...]:
    """What is typed in a DOS window of the target, line by line; "" is a bare Enter.

    FTP.EXE asks for user and password itself, and any name will do. GO.BAT is text, which it
    fetches right without `binary` (facts A5), and makes its own directory.
    """
    dos = "C:\\WINDOWS>"
    return (
        Step(dos, f"FTP {host}", Mark.CALLED),
        Step("User:", "a", Mark.GUEST),
        Step("Password:", "", Mark.GUEST),
        Step("ftp>", f"get {GO_BAT}", Mark.HAS_GO),
        Step("ftp>", "bye", Mark.GO_RUNS),
        Step(dos, "GO", Mark.GO_RUNS),
    )


def typed_lines(host: str) -> tuple[str, ...]:
    """The typed lines alone, as the simulated PC's typist wants them."""
    return tuple(step.typed for step in steps(host))


def typed_steps(host: str) -> tuple[tuple[str, str], ...]:
    """The same with their prompts, as the page on the wire shows them."""
    return tuple((step.prompt, step.typed) for step in steps(host))


def ways(row: Row) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The ways to start, shortest first: a title and its lines.

    The browser is a way only when the first-contact page is served. Over a serial line there is one
    way, in steps.
    """
    if row.line is not None:
        return serial_card.ways(row)
    found: list[tuple[str, tuple[str, ...]]] = []
    if row.attempt > 1 or row.mark >= Mark.HAS_GO:
        found.append(
            (
                f"{GO_BAT} of this deployment is there already, so GO alone is enough",
                (
                    f"C:\\WINDOWS> CD {_folder(row.directory)}",
                    f"{own_directory(row.directory)}> GO",
                ),
            )
        )
    if "http" in row.protocols:
        port = "" if row.page_port == 80 else f":{row.page_port}"
        pages = [f"http://{host}{port}" for host in filter(None, (row.host, row.beside))]
        found.append(
            (
                BROWSER,
                (
                    f"Start, Run   {pages[0]}",
                    *(f"        or   {page}, {_ITS_OWN}" for page in pages[1:]),
                    f"Click        {START_GO}",
                    f"Click        {RUN_IT}",
                    "Press        Enter",
                    "Click        Yes",
                ),
            )
        )
    typed = tuple(f"{step.prompt:<12}{_typed(row, step)}" for step in steps(row.host))
    found.append(("With FTP, in Start, Programs, MS-DOS Prompt", typed))
    return tuple(found)


BROWSER = "With the browser"
RUN_IT = "Run this program from its current location"
_ITS_OWN = "when WINIPCFG there shows 169.254.x.y"


def _typed(row: Row, step: Step) -> str:
    if row.beside and step.typed == f"FTP {row.host}":
        return f"{step.typed}  (or {row.beside}, {_ITS_OWN})"
    return step.typed or "(just Enter)"


def _folder(directory: str) -> str:
    own = own_directory(directory)
    return own.partition(":")[2] or own


def card(row: Row) -> tuple[str, ...]:
    """The card as lines of text, as `push` prints it before anything has happened."""
    if row.line is not None:
        return serial_card.card(row)
    lines = [
        f"Deployment {row.deployment} waits for {machine(row.target)}.",
        "On the old PC do one of these:",
    ]
    for title, typed in ways(row):
        lines += ["", f"  {title}:", *(f"    {line}" for line in typed)]
    return tuple(lines)


def followed(row: Row) -> tuple[str, ...]:
    """The card as it stands now, the shortest way first: what has been seen is ticked, what comes
    next is marked.
    """
    if row.line is not None:
        return serial_card.followed(row)
    *others, (title, _lines) = ways(row)
    others = [] if row.mark >= Mark.GUEST else others  # the typed way has been chosen
    first = f"do {'one of these' if others else 'this'} on {_there(row)}."
    lines = [f"{row.deployment}: {first}", "Ticks show what this computer has seen of it.", ""]
    for other, typed in others:
        lines += [f"{other}:", *(f"     {line}" for line in typed), ""]
    lines.append(f"{title}:")
    done = row.mark >= Mark.GO_RUNS
    marked = False
    for step in steps(row.host):
        ticked = done or row.mark >= step.mark
        sign = "[x]" if ticked else "[ ]" if marked else "[>]"
        marked = marked or not ticked
        lines.append(f" {sign} {step.prompt:<12}{_typed(row, step)}")
    return tuple(lines)


def live(row: Row, now: float) -> tuple[str, ...]:
    """What the live page shows while it waits: the card as it stands, and what to look at."""
    if row.state not in (State.STAGED, State.WAITING) or is_simulated(row.target):
        return ()
    found = hints(row, now)
    return (*followed(row), *(("", *found) if found else ()))


def _there(row: Row) -> str:
    return "the old PC" if row.target == ANY else machine(row.target)


# --- when nothing comes

_ABSENT = 5.0
"""Seconds of silence after which a target that does not answer on the wire is called absent."""

Hint = Callable[[Row], tuple[str, ...]]


def hints(row: Row, now: float) -> tuple[str, ...]:
    """What to look at on the old PC, after a silence; empty as long as all goes well."""
    if row.line is not None:
        return serial_card.hints(row, now)
    if row.state.final or row.paused:
        return ()
    quiet = now - max(row.seen_at, row.tick_at, row.since)
    if row.present is False and row.advice and row.state != State.RUNNING and quiet > _ABSENT:
        return (f"{row.presence}.".replace("..", "."), row.advice)
    due = [hint for after, hint in _HINTS.get(_stage(row), ()) if quiet >= after]
    return due[-1](row) if due else ()


def _stage(row: Row) -> str:
    match row.state:
        case State.STAGED | State.WAITING:
            return "refused" if row.refused and row.mark <= Mark.CALLED else row.mark.name
        case State.FETCHING:
            return "moving" if row.current else "fetching"
        case State.VERIFYING:
            return "verifying" if row.report else "starting"
        case _:
            return ""


# Each hint is a function of the row, all of one shape: `_HINTS` says when which is due.
def _address(row: Row) -> tuple[str, ...]:
    if row.target == ANY:
        return (
            "Nothing has come from any PC yet. On the old PC: Start, Run, WINIPCFG.",
            "Choose the network card in the list (not PPP Adapter). It must say one of",
            *_any_address(row),
            "0.0.0.0 there: look at the cable; Windows gives itself an address within two minutes.",
        )
    return (
        f"Nothing has come from {row.target} yet. On the old PC: Start, Run, WINIPCFG.",
        "Choose the network card in the list (not PPP Adapter). It must say",
        f"  IP Address {row.target}    Subnet Mask 255.255.255.0",
        "169.254.x.x or 0.0.0.0 there: it has no fixed address. Control Panel, Network,",
        "TCP/IP -> your network card, Properties, 'Specify an IP address', then restart.",
    )


def _shown(row: Row) -> tuple[str, ...]:
    """What WINIPCFG has to show."""
    if row.target == ANY:
        return _any_address(row)
    return (f"  IP Address   {row.target}", "  Subnet Mask  255.255.255.0")


def _any_address(row: Row) -> tuple[str, ...]:
    """What WINIPCFG may show on a PC that reaches us."""
    hosts = filter(None, (row.host, row.beside))
    return tuple(f"  IP Address {_beside(host)}" for host in hosts)


def _beside(host: str) -> str:
    if host.startswith("169.254."):
        return "169.254.x.y     Subnet Mask 255.255.0.0"
    return f"{host.rpartition('.')[0]}.x     Subnet Mask 255.255.255.0"


def _ping(row: Row) -> tuple[str, ...]:
    return (
        f"Still nothing. In the MS-DOS Prompt of the old PC type:  PING {row.host}",
        f"- Reply from {row.host}: the wire is good, type the card's lines again",
        "- Request timed out: the cable, or a firewall here (deployer doctor)",
        "- Destination host unreachable: wrong IP Address or Subnet Mask, see WINIPCFG",
        "- Bad command or file name: no TCP/IP; Control Panel, Network, Add",
    )


def _refused(row: Row) -> tuple[str, ...]:
    if row.target == ANY:
        return (
            f"Somebody was turned away: {row.refused}.",
            "Any PC on the wire may log in, with any user name.",
        )
    return (
        f"Somebody was turned away: {row.refused}.",
        f"Only {row.target} may log in. On the old PC look with WINIPCFG at its IP Address,",
        "then push again with --target and that address.",
    )


def _login(_row: Row) -> tuple[str, ...]:
    return (
        "The old PC called but has not logged in. At 'User (...):' type  a  and Enter,",
        "at 'Password:' only Enter. If the window is gone, type the FTP line again.",
    )


def _get(_row: Row) -> tuple[str, ...]:
    return (
        f"The old PC is logged in. At  ftp>  type:  get {GO_BAT}",
        "If nothing follows 'PORT command successful', a firewall on this computer stops the",
        "way back: deployer doctor says which.",
    )


def _go(row: Row) -> tuple[str, ...]:
    return (
        f"The old PC has {GO_BAT}. At  ftp>  type  bye , then at the prompt  GO",
        f"'Bad command or file name'? It lies elsewhere: CD {_folder(row.directory)} , then GO",
    )


def _stuck(row: Row) -> tuple[str, ...]:
    return (
        f"{row.current} has stopped moving. Look at the cable and at the lights of both cards.",
        "The transfer is given up by itself after a minute and the part comes again.",
    )


def _start(row: Row) -> tuple[str, ...]:
    head, *others = _look(row)
    return (
        head,
        "- it stands at 'Starting the helper': that came damaged. Switch the old PC off and on,",
        f"  then type  CD {_folder(row.directory)}  and  GO: it is fetched again",
        *others,
    )


def _look(row: Row) -> tuple[str, ...]:
    return (
        "The old PC has not called for a while. Look at its screen:",
        "- it works or counts: leave it alone, a slow disk takes its time",
        f"- the prompt, or it was reset: type  CD {_folder(row.directory)}  and  GO, it goes on",
        "- an error: do what it says there, then type  GO",
    )


_HINTS: dict[str, tuple[tuple[float, Hint], ...]] = {
    "NOTHING": ((60.0, _address), (150.0, _ping)),
    "CALLED": ((30.0, _login), (120.0, _ping)),
    "refused": ((0.0, _refused),),
    "GUEST": ((30.0, _get),),
    "HAS_GO": ((30.0, _go),),
    "GO_RUNS": ((60.0, _look),),
    "fetching": ((60.0, _look),),
    "moving": ((10.0, _stuck),),
    "starting": ((60.0, _start),),
    "verifying": ((180.0, _look),),
}
"""Seconds of silence by stage, and the hint that is shown then."""


_STAGES = {
    "NOTHING": "It has never called",
    "CALLED": "It has called but not logged in",
    "refused": "Somebody was turned away",
    "GUEST": "It is logged in",
    "HAS_GO": "It has GO.BAT",
    "GO_RUNS": "GO.BAT has called",
    "fetching": "Between two parts",
    "moving": "In the middle of a part",
    "starting": "It has the helper, and no report came",
    "verifying": "While it verifies",
}


def all_hints(row: Row) -> Iterator[tuple[str, float, tuple[str, ...]]]:
    """Every hint with the stage in words and the seconds of silence: what the manual lists."""
    row = replace(row, current="CAMPF260.001", refused="192.168.1.9 as anonymous: not known here")
    for stage, hints_of in _HINTS.items():
        for after, hint in hints_of:
            yield _STAGES[stage], after, hint(row)


# --- to lay beside the old PC


def print_text(row: Row) -> str:
    """One page of plain text."""
    end = "It is finished when the screen says:  Finished. The host has the result."
    before = [
        f"{row.deployment}  for {machine(row.target)}",
        "",
        "Before: Start, Run, WINIPCFG must show",
        *_shown(row),
        f"and in an MS-DOS Prompt  PING {row.host}  must say 'Reply from {row.host}'.",
        "",
        "Then do one of these:",
    ]
    if is_simulated(row.target):
        before = [f"{row.deployment}  for {machine(row.target)}"]
    if row.line is not None:
        before = [f"{row.deployment}  for the old PC on {serial_card.port(row)}"]
        end = serial_card.end(row)
    for title, typed in ways(row):
        before += ["", f"{title}:", "", *(f"    {line}" for line in typed)]
    before += ["", end]
    return "\n".join(before) + "\n"


def print_html(row: Row) -> str:
    """One page to print or to make a PDF of: big type, black on white, nothing fetched."""
    sections = "".join(
        f"<h2>{html.escape(title)}</h2>\n<pre>{html.escape(chr(10).join(typed))}</pre>\n"
        f"{dialogs98.pictures(GO_BAT, row.host, 2) if title == BROWSER else ''}"
        for title, typed in ways(row)
    )
    place, before, end = f"at {row.target}", _BEFORE, _END
    if row.target == ANY:
        place, before = "that asks first", _BEFORE_ANY
    if is_simulated(row.target):
        place, before = "(simulated)", ""
    if row.line is not None:
        place, before = f"on {serial_card.port(row)}", ""
        end = html.escape(serial_card.end(row))
    return _PAGE.format(
        deployment=html.escape(row.deployment),
        target=html.escape(place),
        before=before.format(target=html.escape(row.target), host=html.escape(row.host)),
        end=end,
        sections=sections,
    )


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"/><title>{deployment}</title>
<style>
@page {{ size: A4; margin: 16mm }}
body {{ font: 14pt/1.4 sans-serif; color: #000; background: #fff; max-width: 46em }}
h1 {{ font-size: 24pt; margin: 0 0 6pt }}
h2 {{ font-size: 15pt; margin: 14pt 0 4pt }}
pre {{ font: bold 16pt/1.35 monospace; border: 1pt solid #000; padding: 6pt; margin: 0;
  white-space: pre-wrap; break-inside: avoid }}
svg {{ max-width: 48%; height: auto; break-inside: avoid }}
</style></head><body>
<h1>{deployment} for the old PC {target}</h1>
{before}{sections}<p>{end}</p>
</body></html>
"""
_BEFORE = """<p>Before: Start, Run, <b>WINIPCFG</b> must show IP Address <b>{target}</b>,
Subnet Mask <b>255.255.255.0</b>; <b>PING {host}</b> must say <b>Reply from {host}</b>.
Then do one of these:</p>
"""
_BEFORE_ANY = """<p>Before: Start, Run, <b>WINIPCFG</b> must show an IP Address beside {host}, or
169.254.x.y. Then do one of these:</p>
"""
_END = "It is finished when the screen says: <b>Finished. The host has the result.</b>"
