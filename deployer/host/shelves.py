"""What may be fetched by whom. Part of the service's room."""

from __future__ import annotations

import hmac
import threading
from dataclasses import dataclass

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
    Shelf,
    Slice,
)


@dataclass(frozen=True, slots=True)
class Reservation:
    """Who may log in for a deployment, and what it sees."""

    token: str
    address: str
    shelf: Shelf
    go_bat: Shelf
    page: Waiting


class Library:
    """What may be fetched by whom. Written by the service, read by the FTP server's thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reservations: dict[str, Reservation] = {}

    def put(self, deployment: str, reservation: Reservation) -> None:
        """Let the target of this deployment in."""
        with self._lock:
            self._reservations = {**self._reservations, deployment: reservation}

    def withdraw(self, deployment: str) -> None:
        """Let nobody in for this deployment any more; who is in stays in."""
        with self._lock:
            self._reservations = {
                key: value for key, value in self._reservations.items() if key != deployment
            }

    def login(self, user: str, password: str, peer: str) -> Shelf | None:
        """What the machine at `peer` sees with that name and password; None: nothing."""
        reservations = self._reservations
        if user.lower() == "anonymous":
            waiting = [r for r in reservations.values() if r.address == peer]
            return waiting[-1].go_bat if waiting else None
        reservation = reservations.get(user.upper())
        if reservation is None or reservation.address != peer:
            return None
        right = hmac.compare_digest(reservation.token.encode(), password.encode("utf-8", "replace"))
        return reservation.shelf if right else None

    def waiting(self, peer: str) -> tuple[Waiting, ...]:
        """What the browser of the machine at `peer` is shown."""
        return tuple(r.page for r in self._reservations.values() if r.address == peer)

    def accepts(self, name: str, data: bytes) -> bool:
        """Whether an uploaded report is whole; a mangled one has to be sent again."""
        if name != RESULT_TXT:
            return True
        report = proof.parse_report(data)
        return report.sealed or bool(report.failed)


def shelf_of(manifest: Manifest, directory: str, at: float) -> tuple[Shelf, Shelf]:
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
            start = file.start + part.offset
            source = Slice(file.source, start, part.length, file.source_length, file.mtime_ns)
            # Parts of files in directories have no long name: two of them may have the same one.
            number = part.name.rpartition(".")[2]
            long_name = "" if file.place else f"{file.long_name}.{number}"
            entries.append(Entry(part.name, source, long_name=long_name))
    return Shelf(name, tuple(entries), UPLOAD_LIMITS, at), Shelf(name, (go_bat,), {}, at)
