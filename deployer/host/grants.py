"""What may be fetched by whom."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from deployer.core.ftp import manners
from deployer.core.ftp.session import NoLogin
from deployer.core.payload import plan
from deployer.core.survey import script
from deployer.core.target import gobat, names, proof
from deployer.core.target import manifest as manifests
from deployer.core.target.page import Waiting
from deployer.edge import resources
from deployer.edge.ftp.state import UploadVerdict
from deployer.host.pull.receiver import Receiver
from deployer.model import (
    GATHER_EXE,
    GO_BAT,
    HELPER_EXE,
    RECEIPT_TXT,
    RESULT_TXT,
    UPLOAD_LIMITS,
    Blob,
    Entry,
    Manifest,
    Share,
)


@dataclass(frozen=True, slots=True)
class Handout:
    """What a target sees: its own login's files, GO.BAT alone, and the page."""

    share: Share
    go_bat: Share
    page: Waiting


@dataclass(frozen=True, slots=True)
class Grant:
    """Who may log in for a deployment, and what it sees by the address of ours that it has called.

    Without an `address` it is for the first machine that asks for GO.BAT. What it is given has that
    address in it, so that it calls the same one again. `pull` takes what comes of a pull.
    """

    token: str
    address: str
    seen: Callable[[str], Handout]
    pull: Receiver | None = None


class Grants:
    """The grants in force. Written by the service, read by the servers' threads.

    `found` is called in one of these when a machine has taken what waited for whoever comes: with
    the deployment, the machine's address, and ours that it called. `hand_out` gives an agent for a
    machine that called an address of ours.
    """

    def __init__(
        self,
        found: Callable[[str, str, str], object],
        hand_out: Callable[[str, str], bytes] = lambda _peer, _at: b"",
    ) -> None:
        self._found = found
        self._hand_out = hand_out
        self._claimed: dict[str, str] = {}
        self._lock = threading.Lock()
        self._grants: dict[str, Grant] = {}
        self._unread: set[str] = set()
        self._not_now = False

    def put(self, deployment: str, grant: Grant) -> None:
        """Let the target of this deployment in."""
        with self._lock:
            self._grants = {**self._grants, deployment: grant}
            self._claimed.pop(deployment, None)
            self._unread.discard(deployment)

    def withdraw(self, deployment: str) -> None:
        """Let nobody in for this deployment any more, and take no report of it."""
        with self._lock:
            self._grants = {key: value for key, value in self._grants.items() if key != deployment}
            self._claimed.pop(deployment, None)

    def refuse_for_now(self, *, refused: bool) -> None:
        """Let nobody in and take no report, or again: what happens cannot be written down now."""
        self._not_now = refused

    def login(self, user: str, password: str, peer: str, at: str) -> Share | NoLogin:
        """What the machine at `peer` sees with that name and password, or why it sees nothing."""
        if self._not_now:
            return NoLogin.NOT_NOW
        waiting = self._for(peer, at)
        if user.lower() == "anonymous":
            if waiting:
                return waiting[-1].seen(at).go_bat
            return NoLogin.TAKEN if self._claimed else NoLogin.NOTHING
        grant = self._grants.get(user.upper())
        if grant is None and names.is_identity(user):
            return NoLogin.OLDER if waiting else NoLogin.NOTHING
        if grant is None or grant.address not in (peer, ""):
            return NoLogin.UNKNOWN
        right = hmac.compare_digest(grant.token.encode(), password.encode("utf-8", "replace"))
        if not right:
            return NoLogin.UNKNOWN
        return grant.seen(at).share if self.takes(user.upper(), peer, at) else NoLogin.TAKEN

    def _for(self, peer: str, at: str) -> list[Grant]:
        """What waits for the machine at `peer`; what is for whoever comes, if nothing else is.

        This computer itself is no old PC.
        """
        grants = tuple(self._grants.values())
        own = [grant for grant in grants if grant.address == peer]
        return own or [grant for grant in grants if not grant.address and peer != at]

    def takes(self, deployment: str, peer: str, at: str) -> bool:
        """Whether the machine at `peer` has a deployment; what is for whoever comes it has now."""
        with self._lock:
            grant = self._grants.get(deployment)
            if grant is None or grant.address or peer == at:
                return grant is not None and grant.address == peer
            self._grants = {**self._grants, deployment: replace(grant, address=peer)}
            self._claimed[deployment] = peer
        self._found(deployment, peer, at)
        return True

    def agent(self, peer: str, at: str) -> bytes:
        """The agent that the browser of the machine at `peer` is given; b"" for none now."""
        return b"" if self._not_now else self._hand_out(peer, at)

    def taken(self) -> str:
        """The machine that has what waited for whoever comes; "" for none."""
        return next(reversed(self._claimed.values()), "")

    def awaits(self, peer: str) -> bool:
        """Whether something waits for the machine at this address."""
        return any(grant.address in (peer, "") for grant in self._grants.values())

    def waiting(self, peer: str, at: str) -> tuple[Waiting, ...]:
        """What the browser of the machine at `peer` is shown."""
        return tuple(grant.seen(at).page for grant in self._for(peer, at))

    def accepts(self, deployment: str, name: str, data: bytes) -> UploadVerdict:
        """Whether an uploaded report is kept; a mangled one has to be sent again.

        From a RESULT.TXT until `read` nothing is: what it is judged by must still lie there then.
        """
        if self._not_now:
            return UploadVerdict.NOT_NOW
        grant = self._grants.get(deployment)
        if grant is not None and grant.pull is not None and name in grant.pull.uploads:
            return grant.pull.accept(name, data)
        if name == RESULT_TXT:
            report = proof.parse_report(data)
            if not (report.sealed or report.failed):
                return UploadVerdict.NOT_WHOLE
        with self._lock:
            if deployment not in self._grants:
                return UploadVerdict.ENDED
            if deployment in self._unread:
                return UploadVerdict.BEING_READ
            if name == RESULT_TXT:
                self._unread.add(deployment)
        return UploadVerdict.KEEP

    def unkept(self, deployment: str, name: str, why: str) -> None:
        """Files of a pull that cannot be written here end it; a report is sent again."""
        grant = self._grants.get(deployment)
        if grant is not None and grant.pull is not None and not self._not_now:
            grant.pull.stop(f"{name}: {why}")

    def read(self, deployment: str) -> None:
        """The last report has been acted on; the next may come."""
        with self._lock:
            self._unread.discard(deployment)


