"""labgrid itself, with its coordinator and exporter as processes: a push through a place."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

pytest.importorskip("labgrid", reason="labgrid is not installed: pip install labgrid")

from labgrid import Environment, target_factory
from labgrid.strategy import GraphStrategy

from deployer.bench.inventory import BenchPayload, BenchWire
from deployer.bench.labgrid_driver import bench_of, provision_places
from deployer.core.agents import overlay
from deployer.edge.store import Store
from deployer.edge.store.agents import KnownAgent
from deployer.errors import WrongUse
from deployer.host.pull.compare import Comparison
from deployer.host.requests import Request
from tests.agentpc import AgentPC, Program
from tests.waiting import PATIENCE, free_port, until

BIN = Path(sys.executable).parent
AGENT, TOKEN = "A-0123ABCD", "00112233445566778899aabbccddeeff"


class Coordination:
    """A coordinator, and an exporter that offers one old PC."""

    def __init__(self, folder: Path) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self.folder = folder
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, program: str, *words: str) -> None:
        log = (self.folder / f"{program}.log").open("wb")
        self.running.append(
            subprocess.Popen([BIN / program, *words], cwd=self.folder, stdout=log, stderr=log)
        )

    def client(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BIN / "labgrid-client", "-x", self.address, *words],
            capture_output=True, text=True, timeout=PATIENCE, check=check,
            env={**os.environ, "LG_USERNAME": "museum", "LG_HOSTNAME": "bench"},
        )  # fmt: skip

    def until(self, what: str, *words: str) -> None:
        until(
            lambda: what in self.client(*words, check=False).stdout,
            (self.folder / "labgrid-exporter.log").read_text,
        )


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Coordination]:
    """A running lab with the acquired place pc01."""
    found = Coordination(tmp_path)
    (tmp_path / "exported.yaml").write_text(
        "old-pcs:\n  NetworkService:\n    address: 127.0.1.1\n    username: anonymous\n"
    )
    try:
        found.start("labgrid-coordinator", "-l", found.address)
        found.until("", "resources")
        found.start(
            "labgrid-exporter", "-c", found.address, "-n", "lab", "--hostname", "127.0.0.1",
            "exported.yaml",
        )  # fmt: skip
        found.until("lab/old-pcs/NetworkService", "resources")
        found.client("-p", "pc01", "create")
        found.client("-p", "pc01", "add-match", "lab/old-pcs/NetworkService")
        found.client("-p", "pc01", "acquire")
        monkeypatch.setenv("LG_USERNAME", "museum")
        monkeypatch.setenv("LG_HOSTNAME", "bench")
        yield found
    finally:
        for process in reversed(found.running):
            process.terminate()
            process.wait(PATIENCE)


def environment(
    folder: Path, resource: str, coordinator: str, port: int, power: str = "ManualPowerDriver: {}"
) -> Path:
    path = folder / "env.yaml"
    path.write_text(f"""
imports: [deployer.bench.labgrid_driver]
options: {{coordinator_address: "{coordinator}"}}
targets:
  main:
    resources: {{{resource}}}
    drivers:
      {power}
      DeployerDriver:
        wire: 127.0.0.1/8
        ftp_port: {port}
        deadline: 600
        state_dir: {folder / "state"}
      DeployerStrategy: {{}}
