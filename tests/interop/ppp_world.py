"""Inside a User Mode Linux, which has PPP: two computers and a null-modem cable between them.

`deployer serial ppp` waits at one end. At the other a real pppd plays Windows 98's Direct Cable
Connection: it says CLIENT until it hears CLIENTSERVER, and takes the address that it is given
(facts E11). Then a file is pushed over FTP. What was seen is printed as one line of JSON.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.serialwire import Direction, Wire  # noqa: E402

LIMIT = 90.0
MODULES = ("lib/crc-ccitt", "drivers/net/slip/slhc", "drivers/net/ppp/ppp_generic",
           "drivers/net/ppp/ppp_async")  # fmt: skip
GUEST = (
    "chat TIMEOUT 2 '' 'CLIENT\\c' "
    "CLIENTSERVER-'CLIENT\\c'-CLIENTSERVER-'CLIENT\\c'-CLIENTSERVER-'CLIENT\\c'-CLIENTSERVER"
)
WORK = Path("/mnt")


def load_modules() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    for name in MODULES:
        path = Path("/usr/lib/uml/modules") / os.uname().release / "kernel" / f"{name}.ko"
        if not path.exists():
            continue  # built in
        handle = os.open(path, os.O_RDONLY)
        assert libc.syscall(313, handle, b"", 0) == 0, (name, os.strerror(ctypes.get_errno()))
        os.close(handle)


def start(where: str, *command: str, log: str) -> subprocess.Popen[bytes]:
    """A program on one of the two computers."""
    with (WORK / log).open("ab") as out:
        return subprocess.Popen(
            ["ip", "netns", "exec", where, *command], stdout=out, stderr=out,
            stdin=subprocess.DEVNULL, cwd=ROOT,
        )  # fmt: skip


def until(what: Callable[[], object], why: str) -> None:
    end = time.monotonic() + LIMIT
    while not what():
        if time.monotonic() > end:
            raise TimeoutError(why)
        time.sleep(0.05)


def text(log: str) -> str:
    path = WORK / log
    return path.read_text(errors="replace") if path.exists() else ""


def connected(where: str) -> str:
    """The addresses of a computer's PPP interface; "" while there are none."""
    done = subprocess.run(
        ["ip", "-n", where, "-br", "-4", "addr", "show", "up"], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return next((line for line in done.stdout.splitlines() if line.startswith("ppp")), "")


def call(line: Wire) -> subprocess.Popen[bytes]:
    """Connect is pressed on the old PC."""
    return start(
        "target", "pppd", line.b, "115200", "connect", GUEST, "noauth", "noipdefault",
        "ipcp-accept-local", "ipcp-accept-remote", "local", "nocrtscts", "nodetach",
        "nodefaultroute", "noipv6", "noproxyarp", log="guest.log",
    )  # fmt: skip


def play(seen: dict[str, object]) -> None:
    load_modules()
    for where in ("host", "target"):
        subprocess.run(["ip", "netns", "add", where], check=True)
        subprocess.run(["ip", "-n", where, "link", "set", "lo", "up"], check=True)
    out, back = bytearray(), bytearray()
    with Wire(ab=Direction(record=out), ba=Direction(record=back)) as line:
        deployer = (sys.executable, "-B", "-m", "deployer")
        ppp = start("host", *deployer, "serial", "ppp", line.a, "--flow", "none", log="ppp.log")
        until(lambda: "Waiting on" in text("ppp.log") or ppp.poll() is not None, "no helper")
        guest = call(line)
        until(lambda: connected("host") and connected("target"), "no connection")
        seen["addresses"] = [connected("host").split()[2:], connected("target").split()[2:]]
        seen["said"], seen["heard"] = out[:40].hex(), back[:12].hex()

        source = WORK / "DATA.BIN"
        source.write_bytes(random.Random(5).randbytes(60_000))
        push = start(
            "host", *deployer, "push", "--target", "192.168.1.2", "--address", "192.168.1.1",
            "--no-link", "--no-http", "--no-run", "--json", "--state-dir", str(WORK / "state"),
            str(source), log="push.log",
        )  # fmt: skip
        until(lambda: '"waiting"' in text("push.log") or push.poll() is not None, "no server")
        pc = start(
            "target", sys.executable, "-B", "-m", "deployer.sim", "--host", "192.168.1.1",
            "--address", "192.168.1.2", "--disk", str(WORK / "c"), log="pc.log",
        )  # fmt: skip
        seen["push"] = push.wait(LIMIT)
        pc.wait(LIMIT)
        found = WORK / "c" / "DEPLOY" / "DATA.BIN"
        seen["same"] = found.exists() and found.read_bytes() == source.read_bytes()

        guest.terminate()  # Close is pressed on the old PC, then Connect again
        guest.wait(LIMIT)
        until(lambda: not connected("host"), "the host still believes in the connection")
        guest = call(line)
        until(lambda: connected("host") and connected("target"), "no second connection")
        seen["again"] = True
        os.kill(ppp.pid, signal.SIGTERM)
        seen["ended"] = ppp.wait(LIMIT)
        ours = f"LCK..{line.a.removeprefix('/dev/').replace('/', '_')}"
        seen["left"] = [name.name for name in Path("/run/lock").glob(ours)]
        guest.kill()
        guest.wait()


def main() -> None:
    seen: dict[str, object] = {}
    try:
        play(seen)
    except Exception as error:
        seen["error"] = repr(error)
        seen["logs"] = {name.name: name.read_text(errors="replace")[-1500:]
                        for name in WORK.glob("*.log")}  # fmt: skip
    print(f"\nSEEN {json.dumps(seen)}", flush=True)


main()
