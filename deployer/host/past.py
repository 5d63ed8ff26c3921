"""What is recorded of deployments, and what can be done about them afterwards, from any process.

Nothing of the service is imported: to read what was recorded, to look at a proof again, to cancel
and to forget needs none. A deployment belongs to the process that delivers it, which alone holds
its target's reservation; others leave a request in the store, and that process acts on it.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deployer.core.payload import fit as fits
from deployer.core.target import codepages
from deployer.core.target import proof as proofs
from deployer.core.target.codepages import KNOWN, CodePages
from deployer.core.view import Row
from deployer.edge import files
from deployer.edge.store import Store, peek
from deployer.edge.store.database import NAME as DATABASE
from deployer.errors import (
    DeployerError,
    DeploymentEnded,
    DeploymentUnknown,
    RequestUnheard,
    TargetBusy,
)
from deployer.events import DeploymentStaged, Event, ProofReceived, StateChanged
from deployer.host.requests import Before, Check
from deployer.model import RESULT_TXT, UPLOAD_LIMITS, Cause, Manifest, Proof, StagedFile, State
from deployer.settings import SYSTEM_STATE_DIR

_DAY = 86_400.0
_HEARD_WITHIN = 15.0
NEWEST = 50
"""How many of a target's rows its habits are told from: those before weigh nothing any more."""


class Rows:
    """How the deployments of one state directory stand; none where nothing was recorded yet.

    Each question reads what it shows and no more, however much there is.
    """

    def __init__(self, store: Store | None) -> None:
        self._store = store

    def __bool__(self) -> bool:
        return bool(self.count())

    def count(self, target: str | None = None) -> int:
        """How many there are, of a target if one is named."""
        return self._store.count(target) if self._store else 0

    def lost(self) -> int:
        """How many events cannot be read and are left out."""
        return self._store.lost() if self._store else 0

    def one(self, deployment: str = "") -> Row | None:
        """That one; the one that was staged last for no id."""
        if self._store is None:
            return None
        if deployment:
            return self._store.row(deployment)
        return next(iter(self._store.rows(1)), None)

    def newest(self, most: int, target: str | None = None) -> list[Row]:
        """Those that were staged last, of a target if one is named; the oldest of them first."""
        return self._store.rows(most, target) if self._store else []

    def every(self, target: str | None = None) -> Iterator[Row]:
        """All, of a target if one is named, in the order of staging, with flat memory."""
        return self._store.all_rows(target) if self._store else iter(())

    def open(self) -> list[Row]:
        """What has not ended, in the order of staging."""
        return self._store.open_rows() if self._store else []

    def ended(self, most: int) -> list[Row]:
        """What has ended, those that were staged last; the oldest of them first."""
        return self._store.ended_rows(most) if self._store else []

    def before(self, most: int) -> Before:
        """What a face shows first; all of one moment."""
        if self._store is None:
            return Before((), 0, 0, ())
        with self._store.at_once():
            newest = self.newest(most)
            here = {row.deployment for row in newest}
            older = [row for row in self.open() if row.deployment not in here]
            last, count = self._store.last_seq(), self.count()
            return Before((*older, *newest), last, count, tuple(self.targets()))

    def pages(self, target: str) -> CodePages | None:
        """The code pages that a PC has named last; None where none of its newest rows has them."""
        for row in reversed(self.newest(NEWEST, target)):
            told = row.proof.report if row.proof else row.report or row.info
            if told is not None and told.codepage in KNOWN:
                oem = told.oem_codepage
                known = oem if oem in KNOWN else codepages.oem(told.codepage)
                return CodePages(told.codepage, known)
        return None

    def targets(self) -> list[str]:
        """Every target, the one that something was staged for last first."""
        return self._store.targets() if self._store else []

    def names(self, beginning: str, most: int = 100) -> list[str]:
        """Ids that begin so, the newest first."""
        return self._store.names(beginning.upper(), most) if self._store else []


@contextlib.contextmanager
def rows_of(state_dir: Path) -> Iterator[Rows]:
    """The rows of a state directory. Raises StoreDamaged, StoreBusy, DirectoryForbidden."""
    if not state_dir.is_dir():
        yield Rows(None)
        return
    with contextlib.closing(Store(state_dir)) as store:
        yield Rows(store)


