"""Real wires: network namespaces joined by a switch, and our code in a process inside one.

Nothing here touches a network that was there before: both ends of every cable are in namespaces
that the test makes and removes.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests import needs

_NUMBERS = itertools.count()
_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
_LIMIT = 30.0


class Zygote:
    """Python in a namespace without the time that it takes to start; see zygote.py."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None

    def work(self, **task: Any) -> subprocess.CompletedProcess[str]:
        """Do one piece of work in a process of its own inside a namespace."""
        if self.process is None:
            program = Path(__file__).with_name("zygote.py")
            self.process = subprocess.Popen(
                [sys.executable, program],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=_ENVIRONMENT,
            )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(task) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return subprocess.CompletedProcess([], answer["code"], answer["out"], answer["err"])

    def close(self) -> None:
        if self.process is not None:
            assert self.process.stdin is not None
            assert self.process.stdout is not None
            self.process.stdin.close()
            self.process.stdout.close()
            self.process.wait(_LIMIT)
            self.process = None


ZYGOTE = Zygote()


@pytest.fixture(scope="session", autouse=True)
def _zygote() -> Iterator[None]:
    yield
    ZYGOTE.close()


@dataclass
class Machine:
    """A network namespace."""

    name: str
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    def command(self, *words: str) -> list[str]:
        return ["ip", "netns", "exec", self.name, *words]

    def sh(self, *words: str, check: bool = True, text: str | None = None) -> str:
        """Run a program inside; its output."""
        done = subprocess.run(
            self.command(*words),
            capture_output=True,
            text=True,
            timeout=_LIMIT,
            input=text,
            check=False,
            env=_ENVIRONMENT,
        )
        assert not check or done.returncode == 0, f"{words}: {done.stderr}{done.stdout}"
        return done.stdout

    def ip(self, line: str) -> None:
        self.sh("ip", *line.split())

    def sysctl(self, name: str, value: int) -> None:
        self.sh("sh", "-c", f"echo {value} > /proc/sys/{name.replace('.', '/')}")

    def python(self, code: str, *, without: str = "", **values: Any) -> Any:
        """Run our code inside, `without` some capabilities; what it leaves in `result` (JSON)."""
        if not without:
            done = ZYGOTE.work(netns=self.name, code=code, values=values)
            assert done.returncode == 0, done.stderr + done.stdout
            return json.loads(done.stdout.splitlines()[-1])
        program = (
            "import json, sys\nfrom pathlib import Path\n"
            "globals().update(json.loads(sys.argv[1]))\n"
            f"{code}\nprint(json.dumps(result))"
        )
        limits = f"--bounding-set={','.join(f'-{name}' for name in without.split(','))}"
        out = self.sh("setpriv", limits, sys.executable, "-c", program, json.dumps(values))
        return json.loads(out.splitlines()[-1])

    def deployer(self, *words: object) -> subprocess.CompletedProcess[str]:
        """Run the command line inside."""
        return ZYGOTE.work(netns=self.name, arguments=list(map(str, words)))

    def start(self, *words: object) -> subprocess.Popen[str]:
        """Start a program inside; it is ended with the test."""
        process = subprocess.Popen(
            self.command(*map(str, words)),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.PIPE,
            env=_ENVIRONMENT,
        )  # fmt: skip
        self.running.append(process)
        return process

    def listen(self, address: str, port: int) -> subprocess.Popen[str]:
        """Another program that listens there; it is ready when this returns."""
        code = (
            "import socket,sys,time; a=sys.argv[1]; six=':' in a;"
            "s=socket.create_server((a,int(sys.argv[2])),dualstack_ipv6=six,"
            "family=socket.AF_INET6 if six else socket.AF_INET);"
            "print('ready',flush=True); time.sleep(60)"
        )
        process = self.start(sys.executable, "-c", code, address, port)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    def picture(self) -> dict[str, Any]:
        """Everything about addresses and routes, as `ip` shows it."""
        return {
            "addr": json.loads(self.sh("ip", "-j", "addr")),
            "route": json.loads(self.sh("ip", "-j", "route", "show", "table", "all") or "[]"),
            "route6": json.loads(
                self.sh("ip", "-6", "-j", "route", "show", "table", "all") or "[]"
            ),
        }

    def mac(self, interface: str) -> str:
        return json.loads(self.sh("ip", "-j", "link", "show", interface))[0]["address"]


