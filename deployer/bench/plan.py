"""What provisioning would do: which payload goes where, how many bytes, how long. Touches nothing.

No socket is opened: payloads are measured and the store is read. Models of others are converted
into the state directory, where the provisioning finds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deployer import settings
from deployer.bench import known
from deployer.bench.inventory import Bench, BenchPayload, BenchTarget
from deployer.bench.steps import AgentStep
from deployer.core.payload.fit import DEFAULT_WIRE
from deployer.errors import DeployerError
from deployer.host import past, staging
from deployer.host.devices import names, who
from deployer.host.models import sending
from deployer.model import DEFAULT_HOST_ADDRESS

WIRE_RATE = 100e6 / 8 * 0.94
"""Bytes per second that a wire of 100 Mbit/s carries for all targets together."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One payload or step for one target. `there`: its last proof says so, nothing would be sent.

    `how`: it is sent, pulled from there, or done there by the agent.
    `problem` is why it could not be staged; then the figures are 0. `seconds` at the rate that the
    target has shown (`measured`), else at a guess.
    """

    target: str
    address: str
    payload: str
    length: int = 0
    parts: int = 0
    run: str = ""
    there: bool = False
    seconds: float = 0.0
    measured: bool = False
    problem: str = ""
    how: Literal["send", "pull", "agent"] = "send"


@dataclass(frozen=True, slots=True)
class Plan:
    """All of it, target by target in the bench's order."""

    steps: tuple[Planned, ...]

    @property
    def length(self) -> int:
        """Bytes that would be sent at most: parts that a target has already are not."""
        return sum(step.length for step in self.steps if not step.there)

    @property
    def seconds(self) -> float:
        """How long it would take at least: the slowest target, or all of them on one wire."""
        each: dict[str, float] = {}
        for step in self.steps:
            each[step.target] = each.get(step.target, 0.0) + step.seconds
        return max(max(each.values(), default=0.0), self.length / WIRE_RATE)

    @property
    def problems(self) -> tuple[Planned, ...]:
        """What could not be staged."""
        return tuple(step for step in self.steps if step.problem)


def plan(
    bench: Bench,
    state_dir: Path,
    *,
    only: Sequence[str] = (),
    groups: Sequence[str] = (),
    force: bool = False,
) -> Plan:
    """What `provision` would do. Raises WrongUse for unknown names."""
    once = staging.Once()
    bench = bench.select(only, groups)
    if any(target.named for target in bench.targets):
        given = names.added(settings.load(), state_dir)
        bench = bench.located(given.targets, who.known_agents(state_dir))
    return Plan(
        tuple(
            Planned(target.name, target.address, step.name, how="agent")
            if isinstance(step, AgentStep)
            else _step(state_dir, once, bench, target, step, force=force)
            for target in bench.targets
            for step in target.work
        )
    )


def _step(
    state_dir: Path,
    once: staging.Once,
    bench: Bench,
    target: BenchTarget,
    payload: BenchPayload,
    *,
    force: bool,
) -> Planned:
    if payload.wanted is not None and payload.wanted.missing:
        why = payload.wanted.missing
        return Planned(target.name, target.address, payload.name, problem=why, how="pull")
    host = DEFAULT_HOST_ADDRESS if target.simulated else bench.wire.host
    try:
        request, _sent = sending.ready(payload.request, state_dir, target.address)
        staged = staging.stage(request, host=host, once=once).payload
    except DeployerError as error:
        return Planned(target.name, target.address, payload.name, problem=error.what)
    rows = past.peeked(state_dir, target.address, known.PAGES[-1])
    there = known.look(rows, target.directory, staged).there is not None
    there = there and not force and not payload.always and not target.anyone
    rate = known.rate(rows)
    return Planned(
        target=target.name,
        address=target.address,
        payload=payload.name,
        length=staged.total,
        parts=staged.part_count,
        run=staged.run,
        there=there,
        seconds=0.0 if there else staged.total / (rate or DEFAULT_WIRE),
        measured=rate is not None,
        how="send" if payload.request.gather is None else "pull",
    )
