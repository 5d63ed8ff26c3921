"""Events and rows as sentences that a person understands; shared by the faces."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import assert_never

from deployer.core.target.proof import how_it_ended, numbers_of, stopped
from deployer.core.view import PULLED, Mark, Row, damaged
from deployer.events import (
    AddressGiven,
    AgentEnrolled,
    AgentGone,
    AgentHello,
    AsciiRefused,
    ClientConnected,
    ClientGone,
    CommandRefused,
    DeploymentStaged,
    DhcpChanged,
    Event,
    HostTroubled,
    LineNoted,
    LoginAccepted,
    LoginRefused,
    NotUnderstood,
    OrderChanged,
    OutputReceived,
    PauseChanged,
    PresenceChanged,
    ProofReceived,
    PullAdvanced,
    ScreenLine,
    ServerListening,
    SourceChanged,
    StateChanged,
    TargetFound,
    TargetReported,
    TransferCut,
    TransferDone,
    TransferStarted,
    UploadReceived,
    WireChanged,
)
from deployer.face import estimate, serial_card, text
from deployer.face.estimate import Habits
from deployer.model import (
    ANY,
    ENGINE_EXE,
    HELPER_EXE,
    LINE,
    Proof,
    Report,
    Stage,
    State,
    is_simulated,
)

_MOST_PLACES = 8
"""Places on the PC that are named one by one."""

OURS = (ENGINE_EXE, HELPER_EXE)
"""Programs that go with a payload without the user naming them."""
SILENCE = 20.0
"""Seconds without a sign of life after which it is named."""


def machine(target: str) -> str:
    """`the simulated PC`, `the old PC at 192.168.1.2`, `the first PC that asks`, or on a port."""
    if target.startswith(LINE):
        return f"the old PC on {target.removeprefix(LINE)}"
    if target == ANY:
        return "the first PC that asks"
    if is_simulated(target):
        return f"the simulated PC {target.partition(':')[2]}".rstrip()
    return f"the old PC at {target}"


def sentence(event: Event, parts: int = 0) -> str:
    """What an event means, in one line; "" for what nobody wants to read.

    `parts` is how many parts its deployment has, 0 if that is not known.
    """
    match event:
        case DeploymentStaged():
            files = text.count(len(event.files), "file")
            return f"staged for {machine(event.target)}: {files}, {text.size(event.total)}"
        case StateChanged():
            why = f": {event.reason}" if event.reason else ""
            return f"{event.state.value}{why}"
        case AsciiRefused():
            return f"{event.name} was asked for in ASCII mode and not sent: type binary first"
        case PullAdvanced(files=files, total=total, here=here):
            of = f"{text.size(here)} of {text.size(total)} in {text.count(files, 'file')}"
            return f"{of} {'proved' if event.folder else 'here'}"
        case PauseChanged():
            return "paused: the next part waits" if event.paused else "goes on"
        case TargetReported():
            return reported(event.report, event.deployment, parts)
        case OutputReceived():
            return f"the PC sent what its program printed, {text.size(event.length)}"
        case ProofReceived():
            return "the PC proved it" if event.proof.proved else f"no proof: {event.proof.reason}"
        case SourceChanged():
            return f"{event.path} changed on this computer and is not served any more"
        case NotUnderstood():
            return "something that this version cannot read: of a newer one, or damaged"
        case HostTroubled(what=what, remedy=remedy):
            return f"{what} {remedy}" if what else "this computer goes on"
        case LineNoted():
            return event.note
        case ScreenLine():
            lines = event.text.rstrip().split("\n")  # of several the last one
            return f"PC| {lines[-1]}" if lines[-1] else ""
        case _:
            return _session(event) or _transfer(event)


def on_screen(row: Row, most: int) -> list[str]:
    """The last `most` lines of the simulated PC's screen, with the one that is being written."""
    return [*row.screen, *([row.typed] if row.typed else [])][-most:]


