"""What may be fetched by whom."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable
from dataclasses import dataclass

from deployer.core.ftp.session import NoLogin
from deployer.core.payload import plan
from deployer.core.target import gobat, names, proof
from deployer.core.target import manifest as manifests
from deployer.core.target.page import Waiting
from deployer.edge import resources
from deployer.edge.ftp.state import UploadVerdict
from deployer.model import (
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

    What it is given has that address in it, so that it calls the same one again.
    """

    token: str
    address: str
    seen: Callable[[str], Handout]


class Grants:
    """The grants in force. Written by the service, read by the FTP server's thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._grants: dict[str, Grant] = {}
        self._unread: set[str] = set()
        self._not_now = False

    def put(self, deployment: str, grant: Grant) -> None:
        """Let the target of this deployment in."""
        with self._lock:
            self._grants = {**self._grants, deployment: grant}
            self._unread.discard(deployment)

    def withdraw(self, deployment: str) -> None:
        """Let nobody in for this deployment any more, and take no report of it."""
        with self._lock:
            self._grants = {key: value for key, value in self._grants.items() if key != deployment}

    def refuse_for_now(self, *, refused: bool) -> None:
        """Let nobody in and take no report, or again: what happens cannot be written down now."""
        self._not_now = refused

    def login(self, user: str, password: str, peer: str, at: str) -> Share | NoLogin:
        """What the machine at `peer` sees with that name and password, or why it sees nothing."""
        if self._not_now:
            return NoLogin.NOT_NOW
        grants = self._grants
        waiting = [g for g in grants.values() if g.address == peer]
        if user.lower() == "anonymous":
            return waiting[-1].seen(at).go_bat if waiting else NoLogin.NOTHING
        grant = grants.get(user.upper())
        if grant is None and names.is_identity(user):
            return NoLogin.OLDER if waiting else NoLogin.NOTHING
        if grant is None or grant.address != peer:
            return NoLogin.UNKNOWN
        right = hmac.compare_digest(grant.token.encode(), password.encode("utf-8", "replace"))
        return grant.seen(at).share if right else NoLogin.UNKNOWN

    def awaits(self, peer: str) -> bool:
        """Whether something waits for the machine at this address."""
        return any(grant.address == peer for grant in self._grants.values())

    def waiting(self, peer: str, at: str) -> tuple[Waiting, ...]:
        """What the browser of the machine at `peer` is shown."""
        return tuple(g.seen(at).page for g in self._grants.values() if g.address == peer)

    def accepts(self, deployment: str, name: str, data: bytes) -> UploadVerdict:
        """Whether an uploaded report is kept; a mangled one has to be sent again.

        From a RESULT.TXT until `read` nothing is: what it is judged by must still lie there then.
        """
        if self._not_now:
            return UploadVerdict.NOT_NOW
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

    def read(self, deployment: str) -> None:
        """The last report has been acted on; the next may come."""
        with self._lock:
            self._unread.discard(deployment)


def shares_of(manifest: Manifest, directory: str, at: float) -> tuple[Share, Share]:
    """What the deployment's own login sees, and what anonymous sees (GO.BAT alone)."""
    go_bat = Entry(GO_BAT, Blob(gobat.render(manifest, directory)), text=True)
    name = manifest.deployment
    entries = [
        go_bat,
        Entry(HELPER_EXE, Blob(resources.program(HELPER_EXE))),
        Entry(manifests.file_name(name), Blob(manifests.render(manifest)), text=True),
        Entry(RECEIPT_TXT, Blob(f"{name}\r\n".encode("ascii")), text=True, after=RESULT_TXT),
    ]
    for file in manifest.payload.files:
        for part in file.parts:
            # Parts of files in directories have no long name: two of them may have the same one.
            number = part.name.rpartition(".")[2]
            long_name = "" if file.place else f"{file.long_name}.{number}"
            entries.append(Entry(part.name, plan.slice_of(file, part), long_name=long_name))
    return Share(name, tuple(entries), UPLOAD_LIMITS, at), Share(name, (go_bat,), {}, at)