def brought(state_dir: Path, target: str) -> Mapping[str, tuple[str, ...]]:
    r"""What proved pushes have brought to a PC, by folder there: `C:\GAME`, then places in it.

    That is what this computer knows. What was changed there, or deleted by hand, only the PC does.
    """
    found: dict[str, dict[str, str]] = {}
    with rows_of(state_dir) as rows:
        for row in rows.every(target):
            if row.state != State.PROVED or row.pulls:
                continue
            here = found.setdefault(row.directory.upper(), {"": row.directory})
            for file in row.files:
                place = file.place or file.name
                here[place.upper()] = place
            report = row.proof.report if row.proof else None
            for place in report.gone if report else ():
                here.pop(place.upper(), None)
    return {each.pop(""): tuple(each.values()) for each in found.values() if len(each) > 1}


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another store on this computer, which a daemon of root's wrote; whether we may read it."""

    directory: Path
    readable: bool


def elsewhere(own: Path, system: Path = Path(SYSTEM_STATE_DIR)) -> Elsewhere | None:
    """Where root's daemon has recorded what is newer than anything in our `own` directory.

    None when there is no such place. One that we may not look into is told where ours is empty.
    """
    here, found, closed = _written(own), list[tuple[int, Path]](), None
    for place in dict.fromkeys((own / "served", system / "served", system)):
        try:
            at = _written(place)
        except PermissionError:
            closed = system
            continue
        if place != own and at > here:
            found.append((at, place))
    if found:
        directory = max(found)[1]
        return Elsewhere(directory, os.access(directory / DATABASE, os.R_OK))
    return Elsewhere(closed, readable=False) if closed is not None and not here else None


def _written(directory: Path) -> int:
    """When the store there was written last, 0 when there is none. Raises PermissionError."""
    path, times = directory / DATABASE, [0]
    for each in (path, path.with_name(f"{DATABASE}-wal")):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            times.append(each.stat().st_mtime_ns)
    return max(times)


def open_store(state_dir: Path, deployment: str) -> Store:
    """The store that knows a deployment. Raises DeploymentUnknown."""
    if state_dir.is_dir():
        store = Store(state_dir)
        if store.manifest(deployment) is not None:
            return store
        store.close()
    raise DeploymentUnknown(deployment=deployment)


def cancel(
    state_dir: Path,
    deployment: str,
    *,
    clock: Callable[[], float] = time.time,
    pause: Callable[[float], None] = time.sleep,
) -> bool:
    """End a deployment, whoever delivers it; True when a process was doing so.

    Raises DeploymentUnknown, DeploymentEnded, or RequestUnheard when that process does not react.
    """
    store = open_store(state_dir, deployment)
    try:
        state = store.state(deployment)
        if state is not None and state.final:
            raise DeploymentEnded(deployment=deployment, state=state)
        try:
            store.reserve(_target(store, deployment))
        except TargetBusy:
            return _ask(store, deployment, clock, pause)
        change = StateChanged(clock(), deployment, State.CANCELLED, "by the user", Cause.USER)
        store.append(change)
        return False
    finally:
        store.close()


def _ask(
    store: Store, deployment: str, clock: Callable[[], float], pause: Callable[[float], None]
) -> bool:
    store.ask(deployment, "cancel")
    end = clock() + _HEARD_WITHIN
    while clock() < end:
        pause(0.1)
        state = store.state(deployment)
        if state is not None and state.final:
            return True
    raise RequestUnheard(deployment=deployment, seconds=f"{_HEARD_WITHIN:.0f}")


def _target(store: Store, deployment: str) -> str:
    return newest_staged(store, deployment).target


def newest_staged(store: Store, deployment: str) -> DeploymentStaged:
    """What was staged last of a deployment. Raises DeploymentUnknown where it cannot be read."""
    told = store.replay(deployment=deployment, kinds=(DeploymentStaged,))
    found = [event for _seq, event in told if isinstance(event, DeploymentStaged)]
    if not found:
        raise DeploymentUnknown(deployment=deployment)
    return found[-1]


