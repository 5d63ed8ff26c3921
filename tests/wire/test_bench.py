"""Twelve PCs on one shaped wire of 100 Mbit/s: each ends as it should, and what is there stays."""

from __future__ import annotations

import ctypes
import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.bench.scripted import ScriptedPC

if TYPE_CHECKING:
    from tests.wire.conftest import Lab

_NEWNET = 0x40000000
_MAIN = "import sys; from deployer.__main__ import run; sys.exit(run(sys.argv[1:]))"
_OUTAGE = 0.5

NAMES = [f"pc{number:02d}" for number in range(1, 13)]
LATE, CUT, SWAPPED, FULL, EMULATED = "pc12", "pc05", "pc04", "pc11", "pc10"
PAYLOADS = {"small": 200_000, "data": 1_000_000, "long": 6_000_000}


def enter(netns: str) -> Callable[[], None]:
    """Takes the calling thread, and it alone, into a namespace."""

    def work() -> None:
        with Path(f"/run/netns/{netns}").open() as file:
            if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), _NEWNET):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    return work


@dataclass
class Museum:
    """Twelve machines on a switch, ten of them light, two with a real disk and processor."""

    lab: Lab
    folder: Path
    light: dict[str, ScriptedPC] = field(default_factory=dict)
    capacity: dict[str, int] = field(default_factory=dict)
    proved: set[str] = field(default_factory=set)
    parts: int = 0
    outages: list[threading.Timer] = field(default_factory=list)
    pages: dict[str, str] = field(default_factory=dict)

    def build(self) -> None:
        self.lab.plug(self.lab.host, "wire0", "192.168.1.1/24")
        shape = "tbf rate 100mbit burst 64kb latency 50ms"
        self.lab.host.sh("tc", "qdisc", "add", "dev", "wire0", "root", *shape.split())
        for number, name in enumerate(NAMES, start=11):
            self.lab.plug(self.lab.machine(name), "eth0", f"192.168.1.{number}/24")
        for name, length in PAYLOADS.items():
            (self.folder / f"{name}.bin").write_bytes(random.Random(name).randbytes(length))
        self.capacity = {EMULATED: 2_000_000_000, FULL: 150_000}

    def bench(self) -> Path:
        lines = ["[wire]\nlink = false"]
        for name in PAYLOADS:
            lines.append(f'[payloads.{name}]\nfiles = ["{name}.bin"]\nno_run = true')
            lines.append('part_size = "256K"')
        lines.append('[defaults]\npayloads = ["small"]\ndeadline = 60\nbackoff = 0.2')
        lines.append('[groups.hall]\npayloads = ["data"]\n[groups.shop]\npayloads = ["long"]')
        for number, name in enumerate(NAMES, start=11):
            mac = self.lab.machines[name].mac("eth0") if name != SWAPPED else "02:00:00:00:98:04"
            lines.append(f'[targets.{name}]\naddress = "192.168.1.{number}"\nmac = "{mac}"')
            if name in ("pc01", "pc02", "pc03"):
                lines.append('groups = ["hall"]')
            elif name == CUT:
                lines.append('groups = ["shop"]')
        path = self.folder / "museum.toml"
        path.write_text("\n".join(lines) + "\n")
        return path

    def switch_on(self, name: str) -> None:
        machine = self.lab.machines[name]
        address = f"192.168.1.{NAMES.index(name) + 11}"
        pc = ScriptedPC(address, "192.168.1.1", lambda: 21, enter=enter(machine.name), every=0.5)
        self.light[name] = pc.start()

    def go(self, name: str) -> subprocess.Popen[str]:
        """A PC with a disk and a processor, at which somebody types the card."""
        disk = self.folder / f"disk-{name}"
        disk.mkdir(exist_ok=True)
        own = ["--address", f"192.168.1.{NAMES.index(name) + 11}", "--disk", disk, "--tries", "1"]
        return self.lab.machines[name].start(
            sys.executable, "-m", "deployer.sim", "--host", "192.168.1.1", *own,
            "--capacity", self.capacity[name],
        )  # fmt: skip

    def provision(self, bench: Path) -> tuple[int, list[dict[str, Any]]]:
        """Run the command line on the host; things happen to the PCs as the events tell."""
        command = ["provision", bench, "--json", "--state-dir", self.folder / "state"]
        process = self.lab.host.start(sys.executable, "-c", _MAIN, *command)
        killer = threading.Timer(90, process.kill)
        killer.start()
        assert process.stdout is not None
        events, targets = [], {}
        for line in process.stdout:
            assert line.startswith("{"), line + process.stdout.read()
            event = json.loads(line)
            events.append(event)
            if event["event"] == "deployment-staged":
                number = int(event["target"].rpartition(".")[2])
                targets[event["deployment"]] = NAMES[number - 11]
            self.happen(event, targets.get(event.get("deployment", ""), ""))
        code = process.wait(30)
        killer.cancel()
        for timer in self.outages:
            timer.join()
        return code, events

    def happen(self, event: dict[str, Any], name: str) -> None:
        match event["event"]:
            case "server-listening" if name in self.capacity and event["protocol"] == "ftp":
                page = ("curl", "-sS", "--max-time", "20", "http://192.168.1.1/")
                self.pages[event["deployment"]] = self.lab.machines[name].sh(*page)
                self.go(name)
            case "transfer-done" if name == CUT and event["name"][-3:].isdigit():
                self.parts += 1
                if self.parts in (3, 12):
                    self.lab.pull(CUT)
                    self.outages.append(threading.Timer(_OUTAGE, self.lab.push_in, (CUT,)))
                    self.outages[-1].start()
            case "state-changed" if event["state"] == "proved":
                self.proved.add(name)
                if len(self.proved) == 5 and LATE not in self.light:
                    self.lab.push_in(LATE)
                    self.switch_on(LATE)


@pytest.fixture
def museum(lab: Lab, tmp_path: Path) -> Iterator[Museum]:
    museum = Museum(lab, tmp_path)
    try:
        museum.build()
        yield museum
    finally:
        for pc in museum.light.values():
            pc.stop()


def test_twelve_pcs_each_end_as_they_should_and_the_second_run_does_the_rest(
    museum: Museum,
) -> None:
    bench = museum.bench()
    museum.lab.pull(LATE)
    for name in NAMES:
        if name not in (LATE, *museum.capacity):
            museum.switch_on(name)

    code, events = museum.provision(bench)
    results = {target["name"]: target for target in events[-1]["targets"]}
    good = {name for name, target in results.items() if target["outcome"] == "proved"}
    assert good == set(NAMES) - {SWAPPED, FULL}, {n: t["reason"] for n, t in results.items()}
    assert code == 5
    assert "another machine: 192.168.1.14 has the MAC" in results[SWAPPED]["reason"]
    assert "disk" in results[FULL]["reason"]
    assert len(museum.outages) == 2
    assert museum.light[SWAPPED].fetched == []
    assert len(museum.pages) >= 2
    assert all(f"/{identity}/GO.BAT" in page for identity, page in museum.pages.items())

    museum.lab.machines[SWAPPED].ip("link set eth0 address 02:00:00:00:98:04")
    museum.capacity = {FULL: 2_000_000_000}
    code, events = museum.provision(bench)
    assert code == 0
    outcomes = {target["name"]: target["outcome"] for target in events[-1]["targets"]}
    assert outcomes == {n: "proved" if n in (SWAPPED, FULL) else "there" for n in NAMES}
    peers = {event["peer"] for event in events if event["event"] == "transfer-done"}
    assert peers == {"192.168.1.14", "192.168.1.21"}
