"""Old PCs in a test suite: the fixture `deployer`, a bench whose targets take pushes.

    def test_it_starts(deployer):
        pc = deployer["pc01"]
        proof = pc.push("x.exe", run="X.EXE /TEST")
        assert proof.exit_code == 0

The bench comes from `--deployer-bench FILE` or the ini key `deployer_bench`. Without either there
is one target, `sim`, the simulated PC. The host runs in a thread from the first use to the end of
the session: the daemon where one runs, else a service of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path
from typing import Any, TypeVar

import pytest

from deployer import settings
from deployer.bench.inventory import Bench, BenchPayload, BenchTarget
from deployer.bench.provision import open_host, run
from deployer.bench.results import Delivery
from deployer.bench.steps import AgentStep, judge
from deployer.bench.worker import Options
from deployer.core.target.codepages import WESTERN_PAGES, CodePages, text_of
from deployer.errors import DeployerError, SimulatorMissing, WrongUse
from deployer.host import connect
from deployer.host.agents.errand import Errand, follow, give, restart
from deployer.host.requests import Heard, Host, Request
from deployer.model import Gather

Result = TypeVar("Result")
Opened = AbstractAsyncContextManager[Host]
Put = Callable[[bytes], object]
_START = 60.0
_SIM = BenchTarget("sim", "sim", deadline=600.0, retries=0)


class NotProved(AssertionError):  # noqa: N818  it reads as what it says in a test's report
    """A push that the target could not prove, or a program that failed there; says why."""

    def __init__(self, target: str, delivery: Delivery) -> None:
        super().__init__(f"{target}: {delivery.payload} is not proved: {delivery.reason}")
        self.delivery = delivery


def _nowhere(_data: bytes) -> None:
    """Nobody wants it as it comes."""


class Lab:
    """A bench with its host, in a thread. `lab["pc01"]` is a target."""

    def __init__(
        self,
        bench: Bench,
        state_dir: Path,
        *,
        use_daemon: bool = True,
        opened: Opened | None = None,
    ) -> None:
        """`opened` is the host to use, else there is the daemon's, or one in this process."""
        self.bench = bench
        self._state_dir = state_dir
        self._use_daemon = use_daemon
        self._opened = opened
        self._loop: asyncio.AbstractEventLoop | None = None
        self._host: Host | None = None
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, name="deployer", daemon=True)

    def __getitem__(self, name: str) -> LabTarget:
        try:
            return LabTarget(self, self.bench[name])
        except KeyError:
            there = ", ".join(target.name for target in self.bench.targets)
            raise WrongUse(
                what=f"The bench has no target {name}.", remedy=f"There are: {there}."
            ) from None

    def __iter__(self) -> Iterator[LabTarget]:
        return (LabTarget(self, target) for target in self.bench.targets)

    def work(self, job: Coroutine[Any, Any, Result]) -> Result:
        """Do something in the host's loop and wait for it; the first call starts the host."""
        return self.begin(job).result()

    def begin(self, job: Coroutine[Any, Any, Result]) -> Future[Result]:
        """The same without waiting; what is cancelled ends there, too."""
        if self._thread.ident is None:
            self._thread.start()
        self._ready.wait(_START)
        if self._error is not None:
            job.close()
            raise self._error
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(job, self._loop)

    async def deliver(self, target: BenchTarget, *, force: bool) -> Delivery:
        """One target's payload; how it went."""
        assert self._host is not None
        bench = replace(self.bench, targets=(target,), source=f"pytest-{target.name}")
        results = await run(self._host, bench, self._state_dir, Options(force=force))
        (result,) = results.targets
        if result.deliveries:
            return result.deliveries[-1]
        payload = target.payloads[0].name
        return Delivery(payload, result.outcome, result.reason, result.code)

    async def ask(
        self, target: BenchTarget, *words: str, carried: Path | None = None, put: Put = _nowhere
    ) -> tuple[bytes, Heard]:
        """What the target's agent answers. Raises the errors of orders."""
        errand = await self.errand(target)
        order = await give(errand, *words, carried=carried)
        got: list[bytes] = []

        def take(data: bytes) -> None:
            got.append(data)
            put(data)

        heard = await follow(errand, order, words[0], take)
        return b"".join(got), heard

    async def errand(self, target: BenchTarget) -> Errand:
        """The target's agent, to be asked for something."""
        assert self._host is not None
        agent = await self._host.find_agent(target.address)
        return Errand(self._host, agent, target.deadline, lambda _line: None)

    def close(self) -> None:
        """End the host; what it offered is cancelled, unless a daemon has it."""
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(_START)

    def _serve(self) -> None:
        with contextlib.suppress(BaseException):  # whoever waits is told by _error
            connect.run(self._serving)

    async def _serving(self, undo: connect.Undo) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        try:
            opened = self._opened or open_host(
                self.bench, self._state_dir, undo, use_daemon=self._use_daemon
            )
            async with opened as self._host:
                self._ready.set()
                await self._stop.wait()
        except BaseException as error:
            self._error = error
            raise
        finally:
            self._ready.set()


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that has run there: the bytes that it printed, and its exit code."""

    output: bytes
    exit_code: int
    page: int = WESTERN_PAGES.oem

    @property
    def text(self) -> str:
        """What it printed, in lines that end as here."""
        return self.output.decode(f"cp{self.page}", "replace").replace("\r\n", "\n")


@dataclass(frozen=True, slots=True)
class LabTarget:
    """One old PC of the bench."""

    lab: Lab
    target: BenchTarget

    @property
    def name(self) -> str:
        """Its name in the bench."""
        return self.target.name

    def push(
        self,
        *files: str | Path,
        run: str = "",
        recipe: str = "",
        options: dict[str, object] | None = None,
        timeout: float | None = None,
        check: bool = True,
        force: bool = True,
    ) -> Delivery:
        """Deliver files and run `run` there; what the target proved.

        `timeout` are seconds for all of it, else the bench's deadline. Without a command the files
        are delivered only, unless a recipe says how they are run. With `check`, raises NotProved
        when it is not proved; a program's own exit code other than 0 is an end like any other, and
        stands in `exit_code`. With `force=False`, what is there by the last proof is not sent.
        """
        request = Request(
            files=tuple(Path(file).resolve() for file in files),
            run=run,
            recipe=recipe,
            no_run=not run and not recipe,
            options=tuple((key, str(value)) for key, value in (options or {}).items()),
        )
        payload = BenchPayload(Path(files[0]).name if files else "nothing", request)
        target = replace(
            self.target,
            payloads=(payload,),
            deadline=self.target.deadline if timeout is None else timeout,
        )
        delivery = self.lab.work(self.lab.deliver(target, force=force))
        if check and not delivery.proved and delivery.exit_code is None:
            raise NotProved(self.name, delivery)
        return delivery

    def run(
        self,
        command: str,
        *,
        timeout: float = 0.0,
        stdin: str | Path | None = None,
        directory: str | None = None,
    ) -> Ran:
        """Run a command by the target's agent; what it printed, and its exit code.

        It is ended there after `timeout` seconds (0: never). Raises the errors of orders.
        """
        words = (
            "RUN", directory or self.target.directory, str(round(timeout)),
            str(int(stdin is not None)), command,
        )  # fmt: skip
        carried = None if stdin is None else Path(stdin).resolve()
        output, heard = self.lab.work(self.lab.ask(self.target, *words, carried=carried))
        return Ran(output, heard.code, self._pages.oem)

    def put(self, file: str | Path, path: str) -> None:
        """Write a file there, whole or not at all, its sum proved there. Raises FileTooLarge."""
        local = Path(file).resolve()
        data = local.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        work = self.lab.ask(self.target, "PUT", path, str(len(data)), digest, carried=local)
        self.lab.work(work)

    def get(self, path: str, file: str | Path) -> None:
        """Bring one file here, as it is now. Raises OrderRefused where there is none."""
        fields = self._listed(path)[0].split("\t")
        data, _heard = self.lab.work(self.lab.ask(self.target, "GET", path, "0", fields[1]))
        Path(file).write_bytes(data)

    def ls(self, path: str) -> tuple[str, ...]:
        """The names of what fits a path or a pattern there."""
        lines = map(str.split, self._listed(path), repeat("\t"))
        return tuple(fields[4] or fields[3] for fields in lines if len(fields) == 5)

    @property
    def _pages(self) -> CodePages:
        """The code pages of the PC."""
        agent = self.lab.work(self.lab.errand(self.target)).agent
        return CodePages(agent.codepage, agent.oem_codepage)

    def _listed(self, path: str) -> list[str]:
        """The lines of a listing."""
        listing, _heard = self.lab.work(self.lab.ask(self.target, "LS", path))
        return text_of(listing, self._pages.ansi).splitlines()

    def screen(self, file: str | Path) -> None:
        """Take a picture of the screen: a .png, or a .bmp as it comes."""
        step = AgentStep("screen", ("SCREEN",), out=Path(file))
        data, heard = self.lab.work(self.lab.ask(self.target, "SCREEN"))
        judge(step, self.name, data, heard.code)

    def reboot(self, patience: float = 300.0) -> None:
        """Restart it, and wait until its agent has called from another start of Windows."""

        async def work() -> None:
            await restart(await self.lab.errand(self.target), patience)

        self.lab.work(work())

    def pull(self, files: str, folder: str | Path, *, check: bool = True) -> Delivery:
        """Bring files here, proved: `folder` is new or empty. With `check` raises NotProved."""
        request = Request((), gather=Gather(files, str(folder)))
        payload = BenchPayload(f"pull {files}", request, always=True)
        target = replace(self.target, payloads=(payload,))
        delivery = self.lab.work(self.lab.deliver(target, force=True))
        if check and not delivery.proved:
            raise NotProved(self.name, delivery)
        return delivery

    def output(self, delivery: Delivery) -> str:
        """What the program printed, whole."""
        if not delivery.output:
            return ""
        return Path(delivery.output).read_text(encoding="utf-8", errors="replace")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option and ini keys."""
    group = parser.getgroup("deployer", "old PCs")
    group.addoption("--deployer-bench", metavar="FILE", help="Bench file with the old PCs.")
    parser.addini("deployer_bench", "Bench file with the old PCs, relative to the root directory.")
    parser.addini("deployer_state_dir", "Where events and proofs are kept.")


@pytest.fixture(scope="session")
def deployer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The bench: `deployer["pc01"].push("x.exe", run="X.EXE /TEST")`."""
    config = request.config
    named = config.getoption("--deployer-bench") or config.getini("deployer_bench")
    state = config.getini("deployer_state_dir")
    if named:
        bench = Bench.load(config.rootpath / named)
        state_dir = settings.expanded(state or settings.load().state_dir)
    else:
        bench = Bench.of(_SIM)
        state_dir = Path(state).expanduser() if state else tmp_path_factory.mktemp("deployer")
    lab = Lab(bench, state_dir, use_daemon=bool(named))
    try:
        yield lab
    finally:
        lab.close()


__all__ = ["DeployerError", "Lab", "LabTarget", "NotProved", "Ran", "SimulatorMissing"]
