# ruff: noqa: E501  configuration files of others, one line each
"""NetworkManager and systemd-networkd: the real ones, in a namespace, and the words said to them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import needs

if TYPE_CHECKING:
    from tests.wire.conftest import Lab


BUS = """
set -e
mount -o remount,ro /sys   # a container: udev is not asked about the interface
mkdir -p /run/dbus && mount -t tmpfs tmpfs /run/dbus
dbus-daemon --system --fork --print-pid > $WORK/bus.pid
trap 'kill $(cat $WORK/bus.pid) $DAEMON 2>/dev/null' EXIT
"""

NETWORKMANAGER = (
    BUS
    + """
for place in /run/NetworkManager /var/lib/NetworkManager /etc/NetworkManager; do
  mkdir -p $place && mount -t tmpfs tmpfs $place
done
mkdir -p /etc/NetworkManager/system-connections
printf '[main]\\nplugins=keyfile\\ndns=none\\nrc-manager=unmanaged\\nno-auto-default=*\\nauth-polkit=false\\n' \
  > /etc/NetworkManager/NetworkManager.conf
printf '[connection]\\nid=home\\ntype=ethernet\\ninterface-name=wire0\\n[ipv4]\\nmethod=manual\\naddresses=10.7.7.5/24\\n[ipv6]\\nmethod=disabled\\n' \
  > /etc/NetworkManager/system-connections/home.nmconnection
chmod 600 /etc/NetworkManager/system-connections/home.nmconnection
NetworkManager --no-daemon > $WORK/daemon.log 2>&1 & DAEMON=$!
state() { nmcli -g GENERAL.STATE device show wire0 2>/dev/null || true; }
"""
)

SYSTEMD_NETWORKD = (
    BUS
    + """
mkdir -p /run/systemd && mount -t tmpfs -o mode=755 tmpfs /run/systemd
mount -t tmpfs -o mode=755 tmpfs /etc/systemd/network
mkdir -p /run/systemd/network /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp
chown -R systemd-network:systemd-network /run/systemd/netif
printf '[Match]\\nName=wire0\\n[Network]\\nAddress=10.7.7.5/24\\nLinkLocalAddressing=no\\nIPv6AcceptRA=no\\n' \
  > /etc/systemd/network/10-wire.network
/lib/systemd/systemd-networkd > $WORK/daemon.log 2>&1 & DAEMON=$!
state() { grep -s ADMIN_STATE /run/systemd/netif/links/$(cat /sys/class/net/wire0/ifindex); }
"""
)

STORY = """
say() { echo "$1|$(state)|$(ip -4 -br addr show wire0 | tr -s ' ')"; }
wait_for() { for _ in $(seq 100); do case "$(state) $(ip -4 -br addr show wire0)" in $1) return;; esac; sleep 0.05; done; }
wait_for '*@(connected|configured)*10.7.7.5*'
say before
$PYTHON -c "$CODE" up
say up
ip link set wire0 down; ip link set wire0 up; sleep 0.3
say shaken
$PYTHON -c "$CODE" down
wait_for '*@(connected|configured)*10.7.7.5*'
say after
"""

CODE = """
import sys
from pathlib import Path
from deployer.core.wire.addresses import parse_address
from deployer.edge.link import arp
from deployer.edge.link import lease
if sys.argv[1] == "up":
    patience = arp.ProbeTiming(1, 0.0, 0.05)
    lease.up(lease.LeaseRequest(parse_address("192.168.1.1/24"), patience=patience, keep=True), Path(STATE))
else:
    lease.down(Path(STATE))
"""


def tell(lab: Lab, tmp_path: Path, daemon: str) -> dict[str, tuple[str, str]]:
    """Set the address and give it back under a real daemon; (its state, addresses) at each step."""
    code = CODE.replace("STATE", repr(str(tmp_path / "state")))
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "WORK": str(tmp_path),
        "PYTHON": sys.executable, "CODE": code,
    }  # fmt: skip
    done = subprocess.run(
        lab.host.command("unshare", "-m", "bash", "-O", "extglob", "-c", daemon + STORY),
        capture_output=True, text=True, timeout=60, check=False, env=environment,
    )  # fmt: skip
    log = (tmp_path / "daemon.log").read_text() if (tmp_path / "daemon.log").exists() else ""
    assert done.returncode == 0, done.stderr + log[-2000:]
    told = {}
    for line in done.stdout.splitlines():
        if line.count("|") == 2:
            name, state, addresses = line.split("|")
            told[name] = (state, addresses)
    return told


@pytest.mark.parametrize("daemon", ["NetworkManager", "systemd-networkd"])
def test_the_real_daemon_leaves_the_wire_alone_and_takes_it_back(
    wire: Lab, tmp_path: Path, daemon: str
) -> None:
    if daemon == "NetworkManager":
        programs, script = ("NetworkManager", "nmcli"), NETWORKMANAGER
    else:
        programs, script = ("systemd-networkd",), SYSTEMD_NETWORKD
    needs.require(*programs, "dbus-daemon", "unshare")
    free = "unmanaged"
    told = tell(wire, tmp_path, script)
    assert "10.7.7.5/24" in told["before"][1]
    for moment in ("up", "shaken"):
        state, addresses = told[moment]
        assert free in state, told
        assert "192.168.1.1/24" in addresses, told
    assert told["after"][1] == told["before"][1]
    assert told["after"][0] == told["before"][0]


FAKE = """#!/bin/sh
echo "$(basename $0) $*" >> {log}
case "$*" in
  *GENERAL.STATE*) if [ -e {log}.left ]; then echo '10 (unmanaged)'; else printf '%s' '{answer}'; fi;;
  *"managed no"*) {obey};;
  *"managed yes"*) rm -f {log}.left;;