def timed(event: Event, parts: int = 0) -> str:
    """The same as a line of a log: when, which deployment, what; "" for what nobody wants."""
    said = sentence(event, parts)
    at = time.strftime("%H:%M:%S", time.localtime(event.at))
    return text.plain(f"{at} {event.deployment or '-':<8} {said}") if said else ""


def line(event: Event) -> str:
    """An event in one line that nothing in it can break; "" for what nobody wants."""
    return text.plain(sentence(event)).replace("\n", " ")


def _session(event: Event) -> str:
    """Who is there, who comes and goes."""
    match event:
        case ServerListening(protocol="serial"):
            return f"{event.address} is open at {event.port} bit/s"
        case ServerListening():
            return f"{event.protocol.upper()} server ready at {event.address}:{event.port}"
        case PresenceChanged():
            return event.how
        case DhcpChanged():
            return " ".join(part for part in dhcp(event) if part)
        case AddressGiven(peer=peer, mac=mac, name=name, vendor=vendor):
            who = ", ".join(part for part in (name, mac, vendor) if part)
            return f"{peer} was given to {who}"
        case TargetFound(peer=peer, mac=mac):
            return f"{peer}{f' ({mac})' if mac else ''} asked first: it is for that PC now"
        case WireChanged():
            return " ".join(part for part in wire(event) if part)
        case ClientConnected():
            return f"{event.peer} called"
        case LoginAccepted():
            return _login(event)
        case LoginRefused():
            return f"{event.peer} was turned away as {event.login}: {event.why}"
        case ClientGone():
            return f"{event.peer} hung up"
        case CommandRefused():
            return f"refused to {event.peer}: {event.command} -> {event.reply}"
        case _:
            return _agent(event)


def _agent(event: Event) -> str:
    """What becomes of an agent and of its orders."""
    match event:
        case AgentEnrolled():
            return f"an agent is handed out for {event.peer}"
        case AgentHello():
            return f"the agent on {event.name or event.peer} is there"
        case AgentGone(why=why):
            return f"the agent on {event.name or event.peer} is gone ({why})"
        case OrderChanged(stage=stage):
            code = f" ({event.code})" if stage in (Stage.DONE, Stage.REFUSED) else ""
            told = f": {event.text}" if event.text else ""
            return f"the agent's order {event.what} is {stage}{code}{told}"
        case _:
            return ""


def wire(event: WireChanged) -> tuple[str, str]:
    """What has become of this computer's end of the wire, and what to do about it."""
    name, address = event.interface, event.address
    match event.state:
        case "ready":
            return f"{name} has {address} again: it goes on.", ""
        case "gone":
            return f"{name} is gone from this computer.", "Plug the adapter in again: it goes on."
        case "off":
            again = f"Switch it on again (Linux: sudo ip link set {name} up): it goes on."
            return f"{name} was switched off.", again
        case "bare" if event.why:
            return f"{name} does not have {address} any more, and cannot get it: {event.why}", ""
        case "bare":
            return f"{name} does not have {address} any more.", ""
        case "taken":
            return (
                f"Another machine on the wire ({event.rival}) has our address {address}.",
                "Give it another one (the old PC's is usually 192.168.1.2), or unplug it.",
            )
    assert_never(event.state)


def dhcp(event: DhcpChanged) -> tuple[str, str]:
    """Whether this computer gives addresses on the wire, and what to do about it."""
    name, again = event.interface, "It does so again after a new start with --dhcp."
    if event.state == "serving":
        return f"PCs on {name} that ask for an address get one from here.", ""
    if event.why:
        return f"No addresses are given on {name}: {event.why}", "Put that right. " + again
    other = f"{event.rival} ({event.mac})" if event.mac else event.rival
    more = "any more " if event.state == "stopped" else ""
    return (
        f"No addresses are given on {name} {more}since another DHCP server is there: {other}.",
        f"Let that one give them, or take it off this wire. {again}",
    )


def _login(event: LoginAccepted) -> str:
    if event.login.upper() == event.deployment:
        return f"GO.BAT on {event.peer} logged in"
    return f"{event.peer} logged in as {event.login}"