@dataclass
class Lab:
    """A host, an old PC, a third machine and a home router; cables as the test plugs them."""

    prefix: str
    machines: dict[str, Machine] = field(default_factory=dict)

    def machine(self, name: str) -> Machine:
        if name not in self.machines:
            machine = Machine(f"{self.prefix}{name}")
            subprocess.run(["ip", "netns", "add", machine.name], check=True, timeout=_LIMIT)
            self.machines[name] = machine
            machine.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
            machine.sysctl("net.ipv6.conf.all.disable_ipv6", 1)
            machine.ip("link set lo up")
        return self.machines[name]

    @property
    def host(self) -> Machine:
        return self.machine("host")

    @property
    def target(self) -> Machine:
        return self.machine("target")

    def cable(self, a: Machine, a_name: str, b: Machine, b_name: str) -> None:
        """Join two machines."""
        line = f"ip link add {a_name} netns {a.name} type veth peer name {b_name} netns {b.name}"
        subprocess.run(line.split(), check=True, timeout=_LIMIT)

    def plug(self, machine: Machine, interface: str, address: str = "") -> None:
        """Plug a machine into the switch of the wire."""
        switch = self.machines.get("switch")
        if switch is None:
            switch = self.machine("switch")
            switch.ip("link add wire type bridge")
            switch.ip("link set wire up")
        port = machine.name.removeprefix(self.prefix)
        self.cable(machine, interface, switch, port)
        switch.ip(f"link set {port} master wire up")
        if address:
            machine.ip(f"addr add {address} dev {interface}")
            machine.ip(f"link set {interface} up")

    def pull(self, name: str) -> None:
        """Pull the cable of a machine out of the switch."""
        self.machines["switch"].ip(f"link set {name} down")

    def push_in(self, name: str) -> None:
        self.machines["switch"].ip(f"link set {name} up")

    def home(self, ours: str = "192.168.1.50/24", router: str = "192.168.1.1") -> None:
        """The user's own network: another interface, with the way to the internet."""
        box = self.machine("home")
        self.cable(self.host, "home0", box, "lan")
        box.ip(f"addr add {router}/24 dev lan")
        box.ip("link set lan up")
        self.host.ip(f"addr add {ours} dev home0")
        self.host.ip("link set home0 up")
        self.host.ip(f"route add default via {router} dev home0")

    def close(self) -> None:
        for machine in self.machines.values():
            for process in machine.running:
                process.kill()
                process.wait()
                for stream in (process.stdout, process.stdin):
                    if stream:
                        stream.close()
        for machine in self.machines.values():
            subprocess.run(["ip", "netns", "delete", machine.name], check=False, timeout=_LIMIT)


@pytest.fixture
def lab() -> Iterator[Lab]:
    """Machines without cables."""
    needs.require("root", "Linux", "ip")
    lab = Lab(f"dw{os.getpid() % 10000}x{next(_NUMBERS)}")
    try:
        yield lab
    finally:
        lab.close()


@pytest.fixture
def wire(lab: Lab) -> Lab:
    """Host and old PC on one switch; the host's interface is down and bare.

    It was up once: at that moment the kernel gives an interface its queue, which then stays.
    """
    lab.plug(lab.host, "wire0")
    lab.host.ip("link set wire0 up")
    lab.host.ip("link set wire0 down")
    lab.plug(lab.target, "eth0", "192.168.1.2/24")
    return lab
