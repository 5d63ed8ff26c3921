"""The daemon on a real wire: served, pushed through, killed, restarted, and nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from deployer.__main__ import main
from deployer.host import sockets
from deployer.host.remote import DaemonClient
from deployer.host.requests import Order, Request
from tests.waiting import PATIENCE, until
from tests.wire import zygote

if TYPE_CHECKING:
    from tests.wire.conftest import Lab

ROOT = Path(__file__).resolve().parents[2]
TARGET = "192.168.1.2"
_FORK = multiprocessing.get_context("forkserver")
_FORK.set_forkserver_preload(
    ["deployer.host.daemon", "deployer.face.cli.serve", "tests.wire.test_daemon"]
)
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def life(netns: str, words: list[str], log: Path, environment: dict[str, str]) -> None:
    """The whole life of a `Forked` command line."""
    with log.open("w") as out:
        for number in (1, 2):
            os.dup2(out.fileno(), number)
    sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    zygote.enter(netns)
    subprocess.run(["sh", "-c", for_everybody()], check=True, timeout=20)
    sys.argv = ["deployer", *words]
    try:
        main()
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(end.code or 0))


class Forked:
    """Our command line in a namespace, forked from a process that has imported it.

    That is one without threads, as the tests' own may not be: a fork of it might never wake up.
    """

    stdout = stdin = None

    def __init__(self, netns: str, words: list[str], log: Path, home: Path) -> None:
        environment = {**os.environ, "HOME": str(home)}
        self._process = _FORK.Process(target=life, args=(netns, words, log, environment))
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, seconds: float = PATIENCE) -> int:
        self._process.join(seconds)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("deployer", seconds)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def for_everybody() -> str:
    """Shell: show Python and this source tree to every user, in this process' view of the disk.

    They may lie in a home directory that is closed to others. Such a directory is covered by one
    that has nothing else in it.
    """
    needed = {Path(path).resolve() for path in (ROOT, sys.prefix, sys.base_prefix)}
    closed = {path: [a for a in path.parents if not a.stat().st_mode & 1] for path in needed}
    binds = {path: above[-1] for path, above in closed.items() if above}
    lines = ["set -e", "mount -t tmpfs tmpfs /mnt"] if binds else []
    for number, path in enumerate(binds):
        lines += [f"mkdir /mnt/{number}", f"mount --bind {path} /mnt/{number}"]
    lines += [f"mount -t tmpfs -o mode=755 tmpfs {above}" for above in sorted(set(binds.values()))]
    for number, path in enumerate(binds):
        lines += [f"mkdir -p {path}", f"mount --bind /mnt/{number} {path}"]
    return "; ".join([*lines, 'exec "$@"'])


@dataclass
class Bench:
    """A lab whose host runs the daemon, and a directory that every user can get to."""

    lab: Lab
    place: Path
    user: str = ""
    logs: list[Path] = field(default_factory=list)

    @property
    def state(self) -> Path:
        return self.place / "state"

    @property
    def socket(self) -> Path:
        return self.place / "run" / "control.sock"

    @property
    def log(self) -> str:
        return "".join(path.read_text() for path in self.logs)

    def serve(self, *more: object, ready: bool = True) -> Forked:
        """Start the daemon; it listens when this returns."""
        words = ["serve", "--state-dir", self.state, "--control", self.socket, *more]
        words += ["--user", self.user] if self.user else []
        self.logs.append(self.place / f"daemon{len(self.logs)}.log")
        log = self.logs[-1]
        log.touch()
        machine = self.lab.host
        process = Forked(machine.name, list(map(str, words)), log, self.place)
        machine.running.append(process)  # type: ignore[arg-type]
        if ready:
            until(
                lambda: "ready on" in log.read_text() if log.exists() else process.poll(),
                "not ready",
            )
            assert process.poll() is None, self.log
        return process

    def start(self, words: list[str], *, where: str = "host", **more: Any) -> Any:
        """A program in a machine of the lab; it is ended with the test."""
        machine = self.lab.machine(where)
        process = subprocess.Popen(
            machine.command("sh", "-c", for_everybody(), "sh", *words),
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(self.place)}, **more,
        )  # fmt: skip
        machine.running.append(process)
        return process

    def push(self, *words: object, nobody: bool = False) -> subprocess.Popen[str]:
        """`deployer push` over the daemon, with its events as JSON."""
        command = [*(NOBODY if nobody else []), "env", f"DEPLOYER_SOCKET={self.socket}"]
        own = self.place / "home"
        command += [sys.executable, "-m", "deployer", "push", "--target", TARGET, *map(str, words)]
        command += ["--json", "--state-dir", str(own)]
        process: subprocess.Popen[str] = self.start(command, stdout=subprocess.PIPE)
        return process

    def pc(self, *more: object, disk: Path | None = None) -> subprocess.Popen[str]:
        """Switch the old PC on."""
        disk = disk or self.place / "disk"
        disk.mkdir(exist_ok=True)
        words = ["-m", "deployer.sim", "--host", "192.168.1.1", "--address", TARGET]
        process: subprocess.Popen[str] = self.start(
            [sys.executable, *words, "--disk", str(disk), *map(str, more)],
            where="target",
            stdout=subprocess.DEVNULL,
        )
        return process

    def child(self, parent: int) -> int:
        """The process that serves for `parent`."""
        text = Path(f"/proc/{parent}/task/{parent}/children").read_text()
        return int(text.split()[0])

    def events(self) -> list[dict[str, Any]]:
        """What the daemon has told in its log so far."""
        lines = self.log.splitlines(keepends=True)  # the last one may be half written
        return [json.loads(one) for one in lines if one.startswith("{") and one.endswith("}\n")]

    def told(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        """The events of a kind with these fields."""
        return [
            event
            for event in self.events()
            if event["event"] == kind and all(event[name] == fields[name] for name in fields)
        ]

    def link_down(self) -> None:
        done = self.lab.host.deployer("link", "down", "--state-dir", self.state)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def bench(wire: Lab) -> Iterator[Bench]:
    """A wire with an unconfigured host. pytest's own directories are closed to other users."""
    place = Path(tempfile.mkdtemp(prefix="deployer-wire-"))
    place.chmod(0o755)
    (place / "home").mkdir()
    os.chown(place / "home", 65534, 65534)
    bench = Bench(wire, place)
    try:
        yield bench
    finally:
        wire.close()
        wire.machines.clear()
        shutil.rmtree(place, ignore_errors=True)


