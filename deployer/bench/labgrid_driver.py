"""Old PCs in labgrid's tests, on any host of the lab, and its environment files as benches.

Import this module in the environment file (`imports: [deployer.bench.labgrid_driver]`). A target
with a `NetworkOldPC`, its own or a remote place's, can have a `DeployerDriver`, which works with
the daemon of that PC's host over SSH; with a `NetworkService` it works on the host where the test
runs. The driver is labgrid's CommandProtocol, FileTransferProtocol and ResetProtocol; the
`DeployerConsoleDriver` on it is its ConsoleProtocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import queue
import sys
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import attr
import pexpect
from labgrid import Environment, step, target_factory
from labgrid.driver import Driver, ExecutionError
from labgrid.driver.commandmixin import CommandMixin
from labgrid.driver.consoleexpectmixin import ConsoleExpectMixin
from labgrid.protocol import (
    CommandProtocol,
    ConsoleProtocol,
    FileTransferProtocol,
    ResetProtocol,
)
from labgrid.strategy import Strategy, StrategyError

from deployer import settings
from deployer.bench.inventory import (
    Bench,
    BenchPayload,
    BenchPower,
    BenchStep,
    BenchTarget,
    BenchWire,
)
from deployer.bench.labgrid_hosts import LabHost, NetworkOldPC, opened, place_of
from deployer.bench.provision import run
from deployer.bench.pytest_plugin import Lab, LabTarget, Ran
from deployer.bench.results import Delivery, Outcome, Results, TargetResult
from deployer.bench.worker import Options, Watchers
from deployer.errors import DeployerError, WrongUse

NOT_HERE = BenchWire("127.0.0.1/8", link=False)
"""The wire of a PC that stands on another host's: nothing of this computer's is touched."""


@target_factory.reg_driver
@attr.s(eq=False)
class DeployerDriver(CommandMixin, Driver, CommandProtocol, FileTransferProtocol, ResetProtocol):  # type: ignore[misc]
    """Delivers files to an old PC and proves them; with an agent there it does all the rest.

    For a `NetworkService` it has the wire here: `wire` is this computer's address there, `link`
    whether to set it, `ftp_port` the port; `state_dir` is where events and proofs are kept.
    `deadline` is the seconds that one thing asked may take, waiting for the PC included.
    """

    bindings = {"service": {"NetworkOldPC", "NetworkService"}}  # noqa: RUF012  labgrid's own way

    wire: str = attr.ib(default="192.168.1.1/24", validator=attr.validators.instance_of(str))
    ftp_port: int = attr.ib(default=21, validator=attr.validators.instance_of(int))
    link: bool = attr.ib(default=True, validator=attr.validators.instance_of(bool))
    deadline: float = attr.ib(default=14_400.0)
    state_dir: str = attr.ib(default="", validator=attr.validators.instance_of(str))

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self._lab: Lab | None = None
        self._host: LabHost | None = None

    def on_activate(self) -> None:
        """Ready: for a PC of another host its daemon can be asked from here on."""
        folder = settings.expanded(self.state_dir or settings.load().state_dir)
        if isinstance(self.service, NetworkOldPC):
            target = _target(self.target.name, self.service.pc, self.deadline)
            self._host = LabHost(self.service)
            host = opened(self._host, place_of(self.service))
            self._lab = Lab(Bench.of(target, wire=NOT_HERE), folder, opened=host)
            return
        target = _target(self.target.name, self.service.address, self.deadline)
        wire = BenchWire(self.wire, ftp_port=self.ftp_port, link=self.link)
        self._lab = Lab(Bench.of(target, wire=wire), folder, use_daemon=not self.state_dir)

    def on_deactivate(self) -> None:
        """The host ends, unless it is a daemon."""
        if self._lab is not None:
            self._lab.close()
        self._lab = self._host = None

    @property
    def pc(self) -> LabTarget:
        """The old PC, as the pytest fixture has it."""
        assert self._lab is not None, "the driver is not active"
        return LabTarget(self._lab, self._lab.bench.targets[0])

    @Driver.check_active  # type: ignore[untyped-decorator]
    @step(args=["files", "run"], result=True)  # type: ignore[untyped-decorator]
    def push(self, *files: str, run: str = "", **more: Any) -> Delivery:
        """Deliver `files` and run `run` there; see `LabTarget.push`."""
        return self.pc.push(*files, run=run, **more)

    @Driver.check_active  # type: ignore[untyped-decorator]
    @step(args=["files", "folder"], result=True)  # type: ignore[untyped-decorator]
    def pull(self, files: str, folder: str) -> Delivery:
        """Bring files into a new or empty folder here, proved; see `LabTarget.pull`."""
        if self._host is None:
            return self.pc.pull(files, folder)
        there = self._host.new_folder(uuid.uuid4().hex)
        told = self.pc.pull(files, there)
        self._host.fetch(there, Path(folder))
        return told

    # --- CommandProtocol

    @Driver.check_active  # type: ignore[untyped-decorator]
    @step(args=["cmd"], result=True)  # type: ignore[untyped-decorator]
    def run(
        self, cmd: str, *, timeout: float | None = None, codec: str = "", decodeerrors: str = ""
    ) -> tuple[list[str], list[str], int]:
        """Run a command there: lines of what it printed, none of errors, its exit code."""
        del codec, decodeerrors  # what a program prints there is in code page 437
        ran = self._ran(cmd, timeout or 0.0)
        return ran.text.splitlines(), [], ran.exit_code

    def _run(
        self, cmd: str, *, timeout: float | None = None, **_more: object
    ) -> tuple[list[str], list[str], int]:
        ran = self._ran(cmd, timeout or 0.0)
        return ran.text.splitlines(), [], ran.exit_code

    def _ran(self, cmd: str, timeout: float) -> Ran:
        try:
            return self.pc.run(cmd, timeout=timeout)
        except DeployerError as error:
            raise ExecutionError(f"{cmd}: {error.what}") from error

    def get_status(self) -> int:
        """1 while its agent is connected, else 0."""
        assert self._lab is not None
        try:
            return int(self._lab.work(self._lab.errand(self.pc.target)).agent.here)
        except DeployerError:
            return 0

    # --- FileTransferProtocol

    @Driver.check_active  # type: ignore[untyped-decorator]
    @step(args=["filename", "remotepath"])  # type: ignore[untyped-decorator]
    def put(self, filename: str, remotepath: str) -> None:
        """Write a file to a path there, whole or not at all."""
        self.pc.put(filename, remotepath)

    @Driver.check_active  # type: ignore[untyped-decorator]
    @step(args=["filename", "destination"])  # type: ignore[untyped-decorator]
    def get(self, filename: str, destination: str) -> None:
        """Bring a file from there to a path here."""
        self.pc.get(filename, destination)

    # --- ResetProtocol

    @Driver.check_active  # type: ignore[untyped-decorator]
    @step()  # type: ignore[untyped-decorator]
    def reset(self) -> None:
        """Restart Windows, and wait until its agent has called again."""
        self.pc.reboot()


@target_factory.reg_driver
@attr.s(eq=False)
class DeployerConsoleDriver(ConsoleExpectMixin, Driver, ConsoleProtocol):  # type: ignore[misc]
    """A console: each line that is sent is a command, and what it prints can be read as it comes.

    After its end comes a line `[exit CODE]` and the prompt. Ctrl-C ends the command there.
    """

    bindings = {"deployer": "DeployerDriver"}  # noqa: RUF012

    txdelay: float = attr.ib(default=0.0, validator=attr.validators.instance_of(float))
    txchunk: int = attr.ib(default=1, validator=attr.validators.instance_of(int))
    prompt: str = attr.ib(default="> ", validator=attr.validators.instance_of(str))

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self._typed = b""
        self._came: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._rest = b""
        self._running: Future[Any] | None = None

    def on_activate(self) -> None:
        """An empty screen with a prompt."""
        self._typed, self._rest = b"", self._prompt()
        self._came = queue.SimpleQueue()

    def on_deactivate(self) -> None:
        """What runs is ended there."""
        if self._running is not None:
            self._running.cancel()

    def _prompt(self) -> bytes:
        return f"{self.deployer.pc.target.directory}{self.prompt}".encode("cp437", "replace")

    def _write(self, data: bytes) -> int:
        """Type something; a line is carried out when it ends."""
        for byte in data:
            key = bytes((byte,))
            if key == b"\x03":
                if self._running is not None:
                    self._running.cancel()
            elif key in (b"\r", b"\n"):
                line, self._typed = self._typed.strip(), b""
                self._came.put(line + b"\r\n")
                self._carry_out(line.decode("cp437"))
            else:
                self._typed += key
        return len(data)

    def _carry_out(self, line: str) -> None:
        if self._running is not None and not self._running.done():
            raise ExecutionError(f"{line}: the last command has not ended")
        if not line:
            self._came.put(self._prompt())
            return
        came, pc = self._came, self.deployer.pc

        async def work() -> None:
            words = ("RUN", pc.target.directory, "0", "0", line)
            try:
                _output, heard = await pc.lab.ask(pc.target, *words, put=came.put)
                came.put(f"\r\n[exit {heard.code}]\r\n".encode())
            except DeployerError as error:
                came.put(f"\r\n[{error.what}]\r\n".encode("cp437", "replace"))
            except asyncio.CancelledError:
                came.put(b"^C\r\n")
                raise
            finally:
                came.put(self._prompt())

        self._running = pc.lab.begin(work())

    def _read(self, size: int = 1, timeout: float = 0.0, max_size: int | None = None) -> bytes:
        """What came: at least `size` bytes within `timeout`. Raises pexpect's TIMEOUT."""
        end = time.monotonic() + timeout
        while len(self._rest) < size:
            try:
                self._rest += self._came.get(timeout=max(end - time.monotonic(), 0.001))
            except queue.Empty:
                raise pexpect.TIMEOUT(f"Timeout of {timeout:.2f} seconds exceeded") from None
        with contextlib.suppress(queue.Empty):
            while max_size is None or len(self._rest) < max_size:
                self._rest += self._came.get_nowait()
        most = len(self._rest) if max_size is None else max_size
        got, self._rest = self._rest[:most], self._rest[most:]
        return got


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


