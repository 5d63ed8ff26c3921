"""`serial ppp` with a real pppd at both ends, in a kernel that has PPP: User Mode Linux.

This computer's own kernel may have none, and its network stays out of it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("unicorn")
pytestmark = pytest.mark.skipif(
    not all(shutil.which(name, path="/usr/sbin:/usr/bin") for name in ("linux.uml", "pppd", "ip")),
    reason="needs User Mode Linux, pppd and ip (Debian: user-mode-linux ppp iproute2)",
)
HERE = Path(__file__).parent
LIMIT = 200.0


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What was seen inside."""
    place = tmp_path_factory.mktemp("uml")
    command = [
        "linux.uml", "mem=512M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro",
        "quiet", f"uml_dir={place}/", "con=null", "con0=null,fd:1", "init=/bin/sh", "--",
        str(HERE / "ppp_world.sh"), sys.executable,
    ]  # fmt: skip
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=LIMIT, check=False, env={**os.environ, "TMPDIR": str(place), "HOME": str(place)},
    )  # fmt: skip
    output = done.stdout.decode(errors="replace")
    lines = [line for line in output.splitlines() if line.startswith("SEEN ")]
    assert lines, output[-4000:]
    found: dict[str, Any] = json.loads(lines[0].removeprefix("SEEN "))
    assert "error" not in found, json.dumps(found, indent=1)
    return found


def test_the_guests_call_is_answered_to_the_letter(seen: dict[str, Any]) -> None:
    said, heard = bytes.fromhex(seen["said"]), bytes.fromhex(seen["heard"])
    assert heard.startswith(b"CLIENT")
    assert said.startswith(b"CLIENTSERVER\x7e\xff\x7d\x23"), (
        "then PPP's own frames, nothing between"
    )


def test_the_guest_gets_its_address_over_the_cable(seen: dict[str, Any]) -> None:
    host, target = (" ".join(words) for words in seen["addresses"])
    assert "192.168.1.1" in host
    assert "192.168.1.2" in target


def test_a_push_over_the_cable_is_proved(seen: dict[str, Any]) -> None:
    assert seen["push"] == 0
    assert seen["same"]


def test_the_guest_may_call_again(seen: dict[str, Any]) -> None:
    assert seen["again"]


def test_it_ends_in_order_when_told_to(seen: dict[str, Any]) -> None:
    assert seen["ended"] == 130
    assert seen["left"] == []