def readable(path: Path) -> Path:
    """A file that another user can read."""
    path.chmod(0o644)
    return path


def random_file(path: Path, length: int) -> Path:
    path.write_bytes(random.Random(length).randbytes(length))
    return readable(path)


def model(bench: Bench) -> Path:
    """The sample model that comes with the program, where every user can read it."""
    sample = ROOT / "payloads" / "models" / "campfire" / "campfire260K.bin"
    folder = bench.place / "files"
    folder.mkdir(exist_ok=True)
    for path in sample.parent.iterdir():
        if path.is_file():
            shutil.copyfile(path, folder / path.name)
            readable(folder / path.name)
    return folder / sample.name


def until_served(push: subprocess.Popen[str]) -> list[str]:
    """The lines of a push until the old PC may call."""
    assert push.stdout is not None
    lines: list[str] = []
    for line in push.stdout:
        lines.append(line)
        if '"server-listening"' in line and json.loads(line)["protocol"] == "ftp":
            return lines
    raise AssertionError("".join(lines))


def ended(push: subprocess.Popen[str], code: int = 0) -> list[dict[str, Any]]:
    """The events that a push printed; it has ended with this code.

    Read as `until_served` reads, whose buffer may hold lines that `communicate` would not see.
    """
    assert push.stdout is not None
    patience = threading.Timer(PATIENCE * 2, push.kill)
    patience.start()
    out = push.stdout.read()
    push.wait()
    patience.cancel()
    assert push.returncode == code, out[-3000:]
    return [json.loads(line) for line in out.splitlines() if line.startswith("{")]


