"""`rfc2217://` and `socket://` through serial servers that we did not write: ser2net and socat.

The server's port is one end of our cable, whose settings are read where they arrive: in the kernel.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.__main__ import run
from deployer.sim.console import QueuedConsole
from deployer.sim.disk import Disk
from deployer.sim.hyperterm import HyperTerminal
from deployer.sim.machine import Machine
from tests.serialwire import Direction, Wire
from tests.waiting import free_port, until

pytestmark = pytest.mark.needs("unicorn", "ser2net", "socat", "rz")
ROOT = Path(__file__).resolve().parents[2]
LIMIT = 60.0
DATA = random.Random(31).randbytes(300_000)


def listens(port: int) -> bool:
    """Whether somebody listens there, without calling: a serial server has one caller."""
    wanted = f"0100007F:{port:04X}"
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(row.split()[1] == wanted and row.split()[3] == "0A" for row in rows)


@contextlib.contextmanager
def program(*command: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A server that listens on a port of 127.0.0.1; ended with the block."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: listens(port) or process.poll() is not None, f"{command[0]} does not listen")
        assert process.poll() is None
        yield process
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def ser2net(device: str, port: int, place: Path) -> Iterator[subprocess.Popen[bytes]]:
    """ser2net with RFC 2217 for a device."""
    config = place / "ser2net.yaml"
    config.write_text(
        "%YAML 1.1\n---\nconnection: &line\n"
        f"  accepter: telnet(rfc2217),tcp,127.0.0.1,{port}\n"
        f"  connector: serialdev(nouucplock=true),{device},9600n81,local\n"
    )
    command = ("ser2net", "-n", "-d", "-u", "-P", str(place / "pid"), "-c", str(config))
    with program(*command, port=port) as process:
        yield process


@contextlib.contextmanager
def rz(device: str, where: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A receiver at the other end of the cable."""
    where.mkdir(exist_ok=True)
    end = os.open(device, os.O_RDWR | os.O_NOCTTY)
    process = subprocess.Popen(
        ["rz", "-b", "-y", "-q"], stdin=end, stdout=end, stderr=subprocess.DEVNULL, cwd=where
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        os.close(end)


def settings(device: str) -> tuple[int, bool, bool]:
    """A port's speed, RTS/CTS and XON/XOFF."""
    handle = os.open(device, os.O_RDWR | os.O_NOCTTY)
    try:
        iflag, _oflag, cflag, _lflag, _ispeed, ospeed, _cc = termios.tcgetattr(handle)
    finally:
        os.close(handle)
    return ospeed, bool(cflag & termios.CRTSCTS), bool(iflag & termios.IXON)


@pytest.fixture
def cable() -> Iterator[Wire]:
    # Not faster than a real line: lrzsz flushes its input right after it has spoken.
    with Wire(ab=Direction(rate=200_000.0), ba=Direction(rate=200_000.0)) as wire:
        yield wire


def test_a_cut_connection_is_said_and_gone_on_with(cable: Wire, tmp_path: Path) -> None:
    """ser2net is killed in the middle of a file and started again."""
    source, out, port = tmp_path / "DATA.BIN", tmp_path / "out", free_port()
    source.write_bytes(DATA)
    url = f"rfc2217://127.0.0.1:{port}"
    cable.ab.rate = 50_000.0
    with rz(cable.b, out) as receiver, contextlib.ExitStack() as first:
        first.enter_context(ser2net(cable.a, port, tmp_path))
        sender = subprocess.Popen(
            [sys.executable, "-m", "deployer", "serial", "send", url, str(source),
             "--speed", "57600", "--flow", "rtscts"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        try:
            until(lambda: cable.ab.taken > 60_000, "nothing moves")
            cable.ab.rate = 5_000.0  # the rest shall not get over while this process is slow
            assert settings(cable.a) == (termios.B57600, True, False)
            first.close()
            moved = cable.ab.taken
            cable.ab.rate = 50_000.0
            time.sleep(0.5)  # the connection is away for a while
            with ser2net(cable.a, port, tmp_path):
                said, _ = sender.communicate(timeout=LIMIT)
        finally:
            sender.kill()
            sender.wait()
        assert sender.returncode == 0, said
        assert receiver.wait(LIMIT) == 0
    assert (out / "DATA.BIN").read_bytes() == DATA
    assert f"the connection to {url} was cut" in said
    assert "is back: going on" in said
    assert 60_000 < moved < len(DATA)
    assert cable.ab.taken < len(DATA) * 1.05 + 40_000, "it did not begin anew"


def test_a_push_through_a_serial_server_is_proved(
    cable: Wire, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, port = tmp_path / "DATA.BIN", free_port()
    source.write_bytes(DATA[:100_000])
    (tmp_path / "c").mkdir()
    machine = Machine(Disk(tmp_path / "c"), console=QueuedConsole(lambda _line: None))
    machine.boot()
    machine.run_line("MD C:\\DEPLOY")
    seen: list[tuple[int, bool, bool]] = []

    def old_pc() -> None:
        terminal = HyperTerminal(machine, cable.b)
        terminal.receive(LIMIT)
        seen.append(settings(cable.a))
        machine.run_line("C:\\DEPLOY\\GO")
        terminal.send("RESULT.TXT")
        terminal.close()

    there = threading.Thread(target=old_pc, daemon=True)
    with ser2net(cable.a, port, tmp_path):
        there.start()
        # A terminal has no RTS and DTR that ser2net could set, so nobody waits for its word.
        target = f"serial:rfc2217://127.0.0.1:{port}?ign_set_control"
        words = ["push", "--target", target, "--no-run", "--flow", "xonxoff", "--json"]
        code = run([*words, "--state-dir", str(tmp_path / "state"), str(source)])
        there.join(LIMIT)
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert code == 0
    assert events[-1]["state"] == "proved"
    assert seen == [(termios.B115200, False, True)]


def test_socat_carries_files_both_ways(cable: Wire, tmp_path: Path) -> None:
    source, out = tmp_path / "DATA.BIN", tmp_path / "out"
    source.write_bytes(DATA)

    @contextlib.contextmanager
    def socat() -> Iterator[str]:
        """One for each caller: the one that hangs up would take what is for the next."""
        port = free_port()
        listen = f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr"
        with program("socat", listen, f"FILE:{cable.a},raw,echo=0", port=port):
            yield f"socket://127.0.0.1:{port}"

    with socat() as url, rz(cable.b, out) as receiver:
        assert run(["serial", "send", url, str(source)]) == 0
        assert receiver.wait(LIMIT) == 0
    assert (out / "DATA.BIN").read_bytes() == DATA
    end = os.open(cable.b, os.O_RDWR | os.O_NOCTTY)
    with socat() as url:
        sender = subprocess.Popen(
            ["sz", "-b", "-q", "DATA.BIN"], stdin=end, stdout=end, cwd=out,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert run(["serial", "receive", url, "--out", str(tmp_path / "back")]) == 0
        assert sender.wait(LIMIT) == 0
    os.close(end)
    assert (tmp_path / "back" / "DATA.BIN").read_bytes() == DATA


@pytest.mark.parametrize(
    ("url", "code", "why"),
    [
        ("socket://127.0.0.1:{port}", 3, "connection refused"),
        ("rfc2217://127.0.0.1:{port}", 3, "connection refused"),
        ("spy:///dev/null", 1, "not the address of a serial server"),
        ("socket://127.0.0.1", 1, "not the address of a serial server"),
        ("socket://127.0.0.1:70000", 1, "not the address of a serial server"),
        ("rfc2217://127.0.0.1:0", 1, "not the address of a serial server"),
    ],
)
def test_a_server_that_is_not_there_is_one_line(
    url: str, code: int, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = url.format(port=free_port())
    (tmp_path / "F.BIN").write_bytes(b"x")
    assert run(["serial", "send", url, str(tmp_path / "F.BIN")]) == code
    first, second, *more = capsys.readouterr().err.splitlines()
    assert url in first
    assert why in first.lower()
    assert second
    assert not more
