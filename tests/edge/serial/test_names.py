"""What a port may be called, and what is said when it cannot be had."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from deployer import settings
from deployer.__main__ import run
from deployer.edge.serial import port as serialport
from deployer.edge.serial.names import PortInfo, device_of, find_again, identity_of, is_locked
from deployer.errors import SerialPortForbidden, SerialPortNotDaemons, WrongUse
from deployer.host import carry
from deployer.host.local import InProcess
from deployer.host.requests import Order, Request
from deployer.host.service import Service
from deployer.settings import Settings
from tests.serialwire import Wire

MINE = ("FTDI", "A50285BI", 0x0403, 0x6001)
OTHER = ("FTDI", "ZZZ", 0x0403, 0x6001)


def there(**devices: tuple[str, str, int, int]) -> list[PortInfo]:
    return [PortInfo(name.replace("_", "/"), *info) for name, info in devices.items()]


@pytest.mark.parametrize(
    ("port", "before", "after", "now"),
    [
        # Windows may give it another number, and its old one to another adapter.
        ("COM3", there(COM3=MINE), there(COM3=OTHER, COM4=MINE), "COM4"),
        ("COM12", there(COM12=MINE), there(), None),
        ("/dev/ttyUSB0", there(_dev_ttyUSB0=MINE), there(_dev_ttyUSB1=MINE), "/dev/ttyUSB1"),
        ("socket://h:1", there(), there(), "socket://h:1"),
    ],
)
def test_the_same_adapter_is_meant_whatever_it_is_called(
    port: str, before: list[PortInfo], after: list[PortInfo], now: str | None
) -> None:
    assert find_again(port, identity_of(port, lambda: before), lambda: after) == now


def test_a_by_id_name_means_the_adapter_that_it_points_to(tmp_path: Path) -> None:
    link = tmp_path / "usb-FTDI_FT232R_A50285BI-if00-port0"
    link.symlink_to("/dev/ttyUSB0")
    identity = identity_of(str(link), lambda: there(_dev_ttyUSB0=MINE, _dev_ttyUSB1=OTHER))
    assert identity == (0x0403, 0x6001, "A50285BI")
    assert find_again(str(link), identity, lambda: there(_dev_ttyUSB7=MINE)) == "/dev/ttyUSB7"


def test_a_short_name_is_one_in_dev() -> None:
    assert device_of("null") == "/dev/null"
    assert device_of("ttyNOPE") == "ttyNOPE"
    assert device_of("COM3") == "COM3"


@pytest.mark.parametrize(
    ("given", "means"),
    [
        ("serial:/dev/ttyUSB0", "serial:/dev/ttyUSB0"),
        ("serial:COM3", "serial:COM3"),
        ("serial:rfc2217://h:4000", "serial:rfc2217://h:4000"),
        ("serial:./port", f"serial:{Path.cwd()}/port"),
        ("beige", "serial:/dev/serial/by-id/usb-1"),
    ],
)
def test_a_target_may_be_a_port(given: str, means: str) -> None:
    named = Settings(targets={"beige": "serial:/dev/serial/by-id/usb-1"})
    assert settings.resolve_target(given, named) == means


@pytest.mark.parametrize("given", ["/dev/ttyUSB0", "COM3", "com12", "rfc2217://h:4000"])
def test_a_port_without_its_word_is_recognised(given: str) -> None:
    with pytest.raises(WrongUse) as caught:
        settings.resolve_target(given, Settings())
    assert caught.value.remedy == f"Write it as --target serial:{given}"


@pytest.mark.parametrize(
    ("port", "said"),
    [
        ("/dev/ttyNOPE", "no such file"),
        ("/dev/null", "it is something else"),
        ("/", "is a directory"),
        pytest.param("COM3", "those of Windows", marks=pytest.mark.skipif(
            sys.platform == "win32", reason="COM3 may be there")),
    ],
)  # fmt: skip
def test_a_wrong_port_is_one_line_and_what_to_do(
    port: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "F.BIN").write_bytes(b"x")
    assert run(["serial", "send", port, str(tmp_path / "F.BIN")]) == 3
    what, remedy, *more = capsys.readouterr().err.splitlines()
    assert said in what
    assert "deployer serial ports" in remedy
    assert not more


def test_a_port_in_use_is_told_from_a_missing_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "F.BIN").write_bytes(b"x")
    with Wire() as cable, serialport.SerialLine(cable.a):
        assert run(["serial", "send", cable.a, str(tmp_path / "F.BIN")]) == 3
    assert "another program has the serial port open" in capsys.readouterr().err


def test_a_lock_of_minicom_or_pppd_counts_while_they_run(tmp_path: Path) -> None:
    lock = tmp_path / "LCK..ttyUSB0"
    with subprocess.Popen(["sleep", "60"]) as owner:
        lock.write_text(f"{owner.pid:10d} minicom root\n")
        assert is_locked("/dev/ttyUSB0", tmp_path)
        assert not is_locked("/dev/ttyUSB1", tmp_path)
        owner.kill()
    assert not is_locked("/dev/ttyUSB0", tmp_path)


@pytest.mark.needs("root")
def test_a_port_without_permission_says_which_group_helps() -> None:
    """In a child that is nobody: root may open everything."""
    code = (
        "import os, sys; from deployer.edge.serial.port import SerialLine\n"
        "from deployer.errors import DeployerError\n"
        "os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)\n"
        "try: SerialLine(sys.argv[1])\n"
        "except DeployerError as error: print(error.what, error.remedy, error.exit_code)\n"
    )
    with Wire() as cable:
        Path(cable.a).chmod(0o600)
        done = subprocess.run(
            [sys.executable, "-c", code, cable.a], capture_output=True, text=True, check=False,
            timeout=60, cwd=Path(__file__).resolve().parents[3],
        )  # fmt: skip
    assert "may not open the serial port" in done.stdout, done.stderr
    assert "dialout" in done.stdout


def test_a_daemon_says_that_it_is_the_daemon_who_may_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "F.BIN"
    source.write_bytes(b"x")
    order = Order(Request((source,), no_run=True), "serial:/dev/ttyUSB0")

    async def closed(_target: str, _line: object) -> None:
        raise SerialPortForbidden(port="/dev/ttyUSB0")

    async def push(lasting: bool) -> None:
        state = tmp_path / str(lasting)
        async with (
            Service(state, clock=lambda: 0.0, address="127.0.0.1", ftp_port=0) as service,
            InProcess(service, lambda _host, _directory: (), lasting=lasting) as host,
        ):
            await host.push(order)

    monkeypatch.setattr(carry, "open_line", closed)
    with pytest.raises(SerialPortNotDaemons, match="the daemon, which runs as"):
        asyncio.run(push(True))
    with pytest.raises(SerialPortForbidden, match="this user"):
        asyncio.run(push(False))