esac
"""
ASKED = "nmcli -g GENERAL.STATE,GENERAL.CON-UUID device show wire0"

CONNECTED = "100 (connected)\nf2b1c5d0-1234-4321-9999-000000000001\n"
SAID = {
    "connected": (
        CONNECTED,
        [
            ASKED,
            "nmcli device set wire0 managed no",
            ASKED,
            "nmcli device set wire0 managed yes",
            "nmcli --wait 0 connection up uuid f2b1c5d0-1234-4321-9999-000000000001 ifname wire0",
        ],
    ),
    "trying in vain": (
        "70 (connecting (getting IP configuration))\nf2b1c5d0-1234-4321-9999-000000000001\n",
        [
            ASKED,
            "nmcli device set wire0 managed no",
            ASKED,
            "nmcli device set wire0 managed yes",
        ],
    ),
    "unmanaged by the user": (
        "10 (unmanaged)\n\n",
        [ASKED],
    ),
}


@pytest.mark.parametrize("case", SAID)
def test_what_networkmanager_is_told(wire: Lab, tmp_path: Path, case: str) -> None:
    answer, expected = SAID[case]
    log, programs = tmp_path / "log", tmp_path / "bin"
    programs.mkdir()
    fake = programs / "nmcli"
    fake.write_text(FAKE.format(log=log, answer=answer, obey=f"touch {log}.left"))
    fake.chmod(0o755)
    wire.host.python(
        f"import os; os.environ['PATH'] = path\nfor word in ('up', 'down'):\n"
        f"    sys.argv[1:] = [word]\n    exec({CODE!r}.replace('STATE', repr(state)))\nresult = 0",
        path=f"{programs}:/usr/bin:/bin:/usr/sbin",
        state=str(tmp_path / "state"),
    )
    said = [line for line in log.read_text().splitlines() if line.startswith("nmcli")]
    assert said == expected


def test_a_crash_does_not_forget_networkmanager(wire: Lab, tmp_path: Path) -> None:
    """What was asked of it is in the record before it is asked."""
    log, programs = tmp_path / "log", tmp_path / "bin"
    programs.mkdir()
    fake = programs / "nmcli"
    fake.write_text(FAKE.format(log=log, answer=CONNECTED, obey="kill -9 $PPID"))
    fake.chmod(0o755)
    values = {"path": f"{programs}:/usr/bin:/bin:/usr/sbin", "state": str(tmp_path / "state")}
    body = f"exec({CODE!r}.replace('STATE', repr(state)))\nresult = 0"
    head = "import os; os.environ['PATH'] = path\n"
    with pytest.raises(AssertionError):
        wire.host.python(f"{head}sys.argv[1:] = ['up']\n{body}", **values)
    record = json.loads((tmp_path / "state" / "wire-wire0.undo.json").read_text())
    assert record["changes"][0]["kind"] == "networkmanager"
    wire.host.python(f"{head}sys.argv[1:] = ['down']\n{body}", **values)
    assert "nmcli device set wire0 managed yes" in log.read_text()


def test_a_networkmanager_that_does_not_obey_is_no_ground_to_build_on(
    wire: Lab, tmp_path: Path
) -> None:
    log, programs = tmp_path / "log", tmp_path / "bin"
    programs.mkdir()
    fake = programs / "nmcli"
    fake.write_text(FAKE.format(log=log, answer=CONNECTED, obey="exit 4"))
    fake.chmod(0o755)
    before = wire.host.picture()
    values = {"path": f"{programs}:/usr/bin:/bin:/usr/sbin", "state": str(tmp_path / "state")}
    with pytest.raises(AssertionError, match="LinkForbidden.*NetworkManager keeps wire0"):
        wire.host.python(
            "import os; os.environ['PATH'] = path\nsys.argv[1:] = ['up']\n"
            f"exec({CODE!r}.replace('STATE', repr(state)))\nresult = 0",
            **values,
        )
    assert wire.host.picture() == before
