"""AGENT98.EXE itself, on the simulated PC: an emulated Pentium II, Windows 98 with a desktop."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.sim.win32.desktop import SessionEnd
from tests.payloads.agenthost import Host, hosting, settings_text
from tests.simulatedpc import HOST, SimulatedPc

INSTALLED = ["AGENT98.EXE", "AGENT98.INI"]


def handed_out(program: bytes, *, stay: int = 1) -> bytes:
    """The program as the host hands it out."""
    return program + settings_text(21, stay=stay).replace(b"127.0.0.1", HOST.encode())


@pytest.fixture(scope="module")
def program(root: Path) -> bytes:
    return (root / "payloads" / "bin" / "AGENT98.EXE").read_bytes()


@pytest.fixture
def host(root: Path) -> Iterator[Host]:
    with hosting(worker=(root / "payloads" / "bin" / "AGENT98W.EXE").read_bytes()) as made:
        yield made


@pytest.fixture
def pc(program: bytes, host: Host, tmp_path: Path) -> Iterator[SimulatedPc]:
    made = SimulatedPc(tmp_path / "c", host.port)
    made.download(handed_out(program))
    made.let_live()
    try:
        texts = made.machine.session.desktop.texts
        assert host.wait_for(lambda: "Connected. Waiting for orders." in texts())
        yield made
    finally:
        made.off()


def test_it_installs_itself_is_seen_and_stays(pc: SimulatedPc, host: Host) -> None:
    assert pc.names == INSTALLED
    assert pc.at_start == {"AGENT98": "C:\\DEPLOY\\AGENT98.EXE /MIN"}
    said = host.hellos[0]
    assert (said["name"], said["win"], said["mem"]) == ("OLD-PC", "4.10.1998", "131072")
    desktop = pc.machine.session.desktop
    assert host.wait_for(lambda: "Connected. Waiting for orders." in desktop.texts())
    assert desktop.texts()[0] == "deployer agent"
    assert desktop.texts()[-2:] == ["Disconnect", "Remove"]


def test_without_stay_nothing_starts_with_windows(
    program: bytes, host: Host, tmp_path: Path
) -> None:
    pc = SimulatedPc(tmp_path / "c", host.port)
    pc.download(handed_out(program, stay=0))
    pc.let_live()
    assert host.wait_for(lambda: host.hellos)
    assert pc.at_start == {}
    pc.off()


def test_the_host_is_called_at_its_other_address_when_the_pc_has_another(
    program: bytes, host: Host, tmp_path: Path
) -> None:
    """It was installed at 169.254.1.1, and its PC has been given an address of 192.168.1 since."""
    pc = SimulatedPc(tmp_path / "c", host.port)
    settings = settings_text(21).replace(b"127.0.0.1", b"169.254.1.1\r\nalso=" + HOST.encode())
    pc.download(program + settings)
    pc.let_live()
    try:
        assert host.wait_for(lambda: host.hellos)
        assert host.do("LS", "C:\\DEPLOY\\AGENT98.EXE") == "OK 1"
        assert b"also=" + HOST.encode() in (pc.folder / "DEPLOY" / "AGENT98.INI").read_bytes()
    finally:
        pc.off()


def test_programs_of_both_kinds_run_and_are_heard(pc: SimulatedPc, host: Host, root: Path) -> None:
    disk = pc.machine.disk
    disk.write_bytes("C:\\T.BAT", b"@ECHO hello %1\r\n")
    order = host.give("RUN", "C:\\", 0, 0, "T.BAT there")
    assert host.answer(order) == "OK 0"
    assert host.upload(order, "O").startswith(b"hello there\r\n")
    helper = (root / "payloads" / "bin" / "DEPLOY98.EXE").read_bytes()
    disk.write_bytes("C:\\DEPLOY\\DEPLOY98.EXE", helper)
    order = host.give("RUN", "C:\\DEPLOY", 0, 0, "DEPLOY98 SELF")
    assert host.answer(order) == "OK 7"
    assert host.upload(order, "O")
    assert host.do("RUN", "C:\\", 0, 0, "NOSUCH") == "NO 2"
    order = host.give("INFO")
    assert host.answer(order) == "OK 0"
    assert b"[processes]" in host.upload(order)
    assert b"cpu" in host.upload(order).split(b"[agent]")[0]


def test_a_batch_file_without_end_is_killed_and_short_orders_are_done_beside_it(
    pc: SimulatedPc, host: Host
) -> None:
    pc.machine.disk.write_bytes("C:\\L.BAT", b"@ECHO running\r\n:A\r\n@GOTO A\r\n")
    order = host.give("RUN", "C:\\", 0, 0, "L.BAT")
    assert host.wait_for(lambda: host.upload(order, "O"))
    assert host.do("LS", "C:\\L.BAT") == "OK 1"
    assert host.do("KILL", order.id) == "OK 0"
    assert host.answer(order) == "NO 1223"


def test_files_screen_clock_and_keys(pc: SimulatedPc, host: Host) -> None:
    data = bytes(range(256)) * 100
    sum_ = hashlib.sha256(data).hexdigest()
    assert host.do("PUT", "C:\\X.BIN", len(data), sum_, carried=data) == "OK 0"
    order = host.give("GET", "C:\\X.BIN", 255, 258)
    assert (host.answer(order), host.upload(order)) == ("OK 0", data[255:513])
    order = host.give("LS", "C:\\X.*")
    assert host.answer(order) == "OK 1"
    assert host.upload(order).split(b"\t")[::3] == [b"A", b"X.BIN"]
    assert host.do("RM", "C:\\X.BIN", 0) == "OK 0"
    order = host.give("SCREEN")
    assert host.answer(order) == "OK 0"
    picture, desktop = host.upload(order), pc.machine.session.desktop
    assert picture[:2] == b"BM"
    assert len(picture) == 54 + 160 * 120 * 3
    assert picture[-480:] == desktop.picture()[0]
    desktop.full_screen_dos = True
    assert host.do("SCREEN").startswith("NO ")
    assert host.do("TIME", "19990102030405") == "OK 0"
    set_to = time.mktime((1999, 1, 2, 3, 4, 5, 0, 0, -1))
    assert 0 <= pc.machine.clock.now() - set_to < 60
    assert host.do("KEYS", 'ALT+N "A"') == "OK 0"
    pressed = [key for key, down in desktop.keys if down]
    assert pressed == [0x12, 0x4E, 0x10, 0x41]


def test_it_comes_back_after_a_restart(pc: SimulatedPc, host: Host) -> None:
    assert host.do("POWER", "reboot") == "OK 0"
    assert host.wait_for(lambda: len(host.hellos) == 2)
    assert pc.ends == [SessionEnd.REBOOT]
    assert host.byes[-1:] == ["shutdown"]
    assert host.hellos[0]["boot"] != host.hellos[1]["boot"]
    assert host.do("LS", "C:\\DEPLOY\\*.EXE") == "OK 2"


def test_it_says_goodbye_when_the_user_logs_off(pc: SimulatedPc, host: Host) -> None:
    pc.machine.session.desktop.end_session(SessionEnd.LOGOFF)
    assert host.wait_for(lambda: host.byes == ["logoff"])


def test_its_buttons(pc: SimulatedPc, host: Host) -> None:
    desktop = pc.machine.session.desktop
    assert host.wait_for(lambda: "Connected. Waiting for orders." in desktop.texts())
    desktop.press("Disconnect")
    assert host.wait_for(lambda: host.byes == ["disconnect"])
    assert host.wait_for(lambda: "Connect" in desktop.texts())
    desktop.press("Connect")
    assert host.wait_for(lambda: len(host.hellos) == 2)
    desktop.press("Remove")
    desktop.answer("No")
    assert host.do("LS", "C:\\DEPLOY\\AGENT98.EXE") == "OK 1"
    desktop.press("Remove")
    desktop.answer("Yes")
    assert host.wait_for(lambda: host.byes[-1] == "remove")
    assert host.wait_for(lambda: not pc.names)
    assert pc.at_start == {}


def test_a_new_agent_takes_its_place_and_is_forgotten(
    pc: SimulatedPc, host: Host, program: bytes
) -> None:
    new = program + b"new"
    sum_ = hashlib.sha256(new).hexdigest()
    assert host.do("UPGRADE", len(new), sum_, carried=new) == "OK 0"
    assert host.wait_for(lambda: host.hellos[-1]["state"] == "idle" and len(host.hellos) == 3)
    assert len({said["boot"] for said in host.hellos}) == 1
    assert (pc.folder / "DEPLOY" / "AGENT98.EXE").read_bytes() == new
    assert pc.at_start == {"AGENT98": "C:\\DEPLOY\\AGENT98.EXE /MIN"}
    assert host.do("FORGET").startswith("OK 0")
    assert host.wait_for(lambda: not pc.names)
    assert pc.at_start == {}


@pytest.mark.parametrize("step", range(1, 26, 3))
def test_wherever_the_power_fails_in_an_upgrade_a_whole_agent_starts(
    program: bytes, host: Host, tmp_path: Path, step: int
) -> None:
    pc = SimulatedPc(tmp_path / "c", host.port)
    pc.download(handed_out(program))
    pc.let_live()
    try:
        assert host.wait_for(lambda: host.hellos)
        new = program + b"new"
        pc.fail_at(step)
        order = host.give("UPGRADE", len(new), hashlib.sha256(new).hexdigest(), carried=new)
        answer = host.answer(order, 60)
        assert answer in ("OK 0", "LOST")
        assert host.wait_for(lambda: host.hellos[-1]["state"] == "idle")
        there = (pc.folder / "DEPLOY" / "AGENT98.EXE").read_bytes()
        assert there == new or there.startswith(program + b"[AGENT98]")
        assert host.do("LS", "C:\\DEPLOY\\AGENT98.EXE") == "OK 1"
    finally:
        pc.off()
