"""Wrong turns of a new user: each is told what is wrong and what to do before a byte is sent."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from deployer.__main__ import run

Deployer = Callable[..., tuple[int, str, str]]

SIM = ("push", "--target", "sim")
TEXT = (*SIM, "some.txt")


def to(target: str, *more: str) -> tuple[str, ...]:
    return ("push", "some.txt", "--target", target, *more)


def started(program: str, *more: str) -> tuple[str, ...]:
    return (*SIM, *(more or ("some.txt",)), "--run", program)


def pe(
    machine: int = 0x14C,
    characteristics: int = 0x102,
    magic: int = 0x10B,
    version: tuple[int, int] = (4, 0),
    subsystem: int = 3,
) -> bytes:
    """The headers of a PE file, by the specification; no sections."""
    dos = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
    file = struct.pack("<4sHHIIIHH", b"PE\0\0", machine, 0, 0, 0, 0, 224, characteristics)
    optional = bytearray(224)
    struct.pack_into("<H", optional, 0, magic)
    struct.pack_into("<HH", optional, 48, *version)
    struct.pack_into("<H", optional, 68, subsystem)
    return dos + file + bytes(optional) + bytes(200)


def importing(library: str, function: str) -> bytes:
    """A Win32 program that imports one function."""
    image = bytearray(pe())
    optional = 64 + 24
    struct.pack_into("<H", image, 64 + 6, 1)  # sections
    struct.pack_into("<III", image, optional + 28, 0x400000, 0x1000, 0x200)
    struct.pack_into("<II", image, optional + 56, 0x2000, 0x200)  # sizes of image and headers
    struct.pack_into("<I", image, optional + 92, 16)
    struct.pack_into("<II", image, optional + 96 + 8, 0x1000, 40)
    section = struct.pack(
        "<8sIIIIIIHHI", b".idata", 0x200, 0x1000, 0x200, 0x200, 0, 0, 0, 0, 0x40000040
    )
    image[optional + 224 : optional + 224 + 40] = section
    data = bytearray(0x200)
    struct.pack_into("<IIIII", data, 0, 0x1030, 0, 0, 0x1060, 0x1038)  # one library, then none
    struct.pack_into("<II", data, 0x30, 0x1040, 0)
    struct.pack_into("<II", data, 0x38, 0x1040, 0)
    data[0x42 : 0x42 + len(function)] = function.encode()
    data[0x60 : 0x60 + len(library)] = library.encode()
    return bytes(image[:0x200].ljust(0x200, b"\0")) + bytes(data)


FILES = {
    "some.txt": b"some text",
    "empty.bin": b"",
    "linux": b"\x7fELF\x01\x01\x01" + bytes(100),
    "mac": b"\xcf\xfa\xed\xfe" + bytes(100),
    "install.sh": b"#!/bin/sh\necho hello\n",
    "x64.exe": pe(machine=0x8664, magic=0x20B),
    "arm.exe": pe(machine=0xAA64, magic=0x20B),
    "alpha.exe": pe(machine=0x184),
    "library.exe": pe(characteristics=0x2102),
    "xp.exe": pe(version=(5, 1)),
    "vista.exe": pe(version=(6, 0), subsystem=2),
    "driver.exe": pe(subsystem=1),
    "later.exe": importing("KERNEL32.dll", "GetTickCount64"),
    "crt.exe": importing("api-ms-win-crt-runtime-l1-1-0.dll", "_exit"),
}
FOR_98 = (
    "Push a program for Windows 98 (32-bit x86), deliver the file only with --no-run, or add "
    "--no-check."
)
OLD_PC = "Give the old PC's own address. WINIPCFG shows it there, and it is usually 192.168.1.2."
ADD_FILE = (
    "Add the file to the command. If the old PC has it already, give its path, such as "
    "C:\\GAMES\\RUN.EXE."
)
WHICH_TARGET = "Look up the old PC's address with WINIPCFG there, or rehearse with sim."

TURNS = {
    # Files.
    "a missing file": (
        (*SIM, "nothing.bin"),
        1,
        "nothing.bin: there is no such file.",
        "Check the name; paths are relative to the directory you are in.",
    ),
    "an empty file": (
        (*SIM, "empty.bin"),
        1,
        "empty.bin: the file is empty, so there is nothing to prove.",
        "Check that it was written or downloaded completely.",
    ),
    "an empty directory": (
        (*SIM, "nothing"),
        1,
        "nothing: this directory has no file in it, so there is nothing to send.",
        "Check the name, and whether the directory was unpacked completely.",
    ),
    "an address on the web": (
        (*SIM, "https://example.org/a.bin"),
        1,
        "https://example.org/a.bin: that is an address on the web, not a file.",
        "Download it first, then push the file.",
    ),
    "an FTP address": (
        (*SIM, "ftp://example.org/a.zip"),
        1,
        "ftp://example.org/a.zip: that is an address on the web, not a file.",
        "Download it first, then push the file.",
    ),
    # Media.
    "staging to nowhere": (
        ("stage", "some.txt", "--no-run"),
        1,
        "Where to is missing.",
        "Give --out DIR, or --cd FILE.iso.",
    ),
    "floppies without a directory": (
        ("stage", "some.txt", "--no-run", "--floppies"),
        1,
        "That is no way of staging: --floppies goes with --out, --cd with its file alone.",
        "Write --floppies --out DIR, or --cd FILE.iso, without --ftp.",
    ),
    "a size that no floppy disk has": (
        ("stage", "some.txt", "--no-run", "--floppies", "--size", "360", "--out", "disks"),
        1,
        "--size 360: no such floppy disk.",
        "There are: 1440, 1200, 720.",
    ),
    "a code of nothing": (
        ("proof", "--code", "AAAA-AAAA"),
        1,
        "--code needs --from.",
        "Say of what it is the code.",
    ),
    # Programs.
    "a program for Linux": (
        started("linux", "linux"),
        1,
        "linux: this is a program for Linux or another Unix (ELF).",
        FOR_98,
    ),
    "a program for Linux with options": (
        started("LINUX -v some.txt", "linux", "some.txt"),
        1,
        "linux: this is a program for Linux or another Unix (ELF).",
        FOR_98,
    ),
    "a program for macOS": (
        started("mac", "mac"),
        1,
        "mac: this is a program for macOS (Mach-O).",
        FOR_98,
    ),
    "a shell script": (
        started("install.sh", "install.sh"),
        1,
        "install.sh: this is a script for a Unix shell (it begins with #!).",
        FOR_98,
    ),
    "a 64-bit program": (
        started("x64", "x64.exe"),
        1,
        "x64.exe: this is a program for 64-bit Windows (x86-64).",
        FOR_98,
    ),
    "a program for ARM": (
        started("arm.exe", "arm.exe"),
        1,
        "arm.exe: this is a program for Windows on ARM.",
        FOR_98,
    ),
    "a program for an Alpha": (
        started("alpha.exe", "alpha.exe"),
        1,
        "alpha.exe: this is a program for another processor (0184h).",
        FOR_98,
    ),
    "a library": (
        started("library.exe", "library.exe"),
        1,
        "library.exe: this is a library (DLL), not a program.",
        FOR_98,
    ),
    "a program for Windows XP": (
        started("xp.exe", "xp.exe"),
        1,
        "xp.exe: its header asks for Windows 5.1 or newer, and Windows 98 is 4.10.",
        FOR_98,
    ),
    "a program for Vista": (
        started("VISTA.EXE", "vista.exe"),
        1,
        "vista.exe: its header asks for Windows 6.0 or newer, and Windows 98 is 4.10.",
        FOR_98,
    ),
    "a driver": (
        started("driver.exe", "driver.exe"),
        1,
        "driver.exe: this is no program for Windows (subsystem 1).",
        FOR_98,
    ),
    "an import of a later Windows": (
        started("later", "later.exe"),
        1,
        "later.exe: it needs GetTickCount64 of KERNEL32.dll, which Windows 98 does not have.",
        FOR_98,
    ),
    "a library of a later Windows": (
        started("crt", "crt.exe"),
        1,
        "crt.exe: it needs api-ms-win-crt-runtime-l1-1-0.dll, which Windows 98 does not have.",
        FOR_98,
    ),
    "a program that is not sent": (
        started("game.exe"),
        1,
        "--run game.exe: no file of that name is sent, and Windows 98 has none.",
        ADD_FILE,
    ),
    "a program's name mistyped": (
        started("latter.exe", "later.exe"),
        1,
        "--run latter.exe: no file of that name is sent, and Windows 98 has none.",
        f"Did you mean later.exe? {ADD_FILE}",
    ),
    "a command of COMMAND.COM": (
        started("DIR C:\\"),
        1,
        "--run DIR: this is a command of COMMAND.COM, not a program.",
        'Write: --run "COMMAND /C DIR ..."',
    ),
    "two ways to start": (
        (*TEXT, "--run", "some.txt", "--no-run"),
        1,
        "--run and --no-run each say what is to be started.",
        "Leave all but one of them out.",
    ),
    "a recipe's option with --run": (
        (*TEXT, "--run", "some.txt", "--seed", "1"),
        1,
        "--seed belongs to a recipe, not to --run.",
        "Write the program's own options into --run.",
    ),
    "a recipe's option with --no-run": (
        (*TEXT, "--no-run", "--seed", "1"),
        1,
        "--seed has no effect with --no-run.",
        "Leave one of them out.",
    ),
    "a recipe's option without a model": (
        (*TEXT, "--steps", "9"),
        1,
        "--steps has no effect: no llama2.c model is among the files.",
        "Name the model file first, or leave the option out.",
    ),
    "a recipe that is none": (
        (*TEXT, "--recipe", "wat"),
        1,
        "--recipe wat: there is no such recipe.",
        None,
    ),
    "an agent, and a payload for elsewhere": (
        (*TEXT, "--no-run", "--stay", "--to", "C:\\GAME"),
        1,
        "--stay leaves an agent in C:\\DEPLOY, and this payload goes to C:\\GAME.",
        "Bring the agent with a push of its own, without --to. It then takes pushes to every "
        "directory.",
    ),
    # Targets.
    "an address that is none": (to("300.1.1.1"), 1, None, WHICH_TARGET),
    "an IPv6 address": (to("fe80::1"), 1, None, WHICH_TARGET),
    "our own address": (
        to("192.168.1.1"),
        1,
        "192.168.1.1: this is this computer's own address on the wire.",
        OLD_PC,
    ),
    "our own address, as it was asked for": (
        to("10.9.8.7", "--address", "10.9.8.7"),
        1,
        "10.9.8.7: this is this computer's own address on the wire.",
        OLD_PC,
    ),
    "our own link-local address": (
        to("169.254.1.1"),
        1,
        "169.254.1.1: this is this computer's own address on the wire.",
        OLD_PC,
    ),
    "another subnet": (
        to("192.168.7.2"),
        1,
        "192.168.7.2: this is not in the wire's subnet, 192.168.1.0/24 or 169.254.0.0/16.",
        OLD_PC,
    ),
    "another subnet, without link-local": (
        to("192.168.7.2", "--no-link-local"),
        1,
        "192.168.7.2: this is not in the wire's subnet, 192.168.1.0/24.",
        OLD_PC,
    ),
    "a machine on the internet": (
        to("8.8.8.8"),
        1,
        "8.8.8.8: this is not in the wire's subnet, 192.168.1.0/24 or 169.254.0.0/16.",
        OLD_PC,
    ),
    "the broadcast address": (
        to("192.168.1.255"),
        1,
        "192.168.1.255: no machine can have this address, it means the whole subnet.",
        OLD_PC,
    ),
    "the subnet itself": (
        to("192.168.1.0"),
        1,
        "192.168.1.0: no machine can have this address, it means the whole subnet.",
        OLD_PC,
    ),
    "no address at all": (to("0.0.0.0"), 1, "0.0.0.0: no machine can have this address.", OLD_PC),
    "a multicast address": (
        to("224.0.0.1"),
        1,
        "224.0.0.1: no machine can have this address.",
        OLD_PC,
    ),
    "everybody's address": (
        to("255.255.255.255"),
        1,
        "255.255.255.255: no machine can have this address.",
        OLD_PC,
    ),
    "the loopback address": (
        to("127.0.0.1"),
        1,
        "127.0.0.1: this address always means the computer itself.",
        OLD_PC,
    ),
    "a serial port without its word": (
        to("COM1"),
        1,
        "--target COM1: this looks like a serial port.",
        "Write it as --target serial:COM1",
    ),
    "a device without its word": (
        to("/dev/ttyUSB0"),
        1,
        "--target /dev/ttyUSB0: this looks like a serial port.",
        "Write it as --target serial:/dev/ttyUSB0",
    ),
    "a serial port that is not there": (
        to("serial:/dev/nothing"),
        3,
        None,
        "Plug the adapter in, then look with: deployer serial ports",
    ),
    "a pull over a serial port that is not there": (
        ("pull", "serial:/dev/nothing", "C:\\LOGS"),
        3,
        None,
        "Plug the adapter in, then look with: deployer serial ports",
    ),
    "a pull over a line of 7 bits": (
        ("pull", "serial:/dev/nothing", "C:\\LOGS", "--bits", "7", "--parity", "even"),
        1,
        None,
        "Set HyperTerminal there to 8, None, 1: this goes by ZMODEM, which needs all 8 bits. "
        "Plain text over 7 bits: deployer serial --help",
    ),
    # Where to, and how.
    "a directory without a drive": ((*TEXT, "--to", "DEPLOY"), 1, None, None),
    "a directory with a forbidden character": ((*TEXT, "--to", "C:\\A?B"), 1, None, None),
    "parts that are too small": (
        (*TEXT, "--part-size", "3"),
        1,
        "--part-size 3: a part has between 256K and 64M.",
        "Leave it out for 4M, or give for example --part-size 1M.",
    ),
    "parts without a number": (
        (*TEXT, "--part-size", "big"),
        1,
        "--part-size big: a part has between 256K and 64M.",
        "Leave it out for 4M, or give for example --part-size 1M.",
    ),
    "a profile that is none": (
        (*TEXT, "--profile", "win97"),
        1,
        "--profile win97: there is no such profile.",
        "There are: win95-fat16, win98-fat16, win98-fat32; or give a .toml file.",
    ),
    "a fault that is none": ((*TEXT, "--fault", "wat"), 1, None, None),
    "faults for a real PC": (
        to("192.168.1.2", "--fault", "cut"),
        1,
        "--fault breaks simulated PCs only.",
        "Use it with the target sim.",
    ),
    "an interface that is none": (
        to("192.168.1.2", "--interface", "wat0"),
        1,
        "This computer has no network interface named wat0.",
        None,
    ),
    "an address of ours that is none": (
        to("192.168.1.2", "--address", "300.1.1.1"),
        1,
        None,
        "See: deployer push --help",
    ),
    "an address of ours that nobody can have": (
        to("192.168.1.2", "--address", "224.0.0.1"),
        1,
        None,
        None,
    ),
    "a time that is none": ((*TEXT, "--timeout", "x"), 1, None, "See: deployer push --help"),
    "a port beyond all ports": (
        to("192.168.1.2", "--ftp-port", "70000"),
        1,
        None,
        "See: deployer push --help",
    ),
    # Commands.
    "a command mistyped": (
        ("pish", "some.txt"),
        1,
        "No such command 'pish'. Did you mean 'push'?",
        "See: deployer --help",
    ),
    "an option mistyped": ((*SIM, "--rum", "X", "some.txt"), 1, None, "See: deployer push --help"),
    "a proof of nothing": (
        ("proof", "D1234567"),
        1,
        "There is no deployment D1234567.",
        "Look at what there is with: deployer history",
    ),
    "a retry of nothing": (
        ("retry", "D1234567"),
        1,
        "There is no deployment D1234567 here.",
        "List the deployments with: deployer history",
    ),
    "a cancel of nothing": (
        ("cancel", "D1234567"),
        1,
        "There is no deployment D1234567 here.",
        "List the deployments with: deployer history",
    ),
    "a bench file that is missing": (
        ("provision", "nothing.toml"),
        1,
        None,
        "Write a commented example with: deployer provision BENCH.toml --init",
    ),
    "a batch file that is missing": (
        ("lint", "nothing.bat"),
        1,
        "nothing.bat: there is no such file.",
        None,
    ),
    "a model that is none": (("inspect", "some.txt"), 1, None, None),
}


@pytest.fixture
def deployer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Deployer:
    """Runs a command line in a directory with FILES and a state directory of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEPLOYER_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "nothing").mkdir()
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(list(arguments))
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.mark.parametrize("turn", TURNS)
def test_a_wrong_turn_is_told_before_a_byte_is_sent(deployer: Deployer, turn: str) -> None:
    """None: the line depends on this computer, or another test has its words."""
    arguments, code, what, remedy = TURNS[turn]
    got, out, err = deployer(*arguments)
    lines = err.splitlines()
    assert (got, len(lines), out) == (code, 2, ""), err + out
    assert lines[0].startswith("deployer: ")
    assert what is None or lines[0] == f"deployer: {what}"
    assert remedy is None or lines[1] == remedy
    _code, rows, _err = deployer("history", "--json")
    assert all(json.loads(row)["state"] == "failed" for row in rows.splitlines())