def _transfer(event: Event) -> str:
    match event:
        case TransferStarted():
            verb = "sends" if event.upload else "fetches"
            return f"{verb} {event.name}"
        case TransferDone():
            verb = "sent" if event.upload else "fetched"
            took = f" in {event.seconds:.1f} s" if event.seconds >= 0.1 else ""
            return f"{verb} {event.name}, {text.size(event.length)}{took}"
        case TransferCut():
            what = f"{event.name} was cut after {event.moved:,} of {event.length:,} bytes"
            return f"{what}: {event.why}" if event.why else what
        case UploadReceived():
            return ""
        case _:
            return ""


def reported(report: Report, deployment: str, parts: int = 0) -> str:
    """A report of the target as a sentence; `parts` are those of the deployment, 0 if not known."""
    if report.deployment != deployment:
        return f"the PC is {report.system or 'here'}, {cpu(report)}"
    if report.failed:
        return stopped(report.failed)
    if bad := damaged(report):
        return f"the PC found damage and fetches again: {', '.join(bad)}"
    why = f": {report.reason}" if report.reason else ""
    match report.command, report.exit_code:
        case "CHECK", 0:
            return "the PC has every part"
        case "CHECK", 1:
            return _needs(report, parts)
        case "JOIN", 0:
            return "the PC has joined the parts and verified every file on its disk"
        case "JOIN", 1:
            return f"the PC found a file that is not right, and fetches its parts again{why}"
        case "RUN", 0:
            ended = how_it_ended(report)
            return f"the program has run: {ended}" if ended else "the PC has finished"
        case _:
            return f"the PC could not go on ({report.command or 'no command'}){why}"


def _needs(report: Report, parts: int) -> str:
    """How many parts the PC still fetches, or else how many it has."""
    whole = {file.name for file in report.files if file.verdict == "good"}
    has = sum(len(numbers_of(numbers)) for file, numbers in report.have if file not in whole)
    if parts > has and not whole:
        return f"the PC needs {text.count(parts - has, 'part')}"
    return f"the PC has {text.count(has, 'part')} and fetches what is missing"


def cpu(report: Report) -> str:
    """The processor as people call it."""
    mhz = f" at {report.cpu_mhz} MHz" if report.cpu_mhz else ""
    return f"{report.cpu or 'an unknown processor'}{mhz}"


def kept_words(proof: Proof) -> Iterator[str]:
    """What was kept, saved, left or deleted on the PC, a line each."""
    for place in proof.kept:
        yield f"{place}: KEPT as it is there; it is not what was delivered last, nor what comes now"
    if proof.kept:
        yield "(--overwrite changed replaces it and saves the old one as .BAK)"
    report = proof.verified or proof.report
    left = "still there, though this push has it no longer (--delete):"
    if not proof.expected:
        left = "changed there, so it stays:"
    for what, places in (
        ("was changed there, and is saved as", report.saved),
        ("deleted there:", report.gone),
        (left, report.left),
    ):
        named = ", ".join(places[:_MOST_PLACES])
        if len(places) > _MOST_PLACES:
            named += f" and {len(places) - _MOST_PLACES} more"
        if places:
            yield f"{what} {named}"


def target_words(report: Report) -> tuple[tuple[str, str], ...]:
    """What a target told about itself, as pairs of label and value; only what it told."""
    pairs = [
        ("system", report.system),
        ("processor", cpu(report) if report.cpu else ""),
        ("features", report.cpu_features),
        ("memory", text.memory(report.memory) if report.memory is not None else ""),
        ("free disk", text.size(report.disk_free) if report.disk_free is not None else ""),
        ("code pages", _pages(report)),
        ("helper", report.helper),
    ]
    return tuple((label, value) for label, value in pairs if value)


def _pages(report: Report) -> str:
    if report.codepage is None:
        return ""
    dos = f", in DOS {report.oem_codepage}" if report.oem_codepage is not None else ""
    return f"{report.codepage}{dos}"


