"""What can be done about deployments afterwards, from any process: cancel them, forget their past.

Part of the service's room. A deployment belongs to the process that delivers it, which alone holds
its target's reservation; others leave a request in the store, and that process acts on it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from deployer.edge.store import Store, peek
from deployer.errors import DeploymentEnded, DeploymentUnknown, RequestUnheard, TargetBusy
from deployer.events import DeploymentStaged, Event, StateChanged
from deployer.host import staging
from deployer.model import Manifest, State

_DAY = 86_400.0
_HEARD_WITHIN = 15.0


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
        change = StateChanged(clock(), deployment, State.CANCELLED, "by the user", "user")
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
    return _staged(store, deployment).target


def _staged(store: Store, deployment: str) -> DeploymentStaged:
    """What was staged last of a deployment. Raises DeploymentUnknown where it cannot be read."""
    told = store.replay(deployment=deployment, kinds=(DeploymentStaged,))
    found = [event for _seq, event in told if isinstance(event, DeploymentStaged)]
    if not found:
        raise DeploymentUnknown(deployment=deployment)
    return found[-1]


def retried(state_dir: Path, deployment: str) -> tuple[Manifest, DeploymentStaged]:
    """A deployment's manifest and what was staged of it, to be offered again.

    With unchanged files it is the same; else its files are measured anew. Raises DeploymentUnknown
    and the errors of wrong input.
    """
    store = open_store(state_dir, deployment)
    try:
        manifest = store.manifest(deployment)
        last = _staged(store, deployment)
    finally:
        store.close()
    assert manifest is not None
    same = manifest if staging.unchanged(manifest) else staging.again(manifest)
    return same, last


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


def remembered(state_dir: Path) -> Iterator[Event]:
    """The stored events, in order, for one who must not change anything there."""
    return peek(state_dir)