@pytest.mark.parametrize(
    ("program", "files"),
    [
        ("NOTEPAD.EXE some.txt", ["some.txt"]),
        ("C:\\GAMES\\PLAY.EXE", ["some.txt"]),
        ("COMMAND /C DIR", ["some.txt"]),
        ("later.exe", ["later.exe", "KERNEL32.DLL"]),
    ],
)
def test_what_the_old_pc_may_have_is_taken(
    deployer: Deployer, tmp_path: Path, program: str, files: list[str]
) -> None:
    (tmp_path / "KERNEL32.DLL").write_bytes(b"brought along")
    out = tmp_path / "out"
    assert deployer("stage", *files, "--run", program, "--out", str(out))[0] == 0
    assert (out / "GO.BAT").is_file()


def test_no_check_sends_it_all_the_same(deployer: Deployer, tmp_path: Path) -> None:
    words = ("stage", "xp.exe", "--run", "xp.exe", "--out", str(tmp_path / "out"))
    assert deployer(*words)[0] == 1
    assert deployer(*words, "--no-check")[0] == 0


def test_our_own_programs_pass(deployer: Deployer, root: Path, tmp_path: Path) -> None:
    for number, path in enumerate(sorted((root / "payloads" / "bin").glob("*.EXE"))):
        out = str(tmp_path / f"out{number}")
        assert deployer("stage", str(path), "--run", path.name, "--out", out)[0] == 0
