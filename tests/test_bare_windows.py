"""GO.BAT on a PC that lacks what it leans on: it says what is true, and does not guess."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deployer.core.target import gobat
from deployer.face.card import typed_lines
from deployer.host import staging
from deployer.host.offers.offer import Offer
from deployer.host.requests import Request
from deployer.host.service import Service
from deployer.model import DEFAULT_TARGET_DIRECTORY, Manifest, State
from deployer.sim import windows
from deployer.sim.cable import Link
from deployer.sim.console import QueuedConsole
from deployer.sim.disk import Disk
from deployer.sim.machine import Machine
from deployer.sim.typist import visit
from deployer.sim.win32 import StepClock
from docs.generate.gobat import sample

NOBODY: Mapping[str, tuple[str, int]] = {"192.168.1.1": ("127.0.0.1", 1)}
"""A host whose port nobody listens on."""
NOTHING = ("FIND.EXE", "CHOICE.COM")


@dataclass(slots=True)
class OldPC:
    """A simulated PC, what its screen showed, and the seconds that its batch file waited."""

    machine: Machine
    screen: list[str] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)

    @property
    def shown(self) -> str:
        return "".join(self.screen)


def old_pc(
    folder: Path, *, without: tuple[str, ...] = (), routes: Mapping[str, tuple[str, int]] = NOBODY
) -> OldPC:
    (folder / "c").mkdir(exist_ok=True)
    screen: list[str] = []
    waited: list[float] = []
    machine = Machine(
        Disk(folder / "c", cluster=4096),
        console=QueuedConsole(screen.append),
        link=Link(routes=dict(routes), patience=10.0),
        clock=StepClock(time.time(), step=0.02),
        wait=waited.append,
        without=without,
    )
    return OldPC(machine, screen, waited)


def delivered(
    folder: Path, source: Path, *, run: str = "", without: tuple[str, ...] = ()
) -> tuple[State, str, OldPC]:
    """How a push to such a PC ended, why, and the PC."""

    async def play() -> tuple[State, str, OldPC]:
        request = Request((source,), run=run or None, no_run=not run)
        manifest = staging.stage(request)
        async with Service(
            folder / "state", clock=time.time, address="127.0.0.1", ftp_port=0
        ) as service:
            await service.deploy(Offer(manifest, "127.0.0.1", DEFAULT_TARGET_DIRECTORY))
            routes = {manifest.host: ("127.0.0.1", service.ftp_port)}
            pc = old_pc(folder, without=without, routes=routes)
            card = typed_lines(manifest.host)
            typing = asyncio.create_task(asyncio.to_thread(visit, pc.machine, card, tries=1))
            ended = await service.finished(manifest.deployment, silence=40)
            await service.until_logged_out(manifest.deployment)
            await typing
            return ended.state, ended.reason, pc

    return asyncio.run(asyncio.wait_for(play(), 90))


def go(pc: OldPC, prepare: Callable[[Disk], None] = lambda disk: None) -> str:
    """Start GO.BAT of a host that nobody can reach; what the screen showed."""
    pc.machine.boot()
    pc.machine.disk.write_bytes("C:\\GO.BAT", gobat.render(sample(), DEFAULT_TARGET_DIRECTORY))
    prepare(pc.machine.disk)
    pc.machine.run_line("CD \\")
    pc.machine.run_line("GO")
    return pc.shown


@pytest.mark.parametrize("without", [(), ("FIND.EXE",), NOTHING])
def test_the_true_reason_reaches_the_host(tmp_path: Path, without: tuple[str, ...]) -> None:
    text = tmp_path / "letter.exe"
    text.write_bytes(b"Dear user, this is no program.\r\n")
    state, reason, _pc = delivered(tmp_path, text, run="LETTER.EXE", without=without)
    assert state == State.FAILED
    assert "could not be started: LETTER.EXE" in reason


def test_without_find_the_receipt_is_shown_and_not_judged(tmp_path: Path) -> None:
    text = tmp_path / "letter.txt"
    text.write_bytes(b"Dear user\r\n")
    state, _reason, pc = delivered(tmp_path, text, without=NOTHING)
    assert state == State.PROVED
    assert "Finished. The host has" not in pc.shown
    there = pc.shown.index("FIND.EXE, so you have to read the host's receipt:")
    assert "If it does not name D" in pc.shown[there:]
    assert not pc.waited


@pytest.mark.parametrize(
    ("place", "typed"),
    [
        ("C:\\WINDOWS\\GO.BAT", "GO"),
        ("C:\\WINDOWS\\GO.BAT", "go.bat"),
        ("C:\\TEMP\\GO.BAT", "C:\\TEMP\\GO.BAT"),
        ("C:\\TEMP\\GO_1_.BAT", "C:\\TEMP\\GO_1_.BAT"),
        ("C:\\DEPLOY\\GO.BAT", "C:\\DEPLOY\\GO"),
        ("C:\\DEPLOY\\GO.BAT", "C:\\DEPLOY\\GO.BAT"),
    ],
)
def test_go_lies_in_its_own_directory_afterwards(tmp_path: Path, place: str, typed: str) -> None:
    pc = old_pc(tmp_path)
    pc.machine.boot()
    data = gobat.render(sample(), DEFAULT_TARGET_DIRECTORY)
    for folder in ("C:\\TEMP", "C:\\DEPLOY"):
        pc.machine.run_line(f"MD {folder}")
    pc.machine.disk.write_bytes(place, data)
    pc.machine.run_line("CD \\WINDOWS")
    pc.machine.run_line(typed)
    assert pc.machine.disk.read_bytes("C:\\DEPLOY\\GO.BAT") == data
    assert "Deployment " in pc.shown
    assert "Bad command" not in pc.shown


@pytest.mark.parametrize("without", [(), ("CHOICE.COM",), NOTHING])
def test_it_waits_for_the_host_whatever_can_wait(tmp_path: Path, without: tuple[str, ...]) -> None:
    pc = old_pc(tmp_path, without=without)
    shown = go(pc)
    assert sum(pc.waited) >= sum(gobat.FETCH_PAUSES) + sum(gobat.SEND_PAUSES)
    assert "The host did not take the result." in shown


def test_without_anything_that_waits_a_key_is_asked_for(tmp_path: Path) -> None:
    pc = old_pc(tmp_path, without=("CHOICE.COM", "PING.EXE"))
    shown = go(pc)
    pauses = len(gobat.FETCH_PAUSES) + len(gobat.SEND_PAUSES)
    assert shown.count("Press any key to continue") == pauses + 1


@pytest.mark.parametrize("without", [(), ("CHOICE.COM",)])
@pytest.mark.parametrize("newer", [True, False])
def test_a_go_bat_of_an_older_push_says_so_after_one_call(
    tmp_path: Path, newer: bool, without: tuple[str, ...]
) -> None:
    (tmp_path / "old.txt").write_bytes(b"old")
    (tmp_path / "new.txt").write_bytes(b"new")
    old, new = (
        staging.stage(Request((tmp_path / f"{name}.txt",), no_run=True)) for name in ("old", "new")
    )

    async def play() -> OldPC:
        async with Service(
            tmp_path / "state", clock=time.time, address="127.0.0.1", ftp_port=0
        ) as service:
            await service.deploy(Offer(old, "127.0.0.1", DEFAULT_TARGET_DIRECTORY))
            service.cancel(old.deployment)
            if newer:
                await service.deploy(Offer(new, "127.0.0.1", DEFAULT_TARGET_DIRECTORY))
            routes = {old.host: ("127.0.0.1", service.ftp_port)}
            pc = old_pc(tmp_path, without=without, routes=routes)
            await asyncio.to_thread(start, pc, old)
            service.cancel(new.deployment)
            return pc

    def start(pc: OldPC, manifest: Manifest) -> None:
        pc.machine.boot()
        go_bat = gobat.render(manifest, DEFAULT_TARGET_DIRECTORY)
        pc.machine.disk.write_bytes("C:\\GO.BAT", go_bat)
        pc.machine.run_line("C:\\GO")

    pc = asyncio.run(asyncio.wait_for(play(), 60))
    assert pc.shown.count("Connected to") == 1
    assert "This GO.BAT is of an older push: fetch GO.BAT again, as the card says." in pc.shown
    assert f"FTP {old.host}     User: a     get GO.BAT     bye" in pc.shown
    assert not pc.waited


@pytest.mark.parametrize("left", [{}, {"winbootdir": "D:\\NOWHERE"}, {"PATH": "C:\\WINDOWS"}])
def test_windows_is_found_without_its_variables(
    tmp_path: Path, left: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "ENVIRONMENT", left)
    pc = old_pc(tmp_path)
    shown = go(pc)
    assert "Bad command or file name" not in shown
    if "winbootdir" in left:
        assert "There is no D:\\NOWHERE\\FTP.EXE" in shown
    else:
        assert sum(pc.waited) > 60


def test_a_disk_without_room_is_told_at_once(tmp_path: Path) -> None:
    def fill(disk: Disk) -> None:
        disk.mkdir("C:\\DEPLOY")
        disk.leave_free(0)

    pc = old_pc(tmp_path)
    shown = go(pc, fill)
    assert "The disk is full: there is no room even for a report. Make room on it," in shown
    assert "Fetching the helper" not in shown
    assert not pc.waited


def test_a_file_in_the_place_of_the_directory_is_told(tmp_path: Path) -> None:
    pc = old_pc(tmp_path)
    pc.machine.boot()
    pc.machine.disk.write_bytes("C:\\GO.BAT", gobat.render(sample(), "C:\\GAMES\\NEW"))
    pc.machine.disk.write_bytes("C:\\DEPLOY", b"a file")
    pc.machine.run_line("CD \\")
    pc.machine.run_line("GO")
    assert "C:\\DEPLOY is a file. Rename it." in pc.shown
    assert "full" not in pc.shown
