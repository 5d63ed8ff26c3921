"""The receiver that is typed into a PC which has nothing but DOS.

What is proven by what: the bytes are those of the source (nasm) and 8086 code only (capstone's
decoder); the program itself runs on DOSBox's machine and its UART, neither of which is ours;
DOSBox has neither DEBUG nor CTTY, so the typing runs against a stand-in for these two that is ours
and keeps to Microsoft's description of them (facts E7, E9).
"""

from __future__ import annotations

import os
import random
import select
import socket
import subprocess
import time
from pathlib import Path

import pytest

from deployer.core.serial import boot98, transfer, xmodem
from deployer.core.serial.transfer import FileOffer
from deployer.edge.serial.drive import Hooks, drive
from deployer.edge.serial.port import LineGoneError
from tests import needs
from tests.dosdebug import Dos, type_into

SOURCE = Path(__file__).resolve().parents[2] / "payloads" / "boot98"
ON_8086 = {
    "adc", "add", "and", "call", "cbw", "cld", "clc", "cmp", "dec", "in", "inc", "int", "ja", "jae",
    "jb", "jbe", "jcxz", "je", "jmp", "jne", "lodsb", "loop", "mov", "mul", "not", "or", "out",
    "pop", "push", "ret", "sbb", "shl", "stc", "stosb", "sub", "test", "xor",
}  # fmt: skip
PORTS = (1, 2, 3, 4)
DELAY = bytes.fromhex("B400CD1A89D3B400CD1A29DA83FA1272F5C3")
"""A .COM that waits a second, so that DOSBox does not end before its last byte has left."""


def test_the_committed_bytes_are_those_of_the_source(tmp_path: Path) -> None:
    assert (SOURCE / "BOOT98.COM").read_bytes() == boot98.program()
    needs.require("nasm")
    made = tmp_path / "BOOT98.COM"
    subprocess.run(["nasm", "-f", "bin", "-o", made, SOURCE / "boot98.asm"], check=True, timeout=90)
    assert made.read_bytes() == boot98.program()


def test_every_byte_is_an_8086_instruction() -> None:
    capstone = pytest.importorskip("capstone")
    code = boot98.program()
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_16)
    start = code[:2]
    assert start == b"\xeb\x02"
    body = code[4:]
    decoded = list(decoder.disasm(body, 0x104))
    assert sum(i.size for i in decoded) == len(body)
    # 98h is CBW in 16-bit code, whatever capstone calls it.
    assert {"cbw" if i.bytes == b"\x98" else i.mnemonic for i in decoded} <= ON_8086
    starts = {i.address for i in decoded}
    for i in decoded:
        if (i.mnemonic.startswith("j") or i.mnemonic in ("call", "loop")) and i.op_str[:2] == "0x":
            assert int(i.op_str, 16) in starts, f"{i.mnemonic} {i.op_str} goes astray"
        immediates = i.mnemonic in ("shl", "push") and i.op_str.endswith(tuple("23456789"))
        assert not immediates, f"{i.mnemonic} {i.op_str} is 80186 code"
    assert not any(prefix in body for prefix in (b"\x66\x90", b"\x0f\x84"))


def test_its_only_interrupt_is_dos() -> None:
    capstone = pytest.importorskip("capstone")
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_16)
    ints = [i.op_str for i in decoder.disasm(boot98.program()[4:], 0x104) if i.mnemonic == "int"]
    assert set(ints) == {"0x21"}


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("speed", [9600, 38_400, 115_200])
def test_the_typed_text_is_plain(port: int, speed: int) -> None:
    for line in boot98.script(boot98.program(port=port, speed=speed)):
        assert all(32 <= ord(c) < 127 for c in line)
        assert len(line) < 70


@pytest.mark.parametrize(("port", "speed"), [(0, 9600), (5, 9600), (1, 100_000), (1, 300)])
def test_impossible_ports_and_speeds_are_refused(port: int, speed: int) -> None:
    with pytest.raises(ValueError, match="COM1 to COM4"):
        boot98.program(port=port, speed=speed)


