"""GO.BAT takes the same way in DOSBox and in the simulated COMMAND.COM, whatever its programs say.

FTP, PING, the helper, FIND and CHOICE are one small 8086 program here (stub.asm), which notes each
call, makes the files that the real one would leave, and ends with the code of the scenario.
One thing differs from what a target gets: the PAUSE at the end is left out, since nobody presses a
key in DOSBox.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.core.target import gobat
from deployer.model import FileStamp, Manifest, Payload, StagedFile
from deployer.sim.commandcom import CommandCom
from deployer.sim.disk import Disk
from tests import needs
from tests.doscase import Screen
from tests.interop.test_dosbox import run

STUB = bytes.fromhex(
    "eb013fb8013dba0d02cd217306b43c31c9cd2189c3b8024231c931d2cd21a002018a0e800030eda2800089"
    "cec78481000d0a83c103ba8000b440cd21b43ecd21c6062c0200b8003dba1802cd21721089c3b90100ba2c"
    "02b43fcd21b43ecd21b8003dba2102cd21725d89c38a162c0230f6d1e231c9b80042cd21b90200ba2a02b4"
    "3fcd21b43ecd21fe062c02b43c31c9ba1802cd2189c3b90100ba2c02b440cd21b43ecd21becd01d02e2a02"
    "8b14730cb43c31c9cd2189c3b43ecd2183c602803e2a020075e2a02b02b44ccd21d701e401ed01f7010202"
    "4445504c4f5939382e455845004e4558542e46545000474f5449542e54585400524553554c542e54585400"
    "484f535455502e54585400433a5c4c4f472e54585400433a5c492e44415400433a5c532e44415400000000"
)
"""stub.asm, assembled; its third byte is the letter that it signs its calls with."""

PROGRAMS = {
    "C:\\WINDOWS\\FTP.EXE": "F",
    "C:\\DEPLOY\\DEPLOY98.COM": "D",
    "C:\\WINDOWS\\PING.EXE": "P",
    "C:\\WINDOWS\\COMMAND\\FIND.EXE": "I",
    "C:\\WINDOWS\\COMMAND\\CHOICE.COM": "C",
}
MADE = ("DEPLOY98.EXE", "NEXT.FTP", "GOTIT.TXT", "RESULT.TXT", "HOSTUP.TXT")
HELPER, NEXT, RECEIPT, RESULT, HOSTUP = 1, 2, 4, 8, 16

Step = tuple[int, int]
FTP1: Step = (HELPER, 0)
SELF: Step = (0, 7)
INFO: Step = (0, 0)
MORE: list[Step] = [(NEXT | RESULT, 1), (0, 1)]
IDLE: list[Step] = [(NEXT | RESULT, 1), (0, 0)]
ALL_HERE: Step = (RESULT, 0)
DONE: Step = (RESULT, 0)
FTP: Step = (0, 0)
UP: list[Step] = [(HOSTUP, 0), (0, 0)]
THERE: Step = (0, 0)
SENT: list[Step] = [THERE, (RECEIPT, 0), (0, 0)]
AT_LAST: list[Step] = SENT[1:]
ROOM: Step = (0, 0)
NO_ROOM: Step = (0, 1)
FETCHED = [FTP1, SELF, INFO]
START = [ROOM, *FETCHED]
PAUSE: Step = (0, 1)
DELAY: list[Step] = [(0, 1), PAUSE]
"""FIND does not find that the GO.BAT is of an older push; CHOICE waits."""

SCENARIOS: dict[str, list[Step]] = {
    "all well": [*START, *MORE, FTP, ALL_HERE, DONE, FTP, DONE, *SENT],
    "nothing to fetch": [*START, ALL_HERE, DONE, FTP, DONE, *SENT],
    "three rounds": [*START, *MORE, FTP, *MORE, FTP, *MORE, FTP, ALL_HERE, DONE, FTP, DONE, *SENT],
    "an idle round": [*START, *MORE, FTP, *IDLE, *UP, FTP, ALL_HERE, DONE, FTP, DONE, *SENT],
    "host back after a while": [
        *START, *MORE, FTP, *IDLE, FTP, PAUSE, FTP, PAUSE, *UP, FTP, ALL_HERE, DONE, FTP, DONE,
        *SENT,
    ],
    "host answers with an empty file": [
        *START, *MORE, FTP, *IDLE, (HOSTUP, 0), (0, 1), PAUSE, *UP, FTP, ALL_HERE, DONE, FTP, DONE,
        *SENT,
    ],
    "host gone in the middle": [*START, *MORE, FTP, *IDLE, FTP, *[PAUSE, FTP] * 5],
    "helper damaged once": [ROOM, FTP1, (0, 8), *DELAY, *FETCHED, ALL_HERE, DONE, FTP, DONE, *SENT],
    "helper damaged for ever": [
        ROOM, FTP1, (0, 1), *DELAY, FTP1, (0, 8), *DELAY, FTP1, (0, 0), *DELAY, FTP1, (0, 9), *SENT,
    ],
    "helper never comes": [ROOM, FTP, *DELAY, FTP, *DELAY, FTP, *DELAY, FTP, *SENT],
    "manifest mangled once": [*START, (0, 5), *DELAY, *FETCHED, ALL_HERE, DONE, FTP, DONE, *SENT],
    "gave up": [*START, *MORE, FTP, (RESULT, 2), *SENT],
    "disk full": [*START, (RESULT, 3), *SENT],
    "helper does not start again": [*START, *MORE, FTP, (0, 1), *SENT],
    "damaged while joining": [*START, ALL_HERE, (0, 1), ALL_HERE, DONE, FTP, DONE, *SENT],
    "join fails": [*START, ALL_HERE, (RESULT, 8), *SENT],
    "program fails": [*START, ALL_HERE, DONE, FTP, (RESULT, 6), *SENT],
    "receipt late": [*START, ALL_HERE, DONE, FTP, DONE, THERE, FTP, PAUSE, *AT_LAST],
    "receipt empty": [
        *START, ALL_HERE, DONE, FTP, DONE, THERE, (RECEIPT, 0), (0, 1), PAUSE, *AT_LAST,
    ],
    "host gone": [*START, ALL_HERE, DONE, FTP, DONE, THERE, FTP, *[PAUSE, FTP] * 4],
    "no report": [*START, *MORE, FTP, (0, 9), THERE, *AT_LAST],
    "no room for a report": [*START, *MORE, FTP, (0, 9), (0, 1), ROOM, FTP],
    "no room to join": [*START, ALL_HERE, (0, 3), (0, 1), ROOM, FTP],
    "stopped by Ctrl-C": [*START, ALL_HERE, DONE, FTP, (0, 255), THERE, *AT_LAST],
    "an empty report": [*START, (RESULT, 9), (0, 1), (0, 1), ROOM, FTP],
    "no room at the start": [NO_ROOM, NO_ROOM],
    "no room for the scripts": [NO_ROOM, ROOM, FTP],
    "of an older push": [ROOM, FTP, (0, 0)],
    "gave up, without FIND": [*FETCHED, (NEXT | RESULT, 1), FTP, (RESULT, 2), (RECEIPT, 0)],
    "helper never comes, without FIND": [
        FTP, PAUSE, FTP, PAUSE, FTP, PAUSE, FTP, FTP, *[PAUSE, FTP] * 3, PAUSE, (RECEIPT, 0),
    ],
    "helper damaged once, without CHOICE": [
        ROOM, FTP1, (0, 8), *DELAY, *FETCHED, ALL_HERE, DONE, FTP, DONE, *SENT,
    ],
}  # fmt: skip


def missing(name: str) -> list[str]:
    """The programs that the PC of a scenario lacks."""
    lacking = name.partition(", without ")[2]
    return [path for path in PROGRAMS if lacking and lacking in path]


def go_bat() -> bytes:
    """GO.BAT of a small payload."""
    file = StagedFile("", "A.EXE", "a.exe", 0, "0" * 64, (), FileStamp(0, 0, 0, 0, 0))
    payload = Payload((file,), "A.EXE")
    manifest = Manifest("D7F3A21C", "192.168.1.1", "D7F3A21C", "k3v8mq2xwp", payload)
    return gobat.render(manifest, "C:\\DEPLOY").removesuffix(b"PAUSE\r\n")


def script(steps: list[Step]) -> bytes:
    return b"".join(bytes(step) for step in steps)


def prepare(root: Path, name: str) -> None:
    """A drive C: with the stubs under their names, the scenario, and GO.BAT."""
    for path, letter in PROGRAMS.items():
        if path in missing(name):
            continue
        place = root / path[3:].replace("\\", "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(STUB[:2] + letter.encode() + STUB[3:])
    (root / "S.DAT").write_bytes(script(SCENARIOS[name]))
    (root / "GO.BAT").write_bytes(go_bat())


def left(root: Path) -> dict[str, bytes]:
    """What is on the drive afterwards, but for the stubs."""
    stubs = {path[3:].replace("\\", "/") for path in PROGRAMS}
    found = {str(p.relative_to(root)): p for p in root.rglob("*") if p.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if name not in stubs}


@pytest.fixture(scope="module")
def dosbox(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    """What each scenario left in DOSBox."""
    needs.require("dosbox")
    everything = tmp_path_factory.mktemp("dosbox")
    commands = ["@ECHO OFF", "SET WINDIR=C:\\WINDOWS", "SET PATH=Z:\\"]
    for number, name in enumerate(SCENARIOS):
        root = everything / str(number)
        root.mkdir()
        prepare(root, name)
        commands += [f"MOUNT C {root}", "C:", "CALL GO", "D:", "MOUNT -U C"]
    (everything / "ALL.BAT").write_bytes("\r\n".join([*commands, ""]).encode())
    run(everything, [f"MOUNT D {everything}", "D:", "CALL ALL"])
    return {name: left(everything / str(number)) for number, name in enumerate(SCENARIOS)}


def simulated(root: Path, name: str) -> dict[str, bytes]:
    """What the scenario leaves in the simulated COMMAND.COM."""
    prepare(root, name)
    steps = SCENARIOS[name]
    disk, queue = Disk(root), list(steps)

    def stub(letter: str, tail: str) -> int:
        disk.append_bytes("C:\\LOG.TXT", f"{letter}{tail}\r\n".encode("cp437"))
        if not queue:
            return 0
        files, code = queue.pop(0)
        for bit, name in enumerate(MADE):
            if files >> bit & 1:
                disk.write_bytes(f"C:\\DEPLOY\\{name}", b"")
        disk.write_bytes("C:\\I.DAT", bytes([len(steps) - len(queue)]))
        return code

    def player(letter: str):  # type: ignore[no-untyped-def]
        return lambda tail, _shell: stub(letter, tail)

    screen = Screen()
    screen.typed = [""]
    shell = CommandCom(
        disk,
        screen,
        {path: player(letter) for path, letter in PROGRAMS.items()},
        environment={"windir": "C:\\WINDOWS", "PATH": "C:\\", "TEMP": "C:\\"},
        env_bytes=512,
    )
    shell.execute("GO")
    return left(root)


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_both_take_the_same_way(
    name: str, dosbox: dict[str, dict[str, bytes]], tmp_path: Path
) -> None:
    steps = SCENARIOS[name]
    here = simulated(tmp_path, name)
    there = dosbox[name]
    calls, calls_there = (
        [line.rstrip() for line in log["LOG.TXT"].decode("cp437").splitlines()]
        for log in (here, there)
    )
    assert calls == calls_there
    assert len(calls) == len(steps), "the scenario has a step for every call, and no more"
    assert {key: data for key, data in here.items() if key != "LOG.TXT"} == {
        key: data for key, data in there.items() if key != "LOG.TXT"
    }
