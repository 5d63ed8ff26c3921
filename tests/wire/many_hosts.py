"""A lab of many hosts in namespaces: a coordinator, exporters with an SSH server and a daemon each.

coordinator, client   10.98.0.1   the lab's own network
one, two ...          10.98.0.11, .12 ... and 192.168.1.1 on a wire of its own
their PCs             192.168.1.2, .3 ... the same on every wire
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployer.core.agents import overlay
from deployer.edge.store import Store
from deployer.edge.store.agents import KnownAgent
from tests.waiting import until

if TYPE_CHECKING:
    from tests.wire.conftest import Lab, Machine

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
COORDINATOR = "10.98.0.1:20408"
HOST, FIRST_PC = "192.168.1.1", "192.168.1.2"
TOKEN = "00112233445566778899aabbccddeeff"

_SSHD = """\
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
PermitRootLogin yes
StrictModes no
UsePAM no
PidFile none
MaxStartups 100
"""
_SSH = """\
Host {names}
  User root
  IdentityFile {folder}/key
  UserKnownHostsFile {folder}/known_hosts
"""
_EXPORTER = """\
mount -t tmpfs none /run && mkdir /run/sshd && mount -t tmpfs none /var/cache || exit 1
/usr/sbin/sshd -D -f {folder}/sshd_config &
{python} -m deployer serve --address {host} --no-link --no-http --state-dir {state} \\
  --control {state}/control.sock \\
  >{folder}/daemon-{name}.log 2>&1 &
until [ -S {state}/control.sock ]; do sleep 0.05; done
exec {python} -m deployer.bench.labgrid_exporter -c {coordinator} -n {name} --hostname {name} \\
  {folder}/{name}.yaml >{folder}/exporter-{name}.log 2>&1
"""
"""What /run and /var/cache have of this machine is not for them: they are in namespaces."""


@dataclass
class ManyHosts:
    """The lab; `pcs` are what each exporter offers, by name."""

    lab: Lab
    folder: Path
    names: Sequence[str]
    pcs: dict[str, str]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self) -> None:
        """Everything but the PCs."""
        client = self.lab.machine("client")
        self.lab.plug(client, "lab0", "10.98.0.1/24")
        self._keys()
        self._run("coordinator", client, str(BIN / "labgrid-coordinator"), "-l", COORDINATOR)
        for number, name in enumerate(self.names):
            self._exporter(number, name)
        for name in self.names:
            log = self.folder / f"exporter-{name}.log"
            until(
                lambda log=log: log.exists() and "Exporter ready" in log.read_text(), self.logs, 60
            )

    def close(self) -> None:
        """Nothing of it runs any more."""
        for name in tuple(self.running):
            self.kill(name)

    def kill(self, name: str) -> None:
        """A whole host, or the coordinator, stops where it is."""
        process = self.running.pop(name)
        netns = self.lab.machine("client" if name == "coordinator" else name).name
        if name == "coordinator":
            process.kill()
        else:
            pids = subprocess.run(
                ["ip", "netns", "pids", netns], capture_output=True, text=True, check=True
            ).stdout.split()  # fmt: skip
            subprocess.run(["kill", "-9", *pids], check=False)
        process.wait(30)

    def logs(self) -> str:
        """What all of them have said."""
        return "\n".join(p.read_text("utf-8", "replace") for p in self.folder.glob("*.log"))

    def _keys(self) -> None:
        for name in ("key", "host_key"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name]
            subprocess.run(command, check=True, timeout=30)
        key = (self.folder / "host_key.pub").read_text()
        addresses = [f"10.98.0.{11 + number}" for number in range(len(self.names))]
        hosts = ",".join((*self.names, *addresses))
        (self.folder / "known_hosts").write_text(f"{hosts} {key}")
        (self.folder / "sshd_config").write_text(_SSHD.format(folder=self.folder))
        text = _SSH.format(names=" ".join(self.names), folder=self.folder)
        for name, address in zip(self.names, addresses, strict=True):
            text += f"Host {name}\n  HostName {address}\n  HostKeyAlias {name}\n"
        (self.folder / "ssh_config").write_text(text)
        wrapper = self.folder / "bin" / "ssh"
        wrapper.parent.mkdir()
        wrapper.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {self.folder}/ssh_config "$@"\n')
        wrapper.chmod(0o755)

    def _exporter(self, number: int, name: str) -> None:
        machine = self.lab.machine(name)
        self.lab.plug(machine, "lab0", f"10.98.0.{11 + number}/24")
        pcs = self.lab.machine(f"{name}pc")
        self.lab.cable(machine, "wire0", pcs, "eth0")
        machine.ip(f"addr add {HOST}/24 dev wire0")
        machine.ip("link set wire0 up")
        for last in range(2, 2 + len(self.pcs)):
            pcs.ip(f"addr add 192.168.1.{last}/24 dev eth0")
        pcs.ip("link set eth0 up")
        state = self.folder / f"state-{name}"
        store = Store(state / "served")  # that of a daemon that root has started
        known = KnownAgent(self.agent(number), FIRST_PC, f"pc-of-{name}", 1.0)
        store.agents.enrol(known, overlay.fingerprint(TOKEN))
        store.close()
        offered = {
            pc: {"OldPC": {"pc": at, "state_dir": str(state)}} for pc, at in self.pcs.items()
        }
        (self.folder / f"{name}.yaml").write_text(json.dumps(offered))
        script = _EXPORTER.format(
            folder=self.folder, python=sys.executable, host=HOST, state=state, name=name,
            coordinator=COORDINATOR,
        )  # fmt: skip
        self._run(name, machine, "sh", "-c", script)

    @staticmethod
    def agent(number: int) -> str:
        """The id of the agent on an exporter's first PC."""
        return f"A-0000000{number + 1}"

    def switch_on(self, number: int) -> subprocess.Popen[str]:
        """The PCs of a host."""
        machine = self.lab.machine(f"{self.names[number]}pc")
        return machine.start(
            sys.executable, HERE / "lab_pcs.py", HOST, self.agent(number), TOKEN,
            *self.pcs.values(),
        )  # fmt: skip

    def _run(self, name: str, machine: Machine, *words: str) -> None:
        log = (self.folder / f"{name}.log").open("wb")
        environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
        self.running[name] = subprocess.Popen(
            machine.command(*words), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env=environment, start_new_session=True, cwd=self.folder,
        )  # fmt: skip

    def client(self, file: Path, work: str, *places: str) -> subprocess.Popen[str]:
        """Somebody who stands on no PC's wire; see `lab_client`."""
        environment = {
            **os.environ, "PYTHONPATH": str(HERE.parents[1]), "LG_USERNAME": "museum",
            "LG_HOSTNAME": "client", "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
        }  # fmt: skip
        machine = self.lab.machine("client")
        words = (sys.executable, HERE / "lab_client.py", self.folder, COORDINATOR, file, work)
        process = subprocess.Popen(
            machine.command(*map(str, words), *places), env=environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=(self.folder / "client.log").open("wb"),
        )  # fmt: skip
        machine.running.append(process)
        return process


def said(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    """What a client says, as it says it."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("{"):
            yield json.loads(line)