def test_typing_makes_the_program() -> None:
    dos = Dos()
    code = boot98.program(port=2, speed=38_400)
    events = type_into(dos, code)
    assert events[-1] == boot98.Made()
    assert dos.files == {"BOOT98.COM": code}


def test_a_byte_that_memory_got_wrong_is_not_written() -> None:
    dos = Dos(wrong_at=0x180)
    events = type_into(dos, boot98.program())
    assert isinstance(events[-1], boot98.Stuck)
    assert "not those that were typed" in events[-1].what
    assert dos.files == {}


@pytest.mark.parametrize("deaf_at", [1, 3, 20, 700, 2000])
def test_a_line_that_dies_is_noticed(deaf_at: int) -> None:
    dos = Dos(deaf_at=deaf_at)
    events = type_into(dos, boot98.program())
    assert isinstance(events[-1], boot98.Stuck)
    assert dos.files == {}


class Socket:
    """DOSBox's null modem: a TCP connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        connection.setblocking(False)

    def read(self, wait: float, *, until_writable: bool = False) -> bytes:
        writers = [self._connection] if until_writable else []
        if not select.select([self._connection], writers, [], wait)[0]:
            return b""
        data = self._connection.recv(4096)
        if not data:
            raise LineGoneError("DOSBox has ended")
        return data

    def write(self, data: bytes) -> int:
        try:
            return self._connection.send(data)
        except BlockingIOError:
            return 0

    def drop_output(self) -> None:
        pass

    def drain(self, limit: float) -> None:
        pass

    def reopen(self) -> bool:
        return False


@pytest.mark.needs("dosbox")
def test_it_receives_files_on_a_machine_that_is_not_ours(tmp_path: Path) -> None:
    random_source = random.Random(8086)
    files = [
        ("HELPER.EXE", random_source.randbytes(40_001)),
        ("EMPTY.BIN", b""),
        ("CTRLZ.BIN", b"\x1a"),
        ("BLOCK.BIN", random_source.randbytes(1024)),
        ("AUX_1.BIN", bytes(range(256)) * 5),
    ]
    (tmp_path / "BOOT98.COM").write_bytes(boot98.program())
    (tmp_path / "DELAY.COM").write_bytes(DELAY)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(90)
        (tmp_path / "db.conf").write_text(
            "[sdl]\noutput=surface\n[cpu]\ncore=normal\ncputype=386\ncycles=20000\n"
            "[mixer]\nnosound=true\n[serial]\n"
            f"serial1=nullmodem server:127.0.0.1 port:{server.getsockname()[1]} transparent:1\n"
            f"[autoexec]\nmount c {tmp_path}\nc:\nBOOT98\nif errorlevel 1 goto bad\n"
            "echo ok > GOOD.TXT\n:bad\nDELAY\nexit\n"
        )
        surroundings = {
            **os.environ, "SDL_VIDEODRIVER": "dummy", "SDL_AUDIODRIVER": "dummy",
            "HOME": str(tmp_path),
        }  # fmt: skip
        machine = subprocess.Popen(
            ["dosbox", "-conf", tmp_path / "db.conf", "-noconsole"],
            env=surroundings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            connection = server.accept()[0]
            with connection:
                last = send(files, Socket(connection))
            machine.wait(90)
        finally:
            machine.kill()
            machine.wait()
    assert last == transfer.Finished()
    assert {name: (tmp_path / name).read_bytes() for name, _data in files} == dict(files)
    assert (tmp_path / "GOOD.TXT").is_file()


def send(files: list[tuple[str, bytes]], line: Socket) -> transfer.TransferEvent | None:
    sender = xmodem.XmodemSender(
        [FileOffer(name, len(data)) for name, data in files], now=time.monotonic()
    )
    end = time.monotonic() + 120

    def supply(want: transfer.Want) -> bytes:
        return files[want.index][1][want.position : want.position + want.length]

    hooks = Hooks(lambda event: None, supply, cancelled=lambda: time.monotonic() > end)
    return drive(sender, line, hooks, giver=sender, wait_for_line=0.1)