def share_of_pull(manifest: Manifest, pull: Receiver, directory: str, at: float) -> Share:
    """What a pull's own login sees now: what it is asked for changes with every part that comes."""
    name = manifest.deployment
    entries = (
        *_entries_of_all(manifest, directory, GATHER_EXE),
        Entry(gobat.ask_name(name), Blob(pull.ask(manifest.host, directory)), text=True),
    )
    return Share(name, entries, {**UPLOAD_LIMITS, **pull.uploads}, at)


def _entries_of_all(manifest: Manifest, directory: str, helper: str) -> list[Entry]:
    """What every deployment has. `helper` is the program that the PC fetches as DEPLOY98.EXE."""
    name = manifest.deployment
    return [
        Entry(GO_BAT, Blob(gobat.render(manifest, directory)), text=True),
        Entry(HELPER_EXE, Blob(resources.program(helper))),
        Entry(RECEIPT_TXT, Blob(f"{name}\r\n".encode("ascii")), text=True, after=RESULT_TXT),
    ]


def shares_of(manifest: Manifest, directory: str, at: float) -> tuple[Share, Share]:
    """What the deployment's own login sees, and what anonymous sees (GO.BAT alone)."""
    entries = _entries_of_all(manifest, directory, HELPER_EXE)
    go_bat, name, payload = entries[0], manifest.deployment, manifest.payload
    if not payload.gather:
        data = manifests.render(manifest, directory)
        entries.append(Entry(manifests.file_name(name), Blob(data), text=True))
    entries += [Entry(pack.name, plan.source_of(payload, pack)) for pack in payload.packs]
    for file in manifest.payload.files:
        for part in file.parts:
            # Parts of files in directories have no long name: two of them may have the same one.
            number = part.name.rpartition(".")[2]
            long_name = "" if file.place else f"{file.long_name}.{number}"
            entries.append(Entry(part.name, plan.slice_of(file, part), long_name=long_name))
    own = Share(name, tuple(entries), UPLOAD_LIMITS, at)
    if script.goes_on(payload):
        own = manners.with_manners(own)
    return own, Share(name, (go_bat,), {}, at)
