"""What may be fetched by whom."""

from __future__ import annotations

import hmac
import threading
from dataclasses import dataclass

from deployer.core.payload import plan
from deployer.core.target import gobat, proof
from deployer.core.target import manifest as manifests
from deployer.core.target.page import Waiting
from deployer.edge import resources
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
class Grant:
    """Who may log in for a deployment, and what it sees."""

    token: str
    address: str
    share: Share
    go_bat: Share
    page: Waiting


class Grants:
    """The grants in force. Written by the service, read by the FTP server's thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._grants: dict[str, Grant] = {}

    def put(self, deployment: str, grant: Grant) -> None:
        """Let the target of this deployment in."""
        with self._lock:
            self._grants = {**self._grants, deployment: grant}

    def withdraw(self, deployment: str) -> None:
        """Let nobody in for this deployment any more; who is in stays in."""
        with self._lock:
            self._grants = {key: value for key, value in self._grants.items() if key != deployment}

    def login(self, user: str, password: str, peer: str) -> Share | None:
        """What the machine at `peer` sees with that name and password; None: nothing."""
        grants = self._grants
        if user.lower() == "anonymous":
            waiting = [g for g in grants.values() if g.address == peer]
            return waiting[-1].go_bat if waiting else None
        grant = grants.get(user.upper())
        if grant is None or grant.address != peer:
            return None
        right = hmac.compare_digest(grant.token.encode(), password.encode("utf-8", "replace"))
        return grant.share if right else None

    def waiting(self, peer: str) -> tuple[Waiting, ...]:
        """What the browser of the machine at `peer` is shown."""
        return tuple(g.page for g in self._grants.values() if g.address == peer)

    def accepts(self, name: str, data: bytes) -> bool:
        """Whether an uploaded report is whole; a mangled one has to be sent again."""
        if name != RESULT_TXT:
            return True
        report = proof.parse_report(data)
        return report.sealed or bool(report.failed)


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