def _target(name: str, address: str, deadline: float) -> BenchTarget:
    return BenchTarget(name, address, deadline=float(deadline), retries=0)


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


def provision_places(
    environment: str | Path,
    *payloads: BenchPayload,
    steps: Sequence[BenchStep] = (),
    watchers: Watchers | None = None,
    state_dir: str | Path | None = None,
    force: bool = False,
    **more: Any,
) -> Results:
    """Provision all `NetworkOldPC` of an environment file at once, each by its own host's daemon.

    A host that cannot be reached, or falls silent, fails with its name, and its PCs with it; the
    others go on. `more` are values of `BenchTarget` for all. Raises WrongUse for a pull that is to
    be compared: its files are on the PC's host then.
    """
    if any(isinstance(step, BenchPayload) and step.wanted for step in steps):
        raise WrongUse(
            what="What is pulled lies on the PC's host, so nothing here can be compared with it.",
            remedy="Pull with the DeployerDriver of that PC, and compare in the test.",
        )
    found = Environment(str(environment))
    by_host: dict[tuple[str, str], list[tuple[BenchTarget, NetworkOldPC]]] = {}
    for name in found.config.get_targets():
        for pc in found.get_target(name).resources:
            if isinstance(pc, NetworkOldPC):
                values = {"payloads": payloads, "steps": tuple(steps), **more}
                target = BenchTarget(name, pc.pc, **values)
                by_host.setdefault((pc.by_ssh, pc.socket), []).append((target, pc))
    folder = settings.expanded(state_dir or settings.load().state_dir)

    async def on_host(group: list[tuple[BenchTarget, NetworkOldPC]]) -> Results:
        targets = tuple(target for target, _pc in group)
        name = f"{environment}@{group[0][1].host}"
        bench = Bench(targets, NOT_HERE, source=name)
        begun, ended = time.time(), dict[str, TargetResult]()
        told = watchers or Watchers()

        def keep(result: TargetResult) -> None:
            ended[result.name] = result
            told.ended(result)

        try:
            host = await asyncio.to_thread(LabHost, group[0][1])
            async with opened(host, *(place_of(pc) for _target, pc in group)) as reached:
                options, heard = Options(force=force), replace(told, ended=keep)
                return await run(reached, bench, folder, options, heard)
        except DeployerError as error:
            rest = (
                TargetResult(t.name, t.address, (), Outcome.FAILED, error.what, error.exit_code)
                for t in targets
                if t.name not in ended
            )
            return Results(name, begun, time.time() - begun, (*ended.values(), *rest))

    async def on_all() -> list[Results]:
        return await asyncio.gather(*map(on_host, by_host.values()))

    begun = time.time()
    all_of_them = asyncio.run(on_all())
    targets = tuple(target for results in all_of_them for target in results)
    return Results(str(environment), begun, time.time() - begun, targets)


def _power(environment: str | Path, name: str) -> BenchPower:
    own = (sys.executable, "-m", "deployer.bench.labgrid_power", str(environment), name)
    return BenchPower(on=(*own, "on"), off=(*own, "off"), cycle=(*own, "cycle"))