""")
    return path


def test_a_push_goes_through_an_acquired_place_to_a_simulated_pc(
    place: Coordination, tmp_path: Path
) -> None:
    port = free_port()
    path = environment(tmp_path, "RemotePlace: {name: pc01}", place.address, port)
    (tmp_path / "hello.bin").write_bytes(b"hello" * 1000)
    target = Environment(str(path)).get_target("main")
    driver = target.get_driver("DeployerDriver")
    assert driver.service.address == "127.0.1.1"
    disk = tmp_path / "disk"
    pc = subprocess.Popen(
        [sys.executable, "-m", "deployer.sim", "--address", "127.0.1.1", "--disk", disk,
         "--route", f"192.168.1.1=127.0.0.1:{port}", "--route", f"127.0.0.1=127.0.0.1:{port}",
         "--tries", "500"],
        stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    try:
        told = driver.push(str(tmp_path / "hello.bin"))
    finally:
        pc.kill()
        pc.wait()
        target.deactivate(driver)
    assert told.proved
    assert (disk / "DEPLOY" / "HELLO.BIN").read_bytes() == b"hello" * 1000


def test_what_is_pulled_on_other_hosts_is_not_compared_here(tmp_path: Path) -> None:
    step = BenchPayload("pull", Request(()), wanted=Comparison(tmp_path))
    with pytest.raises(WrongUse, match="lies on the PC's host"):
        provision_places(tmp_path / "lab.yaml", steps=(step,))


def test_the_strategy_switches_on_before_it_is_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = "NetworkService: {address: 127.0.1.1, username: anonymous}"
    path = environment(tmp_path, service, "", 0)
    target = Environment(str(path)).get_target("main")
    asked: list[str] = []
    monkeypatch.setattr(target, "interact", asked.append)
    strategy = target.get_driver("DeployerStrategy", activate=False)
    target.activate(strategy)
    strategy.transition("ready")
    strategy.transition("ready")
    strategy.transition("off")
    assert asked == [
        "Turn the target main ON and press enter", "Turn the target main OFF and press enter",
    ]  # fmt: skip


def test_an_environment_file_is_a_bench_with_its_power_drivers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = "NetworkService: {address: 127.0.1.1, username: anonymous}"
    (tmp_path / "x.bin").write_bytes(b"x")
    payload = BenchPayload("x", Request((tmp_path / "x.bin",), no_run=True))
    on, off = tmp_path / "on", tmp_path / "off"
    power = f"ExternalPowerDriver: {{cmd_on: touch {on}, cmd_off: touch {off}}}"
    path = environment(tmp_path, service, "", 0, power)
    bench = bench_of(path, payload, wire=BenchWire("127.0.0.1/8", ftp_port=0))
    assert [(t.name, t.address) for t in bench.targets] == [("main", "127.0.1.1")]
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    subprocess.run(bench["main"].power.on, check=True, timeout=PATIENCE)
    assert (on.exists(), off.exists()) == (True, False)


# -- the agent behind labgrid's own protocols ---------------------------------------------------


@pytest.fixture
def agent_pc(tmp_path: Path) -> Iterator[tuple[AgentPC, Environment]]:
    """An old PC with an agent that this host knows, and a labgrid target for it."""
    store = Store(tmp_path / "state")
    known = KnownAgent(AGENT, "127.0.1.1", "pentium", 1.0)
    store.agents.enrol(known, overlay.fingerprint(TOKEN))
    store.close()
    port = free_port()
    service = "NetworkService: {address: 127.0.1.1, username: anonymous}"
    path = environment(tmp_path, service, "", port)
    path.write_text(path.read_text() + "      DeployerConsoleDriver: {}\n      AgentStrategy: {}\n")
    with AgentPC(port, AGENT, TOKEN) as pc:
        yield pc, Environment(str(path))


@target_factory.reg_driver
class AgentStrategy(GraphStrategy):
    """labgrid's own kind of strategy, over the protocols that it knows: no word of ours in it."""

    bindings: ClassVar = {
        "console": "ConsoleProtocol", "command": "CommandProtocol",
        "files": "FileTransferProtocol", "reset": "ResetProtocol",
    }  # fmt: skip

    def state_unknown(self) -> None:
        self.told: list[object] = []

    @GraphStrategy.depends("unknown")
    def state_fresh(self) -> None:
        self.target.activate(self.reset)
        self.reset.reset()

    @GraphStrategy.depends("fresh")
    def state_filled(self) -> None:
        self.files.put(self.put_file, "C:\\DEPLOY\\IN.TXT")

    @GraphStrategy.depends("filled")
    def state_ran(self) -> None:
        self.told.append(self.command.run_check("SORT.EXE IN.TXT"))
        self.told.append(self.command.run("FAIL.EXE"))
        self.target.activate(self.console)
        self.console.expect("C:.DEPLOY> ")
        self.console.sendline("SORT.EXE IN.TXT")
        self.told.append(self.console.expect("lines: (.*)\r\n")[2][1])
        self.console.expect(r"\[exit 0\]")
        self.files.get("C:\\DEPLOY\\OUT.TXT", self.got_file)


def test_a_strategy_of_labgrids_own_restarts_fills_runs_and_fetches(
    agent_pc: tuple[AgentPC, Environment], tmp_path: Path
) -> None:
    pc, found = agent_pc

    def play(program: Program) -> int:
        program.write(b"lines: a b\r\n")
        program.close()
        return int("FAIL" in program.run.command)

    pc.play, pc.files = play, {"C:\\DEPLOY\\OUT.TXT": b"sorted"}
    (tmp_path / "in.txt").write_bytes(b"b\r\na\r\n")
    target = found.get_target("main")
    strategy = target.get_driver("AgentStrategy", activate=False)
    strategy.put_file, strategy.got_file = str(tmp_path / "in.txt"), str(tmp_path / "out.txt")
    booted = pc.boot
    try:
        strategy.transition("ran")
        assert target.get_driver("DeployerDriver").get_status() == 1
    finally:
        target.deactivate_all_drivers()
    assert pc.boot != booted, "it was restarted"
    assert strategy.told == [["lines: a b"], (["lines: a b"], [], 1), b"a b"]
    assert pc.files["C:\\DEPLOY\\IN.TXT"] == b"b\r\na\r\n"
    assert (tmp_path / "out.txt").read_bytes() == b"sorted"


def test_a_console_shows_what_comes_and_ctrl_c_ends_it_there(
    agent_pc: tuple[AgentPC, Environment],
) -> None:
    pc, found = agent_pc
    killed: list[bool] = []

    def play(program: Program) -> int:
        program.write(b"Press any key\r\n")
        killed.append(program.killed.wait(PATIENCE))
        program.close()
        return 0

    pc.play = play
    target = found.get_target("main")
    console = target.get_driver("ConsoleProtocol")
    try:
        console.sendline("WAIT.EXE")
        console.expect("any key")
        console.sendcontrol("c")
        console.expect(r"\^C")
        until(lambda: killed, lambda: "it goes on")
    finally:
        target.deactivate_all_drivers()
    assert killed == [True]
