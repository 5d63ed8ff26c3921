"""NetworkManager and systemd-networkd: asked to leave the wire alone, and to take it back.

Both would take our address away again at the next change of the cable. What is said holds until the
next reboot at most. Where they are absent, or do not manage the interface, nothing is said.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

NETWORKD_STATE = Path("/run/systemd/netif/links")
NETWORKD_FILES = Path("/run/systemd/network")
_PATIENCE = 15.0
_OBEDIENCE = 3.0
_UNMANAGED, _CONNECTED = "10", "100"


def run(words: Sequence[str]) -> str | None:
    """The output of a command in English; None when it is missing, fails or hangs."""
    program = shutil.which(words[0])
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, *words[1:]],
            capture_output=True,
            timeout=_PATIENCE,
            env={"LC_ALL": "C", **_kept_environment()},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def _kept_environment() -> Mapping[str, str]:
    wanted = ("PATH", "DBUS_SYSTEM_BUS_ADDRESS", "HOME")
    return {name: os.environ[name] for name in wanted if name in os.environ}


def networkmanager_claim(interface: str) -> str | None:
    """None when NetworkManager does not manage it; else the connection to bring up again, or ""."""
    fields = ["nmcli", "-g", "GENERAL.STATE,GENERAL.CON-UUID", "device", "show", interface]
    answer = run(fields)
    if not answer:
        return None
    state, _, rest = answer.partition("\n")
    number = state.split(" ")[0]
    if number == _UNMANAGED:
        return None
    return rest.strip() if number == _CONNECTED else ""


def networkmanager_leave(interface: str) -> bool:
    """Tell NetworkManager to leave the interface as it is; whether it obeys this user."""
    said = run(["nmcli", "device", "set", interface, "managed", "no"])
    return said is not None and networkmanager_claim(interface) is None


def networkmanager_resume(interface: str, connection: str) -> None:
    """Give the interface back, with the connection that was up on it."""
    run(["nmcli", "device", "set", interface, "managed", "yes"])
    if connection:
        up = ["connection", "up", "uuid", connection, "ifname", interface]
        run(["nmcli", "--wait", "0", *up])


def networkd_claim(index: int) -> bool:
    """Whether systemd-networkd runs and manages the interface."""
    try:
        lines = (NETWORKD_STATE / str(index)).read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    states = [line.partition("=")[2] for line in lines if line.startswith("ADMIN_STATE=")]
    return bool(states) and states[0] not in ("unmanaged", "linger", "")


def networkd_leave(interface: str) -> bool:
    """Tell systemd-networkd to leave the interface alone, by a file that a reboot takes away.

    Whether it obeys. Raises OSError when the file cannot be written.
    """
    path = _networkd_file(interface)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "# Written by deployer while it uses this interface; `deployer link down` removes it.\n"
        f"[Match]\nName={interface}\n\n[Link]\nUnmanaged=yes\n",
        encoding="utf-8",
    )
    path.chmod(0o644)
    run(["networkctl", "reload"])
    try:
        index = socket.if_nametoindex(interface)
    except OSError:
        return True  # it is gone, and needs nothing any more
    # It obeys a moment later, and then takes its own addresses away; ours must come after that.
    until = time.monotonic() + _OBEDIENCE
    while networkd_claim(index):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def networkd_resume(interface: str) -> bool:
    """Take that file away again; whether it was there."""
    path = _networkd_file(interface)
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    run(["networkctl", "reload"])
    return True


def _networkd_file(interface: str) -> Path:
    return NETWORKD_FILES / f"00-deployer-{interface}.network"