def unserved(state_dir: Path, deployments: Mapping[str, str]) -> tuple[str, ...]:
    """Which of the deployments, given with their targets, no process delivers any more."""
    if not deployments or not state_dir.is_dir():
        return ()
    store = Store(state_dir)
    gone = []
    try:
        for deployment, target in deployments.items():
            try:
                store.reserve(target)
            except TargetBusy:
                continue
            store.release(target)
            gone.append(deployment)
    finally:
        store.close()
    return tuple(gone)


def prune(state_dir: Path, days: float, *, now: float) -> int:
    """Forget the small events of deployments older than that; how many went. Proofs stay."""
    if not state_dir.is_dir():
        return 0
    store = Store(state_dir)
    try:
        return store.prune(now - days * _DAY)
    finally:
        store.close()


def peeked(state_dir: Path, target: str, most: int) -> list[Row]:
    """A target's newest rows, the oldest first, for one who must not change anything there."""
    return peek(state_dir, target, most)


def machine_in(rows: Iterable[Row], target: str) -> fits.KnownPc:
    """The target as it last described itself in these rows."""
    told = [row.report or row.info for row in sorted(rows, key=lambda row: row.since)
            if row.target == target]  # fmt: skip
    known = [report for report in told if report and report.memory is not None]
    return fits.machine_of(known[-1] if known else None)


def machine_of(state_dir: Path, target: str) -> fits.KnownPc:
    """The target as it last described itself to this host, as far as that is remembered."""
    with rows_of(state_dir) as rows:
        return machine_in(rows.newest(NEWEST, target), target)


def last_recorded(state_dir: Path) -> int:
    """Number of the newest stored event of a state directory; 0 when there is none."""
    if not state_dir.is_dir():
        return 0
    store = Store(state_dir)
    try:
        return store.last_seq()
    finally:
        store.close()


def recorded(state_dir: Path, since: int = 0) -> Iterator[tuple[int, Event]]:
    """The stored events of a state directory, in order; none when it does not exist yet."""
    if not state_dir.is_dir():
        return
    store = Store(state_dir)
    try:
        yield from store.replay(since)
    finally:
        store.close()


def recheck(state_dir: Path, deployment: str) -> tuple[Check, ...]:
    """Everything about a proof that can be looked at again, on this computer.

    The target's report is read again and its closing checksum worked out anew; the verdict is
    reached again; the files that are still here are hashed again.
    """
    store = Store(state_dir)
    try:
        manifest = store.manifest(deployment)
        told = [event for _seq, event in store.replay(0, deployment, (ProofReceived,))]
        inbox = store.inbox / deployment / RESULT_TXT
    finally:
        store.close()
    if manifest is None:
        return (Check("deployment", None, f"there is no deployment {deployment}"),)
    found = [_recheck_file(file) for file in manifest.payload.files]
    if not told or not isinstance(told[-1], ProofReceived):
        return (Check("proof", None, "the PC has not proved anything yet"), *found)
    return (*_recheck_report(inbox, manifest, told[-1].proof), *found)


def _recheck_report(path: Path, manifest: Manifest, known: Proof) -> list[Check]:
    try:
        data = files.read_bounded(path, UPLOAD_LIMITS[RESULT_TXT])
    except DeployerError as error:
        return [Check(RESULT_TXT, None, error.what)]
    report = proofs.parse_report(data)
    seal = "its closing checksum is right" if report.sealed else "its closing checksum is wrong"
    proved, why = proofs.judge(report, manifest.payload, manifest.deployment)
    verdict = "proves every file" if proved else f"proves nothing: {why}"
    return [
        Check(RESULT_TXT, report.sealed or bool(report.failed), seal),
        Check(RESULT_TXT, report == known.report, "is what the store remembers"),
        Check("verdict", proved == known.proved, verdict),
    ]


def _recheck_file(file: StagedFile) -> Check:
    try:
        size = file.parts[0].length if file.parts else max(file.length, 1)
        path = Path(file.source)
        same = files.length_of(path, empty_allowed=True) == file.source_length
        now = files.measure(path, size, start=file.start, length=file.length) if same else None
    except DeployerError as error:
        return Check(file.name, None, error.what)
    if now is not None and now.sha256 == file.sha256:
        return Check(file.name, True, f"{file.source} still has this SHA-256")
    return Check(file.name, False, f"{file.source} is another file now")
