"""Pushes from labgrid's tests, and labgrid's environment files as benches.

Import this module in the environment file (`imports: [deployer.bench.labgrid_driver]`); then a
target with a NetworkService, its own or a remote place's, can have a `DeployerDriver`, and with a
power driver a `DeployerStrategy`. The coordinator says which host has the place; the push happens
on the host where this runs, which must be the one on the place's wire.
"""

from __future__ import annotations

import enum
import sys
from pathlib import Path
from typing import Any

import attr
from labgrid import Environment, step, target_factory
from labgrid.driver import Driver
from labgrid.strategy import Strategy, StrategyError

from deployer import settings
from deployer.bench.inventory import Bench, BenchPayload, BenchPower, BenchTarget, BenchWire
from deployer.bench.pytest_plugin import Lab, LabTarget
from deployer.bench.results import Delivery


@target_factory.reg_driver
@attr.s(eq=False)
class DeployerDriver(Driver):  # type: ignore[misc]
    """Delivers files to an old PC and proves them; activated, it has the host of the wire.

    `wire` is this computer's address there, `link` whether to set it, `deadline` the seconds that
    a push may take; `state_dir` where events and proofs are kept.
    """

    bindings = {"service": "NetworkService"}  # noqa: RUF012  labgrid's own way

    wire: str = attr.ib(default="192.168.1.1/24", validator=attr.validators.instance_of(str))
    ftp_port: int = attr.ib(default=21, validator=attr.validators.instance_of(int))
    link: bool = attr.ib(default=True, validator=attr.validators.instance_of(bool))
    deadline: float = attr.ib(default=14_400.0)
    state_dir: str = attr.ib(default="", validator=attr.validators.instance_of(str))

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self._lab: Lab | None = None

    def on_activate(self) -> None:
        """Ready to push; the host itself starts with the first push."""
        name, address = self.target.name, self.service.address
        target = BenchTarget(name, address, deadline=float(self.deadline), retries=0)
        wire = BenchWire(self.wire, ftp_port=self.ftp_port, link=self.link)
        folder = settings.expanded(self.state_dir or settings.load().state_dir)
        self._lab = Lab(Bench.of(target, wire=wire), folder, use_daemon=not self.state_dir)

    def on_deactivate(self) -> None:
        """The host ends, unless it is the daemon."""
        if self._lab is not None:
            self._lab.close()
        self._lab = None

    @Driver.check_active  # type: ignore[untyped-decorator]
    @step(args=["files", "run"], result=True)  # type: ignore[untyped-decorator]
    def push(self, *files: str, run: str = "", **more: Any) -> Delivery:
        """Deliver `files` and run `run` there; see `LabTarget.push`."""
        assert self._lab is not None
        return LabTarget(self._lab, self._lab.bench.targets[0]).push(*files, run=run, **more)


class Status(enum.Enum):
    """What `DeployerStrategy` can bring a target to."""

    unknown = 0
    off = 1
    ready = 2


@target_factory.reg_driver
@attr.s(eq=False)
class DeployerStrategy(Strategy):  # type: ignore[misc]
    """`off`, or `ready`: switched on, with a driver that takes pushes."""

    bindings = {"power": "PowerProtocol", "deployer": "DeployerDriver"}  # noqa: RUF012

    status: Status = attr.ib(default=Status.unknown)

    @step(args=["status"])  # type: ignore[untyped-decorator]
    def transition(self, status: Status | str) -> None:
        """Bring the target there. Raises StrategyError for what is no place to go to."""
        wanted = status if isinstance(status, Status) else Status[status]
        if wanted == Status.unknown:
            raise StrategyError(f"can not transition to {wanted}")
        if wanted == self.status:
            return
        self.target.activate(self.power)
        if wanted == Status.off:
            self.target.deactivate(self.deployer)
            self.power.off()
        else:
            self.power.on()
            self.target.activate(self.deployer)
        self.status = wanted


def bench_of(
    environment: str | Path, *payloads: BenchPayload, wire: BenchWire | None = None, **more: Any
) -> Bench:
    """The targets of a labgrid environment file that have a NetworkService, as a bench.

    Their power drivers are its power commands. `more` are values of `BenchTarget` for all.
    """
    found = Environment(str(environment))
    targets = []
    for name in found.config.get_targets():
        target = found.get_target(name)
        services = [r for r in target.resources if type(r).__name__ == "NetworkService"]
        if not services:
            continue
        has_power = any(hasattr(d, "cycle") and hasattr(d, "on") for d in target.drivers)
        targets.append(
            BenchTarget(
                name,
                services[0].address,
                payloads=payloads,
                power=_power(environment, name) if has_power else BenchPower(),
                **more,
            )
        )
    return Bench(tuple(targets), wire or BenchWire(), source=str(environment))


def _power(environment: str | Path, name: str) -> BenchPower:
    own = (sys.executable, "-m", "deployer.bench.labgrid_power", str(environment), name)
    return BenchPower(on=(*own, "on"), off=(*own, "off"), cycle=(*own, "cycle"))