def test_one_command_on_a_bare_wire_proves_a_model(bench: Bench) -> None:
    """Nothing is set, nothing runs: push does it all, and takes it all back."""
    before = bench.lab.host.picture()
    file = model(bench)
    command = [sys.executable, "-m", "deployer", "push", "--target", TARGET, str(file), "--json"]
    options = ["--steps", "20", "--seed", "1", "--state-dir", str(bench.state), "--timeout", "90"]
    push = bench.start([*command, *options], stdout=subprocess.PIPE)
    events = [json.loads(line) for line in until_served(push)]
    bench.pc()
    events += ended(push)
    assert events[-1]["state"] == "proved"
    proof = next(event["proof"] for event in events if event["event"] == "proof-received")
    assert proof["report"]["run_exit"] == 0
    assert {event["peer"] for event in events if event.get("peer")} == {TARGET}
    assert any(event["event"] == "presence-changed" and event["present"] for event in events)
    listening = [event for event in events if event["event"] == "server-listening"]
    assert (listening[-1]["address"], listening[-1]["port"]) == ("192.168.1.1", 21)
    assert bench.lab.host.picture() == before
    assert not list(bench.state.glob("*.undo.json"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_push_that_is_stopped_gives_the_wire_back(bench: Bench, number: int) -> None:
    before = bench.lab.host.picture()
    file = random_file(bench.place / "a.img", 1000)
    command = [sys.executable, "-m", "deployer", "push", "--target", TARGET, str(file), "--json"]
    push = bench.start([*command, "--state-dir", str(bench.state)], stdout=subprocess.PIPE)
    until_served(push)
    assert bench.lab.host.picture() != before
    push.send_signal(number)
    events = ended(push, 130)
    assert events[-1]["state"] == "cancelled"
    assert bench.lab.host.picture() == before


def test_nobody_pushes_through_the_daemon_that_became_nobody(bench: Bench) -> None:
    before = bench.lab.host.picture()
    bench.user = "nobody"
    daemon = bench.serve()
    child = bench.child(daemon.pid)
    status = dict(
        line.split(":\t", 1)
        for line in Path(f"/proc/{child}/status").read_text().splitlines()
        if ":\t" in line
    )
    assert set(status["Uid"].split()) == set(status["Gid"].split()) == {"65534"}
    assert [int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")] == [0] * 4
    push = bench.push(model(bench), "--steps", 20, "--seed", 1, nobody=True)
    events = [json.loads(line) for line in until_served(push)]
    bench.pc()
    events += ended(push)
    assert events[-1]["state"] == "proved"
    assert {event["peer"] for event in events if event.get("peer")} == {TARGET}
    history = [*NOBODY, "env", f"DEPLOYER_SOCKET={bench.socket}", sys.executable, "-m", "deployer"]
    told = bench.start([*history, "history", "--json"], stdout=subprocess.PIPE)
    assert events[-1]["deployment"] in told.communicate(timeout=PATIENCE)[0]
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(PATIENCE) == 0
    assert bench.lab.host.picture() == before
    assert not bench.socket.exists()
    assert not list(bench.state.glob("*.undo.json"))


def test_the_daemon_opens_only_what_its_user_may_read(bench: Bench) -> None:
    bench.user = "nobody"
    bench.serve()
    secret = bench.place / "roots.key"
    secret.write_bytes(b"secret")
    secret.chmod(0o600)
    out, _ = bench.push(secret, "--no-run").communicate(timeout=PATIENCE)  # asked by root
    assert "roots.key: cannot be read" in out
    assert not bench.told("deployment-staged")


def test_one_daemon_per_wire(bench: Bench) -> None:
    bench.serve()
    picture = bench.lab.host.picture()
    same = bench.serve(ready=False)
    assert same.wait(PATIENCE) == 3
    assert "A daemon runs already; its control socket is" in bench.log
    words = ["serve", "--state-dir", bench.place / "other", "--control", bench.place / "other.sock"]
    other = bench.lab.host.deployer(*words)
    assert other.returncode == 3
    assert "The wire on wire0 belongs to another deployer" in other.stderr
    down = bench.lab.host.deployer("link", "down", "--state-dir", bench.state)
    assert down.returncode == 3
    assert bench.lab.host.picture() == picture


def test_with_capabilities_alone_it_is_one_process_that_keeps_two(bench: Bench) -> None:
    """What systemd gives the unit, given by setpriv."""
    before = bench.lab.host.picture()
    for folder in ("state", "run"):
        (bench.place / folder).mkdir()
        os.chown(bench.place / folder, 65534, 65534)
    held = "net_admin,net_raw,net_bind_service"
    caps = ",".join(f"+{name}" for name in held.split(","))
    words = ["serve", "--state-dir", str(bench.state), "--control", str(bench.socket)]
    log = bench.place / "daemon.log"
    bench.logs.append(log)
    with log.open("w") as out:
        daemon = bench.start(
            [
                *NOBODY, f"--inh-caps=-all,{caps}", f"--ambient-caps=-all,{caps}",
                sys.executable, "-m", "deployer", *words,
            ],
            stdout=out,
        )  # fmt: skip
    until(lambda: "ready on" in bench.log or daemon.poll() is not None)
    assert daemon.poll() is None, bench.log
    lines = Path(f"/proc/{daemon.pid}/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 1 << 12 | 1 << 13
    assert status["NoNewPrivs"] == "1"
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(PATIENCE) == 0, bench.log
    assert bench.lab.host.picture() == before


MOMENTS = 20


@pytest.mark.parametrize("whom", ["child", "parent"])
def test_kill_9_at_any_moment_then_link_down_restores(bench: Bench, whom: str) -> None:
    """The address being set, the ports being opened, serving, and taking it all down again."""
    before = bench.lab.host.picture()
    bench.user = "nobody"
    bench.serve().send_signal(signal.SIGTERM)
    machine = bench.lab.host
    until(lambda: machine.running[-1].poll() is not None)
    chance = random.Random(whom)
    for number in range(MOMENTS // 2):
        going_down = number % 3 == 2
        daemon = bench.serve(ready=going_down)
        pid = daemon.pid
        if going_down:
            daemon.send_signal(signal.SIGTERM)
            time.sleep(chance.uniform(0, 0.1))
        elif number % 3:
            until(lambda: "wire0 has" in bench.logs[-1].read_text(), "no address")
            time.sleep(chance.uniform(0, 0.3))
        else:
            until(lambda: list(bench.state.glob("*.undo.json")), "no record")
            time.sleep(chance.uniform(0, 0.6))
        with contextlib.suppress(ProcessLookupError, FileNotFoundError, IndexError):
            os.kill(bench.child(pid) if whom == "child" else pid, signal.SIGKILL)
        if whom == "child":
            with contextlib.suppress(subprocess.TimeoutExpired):
                daemon.wait(1)
            daemon.send_signal(signal.SIGTERM)  # there was no child yet
        daemon.wait(PATIENCE)
        bench.link_down()
        assert machine.picture() == before, f"moment {number}"
        assert not list(bench.state.glob("*.undo.json"))
        assert not sockets.answers(bench.socket)


def test_a_dead_child_is_told_and_ends_the_daemon(bench: Bench) -> None:
    before = bench.lab.host.picture()
    bench.user = "nobody"
    daemon = bench.serve()
    os.kill(bench.child(daemon.pid), signal.SIGKILL)
    assert daemon.wait(PATIENCE) == 128 + signal.SIGKILL
    assert "has ended by itself (-9)" in bench.log
    assert bench.lab.host.picture() == before
    assert not bench.socket.exists()


def test_a_restart_takes_open_deployments_over_and_go_bat_goes_on(bench: Bench) -> None:
    """Killed in the middle of a part; the old PC is never touched."""
    bench.user = "nobody"
    file = random_file(bench.place / "big.img", 3_000_000)
    slow(bench, "8mbit")
    daemon = bench.serve()
    push = bench.push(file, "--no-run", "--part-size", "256K", "--detach")
    identity = ended(push)[0]["deployment"]
    pc = bench.pc("--tries", "1", "--real-pauses")
    until(lambda: len(bench.told("transfer-done", name="BIG.002")) == 1)
    os.kill(daemon.pid, signal.SIGKILL)
    daemon.wait(PATIENCE)
    bench.serve()
    assert f"{identity} goes on" in bench.logs[-1].read_text()
    until(
        lambda: bench.told("state-changed", deployment=identity, state="proved"), lambda: bench.log
    )
    assert pc.wait(PATIENCE) == 0
    again = fetched_again(bench, identity)
    assert sum(again.values()) <= 2, again


def slow(bench: Bench, rate: str) -> None:
    """Make the wire towards the old PC as slow as an old one, with a buffer as small."""
    line = f"tc qdisc replace dev target root tbf rate {rate} burst 16kb latency 30ms"
    bench.lab.machine("switch").sh(*line.split())


def slow_each(bench: Bench, rate: str, targets: list[str]) -> None:
    """The same for many old PCs at one end: each as if on a port of the switch of its own."""
    lines = ["qdisc add dev target root handle 1: htb"]
    for number, target in enumerate(targets, 1):
        lines += [
            f"class add dev target parent 1: classid 1:{number:x} htb rate {rate}",
            f"qdisc add dev target parent 1:{number:x} pfifo limit 60",
            f"filter add dev target parent 1: protocol ip u32 match ip dst {target}/32 "
            f"flowid 1:{number:x}",
        ]
    bench.lab.machine("switch").sh("tc", "-batch", "-", text="\n".join(lines) + "\n")


def fetched_again(bench: Bench, identity: str) -> dict[str, int]:
    """How often each part was begun more than once."""
    counts: dict[str, int] = {}
    for event in bench.told("transfer-started", deployment=identity, upload=False):
        if event["name"].rpartition(".")[2].isdigit():
            counts[event["name"]] = counts.get(event["name"], 0) + 1
    return {name: count - 1 for name, count in counts.items() if count > 1}


def test_a_cable_pulled_three_times_costs_at_most_the_parts_in_flight(bench: Bench) -> None:
    file = random_file(bench.place / "big.img", 4_000_000)
    slow(bench, "10mbit")
    bench.serve()
    identity = ended(bench.push(file, "--no-run", "--part-size", "256K", "--detach"))[0][
        "deployment"
    ]
    bench.pc("--tries", "1")
    for number in (2, 6, 10):
        until(lambda n=number: bench.told("transfer-started", name=f"BIG.{n:03}"))
        bench.lab.pull("target")
        time.sleep(1.0)
        bench.lab.push_in("target")
    until(
        lambda: bench.told("state-changed", deployment=identity, state="proved"), lambda: bench.log
    )
    assert sum(fetched_again(bench, identity).values()) <= 3


def test_a_pc_switched_off_and_on_is_noticed_and_goes_on(bench: Bench) -> None:
    file = random_file(bench.place / "big.img", 2_000_000)
    slow(bench, "4mbit")
    bench.serve()
    identity = ended(bench.push(file, "--no-run", "--part-size", "256K", "--detach"))[0][
        "deployment"
    ]
    pc = bench.pc()
    until(lambda: bench.told("presence-changed", present=True))
    until(lambda: bench.told("transfer-started", name="BIG.003"))
    pc.kill()
    pc.wait()
    bench.lab.target.ip("link set eth0 down")
    until(lambda: bench.told("presence-changed", present=False), "its going was not noticed")
    under_way = bench.told("transfer-started", deployment=identity, upload=False)[-2:]
    bench.lab.target.ip("link set eth0 up")
    until(lambda: len(bench.told("presence-changed", present=True)) == 2, "nor its return")
    bench.pc()
    until(
        lambda: bench.told("state-changed", deployment=identity, state="proved"), lambda: bench.log
    )
    assert set(fetched_again(bench, identity)) <= {event["name"] for event in under_way}
    gone = bench.told("presence-changed", present=False)[0]
    assert gone["peer"] == TARGET
    assert gone["advice"]


TARGETS = 32


async def push_to_all(socket: Path, file: Path, targets: list[str]) -> None:
    async with DaemonClient(socket) as face:
        for target in targets:
            await face.push(Order(Request((file,), no_run=True), target, host=""))


def memory(pid: int, what: str) -> int:
    """A figure of a process in KB: VmRSS is now, VmHWM the most it ever had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what))


def test_32_targets_at_once_are_all_proved_and_none_starves(bench: Bench) -> None:
    """Fetching only, over 10 Mbit/s each; each has its own address and reports its own sums."""
    bench.user = "nobody"
    targets = [f"192.168.1.{number}" for number in range(2, 2 + TARGETS)]
    for target in targets[1:]:
        bench.lab.target.ip(f"addr add {target}/24 dev eth0")
    slow_each(bench, "10mbit", targets)
    file = random_file(bench.place / "big.img", 1 << 20)
    pid = bench.child(bench.serve().pid)
    before = memory(pid, "VmRSS")
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    asyncio.run(asyncio.wait_for(push_to_all(bench.socket, file, targets), PATIENCE))
    program = Path(__file__).with_name("light_pcs.py")
    done = bench.start(
        [sys.executable, str(program), "192.168.1.1", *targets], where="target",
        stdout=subprocess.PIPE,
    )  # fmt: skip
    out, _ = done.communicate(timeout=PATIENCE)
    assert done.returncode == 0, out[-3000:]
    seconds = json.loads(out.splitlines()[-1])
    until(
        lambda: len(bench.told("state-changed", state="proved")) == TARGETS,
        lambda: bench.log[-3000:],
    )
    assert not bench.told("transfer-cut")
    assert max(seconds.values()) <= 2 * min(seconds.values()), sorted(seconds.values())
    grown = memory(pid, "VmHWM") - before
    assert grown < TARGETS * 1024, f"{grown / TARGETS:.0f} KB for each target"
    print(
        f"{grown / TARGETS:.0f} KB each, {min(seconds.values()):.2f}-{max(seconds.values()):.2f} s"
    )


FETCHERS = {
    "curl, HTTP 1.0": "curl -sS --fail --http1.0",
    "curl, HTTP 1.1": "curl -sS --fail --http1.1",
    "w3m": "w3m -dump_source",
    "links": "links -source",
    "wget": "wget -q -O -",
}
BY_FTP = """
import ftplib, io, sys
ftp = ftplib.FTP(timeout=20)
ftp.connect("192.168.1.1"); ftp.login("anonymous", ""); ftp.set_pasv(False)
ftp.retrbinary("RETR GO.BAT", sys.stdout.buffer.write)
"""


def test_the_page_on_the_wire_is_for_the_target_alone(bench: Bench) -> None:
    bench.user = "nobody"
    daemon = bench.serve()
    bench.lab.plug(bench.lab.machine("third"), "eth0", "192.168.1.3/24")
    url = "http://192.168.1.1/"
    nothing = bench.lab.target.sh("curl", "-sS", "--http1.0", url)
    assert "Nothing waits for this computer" in nothing
    file = random_file(bench.place / "driver.img", 5000)
    identity = ended(bench.push(file, "--no-run", "--detach"))[0]["deployment"]
    assert bench.told("server-listening", deployment=identity, protocol="http", port=80)
    wanted = raw(bench, sys.executable, "-c", BY_FTP)
    assert identity.encode() in wanted
    for name, program in FETCHERS.items():
        assert raw(bench, *program.split(), f"{url}{identity}/GO.BAT") == wanted, name
    page = bench.lab.target.sh("w3m", "-dump", url)
    for words in (f"Deployment {identity}", "Start GO.BAT", "driver.img", "FTP 192.168.1.1"):
        assert words in page
    told = bench.told("transfer-done", deployment=identity, peer=TARGET, name="GO.BAT")
    assert len(told) == len(FETCHERS) + 1
    for path in ("", "GO.BAT", f"{identity}/GO.BAT"):
        seen = bench.lab.machine("third").sh("curl", "-sS", "-i", "--http1.0", url + path)
        assert seen.startswith("HTTP/1.0 404")
        assert "Nothing waits for this computer" in seen
        assert identity not in seen
        assert "driver" not in seen
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(PATIENCE) == 0


def raw(bench: Bench, *words: str) -> bytes:
    """What a program on the old PC's side prints, byte by byte."""
    command = bench.lab.target.command(*words)
    return subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE).stdout
