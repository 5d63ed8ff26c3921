"""The serial GO.BAT: the way it takes by what the helper says, and what NEXT.FTP asks for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.core.lint import check
from deployer.core.payload import plan
from deployer.core.target import gobat_serial, names
from deployer.model import Manifest, Payload, StagedFile
from deployer.sim.commandcom import CommandCom
from deployer.sim.disk import Disk
from tests.doscase import Screen

DIRECTORY = r"C:\DEPLOY"
SEND = "Transfer, Send File, Zmodem:"


def sample(run: str = "") -> Manifest:
    """Three parts of one file."""
    short = names.assign(["campfire260K.bin"])[0]
    parts = plan.parts_of(short, 25_000, 10_000, [1, 2, 3])
    file = StagedFile("", short.name, "campfire260K.bin", 25_000, "0" * 64, parts, 0)
    return Manifest("D7F3A21C", "192.168.1.1", "D7F3A21C", "k3v8mq2xwp", Payload((file,), run))


MANIFEST = sample()
PARTS = [part.name for part in MANIFEST.payload.files[0].parts]


@dataclass
class OldPc:
    """GO.BAT in a simulated COMMAND.COM, with a DEPLOY98 that ends with the given codes."""

    root: Path
    codes: dict[str, list[int]]
    calls: list[str] = field(default_factory=list)
    helper: bool = True

    def go(self, run: str = "") -> str:
        """The screen after GO."""
        disk, screen = Disk(self.root), Screen()
        disk.mkdir(DIRECTORY)
        if self.helper:
            disk.write_bytes(f"{DIRECTORY}\\DEPLOY98.EXE", b"MZ")
        disk.write_bytes("C:\\GO.BAT", gobat_serial.render(sample(run), DIRECTORY))
        screen.typed = [""]
        programs = {f"{DIRECTORY}\\DEPLOY98.EXE": self._helper}
        CommandCom(disk, screen, programs, env_bytes=512).execute("GO")
        return screen.text

    def _helper(self, tail: str, _shell: CommandCom) -> int:
        word = tail.split()[0]
        self.calls.append(word)
        return self.codes[word].pop(0)


GOOD = {"SELF": [7], "INFO": [0], "CHECK": [0], "JOIN": [0], "RUN": [0]}


@pytest.mark.parametrize(
    ("codes", "calls", "said"),
    [
        ({}, "SELF INFO CHECK JOIN RUN", "Finished."),
        ({"CHECK": [1]}, "SELF INFO CHECK", "Some parts are missing or damaged."),
        ({"CHECK": [0, 0], "JOIN": [1, 0]}, "SELF INFO CHECK JOIN CHECK JOIN RUN", "Finished."),
        ({"CHECK": [0, 1], "JOIN": [1]}, "SELF INFO CHECK JOIN CHECK", "Some parts are missing"),
        ({"CHECK": [2]}, "SELF INFO CHECK", "It did not work."),
        ({"CHECK": [5]}, "SELF INFO CHECK", "It did not work."),
        ({"JOIN": [3]}, "SELF INFO CHECK JOIN", "It did not work."),
        ({"JOIN": [8]}, "SELF INFO CHECK JOIN", "It did not work."),
        ({"RUN": [6]}, "SELF INFO CHECK JOIN RUN", "It did not work."),
        ({"SELF": [8]}, "SELF", "DEPLOY98.EXE is missing or damaged. Push again"),
        ({"SELF": [0]}, "SELF", "DEPLOY98.EXE is missing or damaged. Push again"),
    ],
)
def test_the_way_by_the_helpers_answers(
    codes: dict[str, list[int]], calls: str, said: str, tmp_path: Path
) -> None:
    pc = OldPc(tmp_path, {word: list((GOOD | codes)[word]) for word in GOOD})
    screen = pc.go("RUN.EXE")
    assert " ".join(pc.calls) == calls
    assert said in screen


def test_a_helper_that_never_came_is_named(tmp_path: Path) -> None:
    assert "DEPLOY98.EXE is missing or damaged" in OldPc(tmp_path, {}, helper=False).go()


@pytest.mark.parametrize(
    ("codes", "run", "files"),
    [
        ({"CHECK": [1]}, "", ["NEXT.FTP"]),
        ({}, "", ["RESULT.TXT"]),
        ({}, "RUN.EXE", ["OUTPUT.TXT", "RESULT.TXT"]),
        ({"JOIN": [8]}, "", ["RESULT.TXT"]),
        ({"RUN": [6]}, "RUN.EXE", ["OUTPUT.TXT", "RESULT.TXT"]),
    ],
)
def test_the_files_to_send_are_named_in_their_order(
    codes: dict[str, list[int]], run: str, files: list[str], tmp_path: Path
) -> None:
    """The result last: with it the deployment ends."""
    screen = OldPc(tmp_path, {word: list((GOOD | codes)[word]) for word in GOOD}).go(run)
    asked = screen.partition(SEND)[2].split()
    assert [word for word in asked if word.startswith("C:\\")] == [
        f"{DIRECTORY}\\{name}" for name in files
    ]


@pytest.mark.parametrize("run", ["", "RUN.EXE"])
@pytest.mark.parametrize("directory", [DIRECTORY, r"D:\A\B\C"])
def test_no_line_speaks_of_a_network(run: str, directory: str) -> None:
    text = gobat_serial.render(sample(run), directory).decode("ascii")
    assert "FTP.EXE" not in text
    assert "Copy the whole directory" not in text
    assert "over the serial line\r\n" in text
    assert not check.check(text.encode(), name="GO.BAT")


@pytest.mark.parametrize("host", ["1" * 150, "a%b", "a>b"])
def test_a_batch_file_with_a_mistake_is_never_sent(host: str) -> None:
    with pytest.raises(RuntimeError, match="GO.BAT has a mistake"):
        gobat_serial.render(replace(MANIFEST, deployment=host), DIRECTORY)


def test_only_our_own_directory_is_named_wherever_the_payload_goes() -> None:
    text = gobat_serial.render(sample(), r"D:\Program Files\Größe").decode("ascii")
    assert r"CD D:\DEPLOY" in text
    assert r"D:\DEPLOY\RESULT.TXT" in text


def get(part: str, temporary: str = "") -> str:
    return f"get {part} {temporary or names.temporary_name(part)}\r\n"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("open 192.168.1.1\r\nbinary\r\nput RESULT.TXT\r\nbye\r\n", ()),
        (get(PARTS[1]), (PARTS[1],)),
        (get(PARTS[2]) + get(PARTS[0]), (PARTS[2], PARTS[0])),
        (get(PARTS[0]) * 3, (PARTS[0],)),
        (get(PARTS[0], "GO.BAT"), ()),
        (get(PARTS[0], PARTS[1].replace(".0", ".A")), ()),
        (get("OTHER.001"), ()),
        (get(PARTS[0]).replace(" ", " ..\\", 1), ()),
        (get(PARTS[0]).lower(), ()),
        (get(PARTS[0]).rstrip() + " x\r\n", ()),
        (get(PARTS[0]).rstrip(), (PARTS[0],)),
        ("x" * gobat_serial.MOST_NEXT + "\r\n" + get(PARTS[0]), ()),
    ],
)
def test_next_ftp_asks_for_parts_of_this_deployment_only(text: str, parts: tuple[str, ...]) -> None:
    assert gobat_serial.wanted(text.encode("ascii"), MANIFEST) == parts


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([*PARTS, "OTHER.001"]), max_size=8), st.binary(max_size=60))
def test_whatever_comes_only_known_parts_are_sent_once(asked: list[str], noise: bytes) -> None:
    text = "".join(get(part) for part in asked).encode() + noise
    found = gobat_serial.wanted(text, MANIFEST)
    assert len(set(found)) == len(found)
    assert set(found) <= set(PARTS)
    assert set(found) >= set(asked[:-1]) & set(PARTS)