def doing(row: Row, known: Habits, now: float) -> str:
    """What is going on now, in one line, also when nothing comes over the wire."""
    since = max(now - row.since, 0.0)
    if row.line is not None and (over_line := serial_card.doing(row)):
        return f"{over_line} ({text.duration(since)})"
    match row.state:
        case State.STAGED:
            return "staged"
        case State.WAITING:
            return f"{_WAITING[row.mark]} ({text.duration(since)})"
        case State.FETCHING | State.VERIFYING if row.pulls:
            quiet = now - max(row.tick_at, row.seen_at)
            so_long = f": nothing has come for {text.duration(quiet)}" if quiet > SILENCE else ""
            return f"{pulling(row)}{so_long}"
        case State.FETCHING:
            return _fetching(row, now)
        case State.VERIFYING:
            return _verifying(row, known, now)
        case State.RUNNING:
            return _running(row, known, since)
        case _:
            why = f": {row.reason}" if row.reason else ""
            return f"{row.state.value}{why}"


def pulling(row: Row) -> str:
    """How far a pull is, from the sums that the PC makes first to the last byte."""
    part = row.parts.get(PULLED)
    if part is None:
        return "the PC lists the files and makes their sums"
    if part.moved < part.length:
        return f"{text.size(part.moved)} of {text.size(part.length)} are here"
    return f"all {text.size(part.length)} are here"


_WAITING = {
    Mark.NOTHING: "waiting for the PC's first call",
    Mark.CALLED: "the PC called; waiting for its login",
    Mark.GUEST: "logged in; waiting for: get GO.BAT",
    Mark.HAS_GO: "the PC has GO.BAT; waiting for: GO",
    Mark.GO_RUNS: "GO.BAT runs",
}


def _fetching(row: Row, now: float) -> str:
    quiet = now - max(row.tick_at, row.seen_at)
    if row.paused and not row.current:
        return "paused: the next part waits on this computer"
    if row.current:
        number = list(row.parts).index(row.current) + 1
        line = f"fetching part {number} of {len(row.parts)}, {row.current}"
        if row.paused:
            return f"{line}; pauses after it"
        if quiet > SILENCE / 4:
            return f"{line}: nothing has moved for {text.duration(quiet)}"
        return line
    if quiet > SILENCE:
        return f"the PC has been silent for {text.duration(quiet)}"
    return "the PC looks for what is missing"


def _verifying(row: Row, known: Habits, now: float) -> str:
    since = max(now - row.since, 0.0)
    about = estimate.verify_seconds(row, known)
    if since > 3 * about + SILENCE:
        return (
            f"silent for {text.duration(since)}: verifying was to take about "
            f"{text.duration(about)}; look at the PC's screen"
        )
    return f"the PC is verifying, about {text.duration(about)} ({text.duration(since)} so far)"


def _running(row: Row, known: Habits, since: float) -> str:
    before = dict(known.runs).get(row.run)
    last = f", last time {text.duration(before)}" if before is not None else ""
    return f"the program runs on the PC ({text.duration(since)} so far{last})"


def rate(row: Row) -> str:
    """Now and mean; skipped bytes never count."""
    now, mean = row.rate_now, row.rate
    if not now and not mean:
        if row.pulls and row.here_bytes:  # over a serial line one file brings all of it
            return "its rate is known at the end"
        return "nothing had to move" if row.state == State.PROVED else "nothing has moved yet"
    pieces = []
    if now and row.current:
        pieces.append(f"now {text.size(round(now))}/s")
    if mean:
        pieces.append(f"mean {text.size(round(mean))}/s")
    return ", ".join(pieces)


def time_left(row: Row, known: Habits, now: float) -> str:
    """`about 2 min 5 s left`, or "" when nobody can know."""
    rest = estimate.left(row, known, now)
    if rest.seconds is None or row.state.final:
        return ""
    if rest.seconds <= 0:
        return "any moment now"
    return f"{'' if rest.sure else 'about '}{text.duration(rest.seconds)} left"
